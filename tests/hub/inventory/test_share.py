from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.errors import HubError, NoStock
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.ledger import drift
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, count_sold, list_quotas, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, expire_due, hold, release_held, take_held
from tests.hub.inventory.counting import take
from tests.hub.inventory.test_soft import TTL
from tests.hub.making import AT, BRAND, add_sku, stock
from tests.hub.waiting import until_it_waits

THREADS = 12
CAP, EXCLUSIVE, PERCENTAGE = QuotaMode.CAP, QuotaMode.EXCLUSIVE, QuotaMode.PERCENTAGE


@pytest.fixture
def goods(session: Session) -> Session:
    stock(session, {"sh": {"apple": 60}, "bj": {"apple": 40}})
    return session


def quota(
    session: Session, mode: QuotaMode, amount: int, shop: str = "pc", place: str = "", sku: str = "apple"
) -> None:
    set_quota(session, "op", BRAND, Quota(sku=sku, shop=shop, location=place, mode=mode, amount=amount), AT)


def cart(session: Session, ref: str, pieces: int, shop: str = "pc", sku: str = "apple") -> dict[str, int]:
    """Hold pieces and give how many of them are held where."""
    return {
        one.key.location: one.quantity for one in hold(session, BRAND, shop, ref, [Wish(sku, pieces)], TTL, AT).claims
    }


def free(session: Session, shop: str = "pc") -> int:
    return promise(session, BRAND, shop, ["apple"], AT)["apple"].free


def used(session: Session) -> dict[tuple[str, str], int]:
    return {(one.shop, one.location): one.used for one in list_quotas(session, ["apple"])}


def test_a_cart_has_no_more_than_the_shop_s_cap_and_the_next_what_is_left_of_it(goods: Session) -> None:
    quota(goods, CAP, 12)
    cart(goods, "c1", 8)
    with pytest.raises(NoStock, match="apple x 1 more"):
        cart(goods, "more", 5)
    cart(goods, "c2", 4)
    assert (free(goods), used(goods), drift(goods)) == (0, {("pc", ""): 12}, [])


def test_pieces_that_another_shop_has_for_itself_are_not_held(goods: Session) -> None:
    quota(goods, EXCLUSIVE, 30, "h5")
    with pytest.raises(NoStock):
        cart(goods, "more", 71)
    cart(goods, "c1", 70)
    assert (free(goods, "pc"), free(goods, "h5")) == (0, 30)
    cart(goods, "c2", 30, "h5")
    assert (free(goods, "pc"), free(goods, "h5")) == (0, 0)


def test_what_a_shop_holds_of_its_own_pieces_is_not_taken_off_the_others_twice(goods: Session) -> None:
    quota(goods, EXCLUSIVE, 30, "h5")
    cart(goods, "c1", 10, "h5")
    assert (free(goods, "pc"), free(goods, "h5")) == (70, 90)


def test_a_percentage_is_of_what_is_shared(goods: Session) -> None:
    quota(goods, PERCENTAGE, 33)
    with pytest.raises(NoStock):
        cart(goods, "more", 34)
    assert sum(cart(goods, "c1", 33).values()) == 33


def test_a_quota_of_one_location_limits_what_is_held_there(goods: Session) -> None:
    quota(goods, CAP, 5, place="sh")
    assert cart(goods, "c1", 20) == {"sh": 5, "bj": 15}
    assert cart(goods, "c2", 20) == {"bj": 20}
    assert used(goods) == {("pc", "sh"): 5}


@pytest.mark.parametrize("way", ["release", "expire", "take", "count"])
def test_what_a_cart_lets_go_counts_no_more(goods: Session, way: str) -> None:
    quota(goods, CAP, 50)
    quota(goods, CAP, 50, place="sh")
    cart(goods, "c1", 30)
    assert used(goods) == {("pc", ""): 30, ("pc", "sh"): 30}
    ways: dict[str, Callable[[], object]] = {
        "release": lambda: release_held(goods, "pc", "c1", AT),
        "expire": lambda: expire_due(goods, AT + TTL),
        "take": lambda: count_sold(goods, {}, take_held(goods, {7: ("pc", "c1")}, AT)),
        "count": lambda: take(goods, {"apple": 3}),
    }
    ways[way]()
    assert used(goods) == {("pc", ""): 0, ("pc", "sh"): 0}


