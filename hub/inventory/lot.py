"""Lots with expiry: what warehouses say lies where of which lot, and which leaves first (FEFO), unless it is blocked.

A count that names lots replaces those of its counter; one that names none says nothing of them, unless nothing is left.
What younger changes and confirms did to a lot it has not seen: that stands on top of it, down to nothing.
A change that names lots moves them, unless it is of a delivery of ours: that one's confirm counts the counter and its
lots down, and the change can only say that it was of other lots (`lot_corrected`). The day on which a lot is too old is
that of the moment given, in its own zone: give it in the business zone.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import copy, records, rows, run
from hub.document import Document
from hub.inventory.condition import Condition
from hub.inventory.count_table import LineVerdict
from hub.inventory.counted import MOST, LotLine, ReportLine
from hub.inventory.fold import Folded
from hub.inventory.ledger import StockKey


class Lot(Document):
    """Pieces of a counter that are of one lot; a `blocked` one is not to be sold."""

    lot: str
    on_hand: int
    produced_on: date | None = None
    expires_on: date | None = None
    counted_at: datetime
    blocked: bool = False

    def is_expired(self, today: date) -> bool:
        """Say whether it may not be sold any more: on the day of its expiry it may not."""
        return self.expires_on is not None and self.expires_on <= today


Lots = Mapping[str, Lot]
"""A counter's lots by their codes."""


def keep_lots(
    session: Session, lines: Sequence[Folded], counted_at: datetime, since: Mapping[StockKey, Mapping[str, int]]
) -> None:
    """Keep the lots of a report's lines. Their counters are locked already, and so, with them, are their lots.

    `since` is what younger changes and confirms did to lots.
    """
    told: defaultdict[StockKey, list[ReportLine]] = defaultdict(list)
    for one in lines:
        if _says_of_lots(one.line) and one.verdict is LineVerdict.TAKEN:
            told[one.key].append(one.line)
    if not told:
        return
    keys = sorted(told)
    known = read_lots(session, keys)
    if known:
        run(session, f"delete from stock_lot where {AMONG}", **columns_of(keys))
    columns = (*StockKey._fields, "lot", "produced_on", "expires_on", "on_hand", "counted_at")
    kept = [
        (*key, one.lot, one.produced_on, one.expires_on, one.on_hand, one.counted_at)
        for key in keys
        for one in fold_lots(known.get(key, {}), told[key], counted_at, since.get(key, {})).values()
    ]
    copy(session, "stock_lot", columns, kept)


def fold_lots(known: Lots, lines: Iterable[ReportLine], counted_at: datetime, since: Mapping[str, int]) -> Lots:
    """Fold the lines of one counter into its lots, one after the other.

    A lot with nothing left is forgotten by a count, or once it has expired: a late count may find some of it, and need
    not name its days. `since` is how many pieces of each lot came or left that a count has not seen.
    """
    found = dict(known)
    for line in lines:
        if line.kind == "count":  # the days of a lot stay known, although this count may not name them
            found = {code: one.model_copy(update={"on_hand": 0}) for code, one in found.items()}
        for one in line.lots:
            found[one.lot] = _moved(found.get(one.lot), one, counted_at)
        if line.kind == "count":
            later = (LotLine(lot=code, pieces=pieces) for code, pieces in since.items())
            found |= {one.lot: _moved(found.get(one.lot), one, counted_at) for one in later}
            found = {code: one for code, one in found.items() if one.on_hand}
    today = counted_at.date()
    return {code: one for code, one in found.items() if one.on_hand or (one.expires_on or today) > today}


def lots_of(session: Session, key: StockKey) -> Sequence[Lot]:
    """Give the lots of a counter, the first to expire first, those that never do last."""
    found = read_lots(session, [key]).get(key, {}).values()
    return sorted((one for one in found if one.on_hand), key=_urgency)


class LotPlace(Document):
    """Pieces of a lot at a location."""

    location: str
    on_hand: int
    expires_on: date | None
    counted_at: datetime


def places_of_lot(session: Session, brands: Collection[str] | None, sku: str, lot: str) -> Sequence[LotPlace]:
    """Say where pieces of a SKU's lot lie, that with most first, in brands' locations (None is all)."""
    found = records(
        session,
        """select lot.location, sum(lot.on_hand)::bigint as on_hand, min(lot.expires_on) as expires_on,
                  max(lot.counted_at) as counted_at
           from stock_lot lot join location on location.code = lot.location
           where (lot.sku, lot.lot, lot.condition) = (:sku, :lot, :condition) and lot.on_hand > 0
             and (cast(:brands as text[]) is null or location.brand = any(:brands))
           group by 1 order by 2 desc, 1""",
        sku=sku,
        lot=lot,
        condition=Condition.SALEABLE,
        brands=None if brands is None else sorted(brands),
    )
    return [LotPlace.model_validate(one) for one in found]


