"""Gifts of an order that is cancelled after its location was asked are given back, and locked before any stock."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, rows, run
from hub.fulfilment.model import CancelAnswer
from hub.order.change.cancel import cancel
from hub.order.model import Buyer
from hub.order.ship.merged import mark_all_submitted
from hub.order.ship.together import book_cancel_answer, book_confirm, book_report
from tests.conftest import RING
from tests.hub.gift.giving import given, put_in_force, verdicts
from tests.hub.making import AT, confirm, order, placed, rejection, see, stock
from tests.hub.merge.merging import close, merging, releases
from tests.hub.order.changing import send

News = Callable[[Session, int], object]


def stopped(session: Session, order_id: int) -> None:
    book_cancel_answer(session, order_id, 1, CancelAnswer(stopped=True), AT)


def rejected(session: Session, order_id: int) -> None:
    book_report(session, rejection(order_id, 1), AT)


def found_empty(session: Session, order_id: int) -> None:
    book_confirm(session, confirm(order_id, 1, {}), AT)


NEWS = pytest.mark.parametrize("news", [stopped, rejected, found_empty])


def sold(session: Session, *numbers: str) -> list[int]:
    """Place orders of one buyer, and have their location take them over."""
    stock(session, {"sh": {"tea": 9, "cup": 9}})
    put_in_force(session, first_orders=2)
    put_in_force(session, "member", once_per_member=True)
    ids = [placed(session, order({"tea": n}, number, buyer=Buyer(ref="one"))) for n, number in enumerate(numbers, 1)]
    send(session, ids[0])
    return ids


@NEWS
def test_an_order_that_ends_after_its_location_was_asked_gives_its_gifts_back(session: Session, news: News) -> None:
    (order_id,) = sold(session, "A")
    cancel(session, order_id, "tester", "wish", AT)
    assert given(session) == (1, 1)
    news(session, order_id)
    assert (see(session, order_id).lifecycle, given(session)) == ("cancelled", (0, 0))
    again = placed(session, order({"tea": 1}, "B", buyer=Buyer(ref="one")))
    assert sorted(verdicts(session, again)) == ["given", "given"]


def test_what_leaves_all_the_same_keeps_its_gifts(session: Session) -> None:
    (order_id,) = sold(session, "A")
    cancel(session, order_id, "tester", "wish", AT)
    book_confirm(session, confirm(order_id, 1, {"tea": 1, "cup": 2}), AT)
    assert (see(session, order_id).lifecycle, given(session)) == ("completed", (1, 1))


def test_a_gift_that_was_stopped_is_given_back_though_the_rest_of_its_order_has_left(session: Session) -> None:
    stock(session, {"sh": {"tea": 1}, "bj": {"jam": 9, "cup": 9}})
    put_in_force(session, skus=("jam",), first_orders=2)
    put_in_force(session, "member", skus=("jam",), once_per_member=True)
    order_id = placed(session, order({"tea": 1, "jam": 1}, "A", buyer=Buyer(ref="one")))
    send(session, order_id)
    cancel(session, order_id, "tester", "wish", AT)
    stopped(session, order_id)
    assert given(session) == (0, 0)
    book_confirm(session, confirm(order_id, 2, {"tea": 1}), AT)
    assert (see(session, order_id).lifecycle, given(session)) == ("completed", (0, 0))
    again = placed(session, order({"jam": 1}, "B", buyer=Buyer(ref="one")))
    assert sorted(verdicts(session, again)) == ["given", "given"]


@NEWS
@pytest.mark.parametrize("merged", [False, True])
def test_whoever_waits_for_the_counters_of_gifts_holds_no_stock(
    database: Database, news: News, *, merged: bool
) -> None:
    with database.transaction() as session:
        if merged:
            merging(session)
        ids = sold(session, *("A", "B")[: 1 + merged])
        if merged:
            deliver_together(session)
        cancel(session, ids[-1], "tester", "wish", AT)
    opened = Session(database.engine, info={KEYRING: RING})
    with database.transaction() as placing, opened as booking:
        run(placing, "select 1 from gift_counter for update")
        run(booking, "set local lock_timeout = '20ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            news(booking, ids[0])
        # Nothing is rolled back yet: whatever it has locked is locked still.
        assert rows(placing, "select 1 from stock_level for update nowait")


def deliver_together(session: Session) -> None:
    close(session)
    for subject in releases(session):
        mark_all_submitted(session, subject["group"], "W1", AT)
    run(session, "update step set state = 'done', attempts = 1, settled_at = :at where state = 'pending'", at=AT)
