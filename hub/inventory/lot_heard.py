"""What reports say of lots: those of counters are kept; what is said of a delivery of ours puts its own lots right.

A delivery's confirm counts its lots down, once. A warehouse's change by the same delivery names lots that are in that
already, so it counts nothing: where the confirm has left them unsaid, what was assumed gives way to what is said now;
where the confirm has not come yet, it will assume these.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.condition import Condition
from hub.inventory.count_table import LineVerdict
from hub.inventory.counted import LotLine
from hub.inventory.fold import Folded
from hub.inventory.ledger import StockKey
from hub.inventory.lot import Lots, keep_lots, read_lots
from hub.inventory.lot_leave import Lacking, Left, Shelf
from hub.inventory.lot_left import call_for, call_for_told, call_off, write_left, write_pieces
from hub.inventory.lot_named import Expected, expect_lots, shelves, wait_for_namers


class Place(NamedTuple):
    """Where pieces of a lot left: in a shipment, of a line."""

    shipment_no: int
    line_no: int
    lot: str


class Pieces(NamedTuple):
    """How many pieces of a lot left in a place, and of how many of them that was assumed."""

    quantity: int
    assumed: int


class Swap(NamedTuple):
    """Pieces that were assumed to be of a place's lot, and are of another."""

    place: Place
    lot: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A report: what counters' watermarks were before it, of when it speaks, when it came, and what lots did since."""

    brand: str
    marks: Mapping[StockKey, datetime]
    counted_at: datetime
    at: datetime
    since: Mapping[StockKey, Mapping[str, int]] = field(default_factory=dict[StockKey, Mapping[str, int]])

    def is_news(self, key: StockKey, booked_at: datetime) -> bool:
        """Say whether the last count saw neither this nor what was booked; else the lots are as it says."""
        mark = self.marks.get(key)
        return mark is None or min(self.counted_at, booked_at) > mark


class _Delivery(NamedTuple):
    """A delivery of ours with the counter that a report speaks of."""

    order_id: int
    no: int
    key: StockKey

    @property
    def sought(self) -> dict[str, object]:
        return {"order_id": self.order_id, "no": self.no, "sku": self.key.sku}


def hear_lots(session: Session, lines: Sequence[Folded], heard: Heard) -> None:
    """Heed what a report's lines say of lots. Their counters are locked."""
    taken = [one for one in lines if one.verdict is LineVerdict.TAKEN and one.line.lots]
    counts = [one for one in taken if one.line.kind == "count"]
    changes = [one for one in taken if one.line.kind == "change"]
    moved = sorted({one.key for one in changes} - {one.key for one in counts})
    known: Mapping[StockKey, Lots] = read_lots(session, moved) if moved else {}
    keep_lots(session, lines, heard.counted_at, heard.since)
    if counts:
        call_off(session, sorted({one.key for one in counts}), heard.at)
    late = lacking_since(counts, heard.since)
    call_for_told(session, "a late count: {} when it was taken", late, heard.brand, heard.at)
    call_for_told(session, "a change: {}", lacking_of(changes, known), heard.brand, heard.at)
    told: defaultdict[_Delivery, list[LotLine]] = defaultdict(list)
    left = (one for one in lines if one.verdict is LineVerdict.CONFIRMED and one.line.lots and one.line.pieces < 0)
    for one in left:
        if one.key.condition == Condition.SALEABLE:
            order_id, _, no = one.line.delivery.partition("-")
            told[_Delivery(int(order_id), int(no), one.key)] += [
                lot.model_copy(update={"pieces": -lot.pieces}) for lot in one.line.lots if lot.pieces < 0
            ]
    if not told:
        return
    # Else who names lots of these deliveries now would not see what is written of them.
    wait_for_namers(session, sorted({delivery.key for delivery in told}))
    for delivery, lots in sorted(_shared(session, told).items(), key=lambda one: one[0]):
        _put_right(session, heard, delivery, lots)


