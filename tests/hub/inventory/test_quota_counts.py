"""A quota counts what its shop has sold and holds, whatever becomes of it: the rule of conservation says so."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.quota import Quota, list_quotas, set_quota
from hub.inventory.reconcile import QUOTAS, check_books
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold, release_held
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.change.wanted import WantedLine
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, BRAND, add_sku, confirm, order, placed, stock
from tests.hub.order.changing import want

LATER, LATE = AT + timedelta(minutes=5), AT + timedelta(hours=1)


def share(session: Session, *skus: str) -> None:
    for sku in skus:
        of = Quota(sku=sku, shop="pc", mode=QuotaMode.CAP, amount=90)
        set_quota(session, "op", BRAND, of, AT - timedelta(days=1))


def used(session: Session) -> dict[str, int]:
    return {one.sku: one.used for one in list_quotas(session, ["apple", "pear", "box"])}


@pytest.fixture
def boxes(session: Session) -> Session:
    """Let a shop sell boxes of two apples and a pear, with a quota of each."""
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    share(session, "apple", "pear", "box")
    return session


def test_a_cancelled_bundle_gives_its_own_quota_back(boxes: Session) -> None:
    order_id = placed(boxes, order({"box": 2}))
    assert used(boxes) == {"apple": 4, "pear": 2, "box": 2}
    cancel(boxes, order_id, "mall-pc", "changed my mind", AT)
    assert (used(boxes), check_books(boxes)) == ({"apple": 0, "pear": 0, "box": 0}, [])


def test_a_bundle_that_is_not_paid_in_time_gives_its_own_quota_back(boxes: Session) -> None:
    placed(boxes, order({"box": 2}, paid_at=None))
    assert expire(boxes, {"mall-pc": Terms(timedelta(minutes=30), told=False)}, LATE) == 1
    assert (used(boxes), check_books(boxes)) == ({"apple": 0, "pear": 0, "box": 0}, [])


def test_what_has_left_stays_counted_and_a_cart_that_ended_does_not(boxes: Session) -> None:
    order_id = placed(boxes, order({"box": 1, "apple": 3}))
    hold(boxes, BRAND, "pc", "c1", [Wish("pear", 4)], timedelta(hours=1), AT)
    assert (used(boxes), check_books(boxes)) == ({"apple": 5, "pear": 5, "box": 1}, [])
    record_confirm(boxes, confirm(order_id, 1, {"apple": 5, "pear": 1}), AT)
    release_held(boxes, "pc", "c1", AT)
    assert (used(boxes), check_books(boxes)) == ({"apple": 5, "pear": 1, "box": 1}, [])


@pytest.mark.parametrize("wrong", [1, -1])
def test_a_count_that_went_astray_is_told(boxes: Session, wrong: int) -> None:
    placed(boxes, order({"apple": 3}))
    run(boxes, "update channel_quota set used = used + :wrong where sku = 'apple'", wrong=wrong)
    assert check_books(boxes) == [f"{QUOTAS}: stock:apple at pc counts {3 + wrong}, sold and held 3 to 3"]


@pytest.mark.parametrize(("counts", "told"), [(1, 1), (2, 0), (5, 0), (6, 1)])
def test_of_what_is_older_than_the_quota_what_is_open_counts_and_what_has_left_may(
    session: Session, counts: int, told: int
) -> None:
    stock(session, {"sh": {"apple": 9}})
    first, _ = placed(session, order({"apple": 3}, "T1")), placed(session, order({"apple": 2}, "T2"))
    record_confirm(session, confirm(first, 1, {"apple": 3}), AT)
    set_quota(session, "op", BRAND, Quota(sku="apple", shop="pc", mode=QuotaMode.CAP, amount=9), LATER)
    assert used(session) == {"apple": 2}
    run(session, "update channel_quota set used = :counts", counts=counts)
    assert len(check_books(session)) == told


def test_a_quota_that_is_set_later_counts_no_bundle_that_has_left_with_its_parts(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    order_id = placed(session, order({"box": 3, "pear": 1}))
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 1}, final=False), AT)
    set_quota(session, "op", BRAND, Quota(sku="box", shop="pc", mode=QuotaMode.CAP, amount=9), LATER)
    assert (used(session), check_books(session)) == ({"box": 1}, [])


def test_a_bundle_that_an_order_gets_instead_counts_like_one_that_was_ordered(boxes: Session) -> None:
    order_id = placed(boxes, order({"apple": 3}))
    want(boxes, order_id, WantedLine("L1", 1, "box"))
    assert (used(boxes), check_books(boxes)) == ({"apple": 2, "pear": 1, "box": 1}, [])
