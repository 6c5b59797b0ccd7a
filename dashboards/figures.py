"""The figures of the overview, each a bounded query: ranges of ids instead of the whole history."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.database import records, row, rows, run
from hub.document import Document
from hub.order.since import first_id_since
from hub.scope import CASE_SEEN, ORDER_SEEN

DAY: Final = timedelta(days=1)
PATIENCE_MS: Final = 2_000
"""After this a panel is given up and says so, and the rest of the page comes."""

Span = Literal["hour", "day"]
LENGTHS: Final[Mapping[Span, tuple[timedelta, timedelta]]] = {
    "hour": (timedelta(hours=1), timedelta(minutes=1)),
    "day": (timedelta(days=1), timedelta(hours=1)),
}
"""How far a chart looks back, and how long a bar of it is."""

_T = TypeVar("_T")


class Received(Document):
    """Orders of today, and of yesterday up to the same time."""

    today: int
    before: int

    @property
    def change(self) -> float | None:
        return self.today / self.before - 1 if self.before else None


class Share(Document):
    """So many of so many."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        return self.part / self.whole if self.whole else None


class Waiting(Document):
    """Open cases and how long the oldest of them waits."""

    open: int
    oldest_at: datetime | None


class Throughput(Document):
    """Orders received and shipments reported, by the start of each bar; the last bar is not full yet."""

    starts: tuple[datetime, ...]
    orders: tuple[int, ...]
    shipments: tuple[int, ...]


class Latest(Document):
    id: str
    external_id: str
    shop: str
    lifecycle: str
    fulfilment: str
    currency: str
    total: int
    city: str
    created_at: datetime


def within(session: Session, read: Callable[[], _T]) -> _T | None:
    """Read one panel; None when the database does not answer in time, which spoils nothing else."""
    try:
        with session.begin_nested():
            run(session, f"set local statement_timeout = {PATIENCE_MS}")
            return read()
    except OperationalError:
        return None


def received(session: Session, seen: Mapping[str, Any], at: datetime, zone: ZoneInfo) -> Received:
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = _count(session, seen, first_id_since(session, midnight), None)
    before = _count(session, seen, first_id_since(session, midnight - DAY), first_id_since(session, at - DAY))
    return Received(today=today, before=before)


def shipped(session: Session, seen: Mapping[str, Any], at: datetime) -> Share:
    """Say how many of the last 24 hours' orders have left whole; cancelled ones do not count."""
    found = row(
        session,
        f"""select count(*) as whole, count(*) filter (where o.fulfilment in ('shipped', 'delivered')) as part
            from sales_order o where o.id >= :low and o.lifecycle <> 'cancelled' and {ORDER_SEEN}""",
        low=first_id_since(session, at - DAY),
        **seen,
    )
    return Share(part=found.part, whole=found.whole) if found else Share(part=0, whole=0)


def on_time(session: Session, seen: Mapping[str, Any], at: datetime, allowed: timedelta) -> Share:
    """Say how many of the latest day's orders whose time is up had left whole within it."""
    found = row(
        session,
        f"""select count(*) as whole, count(*) filter (
                where o.fulfilment in ('shipped', 'delivered') and s.last_at <= o.created_at + :allowed) as part
            from sales_order o left join (
                select order_id, max(shipped_at) as last_at from shipment
                where order_id >= :low and order_id < :high group by 1) s on s.order_id = o.id
            where o.id >= :low and o.id < :high and o.lifecycle <> 'cancelled' and {ORDER_SEEN}""",
        low=first_id_since(session, at - allowed - DAY),
        high=first_id_since(session, at - allowed),
        allowed=allowed,
        **seen,
    )
    return Share(part=found.part, whole=found.whole) if found else Share(part=0, whole=0)


def waiting(session: Session, seen: Mapping[str, Any]) -> Waiting:
    found = row(
        session,
        f"""select count(*) as open, min(c.created_at) as oldest_at from case_file c
            where c.state = 'open' and {CASE_SEEN}""",
        **seen,
    )
    return Waiting(open=found.open, oldest_at=found.oldest_at) if found else Waiting(open=0, oldest_at=None)


def pulse(session: Session, seen: Mapping[str, Any]) -> dict[str, int]:
    """Count what waits, by the key of its screen; from a thousand on it is only a thousand."""
    found = row(
        session,
        f"""select count(*) as n from (
                select 1 from case_file c where c.state = 'open' and {CASE_SEEN} limit 1000) counted""",
        **seen,
    )
    return {"exceptions": found.n if found else 0}


def throughput(session: Session, seen: Mapping[str, Any], at: datetime, zone: ZoneInfo, span: Span) -> Throughput:
    """Count orders and shipments by bars that begin at whole minutes or hours of the business zone."""
    length, bar = LENGTHS[span]
    unit = "minute" if span == "hour" else "hour"
    end = at.astimezone(zone).replace(second=0, microsecond=0)
    last = end if span == "hour" else end.replace(minute=0)
    starts = tuple(last - bar * back for back in reversed(range(length // bar)))
    values: dict[str, Any] = {"unit": unit, "zone": zone.key, "since": starts[0], **seen}
    orders = rows(
        session,
        f"""select date_trunc(:unit, o.created_at, :zone) as start, count(*) as n from sales_order o
            where o.id >= :low and o.created_at >= :since and {ORDER_SEEN} group by 1""",
        low=first_id_since(session, starts[0]),
        **values,
    )
    shipments = rows(
        session,
        f"""select date_trunc(:unit, s.created_at, :zone) as start, count(*) as n from shipment s
            where s.created_at >= :since and ((:every_brand and :every_shop) or exists (
                select 1 from sales_order o where o.id = s.order_id and {ORDER_SEEN})) group by 1""",
        **values,
    )
    return Throughput(starts=starts, orders=_by_start(orders, starts), shipments=_by_start(shipments, starts))


def latest(session: Session, seen: Mapping[str, Any], limit: int) -> list[Latest]:
    found = records(
        session,
        f"""select o.id::text as id, o.external_id, o.shop, o.lifecycle, o.fulfilment, o.currency, o.total,
                   coalesce(nullif(o.city, ''), o.province) as city, o.created_at
            from sales_order o where {ORDER_SEEN} order by o.id desc limit :limit""",
        limit=limit,
        **seen,
    )
    return [Latest.model_validate(one) for one in found]


def _count(session: Session, seen: Mapping[str, Any], low: int, high: int | None) -> int:
    found = row(
        session,
        f"""select count(*) as n from sales_order o
            where o.id >= :low and o.id < coalesce(:high, 9223372036854775807) and {ORDER_SEEN}""",
        low=low,
        high=high,
        **seen,
    )
    return found.n if found else 0


def _by_start(found: Any, starts: tuple[datetime, ...]) -> tuple[int, ...]:  # noqa: ANN401 # rows of two columns
    counted = {one.start: one.n for one in found}
    return tuple(counted.get(start, 0) for start in starts)
