from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.fulfilment.lots import name_lots
from hub.fulfilment.model import CancelAnswer
from hub.order.change.cancel import cancel, record_cancel_answer
from hub.order.ship.outbound import read_delivery
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.inventory.lotted import APPLE, DAYS, named, of, on_hand, release, tell
from tests.hub.making import AT, confirm, order, placed, rejection, stock


@pytest.fixture
def shelf(session: Session) -> None:
    """Nine apples: two of A, three of B and four of no lot."""
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    tell(session, "count", {"A": 2, "B": 3}, -1, pieces=5)
    stock(session, {"sh": {"apple": 4}}, "ASN-2")


@pytest.mark.usefixtures("shelf")
def test_a_line_is_cut_into_the_lots_that_expire_first_and_what_is_of_none(session: Session) -> None:
    order_id = placed(session, order({"apple": 7, "pear": 1}))
    assert release(session, order_id) == [("1-1", "A", 2), ("1-2", "B", 3), ("1-3", "", 2), ("2", "", 1)]
    first = read_delivery(session, order_id, 1, AT).lines[0]
    assert (first.line_no, first.expires_on, first.unit_price) == (1, DAYS["A"], 1000)


@pytest.mark.usefixtures("shelf")
def test_a_line_of_one_lot_keeps_its_number(session: Session) -> None:
    assert release(session, placed(session, order({"apple": 2}))) == [("1", "A", 2)]


@pytest.mark.usefixtures("shelf")
def test_what_one_delivery_names_no_other_does(session: Session) -> None:
    orders = [placed(session, order({"apple": 2}, f"T{no}")) for no in range(4)]
    assert [release(session, one) for one in orders] == [
        [("1", "A", 2)],
        [("1", "B", 2)],
        [("1-1", "B", 1), ("1-2", "", 1)],
        [("1", "", 2)],
    ]
    assert (named(session), on_hand(session)) == ({"A": 2, "B": 3}, {"A": 2, "B": 3})


@pytest.mark.usefixtures("shelf")
def test_naming_again_gives_the_first_choice_back_before_it_chooses(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    assert release(session, order_id) == release(session, order_id) == [("1", "A", 2)]


@pytest.mark.usefixtures("shelf")
def test_what_has_expired_is_not_named(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    name_lots(session, order_id, 1, AT.replace(year=2027, month=5, day=1))
    assert named(session) == {"B": 2}


@pytest.mark.usefixtures("shelf")
def test_without_naming_a_delivery_names_nothing(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    assert [(line.ref, line.lot) for line in read_delivery(session, order_id, 1, AT).lines] == [("1", "")]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("ending", ["rejected", "stopped", "short", "whole"])
def test_lots_are_let_go_when_the_delivery_ends(session: Session, ending: str) -> None:
    order_id = placed(session, order({"apple": 2}))
    release(session, order_id)
    if ending == "rejected":
        record_report(session, rejection(order_id, 1), AT)
    elif ending == "stopped":
        run(session, "update step set state = 'done', settled_at = :at", at=AT)
        cancel(session, order_id, "t", "test", AT)
        record_cancel_answer(session, order_id, 1, CancelAnswer(stopped=True), AT)
    else:
        pieces = 2 if ending == "whole" else 1
        record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", pieces, A=pieces),)), AT)
    assert rows(session, "select * from named_lot where (order_id, no) = (:id, 1)", id=order_id) == []


@pytest.mark.usefixtures("shelf")
def test_an_ended_delivery_names_nothing_any_more(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    record_report(session, rejection(order_id, 1), AT)
    name_lots(session, order_id, 1, AT)
    assert named(session) == {}


@pytest.mark.usefixtures("shelf")
def test_a_first_confirm_leaves_named_what_is_still_to_come(session: Session) -> None:
    order_id = placed(session, order({"apple": 4}))
    sent = release(session, order_id)
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 3, A=2, B=1),), final=False), AT)
    assert (named(session), on_hand(session)) == ({"B": 1}, {"B": 2})
    assert [(one.ref, one.lot, one.quantity) for one in read_delivery(session, order_id, 1, AT).lines] == sent


@pytest.mark.usefixtures("shelf")
def test_other_lots_that_left_stand_for_those_that_were_named(session: Session) -> None:
    order_id = placed(session, order({"apple": 4}))
    release(session, order_id)
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 3, B=3),), final=False), AT)
    assert (named(session), on_hand(session)) == ({"A": 1}, {"A": 2})


def test_deliveries_released_at_once_name_different_pieces(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 40, "pear": 40}})
        tell(session, "count", {"A": 5, "B": 4, "C": 31}, -1)
        orders = [placed(session, order({"apple": 2, "pear": 1}, f"T{no}")) for no in range(8)]
    start = Barrier(len(orders))

    def act(order_id: int) -> None:
        start.wait(60)
        with database.transaction() as session:
            name_lots(session, order_id, 1, AT + timedelta(hours=8))

    threads = [Thread(target=act, args=(one,)) for one in orders]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    with database.transaction() as session:
        assert (named(session), APPLE.sku) == ({"A": 5, "B": 4, "C": 7}, "apple")
