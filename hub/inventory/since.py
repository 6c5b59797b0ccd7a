"""What a count has not seen, for it is younger: changes that were told, and goods that left by our own confirms.

A confirm is as old as its location says; where it says nothing, as old as when it came. Then a count that saw its goods
gone has them taken off once more: rather too few pieces until the next count than pieces that somebody else holds.
A count by our own clock saw all that had been booked by then, whatever clock that was dated by: a location's that runs
ahead would have it taken off, or put on top, at each count again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows
from hub.inventory.condition import Condition
from hub.inventory.count_page import Page
from hub.inventory.counted import AHEAD_S, ReportLine
from hub.inventory.fold import Since
from hub.inventory.ledger import StockKey
from hub.inventory.table import Authority

BY_COUNTER: Final = "group by 1, 2, 3, 4"

CHANGED: Final = """
    from stock_count line
    where line.location = :location and line.kind = 'change' and line.verdict = 'taken'
      and line.received_at > :after and line.counted_at > :counted_at"""

LEFT: Final = """
    from shipment h join fulfilment_order f on (f.order_id, f.no) = (h.order_id, h.fulfilment_no)
    where h.created_at > :after and h.shipped_at > :counted_at and f.location = :location"""

UNLESS_OWNERS: Final = f"""
    where :with_locked or f.created_at > :counted_at or not exists (
        select from stock_level level
        where (level.location, level.sku, level.owner) = (f.location, l.sku, f.owner)
          and (level.condition, level.authority) = ('{Condition.SALEABLE}', '{Authority.OWNER}'))"""
"""An owner's number has what is promised taken off it already, and so what has left; but nothing of later orders, and
nothing at all where it is with what is locked."""

HEARD: Final = f"""
    select f.location, l.sku, f.owner, '{Condition.SALEABLE}' as condition,
           sum(l.quantity - l.shipped - l.released)::bigint as n
    from fulfilment_order f join fulfilment_line l on (l.order_id, l.no) = (f.order_id, f.no)
    where f.location = :location and f.execution in ('open', 'scheduled', 'on_hold', 'in_progress')
      and f.negotiation not in ('unsubmitted', 'cancel_requested') and f.updated_at <= :counted_at
      and l.sku = any(:skus) {BY_COUNTER}"""
"""Promises that an owner had heard of when his number was told, which is without them: they are there until they leave.

One that something has happened to since may have come later, and one that he is asked to cancel may be let go already:
rather too few pieces until the next count.
"""


def read_since(session: Session, page: Page, lines: Sequence[ReportLine], owned: Collection[str]) -> Since:
    """Read what a page's counts have not seen; `owned` are the SKUs of which the owner's number counts.

    The location's row is locked; of a confirm that is under way all is known once its counters are. A count that is
    another's than the location's own has had what left taken off by whoever made it, who has heard of no promise.
    """
    counts = [line for line in lines if line.kind == "count"]
    if not counts:
        return Since()
    own = page.counted_by == page.connection
    heard = owned if page.is_net else ()
    lots = any(line.lots or not line.pieces for line in counts)
    return Since(
        _sum(_ask(session, page, PIECES_CHANGED)),
        _sum(_ask(session, page, PIECES_LEFT)) if own else {},
        _by_lot([*_ask(session, page, LOTS_CHANGED), *(_ask(session, page, LOTS_LEFT) if own else ())]) if lots else {},
        _sum(_ask(session, page, HEARD, skus=sorted(heard))) if heard else {},
    )


PIECES_CHANGED: Final = f"""
    select line.location, line.sku, line.owner, line.condition, sum(line.difference)::bigint as n
    {CHANGED} {BY_COUNTER}"""

PIECES_LEFT: Final = f"""
    select f.location, l.sku, f.owner, '{Condition.SALEABLE}' as condition, sum(l.quantity)::bigint as n
    from (select h.order_id, h.no, h.fulfilment_no, f.location, f.owner, f.created_at {LEFT}) f
    join lateral (
        select line.sku, p.quantity from parcel_line p join fulfilment_line line
            on (line.order_id, line.no, line.line_no) = (f.order_id, f.fulfilment_no, p.line_no)
        where (p.order_id, p.shipment_no) = (f.order_id, f.no)) l on true
    {UNLESS_OWNERS} {BY_COUNTER}"""

LOTS_CHANGED: Final = f"""
    select location, sku, owner, condition, lot.key as lot, sum(lot.value::bigint)::bigint as n
    from (select line.* {CHANGED} and line.lots is not null) line cross join lateral jsonb_each_text(line.lots) lot
    {BY_COUNTER}, 5"""

LOTS_LEFT: Final = f"""
    select f.location, l.sku, f.owner, '{Condition.SALEABLE}' as condition, l.lot, -sum(l.quantity)::bigint as n
    from (select h.order_id, h.no, f.location, f.owner, f.created_at {LEFT}) f
    join shipped_lot l on (l.order_id, l.shipment_no) = (f.order_id, f.no) {UNLESS_OWNERS} {BY_COUNTER}, 5"""


def _ask(session: Session, page: Page, statement: str, **values: object) -> Sequence[Row[Any]]:
    counted_at = page.report.counted_at
    ahead = timedelta() if page.report.by_our_clock else timedelta(seconds=AHEAD_S)
    return rows(
        session,
        statement,
        location=page.report.location,
        counted_at=counted_at,
        after=counted_at - ahead,
        with_locked=page.report.with_locked,
        **values,
    )


def _key(one: Row[Any]) -> StockKey:
    return StockKey(one.location, one.sku, one.owner, one.condition)


def _sum(found: Sequence[Row[Any]]) -> Mapping[StockKey, int]:
    return {_key(one): one.n for one in found}


def _by_lot(found: Sequence[Row[Any]]) -> Mapping[StockKey, Mapping[str, int]]:
    lots: defaultdict[StockKey, Counter[str]] = defaultdict(Counter)
    for one in found:
        lots[_key(one)][one.lot] += one.n
    return lots
