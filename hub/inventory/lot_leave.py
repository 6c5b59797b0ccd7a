"""Of which lots goods leave, purely: as their location says, and what it leaves unsaid by what expires first."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from hub.inventory.counted import LotLine
from hub.inventory.ledger import StockKey
from hub.inventory.lot import Lot, pick
from hub.inventory.lot_named import Shelved

EVER: Final = date.min
"""A day on which nothing has expired: what was named for a delivery leaves, though it expired on its way out.

So it does although its lot has been blocked since.
"""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Pieces of a line that leave: `told` says of which lots some of them are, `named` which it was to take."""

    line_no: int
    key: StockKey
    quantity: int
    told: tuple[LotLine, ...] = ()
    named: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Left:
    """Pieces of a line that left of one lot; `assumed` of them because nobody said otherwise."""

    line_no: int
    key: StockKey
    lot: str
    quantity: int
    assumed: int
    produced_on: date | None
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """A lot that more left of than it had; `there` is None for one that was not known."""

    key: StockKey
    lot: str
    left: int
    there: int | None

    def __str__(self) -> str:
        there = "none known" if self.there is None else f"{self.there} there"
        return f"{self.left} of {self.lot} left, {there}"


class Shelf:
    """The lots of counters while goods leave, one line after the other; no lot falls below nothing."""

    def __init__(self, lots: Mapping[StockKey, Mapping[str, Shelved]], today: date) -> None:
        self._lots = {key: {code: one.lot for code, one in of.items()} for key, of in lots.items()}
        self._named = {(key, code): one.lot.on_hand - one.free for key, of in lots.items() for code, one in of.items()}
        self._was = {(key, code): lot.on_hand for key, of in self._lots.items() for code, lot in of.items()}
        self._today = today
        self.lacking: list[Lacking] = []

    @property
    def changed(self) -> dict[tuple[StockKey, str], int]:
        """What lots have now that are not as they were."""
        now = {(key, code): lot.on_hand for key, of in self._lots.items() for code, lot in of.items()}
        return {place: pieces for place, pieces in now.items() if pieces != self._was[place]}

    def leave(self, one: Leaving) -> list[Left]:
        """Let a line's pieces leave and give the lots they are of; what no lot covers is of none."""
        told = Counter[str]()
        for part in one.told:
            self.take_told(one.key, part.lot, part.pieces)
            told[part.lot] += part.pieces
        assumed = Counter[str]()
        rest = one.quantity - told.total()
        for lots, today in self._choices(one):
            for code, pieces in pick(lots(), rest - assumed.total(), today):
                self._take(one.key, code, pieces)
                assumed[code] += pieces
        days = {part.lot: part for part in one.told}
        return [
            self._left(one, code, told[code] + assumed[code], assumed[code], days.get(code))
            for code in sorted(told.keys() | assumed.keys())
            if told[code] + assumed[code]
        ]

    def take_told(self, key: StockKey, lot: str, pieces: int) -> None:
        """Take pieces that are said to be of a lot; where the counter has lots, what does not fit is noted."""
        of = self._lots.get(key, {})
        there = of[lot].on_hand if lot in of else None
        if of and pieces > (there or 0):
            self.lacking.append(Lacking(key, lot, pieces, there))
        self._take(key, lot, min(pieces, there or 0))

    def put_back(self, key: StockKey, lot: str, pieces: int) -> None:
        """Give pieces back to a lot that were taken from it; one that is not known any more is counted without them."""
        self._take(key, lot, -pieces)

    def days_of(self, key: StockKey, lot: str) -> tuple[date | None, date | None]:
        """Say when a lot was made and when it expires, as far as it is known."""
        found = self._lots.get(key, {}).get(lot)
        return (found.produced_on, found.expires_on) if found else (None, None)

    def _choices(self, one: Leaving) -> Iterable[tuple[Callable[[], Sequence[Lot]], date]]:
        """Give what a line's pieces are taken to be of: what it was to take, what nobody else is, and all there is."""
        of = self._lots.get(one.key, {})
        yield lambda: [_cut(lot, one.named.get(code, 0), named=True) for code, lot in of.items()], EVER
        yield lambda: [_cut(lot, lot.on_hand - self._named[one.key, code]) for code, lot in of.items()], self._today
        yield lambda: list(of.values()), self._today

    def _take(self, key: StockKey, code: str, pieces: int) -> None:
        if lot := self._lots.get(key, {}).get(code):
            self._lots[key][code] = lot.model_copy(update={"on_hand": lot.on_hand - pieces})

    def _left(self, one: Leaving, lot: str, quantity: int, assumed: int, told: LotLine | None) -> Left:
        produced, expires = self.days_of(one.key, lot)
        if told:
            produced, expires = told.produced_on or produced, told.expires_on or expires
        return Left(one.line_no, one.key, lot, quantity, assumed, produced, expires)


def still_due(named: Mapping[str, int], left: Mapping[str, int], open_after: int) -> dict[str, int]:
    """Say which lots a line is still to take: what it has not taken, and no more than is open of it.

    Where other lots left instead, they stand for those that expire first, which `named` gives first.
    """
    due = {lot: max(0, pieces - left.get(lot, 0)) for lot, pieces in named.items()}
    for lot in named:
        due[lot] -= min(due[lot], max(0, sum(due.values()) - open_after))
    return due


def _cut(lot: Lot, most: int, *, named: bool = False) -> Lot:
    return lot.model_copy(update={"on_hand": max(0, min(lot.on_hand, most)), "blocked": lot.blocked and not named})
