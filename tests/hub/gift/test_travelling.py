"""A gift leaves with what was bought: it waits for a main item without a source, and never goes on its own."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.gift.model import Give
from hub.order.holds.restocked import source_restocked
from hub.order.lock import lock_order
from hub.order.model import ShopOrder
from hub.order.place.batch import Placed
from hub.order.rest import source_rest
from hub.order.rules.policy import POLICY
from tests.hub.gift.giving import gifts_of, given, put_in_force, verdicts
from tests.hub.making import AT, ZONE, add_sku, order, place_all, placed, stock

MISSING = "select evidence -> 'missing' as missing from order_hold where order_id = :id and released_at is null"
LATER = (AT + timedelta(hours=1)).astimezone(ZONE)


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    for sku in ("apple", "pear", "cup", "mug"):
        add_sku(session, sku)


def sent(session: Session, order_id: int) -> dict[str, dict[str, int]]:
    """Give the pieces that were given to each location."""
    found = rows(
        session,
        """select f.location, jsonb_object_agg(p.sku, p.quantity) as pieces
           from fulfilment_order f join fulfilment_line p using (order_id, no) where f.order_id = :id group by 1""",
        id=order_id,
    )
    return {one.location: one.pieces for one in found}


def pieces(session: Session, order_id: int) -> dict[str, int]:
    """Give the pieces that were given to any location."""
    given = sum((Counter(one) for one in sent(session, order_id).values()), Counter[str]())
    return dict(given)


def missing(session: Session, order_id: int) -> list[dict[str, int]]:
    """Give what the order's open holds say that nobody has."""
    return [one.missing for one in rows(session, MISSING, id=order_id)]


def with_cup(**pieces: int) -> ShopOrder:
    """Make an order in which the channel gives a cup with what is bought."""
    one = order({**pieces, "cup": 1})
    lines = [line.model_copy(update={"gift": line.channel_sku == "cup"}) for line in one.order.lines]
    return replace(one, order=one.order.model_copy(update={"lines": tuple(lines)}))


def with_gifts(external_id: str, *skus: str) -> ShopOrder:
    """Make an order of one piece a line, of which the channel gives those with a star."""
    one = order({str(no): 1 for no in range(len(skus))}, external_id)
    lines = [
        line.model_copy(update={"channel_sku": sku.strip("*"), "gift": sku.startswith("*")})
        for line, sku in zip(one.order.lines, skus, strict=True)
    ]
    return replace(one, order=one.order.model_copy(update={"lines": tuple(lines)}))


def test_a_gift_that_lies_elsewhere_is_left_out_and_takes_nobody_s_place(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"cup": 9}})
    put_in_force(session, first_orders=1)
    order_id = placed(session, order({"apple": 2}))
    assert (sent(session, order_id), verdicts(session, order_id)) == ({"sh": {"apple": 2}}, ["out_of_stock"])
    assert given(session) == (0, 0)


def test_what_lies_beside_the_main_item_stands_in_for_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "mug": 9}, "bj": {"cup": 9}})
    put_in_force(session, gives=(Give(sku="cup", instead="mug"),), if_out="replace")
    assert sent(session, placed(session, order({"apple": 2}))) == {"sh": {"apple": 2, "mug": 1}}


def test_a_gift_goes_with_anything_that_was_bought_from_where_it_lies(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"pear": 9, "cup": 9}})
    put_in_force(session)
    order_id = placed(session, order({"apple": 2, "pear": 1}))
    assert sent(session, order_id) == {"sh": {"apple": 2}, "bj": {"pear": 1, "cup": 1}}


@pytest.mark.parametrize("changes", [{"if_out": "wait"}, {}])
def test_a_gift_waits_with_a_main_item_that_has_no_source_and_leaves_with_it(
    session: Session, changes: dict[str, Any]
) -> None:
    stock(session, {"sh": {"cup": 9}, "bj": {"pear": 9}})
    put_in_force(session, **changes)
    order_id = placed(session, order({"apple": 2}))
    assert (sent(session, order_id), gifts_of(session, order_id)) == ({}, [("cup", 1)])
    source_rest(session, lock_order(session, order_id), POLICY, LATER)
    assert missing(session, order_id) == [{"apple": 2}]
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    source_restocked(session, LATER)
    assert sent(session, order_id) == {"sh": {"apple": 2, "cup": 1}}