def pick_lots(session: Session, key: StockKey, quantity: int, at: datetime) -> list[tuple[str, int]]:
    """Say of which lots pieces should leave: the first to expire first, none that has or is blocked.

    What none covers is left out.
    """
    return pick(lots_of(session, key), quantity, at.date())


def pick(lots: Iterable[Lot], quantity: int, today: date) -> list[tuple[str, int]]:
    """Pick pieces of lots as `pick_lots` does."""
    picked: list[tuple[str, int]] = []
    for one in sorted(lots, key=_urgency):
        pieces = 0 if one.blocked or one.is_expired(today) else min(quantity, one.on_hand)
        if pieces > 0:
            picked.append((one.lot, pieces))
            quantity -= pieces
    return picked


class Unsold(NamedTuple):
    """Pieces of a counter that are not sold: of lots that are blocked, and of others that are too old.

    Those that a delivery was told to take before are not among them: they are allocated.
    """

    blocked: int
    expired: int


def unsold_of(session: Session, keys: Sequence[StockKey], at: datetime) -> Mapping[StockKey, Unsold]:
    """Give how many pieces of some counters are not sold; those without lots are left out."""
    found = rows(
        session,
        f"""select location, sku, owner, condition, sum(on_hand - kept) filter (where blocked)::bigint as blocked,
                   sum(on_hand - kept) filter (where not blocked and expires_on <= :today)::bigint as expired
            from (select stock_lot.*, {BLOCKED} as blocked from stock_lot where {AMONG}) lot {KEPT}
            group by 1, 2, 3, 4""",
        today=at.date(),
        **columns_of(keys),
    )
    return {
        StockKey(one.location, one.sku, one.owner, one.condition): Unsold(one.blocked or 0, one.expired or 0)
        for one in found
    }


AMONG: Final = """(location, sku, owner, condition) in (
    select * from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                         cast(:conditions as text[])))"""

BLOCKED: Final = """exists (
    select from lot_block block where (block.sku, block.lot) = (stock_lot.sku, stock_lot.lot)
                                  and block.location in ('', stock_lot.location))"""
"""Whether a row of `stock_lot` is of a lot that is blocked there."""

KEPT: Final = """cross join lateral (
    select least(lot.on_hand, coalesce(sum(due), 0))::bigint as kept from named_lot
    where (named_lot.location, named_lot.sku, named_lot.owner, named_lot.condition, named_lot.lot)
        = (lot.location, lot.sku, lot.owner, lot.condition, lot.lot)) named"""
"""How many pieces of a `lot` deliveries keep that were told to take them: they are allocated, and are to be taken off
what can be sold once. Gone with the delivery, so that they are of a blocked lot like all others then."""


def _says_of_lots(line: ReportLine) -> bool:
    return bool(line.lots) or (line.kind == "count" and not line.pieces)


def _moved(known: Lot | None, line: LotLine, counted_at: datetime) -> Lot:
    """Give a lot after a line: never fewer pieces than none, and with the days that were last told."""
    return Lot(
        lot=line.lot,
        on_hand=min(MOST, max(0, (known.on_hand if known else 0) + line.pieces)),
        produced_on=line.produced_on or (known.produced_on if known else None),
        expires_on=line.expires_on or (known.expires_on if known else None),
        counted_at=max(known.counted_at, counted_at) if known else counted_at,
    )


def _urgency(one: Lot) -> tuple[date, date, str]:
    return one.expires_on or date.max, one.produced_on or date.max, one.lot


def read_lots(session: Session, keys: Sequence[StockKey]) -> Mapping[StockKey, Lots]:
    found: defaultdict[StockKey, dict[str, Lot]] = defaultdict(dict)
    for one in rows(
        session, f"select stock_lot.*, {BLOCKED} as blocked from stock_lot where {AMONG}", **columns_of(keys)
    ):
        found[StockKey(one.location, one.sku, one.owner, one.condition)][one.lot] = lot_of(one)
    return found


def lot_of(one: Row[Any]) -> Lot:
    return Lot(
        lot=one.lot,
        on_hand=one.on_hand,
        produced_on=one.produced_on,
        expires_on=one.expires_on,
        counted_at=one.counted_at,
        blocked=one.blocked,
    )


def columns_of(keys: Sequence[StockKey]) -> dict[str, list[str]]:
    return {
        "locations": [key.location for key in keys],
        "skus": [key.sku for key in keys],
        "owners": [key.owner for key in keys],
        "conditions": [str(key.condition) for key in keys],
    }
