"""Everything that happened to one order, on one line of time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import rows
from hub.document import Document
from hub.sourcing.explain import tell
from hub.sourcing.model import Decision

SOURCES: Final = {
    "inbox": """select received_at as at, 'inbox' as what, connection as whom,
                       kind || ' ' || state as told, error as why, id::text as ref
                from inbox where order_id = :id""",
    "audit": """select at, 'audit', actor, act, detail::text, id::text from audit_entry
                where subject = 'order:' || cast(:id as text)""",
    "hold": """select created_at, 'hold', rule, type, evidence::text, no::text from order_hold where order_id = :id""",
    "released": """select released_at, 'hold released', released_by, type, reason, no::text from order_hold
                   where order_id = :id and released_at is not null""",
    "route": """select decided_at, 'route', solver_version, 'cost ' || cost || ' bound ' || bound, outcome::text,
                       no::text
                from routing_decision where order_id = :id""",
    "fulfilment": """select created_at, 'fulfilment', location, 'attempt ' || attempt || ' ' || execution
                            || ' ' || negotiation, reason, code
                     from fulfilment_order where order_id = :id""",
    "shipment": """select shipped_at, 'shipment', confirm_key, case when final then 'final' else 'more to come' end,
                          '', no::text
                   from shipment where order_id = :id""",
    "call": """select started_at, 'call', s.connection, s.flow || ' ' || a.outcome, a.error, s.idempotency_key
               from attempt a join (select id, connection, flow, idempotency_key from step where order_id = :id
                                    union all
                                    select id, connection, flow, idempotency_key from step_history
                                    where order_id = :id) s
                    on s.id = a.step_id""",
    "step": """select created_at, 'step', connection, flow || ' ' || state, last_error, idempotency_key from step
               where order_id = :id
               union all
               select created_at, 'step', connection, flow || ' ' || state, last_error, idempotency_key
               from step_history where order_id = :id""",
    "case": """select created_at, 'case', cause, state, message, id::text from case_file where order_id = :id""",
}


class Happening(Document):
    """One thing that happened: what kind, who or which partner, what was told, why, and its own number."""

    at: datetime
    what: str
    whom: str
    told: str
    why: str
    ref: str


def trace(session: Session, order_id: int) -> list[Happening]:
    """Give everything recorded of an order, in the order it happened; nothing in it is personal."""
    return sorted(_happenings(session, order_id), key=lambda one: (one.at, one.what))


def _happenings(session: Session, order_id: int) -> Iterator[Happening]:
    for kind, statement in SOURCES.items():
        for found in rows(session, statement, id=order_id):
            values: tuple[Any, ...] = tuple(found)
            one = Happening(**dict(zip(Happening.model_fields, values, strict=True)))
            yield (
                one.model_copy(update={"why": tell(Decision.model_validate_json(one.why))}) if kind == "route" else one
            )
