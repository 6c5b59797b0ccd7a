"""A state machine over one shelf of the real database: no order of acts breaks the ledger or oversells."""

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, rows
from hub.errors import NoStock
from hub.inventory.ledger import StockKey, drift
from hub.inventory.level import free_pieces, receive
from hub.inventory.reserve import Claim, consume, release, reserve
from tests.conftest import RING
from tests.hub.making import AT, BRAND, OWNER, stock
from tests.scale import count

KEYS: Final = tuple(StockKey(location, sku, OWNER) for location in ("sh", "bj") for sku in ("apple", "pear"))
PIECES: Final = st.integers(1, 8)
KEY: Final = st.sampled_from(KEYS)
CLAIMS: Final = st.dictionaries(KEY, PIECES, min_size=1, max_size=3)
Act = Callable[[list[Claim]], None]


class Shelf(RuleBasedStateMachine):
    """Acts on four counters and keeps a model of them; the database's transaction is rolled back at the end."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.database.engine, info={KEYRING: RING})
        self.on_hand = dict.fromkeys(KEYS, 0)
        self.allocated = dict.fromkeys(KEYS, 0)
        self.acts = 0

    @initialize()
    def fill(self) -> None:
        stock(self.session, {location: {"apple": 2, "pear": 2} for location in ("sh", "bj")}, "ASN-0")
        self.on_hand = dict.fromkeys(KEYS, 2)

    @rule(key=KEY, pieces=PIECES)
    def receive(self, key: StockKey, pieces: int) -> None:
        self.acts += 1
        receive(self.session, BRAND, [(key, pieces)], f"ASN-{self.acts}", AT)
        self.on_hand[key] += pieces

    @rule(wishes=CLAIMS)
    def reserve(self, wishes: dict[StockKey, int]) -> None:
        fits = all(self.allocated[key] + pieces <= self.on_hand[key] for key, pieces in wishes.items())
        if self._act(lambda claims: reserve(self.session, claims, AT), wishes, fits=fits):
            self._move(self.allocated, wishes, 1)

    @rule(wishes=CLAIMS)
    def release(self, wishes: dict[StockKey, int]) -> None:
        if self._act(lambda claims: release(self.session, claims, AT), wishes, fits=self._are_allocated(wishes)):
            self._move(self.allocated, wishes, -1)

    @rule(wishes=CLAIMS)
    def consume(self, wishes: dict[StockKey, int]) -> None:
        if self._act(lambda claims: consume(self.session, claims, AT), wishes, fits=self._are_allocated(wishes)):
            self._move(self.allocated, wishes, -1)
            self._move(self.on_hand, wishes, -1)

    @invariant()
    def the_ledger_adds_up_to_the_counters(self) -> None:
        assert drift(self.session) == []

    @invariant()
    def the_counters_are_the_models(self) -> None:
        found = rows(self.session, "select location, sku, owner, condition, on_hand, allocated from stock_level")
        seen = {StockKey(*tuple(one)[:4]): (one.on_hand, one.allocated) for one in found}
        assert all(seen.get(key, (0, 0)) == (self.on_hand[key], self.allocated[key]) for key in KEYS)
        assert all(0 <= allocated <= on_hand for on_hand, allocated in seen.values())

    @invariant()
    def what_is_free_is_what_is_not_promised(self) -> None:
        free = free_pieces(self.session, ["apple", "pear"])
        assert all(pieces == self.on_hand[key] - self.allocated[key] for key in KEYS if (pieces := free.get(key[:2])))

    def teardown(self) -> None:
        self.session.close()

    def _act(self, act: Act, wishes: dict[StockKey, int], *, fits: bool) -> bool:
        self.acts += 1
        claims = [Claim(f"act-{self.acts}", key, pieces) for key, pieces in wishes.items()]
        if not fits:
            with pytest.raises(NoStock), self.session.begin_nested():
                act(claims)
            return False
        act(claims)
        return True

    def _are_allocated(self, wishes: dict[StockKey, int]) -> bool:
        return all(pieces <= self.allocated[key] for key, pieces in wishes.items())

    def _move(self, counter: dict[StockKey, int], wishes: dict[StockKey, int], sign: int) -> None:
        for key, pieces in wishes.items():
            counter[key] += sign * pieces


def test_no_order_of_acts_breaks_the_ledger_or_oversells(scratch: Database) -> None:
    Shelf.database = scratch
    quick = settings(
        max_examples=count(25, 200),
        stateful_step_count=count(20, 30),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Shelf, settings=quick)
