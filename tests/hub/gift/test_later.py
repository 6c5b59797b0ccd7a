"""Gifts that run out while their order waits follow their strategy's wish when it is let go."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import rows
from hub.gift.model import Give
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.order.change.cancel import cancel
from hub.order.change.pay import pay
from hub.order.holds.repair import release_orders
from hub.order.holds.resume import release_holds
from hub.roles import SYSTEM
from tests.hub.gift.giving import given, put_in_force, verdicts
from tests.hub.gift.test_stock import holds, shelve
from tests.hub.making import AT, BRAND, ZONE, add_sku, order, place_all, placed, see, stock

LATER = (AT + timedelta(hours=1)).astimezone(ZONE)
INSTEAD: dict[str, Any] = {"gives": (Give(sku="cup", instead="mug"),), "if_out": "replace"}


def waiting(session: Session, *, pieces: int = 1, **strategy: Any) -> int:  # noqa: ANN401 # any field of a strategy
    """Place an order that waits for money, and let another buy the cups that it was to be given."""
    shelve(session, cup=pieces)
    put_in_force(session, skus=("tea",), **strategy)
    order_id = placed(session, order({"tea": 3}, "waits", paid_at=None))
    placed(session, order({"cup": pieces}, "buys"))
    return order_id


def left(session: Session, order_id: int) -> Sequence[tuple[str, int, int]]:
    """Give SKU, pieces given to a location and pieces cancelled of an order's gifts."""
    found = rows(
        session,
        "select sku, allocated, cancelled from order_line where order_id = :id and kind = 'gift' order by line_no",
        id=order_id,
    )
    return [(one.sku, one.allocated, one.cancelled) for one in found]


def test_it_is_left_out_and_what_was_counted_is_free_again(session: Session) -> None:
    order_id = waiting(session, first_orders=5, once_per_member=True)
    assert given(session) == (1, 1)
    release_holds(session, order_id, SYSTEM, "paid", LATER)
    assert (left(session, order_id), holds(session), verdicts(session, order_id)) == (
        [("cup", 0, 1)],
        [],
        ["out_of_stock"],
    )
    assert (given(session), rows(session, "select 1 from gift_member")) == ((0, 0), [])
    [told] = rows(session, "select detail from audit_entry where act = 'order.gift_settled'")
    assert told.detail == {"strategy": "spring", "verdict": "out_of_stock", "times": 0}


def test_what_stands_in_is_given_instead(session: Session) -> None:
    order_id = waiting(session, **INSTEAD)
    stock(session, {"sh": {"mug": 1}}, "ASN-2")
    pay(session, order_id, "shop", AT, LATER)
    assert (left(session, order_id), holds(session)) == ([("mug", 1, 0)], [])
    [line] = [one for one in see(session, order_id).lines if one.kind == "gift"]
    assert (line.sku, verdicts(session, order_id)) == ("mug", ["given"])


def test_where_that_has_run_out_as_well_nothing_is(session: Session) -> None:
    order_id = waiting(session, **INSTEAD)
    pay(session, order_id, "shop", AT, LATER)
    assert ([one[1:] for one in left(session, order_id)], holds(session)) == ([(0, 1)], [])
    assert verdicts(session, order_id) == ["out_of_stock"]


def test_a_strategy_that_waits_is_waited_for(session: Session) -> None:
    order_id = waiting(session, if_out="wait")
    pay(session, order_id, "shop", AT, LATER)
    assert (left(session, order_id), holds(session)) == ([("cup", 0, 0)], ["no_source"])


def test_it_is_given_less_often_where_some_are_left(session: Session) -> None:
    shelve(session, cup=7)
    put_in_force(session, skus=("tea",), gives=(Give(sku="cup", pieces=2),), min_pieces=1, most_times=9, most_pieces=20)
    order_id = placed(session, order({"tea": 3}, "waits", paid_at=None))
    placed(session, order({"cup": 4}, "buys"))
    pay(session, order_id, "shop", AT, LATER)
    assert (left(session, order_id), holds(session), given(session)) == ([("cup", 2, 4)], [], (1, 2))


