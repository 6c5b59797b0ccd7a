"""A gift that would leave alone has a piece of its main item come along, from where both lie."""

import pytest
from sqlalchemy.orm import Session

from hub.gift.model import Give
from hub.order.place.batch import Placed
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.gift.giving import put_in_force, verdicts
from tests.hub.gift.test_travelling import missing, pieces, sent, with_gifts
from tests.hub.making import add_location, add_sku, order, place_all, placed, sources, stock


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    for sku in ("apple", "pear", "cup", "mug"):
        add_sku(session, sku)


@pytest.mark.parametrize("if_out", ["wait", "leave_out"])
def test_a_main_item_leaves_from_where_its_gift_lies(session: Session, if_out: str) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "cup": 9}})
    put_in_force(session, skus=("apple",), if_out=if_out)
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    assert sent(session, order_id) == {"bj": {"apple": 1, "cup": 1}, "sh": {"pear": 1}}
    assert (verdicts(session, order_id), missing(session, order_id)) == (["given"], [])


def test_a_piece_is_enough_of_what_does_not_all_lie_beside_its_gift(session: Session) -> None:
    stock(session, {"sh": {"apple": 3}, "bj": {"apple": 1, "cup": 9}})
    put_in_force(session)
    order_id = placed(session, order({"apple": 3}))
    assert sent(session, order_id) == {"bj": {"apple": 1, "cup": 1}, "sh": {"apple": 2}}


def test_what_leads_a_gift_is_decided_again_as_it_was(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "cup": 9}})
    placed(session, with_gifts("T1", "apple", "*cup", "pear"))
    assert rerun(stored_decisions(session)).counts == {Sameness.SAME: 2}


def test_a_gift_is_not_led_where_another_would_be_left_alone_for_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 1, "mug": 9}, "bj": {"apple": 1, "cup": 9}})
    order_id = placed(session, with_gifts("T1", "apple", "*cup", "*mug"))
    assert pieces(session, order_id) == {"apple": 1, "cup": 1, "mug": 1}
    assert len(sources(session, order_id)) == 2


def test_a_gift_goes_alone_as_before_where_others_took_what_was_to_come_along(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 1, "mug": 1, "cup": 9}})
    orders = (with_gifts("T1", "apple", "*mug"), with_gifts("T2", "apple", "*cup", "pear"))
    first, second = [one.order_id for one in place_all(session, *orders) if isinstance(one, Placed)]
    assert sent(session, first) == {"bj": {"apple": 1, "mug": 1}}
    assert sent(session, second) == {"sh": {"apple": 1, "pear": 1}, "bj": {"cup": 1}}


@pytest.mark.parametrize("if_out", ["wait", "leave_out"])
def test_a_gift_is_led_beside_another_that_must_travel_by_itself(session: Session, if_out: str) -> None:
    add_location(session, "bj", storages=("ambient", "frozen"))
    add_sku(session, "ice", storage="frozen")
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "cup": 9, "ice": 9}})
    put_in_force(session, skus=("apple",), gives=(Give(sku="cup"), Give(sku="ice")), if_out=if_out)
    order_id = placed(session, order({"apple": 1, "pear": 1}))
    assert sent(session, order_id) == {"bj": {"apple": 1, "cup": 1, "ice": 1}, "sh": {"pear": 1}}
    assert (verdicts(session, order_id), missing(session, order_id)) == (["given"], [])


def test_what_one_place_has_together_leaves_it_together(session: Session) -> None:
    shelf = {"apple": 9, "pear": 9}
    stock(session, {"sh": {**shelf, "plum": 9}, "bj": {**shelf, "cup": 9, "mug": 9}})
    order_id = placed(session, with_gifts("T1", "apple", "*cup", "pear", "*mug", "plum"))
    assert sent(session, order_id) == {"bj": {"apple": 1, "cup": 1, "pear": 1, "mug": 1}, "sh": {"plum": 1}}
    assert len(sources(session, order_id)) == 2


def test_a_gift_whose_main_item_lies_elsewhere_goes_along_with_another_that_is_led(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "cup": 9, "mug": 9}})
    order_id = placed(session, with_gifts("T1", "pear", "*mug", "apple", "*cup"))
    assert sent(session, order_id) == {"bj": {"apple": 1, "cup": 1, "mug": 1}, "sh": {"pear": 1}}
    assert len(sources(session, order_id)) == 2


def test_gifts_of_one_main_item_are_led_from_where_each_lies(session: Session) -> None:
    add_location(session, "gz")
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 1, "cup": 9}, "gz": {"apple": 1, "mug": 9}})
    put_in_force(session, skus=("apple",), gives=(Give(sku="cup"), Give(sku="mug")))
    order_id = placed(session, order({"apple": 3}))
    assert sent(session, order_id) == {"bj": {"apple": 1, "cup": 1}, "gz": {"apple": 1, "mug": 1}, "sh": {"apple": 1}}
