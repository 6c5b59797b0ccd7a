"""Gifts share stock with what is bought: a sale goes first wherever it is found out, and stand-ins are goods too."""

from datetime import timedelta

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.gift.model import Give
from hub.inventory.soft import Wish, hold
from hub.order.place.batch import Placed
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.policies import draft_policy, publish_policy
from tests.hub.gift.giving import gifts_of, given, put_in_force, verdicts
from tests.hub.gift.test_stock import holds, shelve
from tests.hub.making import AT, BRAND, ZONE, order, place_all, placed, stock


def leave_out_beijing(session: Session, sku: str = "cup") -> None:
    """Put goods where no order of the brand is sent from."""
    stock(session, {"bj": {sku: 9}}, "ASN-2")
    draft_policy(session, SYSTEM, 'version = "a"\nbrand = "demo"\n[eliminate]\nlocations = ["bj"]', POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "a", "tried", AT, revision=1, untried="a test")


def test_a_gift_gives_way_to_a_neighbour_who_bought_the_last_piece(session: Session) -> None:
    shelve(session, cup=1)
    leave_out_beijing(session)
    put_in_force(session, skus=("tea",), first_orders=5)
    place_all(session, order({"tea": 1}, "A"), order({"cup": 1}, "B"))
    assert (given(session), holds(session)) == ((0, 0), [])


def test_only_as_many_gifts_give_way_as_are_bought_and_the_last_does_first(session: Session) -> None:
    shelve(session, cup=2)
    leave_out_beijing(session)
    put_in_force(session, skus=("tea",))
    place_all(session, *[order({"tea": 1}, number) for number in "AB"], order({"cup": 1}, "C"))
    found = rows(session, "select verdict from gift_decision order by order_id")
    assert ([one.verdict for one in found], holds(session)) == (["given", "out_of_stock"], [])


def test_a_gift_gives_way_within_its_own_order(session: Session) -> None:
    shelve(session, cup=1)
    leave_out_beijing(session)
    put_in_force(session, skus=("tea",))
    one = placed(session, order({"tea": 1, "cup": 1}))
    assert (verdicts(session, one), holds(session)) == (["out_of_stock"], [])


def test_a_gift_stays_where_other_goods_are_what_lacks(session: Session) -> None:
    shelve(session, cup=1)
    put_in_force(session, skus=("tea",))
    one, _ = place_all(session, order({"tea": 1}, "A"), order({"mug": 1}, "B"))
    assert isinstance(one, Placed)
    assert (gifts_of(session, one.order_id), holds(session)) == ([("cup", 1)], ["no_source"])


def test_what_stands_in_may_be_ordered_back(session: Session) -> None:
    shelve(session, mug=1)
    run(session, "update stock_level set backorder_limit = 5, allocated = on_hand where sku = 'mug'")
    put_in_force(session, gives=(Give(sku="cup", instead="mug"),), if_out="replace")
    assert gifts_of(session, placed(session, order({"tea": 1}))) == [("mug", 1)]


def test_a_cart_s_own_pieces_take_none_from_its_gift(session: Session) -> None:
    stock(session, {"sh": {"tea": 3}})
    put_in_force(session, gives=(Give(sku="tea"),))
    hold(session, BRAND, "pc", "c1", [Wish("tea", 2)], timedelta(minutes=5), AT.astimezone(ZONE))
    assert gifts_of(session, placed(session, order({"tea": 2}, reservation="c1"))) == [("tea", 1)]


def test_what_another_s_cart_holds_is_no_gift(session: Session) -> None:
    stock(session, {"sh": {"tea": 3}})
    put_in_force(session, gives=(Give(sku="tea"),))
    hold(session, BRAND, "pc", "c1", [Wish("tea", 2)], timedelta(minutes=5), AT.astimezone(ZONE))
    assert verdicts(session, placed(session, order({"tea": 1}))) == ["out_of_stock"]
