"""How a search becomes SQL: driven by a condition that has an index, sifted by the others, cut at a scan's length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.document import Document
from hub.errors import Malformed
from hub.ids import first_id_of, months_from
from hub.order.search.recognise import QUERIES, query_values, readings, reveal_term
from hub.order.status import Lifecycle
from hub.roles import Actor
from hub.scope import ORDER_SEEN, scope

SCAN: Final = 20_000
"""Orders that one statement reads in the order of their ids: few enough for a tenth of a second on a busy machine."""

NAMED: Final = 2_000
"""The same for orders that another table names, each looked up by itself."""

LOOKED_UP: Final = "join lateral (select * from sales_order own where own.id = met.id limit 1) o on true"
"""Without the limit a planner may rather read all orders than look up those that are named."""

SKEW: Final = timedelta(minutes=10)
"""How far ids and times may disagree within a month: workers draw ids side by side and commit when they can."""

HIGHEST: Final = 10**16
EARLIEST: Final = date(2000, 1, 2)
LATEST: Final = date(2099, 10, 1)
OPEN: Final = frozenset({Lifecycle.RECEIVED, Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT})
"""The states that have an index of their own."""

WAITING: Final[Mapping[str, str]] = {
    "on_hold": "order_hold w where w.released_at is null",
    "has_case": "case_file w where w.state = 'open'",
    "call_dead": "case_file w where w.state = 'open' and w.cause = 'step_dead'",
}
"""What is no lifecycle but what people look for: the rows that say so, found by partial indexes."""

STATUSES: Final = (*(str(state) for state in Lifecycle), *WAITING)


class Filter(Document):
    """What to look for; what is empty does not matter. Days are of the business zone, by when the hub received."""

    q: str = ""
    status: str = ""
    channel: str = ""
    shop: str = ""
    brand: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One search as SQL: where orders come from, what sifts them, and the ids between which it looks."""

    source: str
    sieve: str
    values: Mapping[str, Any] = field(repr=False)
    low: int
    high: int
    rising: bool
    scan: int

    def ask(self, session: Session, columns: str, tail: str = "") -> Sequence[Row[Any]]:
        """Select from the orders that drive the search; `$way` in the tail is the direction it looks in."""
        way = "asc" if self.rising else "desc"
        statement = f"select {columns} from {self.source} {tail}".replace("$way", way)
        return rows(session, statement, **self.values, low=self.low, high=self.high, scan=self.scan)

    def beyond(self, edge: int) -> "Query":
        """Look only at what lies after this id, in the query's direction."""
        return replace(self, low=max(self.low, edge + 1)) if self.rising else replace(self, high=min(self.high, edge))


def query_of(session: Session, actor: Actor, wanted: Filter, zone: ZoneInfo, *, rising: bool = False) -> Query:
    """Choose what drives the search, and let the rest of the filter sift.

    Raises: Malformed for what is no status.
    """
    if wanted.status and wanted.status not in STATUSES:
        raise Malformed(f"there is no status {wanted.status}", code="status", field="status")
    term = reveal_term(session, wanted.q)
    # A plan for any values knows nothing of how few rows these may be, and compiling one costs more than running it.
    run(session, "select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)")
    named_by = _by_term(term) if term else _by_waiting(wanted.status)
    low, high, times = _bounds(session, wanted, zone)
    named = {name: getattr(wanted, name) for name in ("channel", "shop", "brand")}
    of_term = query_values(session, term, actor) if term else {}
    sieve = " and ".join(_sieve(wanted, actor, times, by_term=bool(term)))
    values = {**scope(actor), **named, **of_term, **times}
    if named_by:
        return Query(named_by, sieve, values, low, high, rising, NAMED)
    return Query(_stretch_of(wanted), sieve, values, low, high, rising, SCAN)


def first_id_since(session: Session, at: datetime) -> int:
    """Give an id that parts the orders received before a time from the later ones, give or take SKEW.

    Ids rise with time within their month, so the border is found by halving: some forty looks at the primary key.
    """
    month, following = months_from(at.astimezone(UTC).date(), 2)
    found = row(
        session,
        """with recursive half (low, high) as (
               select cast(:low as bigint), cast(coalesce(
                   (select max(id) + 1 from sales_order where id >= :low and id < :high), :low) as bigint)
               union all
               select case when met.created_at < :at then met.id + 1 else half.low end,
                      case when met.created_at < :at then half.high else (half.low + half.high) / 2 end
               from half left join lateral (
                   select id, created_at from sales_order
                   where id >= (half.low + half.high) / 2 and id < half.high order by id limit 1) met on true
               where half.low < half.high)
           select max(low) as id from half""",
        low=first_id_of(month),
        high=first_id_of(following),
        at=at,
    )
    return found.id if found else first_id_of(month)


def _by_term(term: str) -> str:
    """Take the orders that any reading of a term names."""
    parts = [
        f"""(select id from ({QUERIES[reading]}) as read where id >= :low and id < :high
             order by id $way limit :scan)"""
        for reading in readings(term)
    ]
    union = " union ".join(parts) or "select cast(0 as bigint) as id"
    return f"(select id from ({union}) as named order by id $way limit :scan) as met {LOOKED_UP}"


def _by_waiting(status: str) -> str:
    """Take the orders that another table says are waiting; nothing for a status of their own."""
    if status not in WAITING:
        return ""
    return f"""(select distinct w.order_id as id from {WAITING[status]}
                and w.order_id >= :low and w.order_id < :high order by 1 $way limit :scan) as met
                {LOOKED_UP}"""


def _stretch_of(wanted: Filter) -> str:
    """Take orders in the order of their ids: of an open state, of a shop, or all."""
    condition = f"lifecycle = '{wanted.status}'" if wanted.status in OPEN else "shop = :shop" if wanted.shop else "true"
    return f"""(select * from sales_order where {condition} and id >= :low and id < :high
                order by id $way limit :scan) as o"""


def _sieve(wanted: Filter, actor: Actor, times: Mapping[str, datetime], *, by_term: bool) -> Iterator[str]:
    """Give the conditions that no index drives."""
    yield ORDER_SEEN if actor.brands or actor.shops else "true"
    yield from (f"o.{name} = :{name}" for name in ("channel", "shop", "brand") if getattr(wanted, name))
    if wanted.status in WAITING:
        yield f"exists (select 1 from {WAITING[wanted.status]} and w.order_id = o.id)" if by_term else "true"
    elif wanted.status:
        yield f"o.lifecycle = '{wanted.status}'"
    yield from (f"o.created_at {sign} :{name}" for name, sign in (("start", ">="), ("end", "<")) if name in times)


def _bounds(session: Session, wanted: Filter, zone: ZoneInfo) -> tuple[int, int, dict[str, datetime]]:
    """Turn days into ids, so that only their months are read, and into the exact times within them."""
    low, high, times = 0, HIGHEST, dict[str, datetime]()
    if wanted.since:
        times["start"] = datetime.combine(_near(wanted.since), time(), zone)
        low = first_id_since(session, times["start"] - SKEW)
    if wanted.until:
        times["end"] = datetime.combine(_near(wanted.until) + timedelta(days=1), time(), zone)
        high = first_id_since(session, times["end"] + SKEW)
    return low, high, times


def _near(day: date) -> date:
    """Bring a day into the years that ids can tell."""
    return min(max(day, EARLIEST), LATEST)
