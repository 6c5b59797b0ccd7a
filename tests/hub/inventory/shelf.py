"""A state machine over four counters of the real database: each act is committed, or its connection breaks."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import Database, rows, run
from hub.errors import Conflict, NoStock
from hub.inventory import reserve as acts
from hub.inventory import soft
from hub.inventory.adjust import adjust
from hub.inventory.ledger import StockKey, drift
from hub.inventory.level import receive
from hub.inventory.promise import promise
from hub.inventory.reserve import Claim
from hub.inventory.soft import Wish
from tests.hub.inventory.cutting import Cut, act_through
from tests.hub.making import AT, BRAND, OWNER, stock

Result = TypeVar("Result")

SKUS: Final = ("apple", "pear")
KEYS: Final = tuple(StockKey(location, sku, OWNER) for location in ("bj", "sh") for sku in SKUS)
TABLES: Final = ("stock_movement", "stock_movement_key", "stock_level", "reservation_line", "reservation")
HELD_RULE: Final = "stock held is what reservations hold"

PIECES: Final = st.integers(1, 6)
KEY: Final = st.sampled_from(KEYS)
CUT: Final = st.sampled_from([Cut.NONE, Cut.NONE, Cut.NONE, Cut.BEFORE_COMMIT, Cut.AT_COMMIT])
TTL: Final = timedelta(minutes=10)


@dataclass
class Cart:
    """A reservation as the model knows it."""

    wishes: Mapping[str, int]
    claims: tuple[Claim, ...]
    expires_at: datetime
    state: str = "held"


class Shelf(RuleBasedStateMachine):
    """Acts on the counters and keeps a model of them, of carts, and of what orders were promised."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.number = 0
        self.on_hand, self.allocated, self.soft = (dict.fromkeys(KEYS, 0) for _ in range(3))
        self.carts: dict[str, Cart] = {}
        self.promised: list[Claim] = []
        self.gone: list[Claim] = []

    @initialize(pieces=st.integers(2, 9))
    def fill(self, pieces: int) -> None:
        with self.database.transaction() as session:
            for table in TABLES:
                run(session, f"delete from {table}")
            stock(session, {location: dict.fromkeys(SKUS, pieces) for location in ("bj", "sh")}, "ASN-0")
        self.on_hand = dict.fromkeys(KEYS, pieces)

    @rule(key=KEY, pieces=PIECES, cut=CUT)
    def receive(self, key: StockKey, pieces: int, cut: Cut) -> None:
        ref = self._ref("ASN")
        self._do(lambda session: receive(session, BRAND, [(key, pieces)], ref, self.now), cut)
        self.on_hand[key] += pieces

    @rule(key=KEY, delta=st.integers(-5, 5).filter(bool), cut=CUT)
    def adjust(self, key: StockKey, delta: int, cut: Cut) -> None:
        ref = self._ref("count")
        fits = delta >= -self._free(key)

        def correct(session: Session) -> bool:
            adjust(session, "op", BRAND, key, delta, "count", ref, self.now)
            return True

        if self._try(correct, cut, fits=fits):
            self.on_hand[key] += delta

    @rule(wishes=st.dictionaries(st.sampled_from(SKUS), PIECES, min_size=1), cut=CUT)
    def hold(self, wishes: dict[str, int], cut: Cut) -> None:
        ref = self._ref("cart")
        asked = [Wish(sku, pieces) for sku, pieces in wishes.items()]
        expected = self._places_for(wishes)
        held = self._try(lambda s: soft.hold(s, BRAND, "pc", ref, asked, TTL, self.now), cut, fits=expected is not None)
        if held is not None:
            assert {one.key: one.quantity for one in held.claims} == expected
            self.carts[ref] = Cart(wishes, held.claims, self.now + TTL)
            self._move_soft(held.claims, 1)

    @precondition(lambda self: self.carts)
    @rule(choice=st.integers(0), cut=CUT)
    def hold_again(self, choice: int, cut: Cut) -> None:
        ref, cart = self._cart(choice)
        asked = [Wish(sku, pieces) for sku, pieces in cart.wishes.items()]
        held: soft.Held | None = None
        with suppress(Conflict):
            held = self._do(lambda s: soft.hold(s, BRAND, "pc", ref, asked, TTL, self.now), cut)
        assert (held.claims if held else None) == (cart.claims if cart.state == "held" else None)

    @precondition(lambda self: self.carts)
    @rule(choice=st.integers(0), cut=CUT)
    def release_cart(self, choice: int, cut: Cut) -> None:
        ref, cart = self._cart(choice)
        assert self._do(lambda s: soft.release_held(s, "pc", ref, self.now), cut) is (cart.state == "held")
        self._end(cart, "released")

    @rule(minutes=st.integers(1, 12), cut=CUT)
    def expire(self, minutes: int, cut: Cut) -> None:
        self.now += timedelta(minutes=minutes)
        due = [one for one in self.carts.values() if one.state == "held" and one.expires_at <= self.now]
        assert self._do(lambda s: soft.expire_due(s, self.now), cut) == len(due)
        for cart in due:
            self._end(cart, "expired")

    @precondition(lambda self: self.carts)
    @rule(choice=st.integers(0), cut=CUT)
    def pay(self, choice: int, cut: Cut) -> None:
        """An order takes its cart, if that still stands, and reserves the same pieces."""
        ref, cart = self._cart(choice)
        line = self._ref("line")
        claims = [Claim(line, one.key, one.quantity) for one in cart.claims]

        def place(session: Session) -> bool:
            along = soft.take_held(session, {self.number: ("pc", ref)}, self.now)
            acts.reserve(session, claims, self.now, along=along)
            return True

        fits = cart.state == "held" or all(one.quantity <= self._free(one.key) for one in claims)
        if self._try(place, cut, fits=fits):
            self._end(cart, "taken")
            self._promise(claims)

    @rule(wishes=st.dictionaries(KEY, PIECES, min_size=1, max_size=3), cut=CUT)
    def reserve(self, wishes: dict[StockKey, int], cut: Cut) -> None:
        line = self._ref("line")
        claims = [Claim(line, key, pieces) for key, pieces in wishes.items()]
        fits = all(pieces <= self._free(key) for key, pieces in wishes.items())
        if self._try(lambda s: (acts.reserve(s, claims, self.now), True)[1], cut, fits=fits):
            self._promise(claims)

    @precondition(lambda self: self.promised)
    @rule(choice=st.integers(0), leaves=st.booleans(), cut=CUT)
    def end_promise(self, choice: int, leaves: bool, cut: Cut) -> None:  # noqa: FBT001 # hypothesis passes it by name
        one = self.promised.pop(choice % len(self.promised))
        self._do(lambda s: (acts.consume if leaves else acts.release)(s, [one], self.now), cut)
        self.allocated[one.key] -= one.quantity
        if leaves:
            self.on_hand[one.key] -= one.quantity
            self.gone.append(one)

    @precondition(lambda self: self.gone)
    @rule(choice=st.integers(0), cut=CUT)
    def consume_again(self, choice: int, cut: Cut) -> None:
        one = self.gone[choice % len(self.gone)]
        refused = False
        try:
            self._do(lambda s: acts.consume(s, [one], self.now), cut)
        except (Conflict, NoStock):
            refused = True
        assert refused, "what has left was consumed again"

    @invariant()
    def the_ledger_adds_up_and_nothing_is_oversold(self) -> None:
        with self.database.transaction() as session:
            assert drift(session) == []
            assert rows(session, RULES[HELD_RULE]) == []
            found = rows(session, "select * from stock_level")
            shown = promise(session, BRAND, "", SKUS, self.now)
        assert all(
            0 <= one.allocated + one.soft <= one.on_hand + one.backorder_limit + one.short and one.soft >= 0
            for one in found
        )
        seen = {StockKey(one.location, one.sku, one.owner, one.condition): one for one in found}
        for key, one in seen.items():
            model = (self.on_hand[key], self.allocated[key], self.soft[key])
            assert (one.on_hand, one.allocated, one.soft) == model
        for sku, one in shown.items():
            assert one.free == sum(self._free(key) for key in KEYS if key.sku == sku) >= 0

    def _do(self, act: Callable[[Session], Result], cut: Cut) -> Result:
        return act_through(self.database, act, cut)

    def _try(self, act: Callable[[Session], Result], cut: Cut, *, fits: bool) -> Result | None:
        """Do an act that must be refused unless it `fits`."""
        try:
            found = self._do(act, cut)
        except NoStock:
            assert not fits, "refused although there is enough"
            return None
        assert fits, "done although there is too little"
        return found

    def _ref(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.number}"

    def _cart(self, choice: int) -> tuple[str, Cart]:
        return list(self.carts.items())[choice % len(self.carts)]

    def _free(self, key: StockKey) -> int:
        return self.on_hand[key] - self.allocated[key] - self.soft[key]

    def _places_for(self, wishes: Mapping[str, int]) -> Mapping[StockKey, int] | None:
        """Say where a cart must be held: where most is free; None where it cannot be."""
        chosen: Counter[StockKey] = Counter()
        for sku, pieces in wishes.items():
            left = pieces
            for key in sorted((key for key in KEYS if key.sku == sku), key=lambda key: (-self._free(key), key)):
                taken = min(left, self._free(key))
                chosen[key] += taken
                left -= taken
            if left:
                return None
        return {key: pieces for key, pieces in chosen.items() if pieces}

    def _promise(self, claims: list[Claim]) -> None:
        self.promised += claims
        for one in claims:
            self.allocated[one.key] += one.quantity

    def _end(self, cart: Cart, state: str) -> None:
        if cart.state == "held":
            cart.state = state
            self._move_soft(cart.claims, -1)

    def _move_soft(self, claims: tuple[Claim, ...], sign: int) -> None:
        for one in claims:
            self.soft[one.key] += sign * one.quantity