def _shared(session: Session, told: Mapping[_Delivery, Sequence[LotLine]]) -> Mapping[_Delivery, Sequence[LotLine]]:
    """Share what is said of merged documents among their deliveries, in their order: each has what is asked of it."""
    found = rows(
        session,
        """select head.order_id as head_id, head.no as head_no, m.order_id, m.no, l.sku,
                  sum(l.quantity - l.released)::bigint as pieces
           from unnest(cast(:ids as bigint[]), cast(:nos as bigint[]), cast(:skus as text[])) as asked (id, no, sku)
           join merge_member head on (head.order_id, head.no, head.place) = (asked.id, asked.no, 1)
           join merge_group g on g.id = head.group_id and g.ending <> 'dissolved'
           join merge_member m on m.group_id = g.id
           join fulfilment_line l on (l.order_id, l.no, l.sku) = (m.order_id, m.no, asked.sku)
           group by 1, 2, 3, 4, 5, m.place order by m.place""",
        ids=[one.order_id for one in told],
        nos=[one.no for one in told],
        skus=[one.key.sku for one in told],
    )
    shared: defaultdict[_Delivery, list[LotLine]] = defaultdict(list)
    for delivery, lots in told.items():
        rest: Sequence[LotLine] = lots
        for one in found:
            if (one.head_id, one.head_no, one.sku) == (delivery.order_id, delivery.no, delivery.key.sku):
                taken, rest = cut(rest, one.pieces)
                shared[_Delivery(one.order_id, one.no, delivery.key)] += taken
        shared[delivery] += rest
    return {delivery: lots for delivery, lots in shared.items() if lots}


def cut(lots: Sequence[LotLine], most: int) -> tuple[list[LotLine], list[LotLine]]:
    """Cut off so many pieces at most, in their order; give them and the rest."""
    taken: list[LotLine] = []
    rest: list[LotLine] = []
    for one in lots:
        here = min(one.pieces, most)
        most -= here
        taken += [one.model_copy(update={"pieces": here})] if here else []
        rest += [one.model_copy(update={"pieces": one.pieces - here})] if one.pieces > here else []
    return taken, rest


def lacking_since(
    counts: Sequence[Folded], since: Mapping[StockKey, Mapping[str, int]]
) -> dict[StockKey, list[Lacking]]:
    """Give the lots of which a late count found fewer than have left since: they are empty now."""
    found: defaultdict[StockKey, list[Lacking]] = defaultdict(list)
    for one in counts:
        there = _add_up(one.line.lots)
        for lot, pieces in sorted(since.get(one.key, {}).items()):
            if there[lot] + pieces < 0:
                found[one.key].append(Lacking(one.key, lot, -pieces, there[lot]))
    return found


def lacking_of(changes: Sequence[Folded], known: Mapping[StockKey, Lots]) -> dict[StockKey, list[Lacking]]:
    """Give the lots of which changes take more than they had, where a counter has any: they are empty now."""
    found: defaultdict[StockKey, list[Lacking]] = defaultdict(list)
    there = {(key, lot): one.on_hand for key, lots in known.items() for lot, one in lots.items()}
    for one in changes:
        for part in one.line.lots if one.key in known else ():
            had = there.get((one.key, part.lot))
            if part.pieces < 0 and (had or 0) + part.pieces < 0:
                found[one.key].append(Lacking(one.key, part.lot, -part.pieces, had))
            there[one.key, part.lot] = max(0, (had or 0) + part.pieces)
    return found


def swap(shipped: Mapping[Place, Pieces], told: Mapping[str, int]) -> tuple[dict[Place, Pieces], list[Swap]]:
    """Let what is told stand for what was assumed: give what left of which lot then, and what is of another lot now.

    What the confirm said itself stays. No piece is added or lost.
    """
    left, rest = dict(shipped), Counter(told)
    for place, one in shipped.items():
        rest[place.lot] -= min(rest[place.lot], one.quantity - one.assumed)
    for place, one in shipped.items():
        same = min(rest[place.lot], one.assumed)
        rest[place.lot] -= same
        left[place] = Pieces(one.quantity, one.assumed - same)
    swaps: list[Swap] = []
    for place in shipped:
        for lot in sorted(rest):
            one = left[place]
            if pieces := min(rest[lot], one.assumed):
                rest[lot] -= pieces
                left[place] = Pieces(one.quantity - pieces, one.assumed - pieces)
                other = place._replace(lot=lot)
                known = left.get(other, Pieces(0, 0))
                left[other] = Pieces(known.quantity + pieces, known.assumed)
                swaps.append(Swap(place, lot, pieces))
    return left, swaps


