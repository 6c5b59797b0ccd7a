from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.ledger import StockKey, drift
from hub.inventory.reserve import Claim, release, reserve
from hub.inventory.soft import Wish, hold
from tests.hub.inventory.counting import cases, level, take
from tests.hub.making import AT, BRAND, OWNER, stock

APPLE = StockKey("sh", "apple", OWNER)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 10}})


def promised(session: Session, pieces: int, at: datetime = AT) -> None:
    reserve(session, [Claim("fo:1", APPLE, pieces)], at)


def carts(session: Session) -> dict[str, str]:
    return {one.ref: one.state for one in rows(session, "select ref, state from reservation")}


def test_a_count_below_what_is_promised_is_short_and_calls_a_person(session: Session) -> None:
    promised(session, 8)
    told = take(session, {"apple": 5})
    assert (told.short, level(session, "apple")) == ((APPLE,), (5, 8, 0, 3))
    assert (cases(session), drift(session)) == (["stock_short"], [])


def test_what_is_short_shrinks_as_promises_are_given_back(session: Session) -> None:
    promised(session, 8)
    take(session, {"apple": 5})
    release(session, [Claim("fo:1", APPLE, 8)], AT)
    assert level(session, "apple") == (5, 0, 0, 0)


def test_a_better_count_ends_what_was_short(session: Session) -> None:
    promised(session, 8)
    take(session, {"apple": 5})
    take(session, {"apple": 9}, "R2")
    assert (level(session, "apple"), drift(session)) == ((9, 8, 0, 0), [])


def test_the_newest_carts_let_go_first(session: Session) -> None:
    promised(session, 4)
    for ref in ("old", "new"):
        hold(session, BRAND, "pc", ref, [Wish("apple", 3)], HOUR, AT)
    told = take(session, {"apple": 7})
    assert (told.short, level(session, "apple")) == ((), (7, 4, 3, 0))
    assert (carts(session), cases(session), drift(session)) == ({"old": "held", "new": "expired"}, [], [])


def test_carts_go_before_orders_are_short(session: Session) -> None:
    promised(session, 4)
    hold(session, BRAND, "pc", "cart", [Wish("apple", 3)], HOUR, AT)
    take(session, {"apple": 3})
    assert (carts(session), level(session, "apple"), drift(session)) == ({"cart": "expired"}, (3, 4, 0, 1), [])


def test_a_loss_below_what_is_promised_is_short_as_well(session: Session) -> None:
    promised(session, 8)
    take(session, {"apple": -4}, kind="change")
    assert (level(session, "apple"), cases(session), drift(session)) == ((6, 8, 0, 2), ["stock_short"], [])


def test_the_owners_number_below_our_promises_calls_nobody(session: Session) -> None:
    promised(session, 8)
    run(session, "update stock_level set authority = 'owner'")
    told = take(session, {"apple": 5})
    assert (told.short, level(session, "apple"), cases(session)) == ((), (5, 8, 0, 3), [])


def test_what_may_be_promised_without_stock_is_not_short(session: Session) -> None:
    promised(session, 8)
    run(session, "update stock_level set backorder_limit = 3")
    take(session, {"apple": 5})
    assert (level(session, "apple"), cases(session)) == ((5, 8, 0, 0), [])


Said = st.tuples(st.sampled_from(["count", "change"]), st.integers(-12, 30), st.integers(0, 3))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(Said, max_size=8), allocated=st.integers(0, 6), soft=st.integers(0, 4))
def test_whatever_is_reported_counters_are_their_movements(
    session: Session, said: list[tuple[str, int, int]], allocated: int, soft: int
) -> None:
    with session.begin_nested() as attempt:
        if allocated:
            promised(session, allocated)
        if soft:
            hold(session, BRAND, "pc", "cart", [Wish("apple", soft)], HOUR, AT)
        for no, (kind, pieces, name) in enumerate(said):
            take(session, {"apple": pieces}, f"R{name}", AT - timedelta(minutes=no % 3), kind=kind)
            on_hand, hard, held, short = level(session, "apple")
            assert short == max(0, hard + held - on_hand)
        assert drift(session) == []
        attempt.rollback()
