"""Everything that happened to one order, on one line of time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from pydantic import Field
from sqlalchemy.orm import Session

from hub.database import rows
from hub.document import Document
from hub.sourcing.explain import tell
from hub.sourcing.model import Decision

COLUMNS: Final = """id, flow, connection, state, last_error, idempotency_key, created_at, attempts, doubt, unheard,
                    run_at, lease_until, settled_at, split_part(traceparent, '-', 2) as trace"""

STEPS: Final = f"""(select {COLUMNS} from step where order_id = :id
                    union all
                    select {COLUMNS} from step_history where order_id = :id)"""

HOLDS: Final = """select created_at, 'hold', rule, type, evidence::text, no::text,
                         jsonb_build_object('type', type, 'rule', rule, 'evidence', evidence, 'blocks', blocks,
                                            'version', rule_version, 'released', released_at is not null,
                                            'line', line_no, 'fulfilment', fulfilment_no)
                  from order_hold where order_id = :id"""

SOURCES: Final = {
    "inbox": """select received_at, 'inbox', connection, kind || ' ' || state, error, id::text,
                       jsonb_build_object('id', id, 'kind', kind, 'state', state, 'code', error_code,
                                          'message_id', message_id)
                from inbox where order_id = :id""",
    "placed": """select created_at, 'placed', channel, type || ' ' || payment, '', external_id,
                        jsonb_build_object('type', type, 'total', total, 'currency', currency, 'revision',
                                           source_revision, 'placed_at', placed_at)
                 from sales_order where id = :id""",
    "follows": """select l.created_at, 'follows', l.actor, o.type || ' of ' || coalesce(c.code, first.external_id),
                         l.reason, first.external_id,
                         jsonb_build_object('origin', first.id::text, 'external_id', first.external_id,
                                            'return_code', c.code)
                  from order_link l join sales_order o on o.id = l.order_id
                       join sales_order first on first.id = l.origin_order_id
                       left join return_case c on (c.order_id, c.no) = (l.origin_order_id, l.return_no)
                  where l.order_id = :id""",
    "gift": """select o.created_at, 'gift', d.strategy, d.verdict || ' × ' || d.pieces,
                      (select string_agg(key || ' ' || value, ', ' order by key) from jsonb_each_text(d.seen)),
                      d.no::text,
                      jsonb_build_object('strategy', d.strategy, 'version', d.strategy_no, 'verdict', d.verdict,
                                         'pieces', d.pieces, 'seen', d.seen)
               from gift_decision d join sales_order o on o.id = d.order_id where d.order_id = :id""",
    "hold": f"{HOLDS} and type <> 'stock'",
    "released": """select released_at, 'hold released', released_by, type, reason, no::text,
                          jsonb_build_object('type', type, 'line', line_no, 'fulfilment', fulfilment_no)
                   from order_hold where order_id = :id and released_at is not null""",
    "audit": """select at, 'audit', actor, act, detail::text, id::text, detail from audit_entry
                where subject = any(
                    array['order:' || cast(:id as text)]
                    || array(select 'step:' || s.id from step s where s.order_id = :id)
                    || array(select 'step:' || s.id from step_history s where s.order_id = :id)
                    || array(select 'inbox:' || i.id from inbox i where i.order_id = :id))""",
    "split": """select decided_at, 'split', policy_version, count(*) || ' parts', '', min(no)::text,
                       jsonb_build_object('parts', jsonb_agg(input -> 'wants' order by no))
                from routing_decision where order_id = :id group by decided_at, policy_version having count(*) > 1""",
    "route": """select decided_at, 'route', solver_version, 'cost ' || cost || ' bound ' || bound, outcome::text,
                       no::text, jsonb_build_object('no', no)
                from routing_decision where order_id = :id""",
    "fulfilment": """select created_at, 'fulfilment', location, 'attempt ' || attempt || ' ' || execution
                            || ' ' || negotiation, reason, code,
                            jsonb_build_object('no', no, 'attempt', attempt, 'replaces_no', replaces_no,
                                               'execution', execution, 'negotiation', negotiation)
                     from fulfilment_order where order_id = :id""",
    "merge": """select g.created_at, 'merge', g.location, 'place ' || own.place || ' of ' || cardinality(own.codes),
                       array_to_string(own.codes, ', '), g.id::text,
                       jsonb_build_object('group', g.id::text, 'document', g.code, 'place', own.place,
                                          'members', own.codes)
                from merge_group g join (
                    select mine.group_id, mine.place, array_agg(m.order_id || '-' || m.no order by m.place) as codes
                    from merge_member mine join merge_member m on m.group_id = mine.group_id
                    where mine.order_id = :id group by mine.group_id, mine.place) own on own.group_id = g.id""",
    "unmerge": """select g.ended_at, 'unmerge', g.location, g.code, '', g.id::text,
                         jsonb_build_object('group', g.id::text)
                  from merge_group g where g.ending = 'dissolved'
                    and g.id in (select group_id from merge_member where order_id = :id)""",
    "window": """select f.created_at, 'merge window', f.location, f.code, '', f.no::text,
                        jsonb_build_object('no', f.no, 'until', w.until)
                 from merge_wait w join fulfilment_order f using (order_id, no) where w.order_id = :id""",
    "shortage": f"{HOLDS} and type = 'stock'",
    "shipment": """select created_at, 'shipment', confirm_key, case when final then 'final' else 'more to come' end,
                          coalesce((
                              select string_agg(sku || ' ' || lot || ' × ' || quantity, ', ' order by line_no, lot)
                              from shipped_lot t where (t.order_id, t.shipment_no) = (s.order_id, s.no)), ''), no::text,
                          jsonb_build_object('no', no, 'fulfilment', fulfilment_no, 'final', final, 'parcels', (
                              select jsonb_agg(jsonb_build_object('courier', courier, 'tracking_no', tracking_no)
                                               order by p.no)
                              from parcel p where p.order_id = s.order_id and p.shipment_no = s.no))
                   from shipment s where order_id = :id""",
    "handover": """select h.handed_at, 'handover', o.channel, string_agg(line.sku || ' × ' || line.quantity, ', '
                                                                  order by line.line_no), '', h.no::text,
                          jsonb_build_object('no', h.no, 'lines', h.lines)
                   from handover h join sales_order o on o.id = h.order_id
                   cross join lateral jsonb_to_recordset(h.lines) as line (line_no bigint, sku text, quantity bigint)
                   where h.order_id = :id group by h.handed_at, o.channel, h.no, h.lines""",
    "step": f"""select created_at, 'step', connection, flow || ' ' || state, last_error, idempotency_key,
                       jsonb_build_object('id', id, 'flow', flow, 'state', state, 'attempts', attempts, 'doubt', doubt,
                                          'unheard', unheard, 'run_at', run_at, 'lease_until', lease_until,
                                          'settled_at', settled_at, 'trace', trace)
                from {STEPS} s""",
    "call": f"""select a.started_at, 'call', s.connection,
                       s.flow || ' ' || a.outcome || ' in '
                           || round(extract(epoch from a.finished_at - a.started_at), 3) || ' s',
                       a.error, s.idempotency_key,
                       jsonb_build_object('step', s.id, 'token', a.token, 'flow', s.flow, 'outcome', a.outcome,
                                          'code', a.error_code, 'trace', s.trace,
                                          'seconds', extract(epoch from a.finished_at - a.started_at))
                from attempt a join {STEPS} s on s.id = a.step_id""",
    "parcel": """select t.status_at, 'parcel', p.courier, t.status, t.event_count || ' events', p.tracking_no,
                        jsonb_build_object('status', t.status, 'tracking_no', p.tracking_no)
                 from parcel_track t join parcel p on (p.order_id, p.shipment_no, p.no)
                                                    = (t.order_id, t.shipment_no, t.parcel_no)
                 where t.order_id = :id and t.status_at is not null""",
    "due": """select created_at, 'amount due', settled_by, (amount - set_off) || ' ' || state, reference, no::text,
                     jsonb_build_object('no', no, 'amount', amount, 'set_off', set_off, 'state', state)
              from amount_due where order_id = :id""",
    "refund": """select created_at, 'refund', settled_by, (amount - set_off) || ' ' || state, reference, no::text,
                        jsonb_build_object('no', no, 'amount', amount, 'set_off', set_off, 'state', state)
                 from refund_due where order_id = :id""",
    "sale": """select sale_at, 'sale posted', connection, sale_id, '', no::text, jsonb_build_object('no', no)
               from posting where order_id = :id and sale_at is not null""",
    "handover_sale": """select sale_at, 'sale posted', connection, sale_id, '', 'v' || no, jsonb_build_object('no', no)
                        from handover where order_id = :id and sale_at is not null""",
    "issue": """select issue_at, 'goods issue', connection, issue_id, '', no::text, jsonb_build_object('no', no)
                from posting where order_id = :id and issue_at is not null""",
    "case": """select created_at, 'case', cause, state, message, id::text,
                      jsonb_build_object('cause', cause, 'subject', subject, 'detail', detail, 'state', state,
                                         'times', times)
               from case_file where order_id = :id""",
    "resolved": """select resolved_at, 'case resolved', resolved_by, cause, resolution, id::text,
                          jsonb_build_object('cause', cause)
                   from case_file where order_id = :id and resolved_at is not null""",
}
"""What is asked, in the order in which things of one moment cause each other."""


class Happening(Document):
    """One thing that happened: what kind, who or which partner, what was told, why, its own number, and its parts."""

    at: datetime
    what: str
    whom: str
    told: str
    why: str
    ref: str
    detail: dict[str, Any] = Field(default_factory=dict)


def trace(session: Session, order_id: int) -> list[Happening]:
    """Give everything recorded of an order, in the order it happened; nothing in it is personal."""
    return sorted(_happenings(session, order_id), key=lambda one: one.at)


def _happenings(session: Session, order_id: int) -> Iterator[Happening]:
    for kind, statement in SOURCES.items():
        for found in rows(session, statement, id=order_id):
            values: tuple[Any, ...] = tuple(found)
            one = Happening(**dict(zip(Happening.model_fields, values, strict=True)))
            yield (
                one.model_copy(update={"why": tell(msgspec.json.decode(one.why, type=Decision))})
                if kind == "route"
                else one
            )
