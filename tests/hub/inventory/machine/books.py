"""What the machine believes of stock: rules of its own, as plain as they can be, each saying what the hub must answer.

An act on the books changes them and gives the expected answer: a value, or the code of the refusal, with nothing
changed. Acts know what was booked before, so that the same act twice is expected to be answered as the hub does.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim
from tests.hub.making import OWNER

SKUS: Final = ("apple", "pear")
PLACES: Final = ("bj", "sh")
SHOPS: Final = ("pc", "h5")
PARTS: Final[Mapping[str, Mapping[str, int]]] = {"box": {"apple": 2, "pear": 1}}
KEYS: Final = tuple(StockKey(location, sku, OWNER) for location in PLACES for sku in SKUS)
TTL: Final = timedelta(minutes=10)

NO_STOCK: Final = "no_stock"
BOOKED: Final = "movement_booked"

Cause = tuple[str, str]
"""Why a counter moved: the reason, and what it was for."""


@dataclass
class Pile:
    """One counter, with what the warehouse said of its lots: pieces and the day of expiry by their codes.

    `blocked` lots are not to be sold, whether the warehouse knows them or not.
    """

    on_hand: int = 0
    allocated: int = 0
    soft: int = 0
    limit: int = 0
    safety: int = 0
    short: int = 0
    lots: dict[str, tuple[int, date]] = field(default_factory=dict[str, tuple[int, date]])
    blocked: set[str] = field(default_factory=set[str])

    @property
    def promised(self) -> int:
        return self.allocated + self.soft

    @property
    def room(self) -> int:
        """Give how many more pieces may be promised."""
        return self.on_hand + self.limit + self.short - self.promised

    def good(self, today: date) -> int:
        """Give what is on hand, has not expired and is not blocked."""
        lots = self.lots.items()
        return max(0, self.on_hand - sum(n for code, (n, day) in lots if day <= today or code in self.blocked))

    def lacking(self, today: date) -> int:
        """Give how many pieces are promised beyond what can be sold, where a count or a block makes it so."""
        is_hit = self.short or self.blocked & self.lots.keys()
        return max(0, self.promised - self.good(today) - self.limit) if is_hit else 0

    def to_hold(self, today: date) -> int:
        """Give how many good pieces are left for carts and orders; below nothing where what was promised expired."""
        return self.good(today) + self.limit + self.short - self.promised

    def to_offer(self, today: date) -> int:
        return max(0, self.good(today) + self.limit - self.promised - self.safety)

    def move(self, on_hand: int, allocated: int, soft: int) -> None:
        self.on_hand += on_hand
        self.allocated += allocated
        self.soft += soft
        self.short = max(0, min(self.short, self.promised - self.on_hand - self.limit))

    def forget_empty_lots(self, expired_by: date | None) -> None:
        """Forget the lots with nothing left, all or those that have expired by a day."""
        kept = self.lots.items()
        self.lots = {code: (n, day) for code, (n, day) in kept if n or (expired_by is not None and day > expired_by)}

    def is_sound(self) -> bool:
        return min(self.on_hand, self.allocated, self.soft, self.short, self.room) >= 0


class Move(NamedTuple):
    """A change of a counter."""

    key: StockKey
    on_hand: int = 0
    allocated: int = 0
    soft: int = 0


@dataclass
class Cart:
    """Pieces held for a cart, or for a buyer in a flash sale."""

    claims: Mapping[StockKey, int]
    expires_at: datetime
    shop: str = "pc"
    buyer: str = ""
    sale: int = 0
    state: str = "held"

    @property
    def pieces(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for key, pieces in self.claims.items():
            found[key.sku] += pieces
        return found


@dataclass
class Share:
    """A shop's quota of a SKU."""

    mode: str
    amount: int
    used: int = 0

    @property
    def left(self) -> int:
        return max(0, self.amount - self.used)


class Sold(NamedTuple):
    """Pieces that an order of a shop was promised."""

    shop: str
    claim: Claim


