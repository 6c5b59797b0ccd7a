"""Lots of deliveries: named when a fulfilment order is released, counted down when its goods leave."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy.orm import Session

from hub.database import aside, row, rows
from hub.fulfilment.model import Batch, ConfirmLine
from hub.fulfilment.reject import Standing
from hub.fulfilment.release import NewLine
from hub.fulfilment.status import ENDED
from hub.inventory import lot_named
from hub.inventory.counted import LotLine
from hub.inventory.ledger import StockKey
from hub.inventory.lot_leave import Leaving, Left, Shelf, still_due
from hub.inventory.lot_left import call_for, write_left, write_pieces
from hub.inventory.lot_named import Wanted, due_of, put_due, shelves

Filled: TypeAlias = Sequence[tuple[ConfirmLine, Sequence[tuple[int, int]]]]
"""A confirm's lines, each with our lines that its pieces are of and how many of each."""


def name_lots(session: Session, order_id: int, no: int, at: datetime) -> None:
    """Choose which lots an open fulfilment order is to take, anew; `at` is in the business zone.

    It is kept at once, beside the transaction: others who name lots wait until then, and not for a whole batch.
    """
    with aside(session) as side:
        # First the lock, then a look: beside a row that was waited for, a join still gives the others as they were.
        there = row(
            side,
            """select location, owner from fulfilment_order
               where (order_id, no) = (:order_id, :no) and execution <> all(:ended) for no key update""",
            order_id=order_id,
            no=no,
            ended=sorted(ENDED),
        )
        if there is None:
            return
        open_lines = rows(
            side,
            """select line_no, sku, quantity - shipped - released as open from fulfilment_line
               where (order_id, no) = (:order_id, :no) order by line_no""",
            order_id=order_id,
            no=no,
        )
        wanted = [Wanted(one.line_no, StockKey(there.location, one.sku, there.owner), one.open) for one in open_lines]
        if wanted:
            lot_named.name_lots(side, order_id, no, wanted, at.date())


def ship_lots(
    session: Session, standing: Standing, shipment_no: int, filled: Filled, asked: Sequence[NewLine], at: datetime
) -> None:
    """Count down the lots that goods have left of, with their counters, and record them.

    The counters must be locked. What no lot was told of is taken to be of those the delivery was to take, then of those
    that expire first. A lot that is not known or has too little never falls below nothing: a case says so.
    """
    told, pieces = _told(filled), add_up(filled)
    keys = {line.line_no: StockKey(standing.location, line.sku, standing.owner) for line in asked}
    due = due_of(session, standing.order_id, standing.no)
    lots = shelves(session, sorted({keys[line_no] for line_no in pieces}), standing.order_id, standing.no)
    if not (lots or due or told):
        return
    shelf = Shelf(lots, at.date())
    left = [
        one
        for line_no, quantity in sorted(pieces.items())
        for one in shelf.leave(
            Leaving(line_no, keys[line_no], quantity, tuple(told.get(line_no, ())), due.get(line_no, {}))
        )
    ]
    write_pieces(session, shelf.changed)
    write_left(session, standing.order_id, shipment_no, left)
    _count_down(session, standing, due, left, {one.line_no: one.quantity - pieces[one.line_no] for one in asked})
    call_for(session, shelf.lacking, standing.brand, standing.code, standing.order_id, at)


def add_up(filled: Filled) -> Counter[int]:
    """Give how many pieces of our lines left."""
    pieces = Counter[int]()
    for _, taken in filled:
        for line_no, quantity in taken:
            pieces[line_no] += quantity
    return pieces


def _told(filled: Filled) -> Mapping[int, list[LotLine]]:
    """Bring the batches of a confirm's lines to our lines, in their order; what names no lot says nothing."""
    told: defaultdict[int, list[LotLine]] = defaultdict(list)
    for line, taken in filled:
        batches = [(batch, batch.quantity) for batch in line.batches]
        for line_no, quantity in taken:
            rest = quantity
            while rest and batches:
                batch, pieces = batches.pop(0)
                if pieces > rest:
                    batches.insert(0, (batch, pieces - rest))
                if batch.lot and (of_line := min(pieces, rest)):
                    told[line_no].append(_lot_line(batch, of_line))
                rest -= min(pieces, rest)
    return told


def _lot_line(batch: Batch, pieces: int) -> LotLine:
    return LotLine(lot=batch.lot, pieces=pieces, produced_on=batch.produced_on, expires_on=batch.expires_on)


def _count_down(
    session: Session,
    standing: Standing,
    due: Mapping[int, Mapping[str, int]],
    left: Sequence[Left],
    open_after: Mapping[int, int],
) -> None:
    """Write what the lines of a delivery have still to take of the lots that were named for it."""
    taken: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for one in left:
        taken[one.line_no][one.lot] += one.quantity
    after = {
        (line_no, lot): pieces
        for line_no, named in due.items()
        for lot, pieces in still_due(named, taken[line_no], open_after.get(line_no, 0)).items()
    }
    if after:
        put_due(session, standing.order_id, standing.no, after)
