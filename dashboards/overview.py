"""What the overview shows: how many orders stand where, what waits at which partner, and which cases need a person."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from hub.cases import explain, open_list
from hub.database import row, rows
from hub.document import Document

LATEST = 20
OPEN_ORDERS = """select lifecycle, count(*) as n from sales_order
                 where lifecycle in ('accepted', 'received', 'in_fulfilment') group by 1 order by 1"""
"""Only what is open, by its index: the page must not read the whole history."""


class Waiting(Document):
    """Live steps of one connection; `oldest_s` is how long the oldest due one has waited."""

    connection: str
    open: int
    dead: int
    oldest_s: int


class CaseLine(Document):
    what: str
    subject: str
    message: str
    how: str
    times: int


class OrderLine(Document):
    id: str
    external_id: str
    shop: str
    lifecycle: str
    fulfilment: str
    city: str
    placed_at: datetime


class Overview(Document):
    """One look at the hub; `at` is when it was taken."""

    at: datetime
    orders: dict[str, int]
    inbox: int
    waiting: tuple[Waiting, ...]
    cases: tuple[CaseLine, ...]
    latest: tuple[OrderLine, ...]


def look(session: Session, language: str) -> Overview:
    """Take a look, with cases explained in a person's language. Nothing in it is personal."""
    lifecycles = rows(session, OPEN_ORDERS)
    inbox = row(session, "select count(*) as n from inbox where state = 'received'")
    return Overview(
        at=datetime.now(UTC),
        orders={found.lifecycle: found.n for found in lifecycles},
        inbox=inbox.n if inbox else 0,
        waiting=_waiting(session),
        cases=_cases(session, language),
        latest=_latest(session),
    )


def _waiting(session: Session) -> tuple[Waiting, ...]:
    found = rows(
        session,
        """select connection, count(*) filter (where state <> 'dead') as open,
                  count(*) filter (where state = 'dead') as dead,
                  coalesce(extract(epoch from now() - min(run_at) filter (
                      where state in ('pending', 'unknown') and run_at < now())), 0)::int as oldest_s
           from step where state not in ('done', 'cancelled') group by 1 order by 1""",
    )
    return tuple(Waiting(connection=o.connection, open=o.open, dead=o.dead, oldest_s=o.oldest_s) for o in found)


def _cases(session: Session, language: str) -> tuple[CaseLine, ...]:
    lines: list[CaseLine] = []
    for one in open_list(session, LATEST):
        what, how = explain(one.cause, one.subject, one.detail, language)
        lines.append(CaseLine(what=what, subject=one.subject, message=one.message, how=how, times=one.times))
    return tuple(lines)


def _latest(session: Session) -> tuple[OrderLine, ...]:
    found = rows(
        session,
        """select id::text as id, external_id, shop, lifecycle, fulfilment, city, placed_at from sales_order
           order by sales_order.id desc limit :limit""",
        limit=LATEST,
    )
    return tuple(OrderLine(**dict(zip(OrderLine.model_fields, one, strict=True))) for one in found)