@dataclass
class Books:
    """All the machine believes."""

    piles: dict[StockKey, Pile] = field(default_factory=lambda: {key: Pile() for key in KEYS})
    carts: dict[str, Cart] = field(default_factory=dict[str, Cart])
    shares: dict[tuple[str, str], Share] = field(default_factory=dict[tuple[str, str], Share])
    sales: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    booked: set[tuple[Cause, StockKey]] = field(default_factory=set[tuple[Cause, StockKey]])
    marks: dict[StockKey, datetime] = field(default_factory=dict[StockKey, datetime])
    counted_by: dict[StockKey, str] = field(default_factory=dict[StockKey, str])
    settled: dict[tuple[str, int, int], tuple[str, str]] = field(
        default_factory=dict[tuple[str, int, int], tuple[str, str]]
    )
    changes: list[tuple[StockKey, datetime, int]] = field(default_factory=list[tuple[StockKey, datetime, int]])
    lot_changes: list[tuple[StockKey, datetime, str, int]] = field(
        default_factory=list[tuple[StockKey, datetime, str, int]]
    )
    refused: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    called: set[str] = field(default_factory=set[str])

    def book(self, cause: Cause, moves: Sequence[Move], along: Sequence[Move] = (), today: date | None = None) -> str:
        """Book moves once, all or none; those that promise `today` may promise nothing that has expired."""
        before = deepcopy(self.piles)
        if not self._fits([*along, *moves]):
            return NO_STOCK
        if any((cause, one.key) in self.booked for one in moves):
            return BOOKED
        self.shift([*along, *moves])
        if today and any(self.piles[one.key].to_hold(today) < 0 for one in moves):
            self.piles = before
            return NO_STOCK
        self.booked |= {(cause, one.key) for one in moves}
        return "done"

    def shift(self, moves: Sequence[Move]) -> None:
        for key, sums in _summed(moves).items():
            self.piles[key].move(*sums)

    def _fits(self, moves: Sequence[Move]) -> bool:
        for key, (on_hand, allocated, soft) in _summed(moves).items():
            pile = self.piles[key]
            after = Pile(
                pile.on_hand + on_hand, pile.allocated + allocated, pile.soft + soft, pile.limit, 0, pile.short
            )
            if not after.is_sound():
                return False
        return True

    def allow(self, key: StockKey, limit: int) -> str:
        """Let so many pieces be promised that are not there."""
        pile = self.piles[key]
        if pile.promised > pile.on_hand + limit + pile.short:
            return "refused"
        pile.limit = limit
        pile.move(0, 0, 0)
        return "done"

    def share(self, shop: str, sku: str, mode: str, amount: int) -> None:
        """Give a shop a quota; one of another mode than before begins with what the shop's carts hold."""
        known = self.shares.get((shop, sku))
        carts = [one for one in self.carts.values() if one.shop == shop and one.state == "held"]
        held = sum(one.pieces[sku] for one in carts)
        used = max(known.used, held) if known and known.mode == mode else held
        self.shares[shop, sku] = Share(mode, amount, used)

    def count(self, pieces: Mapping[tuple[str, str], int]) -> None:
        """Count what shops have of SKUs, and their carts; fewer than none gives back."""
        for where, quantity in pieces.items():
            if share := self.shares.get(where):
                share.used = max(0, share.used + quantity)

    def on_offer(self, sku: str, shop: str, today: date) -> int:
        """Give how many pieces a shop may promise."""
        if sku in PARTS:
            return min(self.on_offer(part, shop, today) // each for part, each in PARTS[sku].items())
        return self._shared(sku, shop, sum(pile.to_offer(today) for key, pile in self.piles.items() if key.sku == sku))

    def may_hold(self, sku: str, shop: str, rooms: Mapping[StockKey, int]) -> int:
        """Give how many pieces a shop's carts may hold of those that are there."""
        return self._shared(sku, shop, sum(max(0, room) for room in rooms.values()))

    def _shared(self, sku: str, shop: str, there: int) -> int:
        """Give how many pieces a shop may have, by the quotas of all."""
        apart = {who: one.left for (who, what), one in self.shares.items() if what == sku and one.mode == "exclusive"}
        free = max(0, there - sum(left for who, left in apart.items() if who != shop))
        own = self.shares.get((shop, sku))
        if own and own.mode == "cap":
            free = min(free, own.left)
        if own and own.mode == "percentage":
            free = min(free, max(0, there - sum(apart.values())) * own.amount // 100)
        return free

    def rooms(self, sku: str, today: date) -> dict[StockKey, int]:
        """Give what a SKU's counters have to hold, that with most there first, and back-orders behind."""
        found = {key: pile.to_hold(today) for key, pile in self.piles.items() if key.sku == sku}
        return dict(sorted(found.items(), key=lambda one: (self.piles[one[0]].limit - one[1], -one[1], one[0])))


def opened(wishes: Mapping[str, int]) -> Counter[str]:
    """Give what a cart wants piece by piece, bundles opened."""
    pieces: Counter[str] = Counter()
    for sku, quantity in wishes.items():
        for part, each in PARTS.get(sku, {sku: 1}).items():
            pieces[part] += quantity * each
    return pieces


def held(claims: Mapping[StockKey, int], sign: int) -> list[Move]:
    """Give the moves that hold a cart's pieces, or let go of them."""
    return [Move(key, soft=sign * pieces) for key, pieces in claims.items()]


def gathered(claims: Collection[Claim]) -> dict[StockKey, int]:
    """Add claims up by counter."""
    found: Counter[StockKey] = Counter()
    for one in claims:
        found[one.key] += one.quantity
    return dict(found)


def _summed(moves: Sequence[Move]) -> Mapping[StockKey, tuple[int, int, int]]:
    found: dict[StockKey, tuple[int, int, int]] = {}
    for key, on_hand, allocated, soft in moves:
        before = found.get(key, (0, 0, 0))
        found[key] = (before[0] + on_hand, before[1] + allocated, before[2] + soft)
    return found
