from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.asks import told
from hub.database import copy, run
from hub.errors import NoStock
from hub.inventory.free import ask_good, read_free
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.ledger import Shortage, StockKey
from hub.inventory.level import free_pieces
from hub.inventory.promise import promise
from hub.inventory.soft import Held, Wish, hold
from hub.inventory.view import as_of, get_level
from tests.hub.inventory.test_soft import TTL
from tests.hub.making import AT, BRAND, OWNER, stock
from tests.scale import count

TODAY = AT.date()
PLENTY = {"apple": 10_000}


class Pile(NamedTuple):
    """A counter of one location by chance, with how many of its pieces are of a lot that has expired."""

    on_hand: int
    allocated: int
    soft: int
    limit: int
    safety: int
    expired: int
    authority: str
    owner: str
    condition: str
    active: bool


SMALL = st.integers(0, 6)
PILE = st.builds(
    Pile,
    *(st.integers(0, 12), SMALL, SMALL, st.integers(0, 3), st.integers(0, 3), st.sampled_from([0, 0, 1, 4, 14])),
    authority=st.sampled_from(["hub", "hub", "hub", "owner"]),
    owner=st.sampled_from([OWNER, OWNER, OWNER, "OTHER"]),
    condition=st.sampled_from(["saleable", "saleable", "saleable", "damaged"]),
    active=st.sampled_from([True, True, True, False]),
)
PILES = st.fixed_dictionaries({"sh": PILE, "bj": PILE, "gz": PILE})


@pytest.fixture(autouse=True)
def _places(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}, "gz": {"apple": 1}})
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=0), AT)


def lay(session: Session, piles: dict[str, Pile]) -> None:
    """Make counters as they are given: short where they promise more than they may."""
    run(session, "delete from stock_level")
    at = {"at": AT, "brand": BRAND, "sku": "apple"}
    for place, one in piles.items():
        short = max(0, one.allocated + one.soft - one.on_hand - one.limit)
        run(
            session,
            """insert into stock_level (brand, version, created_at, updated_at, location, sku, owner, condition,
                                        on_hand, allocated, soft, safety, incoming, backorder_limit, short, authority)
               values (:brand, 1, :at, :at, :location, :sku, :owner, :condition,
                       :on_hand, :allocated, :soft, :safety, 0, :limit, :short, :authority)""",
            **(at | one._asdict() | {"location": place, "short": short}),
        )
        run(session, "update location set active = :active where code = :code", active=one.active, code=place)
        expire(session, place, one.expired, owner=one.owner, condition=one.condition)


def expire(session: Session, place: str, pieces: int, *, owner: str = OWNER, condition: str = "saleable") -> None:
    """Say that so many apples are of a lot that ends today, besides a good one."""
    columns = ("location", "sku", "owner", "condition", "lot", "on_hand", "expires_on", "counted_at")
    key = (place, "apple", owner, condition)
    lots = [(*key, "old", pieces, TODAY, AT), (*key, "good", 3, TODAY + timedelta(days=1), AT)]
    copy(session, "stock_lot", columns, lots if pieces else [])


def most_held(session: Session, guess: int) -> bool:
    """Say whether a cart may hold so many pieces and not one more."""
    with session.begin_nested() as attempt:
        with pytest.raises(NoStock):
            hold(session, BRAND, "pc", "more", [Wish("apple", guess + 1)], TTL, AT)
        held = guess == 0 or hold(session, BRAND, "pc", "all", [Wish("apple", guess)], TTL, AT).claims
        attempt.rollback()
    return bool(held)


def most_sold(session: Session, guess: int) -> bool:
    """Say whether a flash sale sells so many pieces one by one and not one more."""
    with session.begin_nested() as attempt:
        asked = [HotWish(BRAND, "pc", f"c{no}", f"b{no}", "apple") for no in range(guess + 1)]
        answers = book(session, "apple", asked, AT).answers
        attempt.rollback()
    return sum(isinstance(one, Held) for one in answers) == guess


@settings(max_examples=count(25, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PILES)
def test_orders_carts_sales_and_promises_agree_on_what_can_be_sold(session: Session, piles: dict[str, Pile]) -> None:
    with session.begin_nested() as attempt:
        lay(session, piles)
        found = read_free(session, ["apple"], TODAY)
        orders = free_pieces(session, PLENTY, AT)
        shown = promise(session, BRAND, "pc", ["apple"], AT)["apple"].by_location
        ours = [one for one in found if one.authority == "hub"]
        assert orders == {(one.location, "apple"): one.pieces for one in found}
        kept = {one.location: one.pieces - piles[one.location].safety for one in ours}
        assert {place: shown[place] for place in kept} == {place: max(0, n) for place, n in kept.items()}
        total = sum(max(0, one.pieces) for one in ours)
        assert most_held(session, total)
        assert most_sold(session, total)
        attempt.rollback()


@settings(max_examples=count(25, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PILES)
def test_what_can_be_sold_is_what_the_definition_says(session: Session, piles: dict[str, Pile]) -> None:
    with session.begin_nested() as attempt:
        lay(session, piles)
        found = {one.location: one.pieces for one in read_free(session, ["apple"], TODAY)}
        sold = {
            place: max(0, one.on_hand - one.expired)
            + max(one.limit, one.allocated + one.soft - one.on_hand)  # what is short covers what is promised already
            - one.allocated
            - one.soft
            for place, one in piles.items()
            if one.active and (one.owner, one.condition) == (OWNER, "saleable")
        }
        assert found == sold
        attempt.rollback()


def test_goods_that_are_there_are_sold_before_back_orders(session: Session) -> None:
    stock(session, {"bj": {"apple": 4}}, "ASN-2")
    run(session, "update stock_level set backorder_limit = 9 where location = 'sh'")
    places = [("sh", "apple"), ("bj", "apple"), ("gz", "apple")]
    assert [free_pieces(session, {"apple": 7}, AT)[place] for place in places] == [1, 5, 1]
    assert [free_pieces(session, {"apple": 8}, AT)[place] for place in places] == [10, 5, 1]


def test_the_stock_page_promises_what_shops_are_told(session: Session) -> None:
    stock(session, {"sh": {"apple": 6}}, "ASN-2")
    expire(session, "sh", 2)
    run(session, "update stock_level set safety = 1 where location = 'sh'")
    (one,) = as_of(session, [get_level(session, None, StockKey("sh", "apple", OWNER))], AT)
    shown = promise(session, BRAND, "pc", ["apple"], AT)["apple"].by_location["sh"]
    assert (one.expired, one.promised, shown) == (2, 4, 4)


def test_whoever_took_the_last_good_pieces_first_keeps_them(session: Session) -> None:
    key = StockKey("sh", "apple", OWNER)
    told(session, ask_good([key], TODAY))
    expire(session, "sh", 1)
    told(session, ask_good([key], TODAY))
    run(session, "update stock_level set soft = 1 where location = 'sh'")
    with pytest.raises(Shortage):
        told(session, ask_good([key], TODAY))
    told(session, ask_good([key._replace(location="bj")], TODAY))
