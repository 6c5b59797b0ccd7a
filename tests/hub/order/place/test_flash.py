"""Orders that name no cart, for what is in a flash sale: they count for their buyer, and wait beyond the limit."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict
from hub.inventory.ended import prune
from hub.inventory.hot_sale import Sale, heat, list_sales
from hub.inventory.ledger import drift
from hub.inventory.soft import Wish, expire_due, hold, release_held
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.change.pay import pay
from hub.order.change.wanted import WantedLine
from hub.order.holds.resume import release_holds
from hub.order.model import Buyer, ShopOrder
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, add_sku, order, place_all, placed, stock
from tests.hub.order.changing import cut, want

TTL = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def sale(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "pear": 50}})
    add_sku(session, "box", parts={"apple": 2})
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=2), AT)


def bought(external_id: str, pieces: dict[str, int], buyer: str = "a", **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field
    return order(pieces, external_id, buyer=Buyer(ref=buyer, nick="买家"), **changes)


def cart(session: Session, ref: str, pieces: int, buyer: str = "a") -> None:
    hold(session, BRAND, "pc", ref, [Wish("apple", pieces)], TTL, AT, buyer=buyer)


def held(session: Session) -> list[tuple[str, dict[str, Any]]]:
    found = rows(session, "select rule, evidence from order_hold where released_at is null order by order_id, no")
    return [(one.rule, one.evidence) for one in found if one.rule == "flash_sale_limit"]


def allocated(session: Session, order_id: int) -> int:
    [one] = rows(
        session, "select coalesce(sum(allocated), 0)::int as n from order_line where order_id = :id", id=order_id
    )
    return int(one.n)


def test_an_order_beyond_the_limit_waits_by_name_for_a_person_and_is_not_lost(session: Session) -> None:
    first = placed(session, bought("T1", {"apple": 2}))
    second = placed(session, bought("T2", {"apple": 1}))
    assert (allocated(session, first), allocated(session, second)) == (2, 0)
    told = {"sku": "apple", "sale": "11.11", "limit": 2, "had": 2, "wants": 1}
    assert held(session) == [("flash_sale_limit", told)]
    release_holds(session, second, SYSTEM, "a friend of the house", AT)
    assert (allocated(session, second), held(session), drift(session)) == (1, [], [])


def test_orders_of_one_batch_count_one_after_the_other(session: Session) -> None:
    orders = [bought("T1", {"apple": 1}), bought("T2", {"apple": 1, "pear": 3}), bought("T3", {"apple": 1})]
    place_all(session, *orders, bought("T4", {"apple": 2}, "b"), bought("T5", {"pear": 9}))
    assert [seen["had"] for _, seen in held(session)] == [2]


def test_parts_of_bundles_count(session: Session) -> None:
    placed(session, bought("T1", {"box": 1, "apple": 1}))
    assert [(seen["had"], seen["wants"]) for _, seen in held(session)] == [(0, 3)]


def test_what_an_order_took_a_cart_does_not_get_again_until_it_is_cancelled(session: Session) -> None:
    first = placed(session, bought("T1", {"apple": 2}))
    with pytest.raises(Conflict, match="2 at most"):
        cart(session, "c1", 1)
    assert [(one.buyers, one.pieces) for one in list_sales(session, None, AT)] == [(1, 2)]
    cancel(session, first, "mall-pc", "changed my mind", AT)
    cart(session, "c2", 2)


def test_an_order_that_names_its_cart_is_counted_once(session: Session) -> None:
    cart(session, "c1", 2)
    placed(session, bought("T1", {"apple": 2}, reservation="c1"))
    assert held(session) == []
    cart(session, "c2", 1, "b")
    placed(session, bought("T2", {"apple": 3}, "b", reservation="c2"))
    assert [(seen["had"], seen["wants"]) for _, seen in held(session)] == [(1, 2)]


def test_what_a_marketplace_has_sold_is_a_fact(session: Session) -> None:
    placed(session, replace(bought("T1", {"apple": 9}), platform="TB"))
    assert (held(session), list_sales(session, None, AT)[0].pieces) == ([], 0)


def test_a_sale_without_a_limit_holds_nobody(session: Session) -> None:
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=0), AT)
    placed(session, bought("T1", {"apple": 9}))
    assert held(session) == []


def counted(session: Session) -> int:
    return list_sales(session, None, AT)[0].pieces


def test_what_is_cancelled_of_an_order_its_buyer_may_have_again_to_the_piece(session: Session) -> None:
    first = placed(session, bought("T1", {"apple": 2, "pear": 1}))
    cut(session, first, L2=1)
    assert counted(session) == 2
    cut(session, first, L1=1)
    assert counted(session) == 1
    cart(session, "c1", 1)
    with pytest.raises(Conflict, match="2 at most"):
        cart(session, "c2", 1)


def test_what_is_cancelled_of_a_cart_that_an_order_took_is_given_back_too(session: Session) -> None:
    cart(session, "c1", 2)
    first = placed(session, bought("T1", {"apple": 2}, reservation="c1"))
    cut(session, first, L1=1)
    assert counted(session) == 1
    cancel(session, first, "mall-pc", "changed my mind", AT)
    assert counted(session) == 0
    cart(session, "c2", 2)


def test_of_an_order_and_its_cart_what_is_left_counts(session: Session) -> None:
    cart(session, "c1", 1)
    placed(session, bought("T1", {"apple": 3}, reservation="c1"))
    [first] = [one.id for one in rows(session, "select id from sales_order")]
    assert counted(session) == 3
    release_holds(session, first, SYSTEM, "a friend of the house", AT)
    cut(session, first, L1=1)
    assert counted(session) == 2
    cut(session, first, L1=1)
    assert counted(session) == 1


def test_a_part_of_a_bundle_is_given_back(session: Session) -> None:
    first = placed(session, bought("T1", {"box": 1}))
    cancel(session, first, "mall-pc", "changed my mind", AT)
    assert counted(session) == 0


def test_an_order_that_is_not_paid_in_time_gives_back(session: Session) -> None:
    placed(session, bought("T1", {"apple": 2}, paid_at=None))
    assert counted(session) == 2
    expire(session, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, AT + timedelta(days=1))
    assert counted(session) == 0


def test_carts_that_are_forgotten_leave_what_orders_took_and_nothing_else(session: Session) -> None:
    cart(session, "c1", 1)
    first = placed(session, bought("T1", {"apple": 2}, reservation="c1"))
    cart(session, "c2", 2, "b")
    release_held(session, "pc", "c2", AT)
    later = AT + timedelta(days=9)
    assert (prune(session, later), counted(session)) == (2, 2)
    cut(session, first, L1=1)
    assert counted(session) == 1


def test_what_is_cancelled_before_it_is_paid_counts_no_more_of_its_cart(session: Session) -> None:
    cart(session, "c1", 2)
    first = placed(session, bought("T1", {"apple": 2}, reservation="c1", paid_at=None))
    cut(session, first, L1=1)
    assert counted(session) == 1
    pay(session, first, "mall-pc", AT, AT)
    assert (allocated(session, first), counted(session)) == (1, 1)


def test_a_cart_that_expires_while_its_order_waits_to_be_paid_still_counts(session: Session) -> None:
    cart(session, "c1", 2)
    first = placed(session, bought("T1", {"apple": 2}, reservation="c1", paid_at=None))
    cart(session, "c2", 2, "b")
    expire_due(session, AT + TTL)
    assert counted(session) == 2
    with pytest.raises(Conflict, match="2 at most"):
        cart(session, "c3", 1)
    prune(session, AT + timedelta(days=9))
    pay(session, first, "mall-pc", AT + TTL, AT + TTL)
    assert (allocated(session, first), counted(session)) == (2, 2)


def test_an_order_that_is_closed_behind_its_cart_gives_back(session: Session) -> None:
    cart(session, "c1", 2)
    placed(session, bought("T1", {"apple": 2}, reservation="c1", paid_at=None))
    expire_due(session, AT + TTL)
    expire(session, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, AT + timedelta(days=1))
    assert counted(session) == 0


def test_a_cart_that_two_orders_name_is_counted_for_one(session: Session) -> None:
    cart(session, "c1", 2)
    place_all(session, *(bought(name, {"apple": 2}, reservation="c1") for name in ("T1", "T2")))
    assert [(seen["had"], seen["wants"]) for _, seen in held(session)] == [(2, 2)]


def test_a_cart_is_the_first_ones_that_names_it_though_that_waits_to_be_paid(session: Session) -> None:
    cart(session, "c1", 2)
    waiting = bought("T1", {"apple": 2}, reservation="c1", paid_at=None)
    place_all(session, waiting, bought("T2", {"apple": 2}, "b", reservation="c1"))
    first = rows(session, "select min(id) as id from sales_order")[0].id
    assert counted(session) == 4
    cancel(session, first, "mall-pc", "changed my mind", AT)
    assert counted(session) == 2


def test_a_cart_that_waits_with_its_order_is_taken_by_no_other(session: Session) -> None:
    cart(session, "c1", 2)
    first = placed(session, bought("T1", {"apple": 2}, reservation="c1", paid_at=None))
    placed(session, bought("T2", {"apple": 2}, reservation="c1"))
    assert [(seen["had"], seen["wants"]) for _, seen in held(session)] == [(2, 2)]
    placed(session, replace(bought("T3", {"apple": 48}, "b", reservation="c1"), platform="TB"))
    pay(session, first, "mall-pc", AT, AT)
    assert (allocated(session, first), drift(session)) == (2, [])


def test_a_cart_that_is_let_go_while_its_order_waits_to_be_paid_still_counts(session: Session) -> None:
    cart(session, "c1", 2)
    first = placed(session, bought("T1", {"apple": 2}, reservation="c1", paid_at=None))
    release_held(session, "pc", "c1", AT)
    with pytest.raises(Conflict, match="2 at most"):
        cart(session, "c2", 1)
    pay(session, first, "mall-pc", AT, AT)
    assert counted(session) == 2
    cancel(session, first, "mall-pc", "changed my mind", AT)
    assert counted(session) == 0


def test_what_a_change_adds_counts_for_its_buyer_until_it_is_cancelled(session: Session) -> None:
    first = placed(session, bought("T1", {"apple": 1, "pear": 1}))
    want(session, first, WantedLine("L1", 2))
    want(session, first, WantedLine("L2", 3))
    assert counted(session) == 2
    with pytest.raises(Conflict, match="2 at most"):
        cart(session, "c1", 1)
    want(session, first, WantedLine("L1", 1))
    assert counted(session) == 1
    other = placed(session, bought("T2", {"pear": 1}, "b"))
    want(session, other, WantedLine("L1", 2, "apple"))
    assert counted(session) == 3


def test_what_a_change_adds_to_a_marketplace_s_order_is_not_counted(session: Session) -> None:
    first = placed(session, replace(bought("T1", {"apple": 1}), platform="TB"))
    want(session, first, WantedLine("L1", 2))
    assert counted(session) == 0