def test_a_new_quota_begins_with_what_carts_hold(goods: Session) -> None:
    cart(goods, "c1", 7)
    cart(goods, "c2", 70, "h5")
    quota(goods, CAP, 9)
    quota(goods, EXCLUSIVE, 9, place="sh")
    assert used(goods) == {("pc", ""): 7, ("pc", "sh"): 7}
    release_held(goods, "pc", "c1", AT)
    assert used(goods) == {("pc", ""): 0, ("pc", "sh"): 0}


def test_a_bundle_s_own_quota_limits_a_cart_of_it(goods: Session) -> None:
    add_sku(goods, "box", parts={"apple": 2})
    quota(goods, CAP, 3, sku="box")
    with pytest.raises(NoStock, match="box x 1"):
        cart(goods, "more", 4, sku="box")
    assert sum(cart(goods, "c1", 3, sku="box").values()) == 6


def test_a_flash_sale_honours_quotas_wish_by_wish(goods: Session) -> None:
    heat(goods, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=0), AT)
    quota(goods, EXCLUSIVE, 30, "h5")
    quota(goods, CAP, 50)
    asked = [("pc", 49), ("pc", 2), ("h5", 31), ("app", 21), ("app", 20), ("h5", 1)]
    wishes = [HotWish(BRAND, shop, f"c{no}", f"b{no}", "apple", n) for no, (shop, n) in enumerate(asked)]
    answers = book(goods, "apple", wishes, AT).answers
    told = [one.code if isinstance(one, HubError) else sum(c.quantity for c in one.claims) for one in answers]
    assert told == [49, "no_stock", 31, "no_stock", 20, "no_stock"]
    assert (used(goods), drift(goods)) == ({("h5", ""): 31, ("pc", ""): 49}, [])


def race(database: Database, act: Callable[[Session, int], object]) -> int:
    """Do an act with each of many threads at the same moment; give how many were not refused for want of stock."""
    ready = Barrier(THREADS)

    def one(no: int) -> bool:
        with database.transaction() as session:
            ready.wait()
            try:
                act(session, no)
            except NoStock:
                session.rollback()
                return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, range(THREADS)))


def test_carts_at_once_never_hold_more_than_a_cap(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 20}, "bj": {"apple": 20}, "gz": {"apple": 20}})
    with database.transaction() as session:
        quota(session, CAP, 7)
    assert race(database, lambda session, no: cart(session, f"c{no}", 2)) == 3
    with database.transaction() as session:
        assert (used(session), drift(session)) == ({("pc", ""): 6}, [])


def test_carts_at_several_places_at_once_leave_another_shop_its_pieces(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    with database.transaction() as session:
        quota(session, EXCLUSIVE, 6, "h5")

    def at_one_place(session: Session, no: int) -> None:
        places = ["sh" if no % 2 else "bj"]
        hold(session, BRAND, "pc", f"c{no}", [Wish("apple", 1)], TTL, AT, locations=places)

    assert race(database, at_one_place) == 4
    with database.transaction() as session:
        assert (free(session, "h5"), free(session), drift(session)) == (6, 0, [])


def test_a_cart_waits_for_one_elsewhere_that_is_not_committed_yet(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    with database.transaction() as session:
        quota(session, EXCLUSIVE, 9, "h5")

    def at(place: str, session: Session) -> None:
        hold(session, BRAND, "pc", place, [Wish("apple", 1)], TTL, AT, locations=[place])

    def second() -> None:
        with database.transaction() as session:
            at("bj", session)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            at("sh", session)
            waiting = pool.submit(second)
            until_it_waits(database, waiting)
        with pytest.raises(NoStock):
            waiting.result()


def test_carts_of_several_skus_with_quotas_never_wait_in_a_circle(database: Database) -> None:
    skus = [f"s{no}" for no in range(5)]
    with database.transaction() as session:
        stock(session, {place: dict.fromkeys(skus, 50) for place in ("sh", "bj")})
    with database.transaction() as session:
        for sku in skus:
            for shop, place in (("pc", ""), ("h5", ""), ("pc", "sh")):
                quota(session, CAP, 90, shop, place, sku)

    def many(session: Session, no: int, turn: int) -> None:
        wishes = [Wish(sku, 1) for sku in (skus if no % 2 else reversed(skus))]
        hold(session, BRAND, "pc" if no % 3 else "h5", f"c{no}-{turn}", wishes, TTL, AT)

    assert [race(database, partial(many, turn=turn)) for turn in range(3)] == [THREADS] * 3
    with database.transaction() as session:
        counted = rows(session, "select sum(used)::bigint as n from channel_quota where location = ''")
        assert ([one.n for one in counted], drift(session)) == ([3 * THREADS * len(skus)], [])