def test_a_gift_that_is_still_there_is_given_as_it_was(session: Session) -> None:
    shelve(session, cup=1)
    put_in_force(session)
    order_id = placed(session, order({"tea": 3}, paid_at=None))
    pay(session, order_id, "shop", AT, LATER)
    assert (left(session, order_id), verdicts(session, order_id)) == ([("cup", 1, 0)], ["given"])
    assert not rows(session, "select 1 from audit_entry where act = 'order.gift_settled'")


def test_a_gift_of_value_is_waited_for_because_its_share_of_the_money_was_told(session: Session) -> None:
    order_id = waiting(session, gives=(Give(sku="cup", value_fen=900),))
    before = see(session, order_id)
    pay(session, order_id, "shop", AT, LATER)
    assert (left(session, order_id), holds(session)) == ([("cup", 0, 0)], ["no_source"])
    assert see(session, order_id).total == before.total


@pytest.mark.parametrize("instead", [{}, INSTEAD], ids=["left out", "replaced"])
def test_the_quota_of_its_shop_is_counted_as_it_is_sent(session: Session, instead: dict[str, Any]) -> None:
    order_id = waiting(session, **instead)
    stock(session, {"sh": {"mug": 9}}, "ASN-2")
    for sku in ("cup", "mug"):
        set_quota(session, "op", BRAND, Quota(sku=sku, shop="pc", mode=QuotaMode.CAP, amount=5), AT)
    before = promise(session, BRAND, "pc", ["mug"], AT)["mug"].free
    pay(session, order_id, "shop", AT, LATER)
    assert promise(session, BRAND, "pc", ["mug"], AT)["mug"].free == before - (1 if instead else 0)


def test_many_that_are_let_go_together_share_what_is_left(session: Session) -> None:
    shelve(session, cup=3)
    put_in_force(session, skus=("tea",), first_orders=9)
    waits = [placed(session, order({"tea": 1}, f"W{no}", paid_at=None)) for no in range(3)]
    place_all(session, order({"cup": 2}, "buys"))
    assert release_orders(session, SYSTEM, waits, "paid", LATER) == 3
    assert [verdicts(session, one)[0] for one in waits] == ["given", "out_of_stock", "out_of_stock"]
    assert (given(session), holds(session)) == ((1, 1), [])


def test_cancelling_what_was_settled_gives_nothing_back_twice(session: Session) -> None:
    order_id = waiting(session, first_orders=5)
    pay(session, order_id, "shop", AT, LATER)
    cancel(session, order_id, "mall-pc", "changed my mind", LATER)
    assert (given(session), see(session, order_id).lifecycle) == ((0, 0), "cancelled")


def test_an_order_of_which_only_its_gift_was_open_is_over_when_that_is_left_out(session: Session) -> None:
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    shelve(session, cup=1)
    put_in_force(session, skus=("card",))
    order_id = placed(session, order({"card": 1}, "waits", paid_at=None))
    placed(session, order({"cup": 1}, "buys"))
    assert pay(session, order_id, "shop", AT, LATER) == "closed"
    assert (left(session, order_id), holds(session)) == ([("cup", 0, 1)], [])


def test_a_gift_that_waits_with_its_line_is_not_settled_yet(session: Session) -> None:
    shelve(session, cup=1, pear=1)
    put_in_force(session, skus=("tea",))
    one = order({"tea": 3, "pear": 1}, "waits", paid_at=None)
    tea, pear = one.order.lines
    asked = (tea.model_copy(update={"refund_requested": True}), pear)
    order_id = placed(session, replace(one, order=one.order.model_copy(update={"lines": asked})))
    placed(session, order({"cup": 1}, "buys"))
    pay(session, order_id, "shop", AT, LATER)
    assert (left(session, order_id), verdicts(session, order_id)) == ([("cup", 0, 0)], ["given"])
    assert set(holds(session)) == {"refund_asked"}