def _put_right(session: Session, heard: Heard, delivery: _Delivery, told: Sequence[LotLine]) -> None:
    """Put right what was assumed of a delivery's lots, or will be."""
    found = rows(
        session,
        """select s.shipment_no, s.line_no, s.lot, s.quantity, s.assumed, s.produced_on, s.expires_on, h.created_at
           from shipped_lot s join shipment h on (h.order_id, h.no) = (s.order_id, s.shipment_no)
           where (s.order_id, h.fulfilment_no, s.sku) = (:order_id, :no, :sku)
           order by s.shipment_no, s.line_no, s.expires_on nulls last, s.lot""",
        **delivery.sought,
    )
    if not found:
        _expect(session, delivery, told)
        return
    shipped = {Place(one.shipment_no, one.line_no, one.lot): Pieces(one.quantity, one.assumed) for one in found}
    left, swaps = swap(shipped, _add_up(told))
    if left == shipped:
        return
    key, booked_at = delivery.key, {one.shipment_no: one.created_at for one in found}
    shelf = Shelf(shelves(session, [key], delivery.order_id, delivery.no), heard.at.date())
    for one in swaps:
        if heard.is_news(key, booked_at[one.place.shipment_no]):
            shelf.put_back(key, one.place.lot, one.pieces)
            shelf.take_told(key, one.lot, one.pieces)
    write_pieces(session, shelf.changed)
    days = {one.lot: (one.produced_on, one.expires_on) for one in [*told, *found]}
    _rewrite(session, delivery, {place: one for place, one in left.items() if one.quantity}, days)
    code = f"{delivery.order_id}-{delivery.no}"
    call_for(session, shelf.lacking, heard.brand, code, delivery.order_id, heard.at)


def _rewrite(
    session: Session, delivery: _Delivery, left: Mapping[Place, Pieces], days: Mapping[str, tuple[date | None, ...]]
) -> None:
    """Record anew of which lots a SKU of a delivery left."""
    shipments = sorted({place.shipment_no for place in left})
    statement = "delete from shipped_lot where order_id = :id and sku = :sku and shipment_no = any(:shipments)"
    run(session, statement, id=delivery.order_id, sku=delivery.key.sku, shipments=shipments)
    for shipment_no in shipments:
        of = [
            Left(place.line_no, delivery.key, place.lot, one.quantity, one.assumed, *days[place.lot])
            for place, one in sorted(left.items())
            if place.shipment_no == shipment_no
        ]
        write_left(session, delivery.order_id, shipment_no, of)


def _expect(session: Session, delivery: _Delivery, told: Sequence[LotLine]) -> None:
    """Have the confirm that is to come assume what is told now, whatever the location was told to take."""
    open_lines = rows(
        session,
        """select l.line_no, l.quantity - l.released as open
           from fulfilment_line l join fulfilment_order f using (order_id, no)
           where (l.order_id, l.no, l.sku) = (:order_id, :no, :sku) and l.shipped = 0
             and f.execution not in ('closed', 'incomplete', 'cancelled') order by l.line_no""",
        **delivery.sought,
    )
    room = {one.line_no: int(one.open) for one in open_lines}
    due: Counter[tuple[int, str]] = Counter()
    for one in told:
        rest = one.pieces
        for line_no, free in room.items():
            pieces = min(rest, free)
            due[line_no, one.lot] += pieces
            room[line_no] = free - pieces
            rest -= pieces
    days = {one.lot: (one.produced_on, one.expires_on) for one in told}
    expected = [Expected(line_no, lot, pieces, *days[lot]) for (line_no, lot), pieces in sorted(due.items()) if pieces]
    if expected:
        expect_lots(session, delivery.order_id, delivery.no, delivery.key, expected)


def _add_up(told: Sequence[LotLine]) -> Counter[str]:
    pieces = Counter[str]()
    for one in told:
        pieces[one.lot] += one.pieces
    return pieces
