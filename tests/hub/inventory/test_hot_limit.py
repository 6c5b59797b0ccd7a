"""A buyer's limit in a flash sale, whichever way pieces are held: with the crowd, in a plain cart, in a bundle."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, row, run
from hub.errors import Conflict, HubError, Malformed
from hub.inventory.hot import HotWish, Interfered, book
from hub.inventory.hot_sale import Sale, cool, heat
from hub.inventory.ledger import drift
from hub.inventory.soft import Wish, expire_due, hold, release_held
from tests.hub.inventory.test_soft import TTL
from tests.hub.making import AT, BRAND, add_sku, stock

THREADS = 12


def open_sale(session: Session, *skus: str, per_buyer: int = 2) -> None:
    stock(session, {"sh": dict.fromkeys(("apple", "pear", "plum"), 50)})
    add_sku(session, "box", parts={"apple": 2, "plum": 1})
    for sku in skus or ("apple",):
        heat(session, "op", Sale(brand=BRAND, sku=sku, sale="11.11", per_buyer=per_buyer), AT)


def cart(session: Session, ref: str, buyer: str = "a", **pieces: int) -> int:
    """Hold a plain cart and give how many pieces it holds."""
    wishes = [Wish(sku, n) for sku, n in pieces.items()]
    return sum(one.quantity for one in hold(session, BRAND, "pc", ref, wishes, TTL, AT, buyer=buyer).claims)


def refused(session: Session, ref: str, buyer: str = "a", **pieces: int) -> str:
    with pytest.raises((Conflict, Malformed)) as caught:
        cart(session, ref, buyer, **pieces)
    return caught.value.code


def crowd(session: Session, ref: str, buyer: str = "a", quantity: int = 1) -> str:
    [answer] = book(session, "apple", [HotWish(BRAND, "pc", ref, buyer, "apple", quantity)], AT).answers
    return answer.code if isinstance(answer, HubError) else "held"


def test_a_plain_cart_of_a_hot_sku_has_no_more_than_a_buyer_may(session: Session) -> None:
    open_sale(session)
    assert refused(session, "c1", apple=3) == "buyer_limit"
    assert (cart(session, "c2", apple=2), cart(session, "c3", "b", apple=1)) == (2, 1)
    assert (refused(session, "c4", apple=1), drift(session)) == ("buyer_limit", [])


def test_what_a_plain_cart_holds_the_crowd_does_not_sell_the_buyer_again(session: Session) -> None:
    open_sale(session)
    cart(session, "c1", apple=1)
    assert [crowd(session, "c2", quantity=2), crowd(session, "c3"), crowd(session, "c4")] == [
        "buyer_limit",
        "held",
        "buyer_limit",
    ]
    assert refused(session, "c5", apple=1) == "buyer_limit"


def test_a_bundle_with_a_hot_part_counts_its_pieces(session: Session) -> None:
    open_sale(session)
    assert refused(session, "c1", box=2) == "buyer_limit"
    assert (cart(session, "c2", box=1), refused(session, "c3", box=1)) == (3, "buyer_limit")


def test_a_limit_needs_a_buyer_and_one_such_sku_at_a_time(session: Session) -> None:
    open_sale(session, "apple", "pear")
    assert refused(session, "c1", "", apple=1) == "buyer_missing"
    assert refused(session, "c2", apple=1, pear=1) == "hot_alone"
    assert cart(session, "c3", apple=1, plum=5) == 6


def test_a_sale_without_a_limit_asks_nobody_who_they_are(session: Session) -> None:
    open_sale(session, "apple", "pear", per_buyer=0)
    assert cart(session, "c1", "", apple=9, pear=9) == 18


def test_buyers_of_a_sale_without_a_limit_wait_for_nobody_of_another(database: Database) -> None:
    with database.transaction() as session:
        open_sale(session, "apple", "pear", per_buyer=0)
    with database.transaction() as first, database.transaction() as second:
        assert crowd(first, "c1", "") == "held"
        assert cart(second, "c2", "", pear=1) == 1
        run(second, "set local lock_timeout = '1s'")
        [answer] = book(second, "pear", [HotWish(BRAND, "pc", "c3", "", "pear", 1)], AT).answers
        assert not isinstance(answer, HubError)


def test_what_a_cart_lets_go_the_buyer_may_have_again(session: Session) -> None:
    open_sale(session)
    cart(session, "c1", apple=2)
    release_held(session, "pc", "c1", AT)
    cart(session, "c2", apple=2)
    expire_due(session, AT + TTL)
    assert cart(session, "c3", apple=2) == 2


def test_the_same_cart_again_is_the_first_answer_though_the_buyer_has_enough(session: Session) -> None:
    open_sale(session)
    assert (cart(session, "c1", apple=2), cart(session, "c1", apple=2)) == (2, 2)


def test_a_sale_that_is_over_limits_nobody(session: Session) -> None:
    open_sale(session)
    cool(session, "op", BRAND, "apple", AT)
    assert cart(session, "c1", "", apple=9) == 9


def test_one_buyer_in_many_ways_at_once_gets_what_one_buyer_may_have(database: Database) -> None:
    with database.transaction() as session:
        open_sale(session)

    def one(no: int) -> bool:
        try:
            with database.transaction() as session:
                if no % 2:
                    return crowd(session, f"c{no}") == "held"
                return cart(session, f"c{no}", apple=1) == 1
        except Conflict:
            return False
        except Interfered:
            return one(no)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(one, range(THREADS))) == 2
    with database.transaction() as session:
        had = row(session, "select sum(pieces)::bigint as n from hot_buyer")
        assert (had and had.n, drift(session)) == (2, [])