def test_a_gift_of_goods_that_have_left_in_part_goes_as_soon_as_it_is_there(session: Session) -> None:
    stock(session, {"sh": {"apple": 2}})
    put_in_force(session, if_out="wait")
    order_id = placed(session, order({"apple": 3}))
    assert (sent(session, order_id), missing(session, order_id)) == ({"sh": {"apple": 2}}, [{"apple": 1, "cup": 1}])
    stock(session, {"bj": {"cup": 9}}, "ASN-2")
    source_restocked(session, LATER)
    assert sent(session, order_id) == {"sh": {"apple": 2}, "bj": {"cup": 1}}
    assert missing(session, order_id) == [{"apple": 1}]


def test_a_gift_of_what_has_left_does_not_wait_for_something_else(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    put_in_force(session, if_out="wait")
    order_id = placed(session, order({"apple": 2, "pear": 1}))
    assert missing(session, order_id) == [{"pear": 1, "cup": 1}]
    stock(session, {"sh": {"cup": 9}}, "ASN-2")
    source_restocked(session, LATER)
    assert pieces(session, order_id) == {"apple": 2, "cup": 1}
    assert missing(session, order_id) == [{"pear": 1}]


def test_a_gift_for_what_is_never_sent_goes_with_the_item_before_it(session: Session) -> None:
    add_sku(session, "card", storage="none")
    stock(session, {"sh": {"cup": 9}})
    put_in_force(session, skus=("card",), if_out="wait")
    order_id = placed(session, order({"pear": 1, "card": 1}))
    source_rest(session, lock_order(session, order_id), POLICY, LATER)
    assert (gifts_of(session, order_id), missing(session, order_id)) == ([("cup", 1)], [{"pear": 1}])


def test_a_channel_s_gift_goes_with_the_item_before_it_though_that_has_left(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    one = with_cup(pear=1, apple=2)
    order_id = placed(session, one)
    assert missing(session, order_id) == [{"pear": 1, "cup": 1}]
    stock(session, {"sh": {"cup": 9}}, "ASN-2")
    source_restocked(session, LATER)
    assert (pieces(session, order_id), missing(session, order_id)) == ({"apple": 2, "cup": 1}, [{"pear": 1}])


def test_a_channel_s_gift_waits_too_and_others_may_have_what_it_would_have_taken(session: Session) -> None:
    stock(session, {"sh": {"cup": 1, "pear": 1}})
    first, second = placed(session, with_cup(pear=1, apple=2)), placed(session, order({"cup": 1}, "T2"))
    assert sent(session, first) == {"sh": {"pear": 1}}
    assert sent(session, second) == {"sh": {"cup": 1}}


def test_a_channel_s_gift_waits_with_the_parts_of_the_bundle_before_it(session: Session) -> None:
    add_sku(session, "set", parts={"apple": 1, "pear": 1})
    stock(session, {"sh": {"cup": 9}})
    order_id = placed(session, with_gifts("T1", "set", "*cup"))
    assert (pieces(session, order_id), missing(session, order_id)) == ({}, [{"apple": 1, "pear": 1}])
    stock(session, {"sh": {"apple": 1, "pear": 1}}, "ASN-2")
    source_restocked(session, LATER)
    assert (pieces(session, order_id), missing(session, order_id)) == ({"apple": 1, "pear": 1, "cup": 1}, [])


def test_parts_of_a_gift_go_with_what_was_bought_before_it(session: Session) -> None:
    add_sku(session, "set", parts={"cup": 1, "mug": 1})
    stock(session, {"sh": {"cup": 9, "mug": 9, "apple": 9}})
    order_id = placed(session, with_gifts("T1", "pear", "*set", "apple"))
    assert (pieces(session, order_id), missing(session, order_id)) == ({"apple": 1}, [{"pear": 1}])


def test_a_gift_that_was_promised_goes_on_its_own_where_nothing_else_can_be(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"cup": 9}})
    put_in_force(session, if_out="wait")
    assert sent(session, placed(session, order({"apple": 2}))) == {"sh": {"apple": 2}, "bj": {"cup": 1}}


@pytest.mark.parametrize("together", [True, False])
def test_a_gift_goes_with_what_is_found_once_another_gift_leaves_it(session: Session, *, together: bool) -> None:
    stock(session, {"sh": {"apple": 1, "mug": 5}})
    lines = ("pear", "*apple", "apple", "*mug")
    orders = [with_gifts("T1", *lines)] if together else [with_gifts("T1", *lines[:2]), with_gifts("T2", *lines[2:])]
    order_ids = [one.order_id for one in place_all(session, *orders) if isinstance(one, Placed)]
    assert pieces(session, order_ids[-1]) == {"apple": 1, "mug": 1}
    assert [told for order_id in order_ids for told in missing(session, order_id)] == [{"pear": 1}]
