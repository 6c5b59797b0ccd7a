"""What must hold when all is done: the hub's own tables agree with each other, and with what its callers were told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from hub import audit
from hub.database import row, rows
from hub.fulfilment.keep import LATER
from hub.inventory.ledger import drift
from hub.inventory.reconcile import CHECKS

RULES: Final = {
    "reductions add up": """
        select o.id::text as what from sales_order o
        where o.discount <> coalesce((select sum(amount) from price_adjustment where order_id = o.id), 0)
           or o.discount <> (select sum(discount) from order_line where order_id = o.id and kind <> 'component')
                            + coalesce((select sum(amount) from price_adjustment
                                        where order_id = o.id and line_no = 0), 0)""",
    "no line costs less than nothing": """
        select order_id || '/' || line_no as what from order_line where discount > amount""",
    "every reduction is shared exactly": """
        select order_id || '/' || no as what from price_adjustment group by order_id, no
        having sum(amount) <> max(source_amount)""",
    "goods are the sum of lines": """
        select o.id::text as what from sales_order o
        where o.goods <> (select sum(amount) from order_line where order_id = o.id and kind <> 'component')""",
    "ordered = shipped + open + cancelled": """
        select l.order_id || '/' || l.line_no as what from order_line l join sales_order o on o.id = l.order_id
        where l.kind <> 'bundle' and l.ordered <> l.shipped + l.cancelled + case
            when o.lifecycle in ('completed', 'cancelled', 'closed') then 0
            when exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null
                         and h.fulfilment_no is null and (h.line_no is null or h.line_no = l.line_no))
                then l.ordered - l.shipped - l.cancelled
            else l.allocated end""",
    "a hold ends with its line or fulfilment order": """
        select h.order_id || '#' || h.no as what from order_hold h
        left join order_line l using (order_id, line_no)
        left join fulfilment_order f on (f.order_id, f.no) = (h.order_id, h.fulfilment_no)
        where h.released_at is null
          and (l.shipped + l.cancelled = l.ordered or f.execution in ('closed', 'incomplete', 'cancelled'))""",
    "order lines agree with fulfilment lines": """
        select l.order_id || '/' || l.line_no as what from order_line l left join (
            select order_id, line_no, sum(shipped) as shipped, sum(quantity - shipped - released) as open
            from fulfilment_line group by 1, 2) f using (order_id, line_no)
        where l.storage <> 'none' and (l.shipped <> coalesce(f.shipped, 0) or l.allocated <> coalesce(f.open, 0))""",
    "fulfilment lines agree with parcels": """
        select f.order_id || '-' || f.no as what from (
            select order_id, no, sum(shipped) as shipped from fulfilment_line group by 1, 2) f left join (
            select s.order_id, s.fulfilment_no as no, sum(p.quantity) as held
            from shipment s join parcel_line p on (p.order_id, p.shipment_no) = (s.order_id, s.no) group by 1, 2) h
            using (order_id, no)
        where f.shipped <> coalesce(h.held, 0)""",
    **{name: f"select location || '/' || sku as what from ({check}) broken" for name, check in CHECKS.items()},
    "lots named are of deliveries that are open": """
        select n.order_id || '-' || n.no || '/' || n.lot as what
        from named_lot n left join fulfilment_order f using (order_id, no)
        where coalesce(f.execution, 'none') in ('none', 'closed', 'incomplete', 'cancelled')""",
    "no more lots are named than is open of their lines": """
        select n.order_id || '-' || n.no || '/' || n.line_no as what from (
            select order_id, no, line_no, sum(due) as due from named_lot group by 1, 2, 3) n
            join fulfilment_line l using (order_id, no, line_no)
        where n.due > l.quantity - l.shipped - l.released""",
    "lots that left are no more than their parcels hold": """
        select s.order_id || '-' || s.shipment_no || '/' || s.line_no as what from (
            select order_id, shipment_no, line_no, sum(quantity) as pieces from shipped_lot group by 1, 2, 3) s
            left join (
            select order_id, shipment_no, line_no, sum(quantity) as held from parcel_line group by 1, 2, 3) p
            using (order_id, shipment_no, line_no)
        where s.pieces > coalesce(p.held, 0)""",
    "what came back is what returns took in": """
        select l.order_id || '/' || l.line_no as what from order_line l left join (
            select order_id, line_no, sum(arrived) as arrived from return_line group by 1, 2) b
            using (order_id, line_no)
        where l.returned <> coalesce(b.arrived, 0)""",
    "what returns refund is the share of their pieces": """
        select l.order_id || '/' || l.line_no as what from order_line l join (
            select order_id, line_no, sum(refunded) as pieces from return_line group by 1, 2) b
            using (order_id, line_no) left join (
            select r.order_id, r.line_no, sum(r.amount) as amount from refund_line r
            where exists (select 1 from return_case c
                          where c.order_id = r.order_id and c.refunds @> to_jsonb(r.no)) group by 1, 2) m
            using (order_id, line_no)
        where coalesce(m.amount, 0) <> div((l.amount - l.discount) * b.pieces, l.ordered)""",
    "what is sold before it arrives is open of its lines": """
        select p.order_id || '/' || p.line_no as what
        from presold_line p left join order_line l using (order_id, line_no)
        where p.pieces > coalesce(l.ordered - l.cancelled - l.allocated - l.shipped, 0)""",
    "one order a key": """
        select shop || '/' || external_id as what from sales_order group by shop, external_id having count(*) > 1""",
    "every key has its order": """
        select k.order_id::text as what from order_key k left join sales_order o on o.id = k.order_id
        where o.id is null and k.payload_hash <> ''""",
    "every parcel that is followed has arrived": """
        select order_id || '-' || shipment_no || '-' || parcel_no as what from parcel_track
        where status not in ('delivered', 'returned')""",
    "what arrived is what the parcels held": """
        select l.order_id || '/' || l.line_no as what from order_line l left join (
            select p.order_id, p.line_no, sum(p.quantity) as held from parcel_line p join parcel_track t
                on (t.order_id, t.shipment_no, t.parcel_no) = (p.order_id, p.shipment_no, p.parcel_no)
            where t.status = 'delivered' group by 1, 2) h using (order_id, line_no)
        where l.delivered <> coalesce(h.held, 0) and l.storage <> 'none'""",
    "every fulfilment order that shipped is posted": """
        select f.code as what from fulfilment_order f left join posting p using (order_id, no)
        where f.execution in ('closed', 'incomplete', 'cancelled')
          and exists (select 1 from brand_audience a where a.brand = f.brand and a.family = 'erp')
          and (p.order_id is not null) <> exists (select 1 from fulfilment_line l where l.order_id = f.order_id
                                                  and l.no = f.no and l.shipped > 0)""",
    "what the ERP books is what was paid": """
        select o.id::text as what from sales_order o join (
            select p.order_id, sum(p.freight + l.amount) as booked from posting p cross join lateral (
                select coalesce(sum((one ->> 'amount')::bigint), 0) as amount
                from jsonb_array_elements(p.lines) one) l group by 1) p on p.order_id = o.id
        where o.fulfilment in ('shipped', 'delivered') and p.booked <> o.total
          and not exists (select 1 from order_line c
                          where c.order_id = o.id and (c.cancelled > 0 or c.storage = 'none'))""",
    "every message became something": """
        select id::text as what from inbox where kind = 'order' and state = 'done' and order_id is null""",
}
"""Each query gives what breaks its rule."""

WAITS: Final = "exists (select 1 from order_hold h where h.order_id = o.id and h.released_at is null"
"""That some hold of an order lives, unclosed: what follows says which."""

IN_FLIGHT: Final = {
    "inbox": "select count(*) as n from inbox where state = 'received'",
    "steps": f"""select count(*) as n from step where state not in ('done', 'cancelled')
                 and run_at < '{LATER.isoformat()}' and connection <> all(:besides)""",
    "orders": f"""select count(*) as n from sales_order o where lifecycle in ('received', 'accepted', 'in_fulfilment')
                  and (not {WAITS}) or not {WAITS} and h.line_no is null and h.fulfilment_no is null) and exists (
                      select 1 from order_line l where l.order_id = o.id and l.kind <> 'bundle'
                      and not {WAITS} and h.line_no = l.line_no)
                      and l.ordered - l.shipped - l.cancelled > (
                          select coalesce(sum(f.quantity - f.shipped - f.released), 0) from fulfilment_line f
                          where (f.order_id, f.line_no) = (l.order_id, l.line_no)
                          and {WAITS} and h.fulfilment_no = f.no))))""",
    "parcels": "select count(*) as n from parcel_track where status not in ('delivered', 'returned')",
}


@dataclass
class Verdict:
    """What was found: broken rules with examples, and what was counted."""

    broken: list[str] = field(default_factory=list[str])
    lost: int = 0
    duplicated: int = 0
    shipped: int = 0
    delivered: int = 0
    cases: int = 0

    def expect(self, rule: str, offenders: Sequence[object]) -> int:
        """Note a rule with what breaks it; give how many."""
        if offenders:
            self.broken.append(f"{rule}: {len(offenders)}, e.g. {', '.join(map(str, offenders[:3]))}")
        return len(offenders)


HELD_UP: Final = """
    select s.connection, count(*) as n, max(s.last_error) as last_error,
           case when max(h.paused_at) is not null then 'paused: ' || max(h.reason)
                else 'breaker ' || coalesce(max(g.breaker), 'closed') end as why
    from step s left join connection_health h on h.connection = s.connection
    left join connection_gate g on g.connection = s.connection
    where s.state in ('pending', 'waiting', 'unknown', 'in_flight') group by 1 order by 1"""


def in_flight(session: Session, besides: Sequence[str] = ()) -> dict[str, int]:
    """Count what is still on its way by itself; what is on hold, all of an order or a part, waits for a person.

    What waits for one of the connections `besides` is left out.
    """
    found = {name: row(session, query, besides=list(besides)) for name, query in IN_FLIGHT.items()}
    return {name: one.n if one else 0 for name, one in found.items()}


def held_up(session: Session) -> list[str]:
    """Say of each connection with calls that wait how many do, what holds it back, and what one of them met."""
    found = rows(session, HELD_UP)
    return [f"{one.connection}: {one.n} calls wait, {one.why}, e.g. {one.last_error or 'no error'}" for one in found]


def verify(session: Session, accepted: Mapping[tuple[str, str], str]) -> Verdict:
    """Check every rule against the database.

    `accepted` holds (shop, number) and connection of what was accepted, or put up for us to fetch.
    """
    verdict = Verdict()
    for rule, query in RULES.items():
        verdict.expect(rule, [one.what for one in rows(session, query)])
    verdict.expect("ledger = counters", drift(session))
    verdict.expect("nothing in flight", [f"{n} {name}" for name, n in in_flight(session).items() if n])
    verdict.expect("the audit chain is whole", [at for at in [audit.first_break(session)] if at is not None])
    there = {(one.shop, one.external_id) for one in rows(session, "select shop, external_id from sales_order")}
    verdict.lost += verdict.expect("every accepted payload has its order", sorted(set(accepted) - there))
    verdict.duplicated += verdict.expect("no order without a payload", sorted(there - set(accepted)))
    verdict.shipped = _count(
        session, "select count(*) as n from sales_order where fulfilment in ('shipped', 'delivered')"
    )
    verdict.delivered = _count(session, "select count(*) as n from sales_order where lifecycle = 'closed'")
    verdict.cases = _count(session, "select count(*) as n from case_file")
    return verdict


def _count(session: Session, query: str) -> int:
    found = row(session, query)
    return found.n if found else 0
