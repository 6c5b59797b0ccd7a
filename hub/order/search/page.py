"""Search orders: a page by cursor, newest first, and never a walk through the whole history.

A statement looks at a bounded stretch of orders. A page that finds too little walks on for a few stretches; where that
was not the end, it says how far back it looked and where to go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.document import Document
from hub.errors import Malformed
from hub.order.search.query import Filter, Query, query_of
from hub.order.search.recognise import NUMBER, QUERIES, Reading, normal
from hub.order.search.rows import Found, look_at, reasons
from hub.roles import Actor
from hub.scope import ORDER_SEEN, scope

PAGE: Final = 50
STRETCHES: Final = 5
CAP: Final = 10_000
"""Above this a count is told as "10,000+"."""

DIGITS: Final = 16


class Findings(Document):
    """A page of orders with the cursors around it, empty where nothing lies beyond.

    `count` is of the first page alone; `at_least` says that there may be more. `back_to` is how far a page that is not
    full has looked, when that was not the end.
    """

    orders: tuple[Found, ...]
    older: str
    newer: str
    count: int | None
    at_least: bool
    back_to: datetime | None


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a walk met, newest first; `edge` is where to go on, None at the end; `full` says that it filled a page."""

    ids: Sequence[int]
    edge: int | None
    full: bool


def search(session: Session, actor: Actor, wanted: Filter, zone: ZoneInfo, cursor: str = "") -> Findings:
    """Give the page at a cursor: `o` and an id lead to what is older, `n` and an id to what is newer.

    Raises: Malformed for what is no cursor or no status.
    """
    way, edge = _read_cursor(cursor)
    query = query_of(session, actor, wanted, zone, rising=way == "n")
    walk = _walk(session, query.beyond(edge) if way else query, STRETCHES)
    if way == "n" and walk.edge is None:
        return search(session, actor, wanted, zone)  # the newest page, whole
    oldest, newest = (walk.ids[-1], walk.ids[0]) if walk.ids else (edge, edge - 1)
    older, newer = (oldest, walk.edge) if way == "n" else (walk.edge, newest if way else None)
    count, at_least = (None, False) if way else _count(session, query, walk)
    return Findings(
        orders=tuple(look_at(session, walk.ids, reasons(session, actor, wanted.q, walk.ids))),
        older="" if older is None else f"o{older}",
        newer="" if newer is None else f"n{newer}",
        count=count,
        at_least=at_least,
        back_to=None if walk.full or walk.edge is None else _received_at(session, walk.edge),
    )


def count_newer(session: Session, actor: Actor, wanted: Filter, zone: ZoneInfo, than: int) -> int:
    """Count the orders that have come since the newest one on a page; at most a page of them."""
    return len(_walk(session, query_of(session, actor, wanted, zone, rising=True).beyond(than), 1).ids)


def find_numbered(session: Session, actor: Actor, number: str) -> Sequence[int]:
    """Give the orders that the actor may see under the hub's number, or under a shop's own in any shop."""
    term = normal(number)
    reading = Reading.NUMBER if NUMBER.fullmatch(term) else Reading.EXTERNAL
    found = rows(
        session,
        f"select o.id from ({QUERIES[reading]}) as named join sales_order o using (id) where {ORDER_SEEN} order by 1",
        number=int(term[:DIGITS]) if reading is Reading.NUMBER else 0,
        term=term,
        **scope(actor),
    )
    return [one.id for one in found]


def _walk(session: Session, query: Query, stretches: int) -> _Walk:
    """Look at one stretch after another until a page is full, everything was seen, or it has been far enough."""
    ids: list[int] = []
    edge = None
    for _ in range(stretches):
        met = query.ask(session, "o.id", f"where {query.sieve} order by o.id $way limit {PAGE + 1}")
        ids += [one.id for one in met]
        if len(ids) > PAGE:
            return _Walk(sorted(ids[:PAGE], reverse=True), ids[PAGE - 1], full=True)
        seen = query.ask(session, "count(*) as n, min(o.id) as low, max(o.id) as high")[0]
        if seen.n < query.scan:
            edge = None
            break
        edge = seen.high if query.rising else seen.low
        query = query.beyond(edge)
    return _Walk(sorted(ids, reverse=True), edge, full=False)


def _count(session: Session, query: Query, walk: _Walk) -> tuple[int, bool]:
    """Say how many orders match, and whether there may be more than that."""
    if walk.edge is None:
        return len(walk.ids), False
    seen = query.ask(session, f"count(*) as n, count(*) filter (where {query.sieve}) as matching")[0]
    count = max(int(seen.matching), len(walk.ids))
    return min(count, CAP), seen.n >= query.scan or count > CAP


def _received_at(session: Session, order_id: int) -> datetime | None:
    found = row(session, "select created_at from sales_order where id = :id", id=order_id)
    return found.created_at if found else None


def _read_cursor(cursor: str) -> tuple[str, int]:
    if not cursor:
        return "", 0
    way, number = cursor[0], cursor[1:]
    if way not in "on" or not (number.isascii() and number.isdigit()) or len(number) > DIGITS:
        raise Malformed("this is no place in a list", code="cursor", field="cursor")
    return way, int(number)
