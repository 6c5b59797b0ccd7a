import pytest
from sqlalchemy.orm import Session

from hub.order.ship.progress import record_confirm
from hub.order.ship.together import book_confirm
from tests.hub.inventory.counting import after, cases, level
from tests.hub.inventory.lotted import left, named, of, on_hand, release, tell
from tests.hub.making import confirm, order, placed, stock
from tests.hub.merge.merging import close, merging


@pytest.fixture
def order_id(session: Session) -> int:
    """Order three of nine apples: two of A, three of B, four of C."""
    stock(session, {"sh": {"apple": 9}})
    tell(session, "count", {"A": 2, "B": 3, "C": 4}, -9)
    return placed(session, order({"apple": 3}))


def ship(session: Session, order_id: int, **lots: int) -> None:
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 3, **lots),)), after(0))


def change(session: Session, order_id: int, lots: dict[str, int], minutes: int = 1) -> None:
    told = tell(session, "change", lots, minutes, delivery=f"{order_id}-1")
    assert (told.taken, told.refused) == (0, ())


def test_a_change_by_a_delivery_whose_confirm_told_its_lots_counts_nothing_again(
    session: Session, order_id: int
) -> None:
    ship(session, order_id, A=1, B=2)
    change(session, order_id, {"A": -1, "B": -2})
    assert (level(session, "apple")[0], on_hand(session)) == (6, {"A": 1, "B": 1, "C": 4})
    assert left(session) == [("A", 1, 0), ("B", 2, 0)]


def test_a_change_that_contradicts_what_the_confirm_told_counts_nothing(session: Session, order_id: int) -> None:
    ship(session, order_id, A=1, B=2)
    change(session, order_id, {"C": -3})
    assert (on_hand(session), left(session)) == ({"A": 1, "B": 1, "C": 4}, [("A", 1, 0), ("B", 2, 0)])


def test_a_change_puts_right_what_was_assumed(session: Session, order_id: int) -> None:
    ship(session, order_id)
    assert left(session) == [("A", 2, 2), ("B", 1, 1)]
    change(session, order_id, {"B": -1, "C": -2})
    assert (on_hand(session), left(session)) == ({"A": 2, "B": 2, "C": 2}, [("B", 1, 0), ("C", 2, 0)])
    change(session, order_id, {"A": -3}, 2)
    assert (on_hand(session), level(session, "apple")[0]) == ({"A": 2, "B": 2, "C": 2}, 6)


def test_a_change_of_fewer_pieces_leaves_the_rest_assumed(session: Session, order_id: int) -> None:
    ship(session, order_id)
    change(session, order_id, {"C": -1})
    assert left(session) == [("A", 1, 1), ("B", 1, 1), ("C", 1, 0)]


def test_a_change_before_the_confirm_says_what_that_will_assume(session: Session, order_id: int) -> None:
    sent = release(session, order_id)
    change(session, order_id, {"C": -2, "X": -1}, -1)
    assert (on_hand(session), named(session)) == ({"A": 2, "B": 3, "C": 4}, {"C": 2, "X": 1})
    assert sent == [("1-1", "A", 2), ("1-2", "B", 1)]
    ship(session, order_id)
    assert left(session) == [("A", 1, 1), ("C", 2, 2)]
    assert (on_hand(session), named(session)) == ({"A": 1, "B": 3, "C": 2}, {})


def test_what_the_last_count_saw_is_put_right_in_the_record_alone(session: Session, order_id: int) -> None:
    ship(session, order_id)
    tell(session, "count", {"A": 2, "B": 3, "C": 1}, 5)
    change(session, order_id, {"C": -3}, 6)
    assert (on_hand(session), left(session)) == ({"A": 2, "B": 3, "C": 1}, [("C", 3, 0)])


def test_a_lot_that_has_too_little_for_what_is_told_later_is_a_case(session: Session, order_id: int) -> None:
    ship(session, order_id)
    change(session, order_id, {"X": -1, "A": -2})
    assert (cases(session), on_hand(session)) == (["lot_drift"], {"B": 3, "C": 4})
    assert left(session) == [("A", 2, 0), ("X", 1, 0)]


def test_a_change_by_a_merged_document_puts_right_what_was_assumed_of_each_of_its_orders(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    tell(session, "count", {"A": 2, "B": 3, "C": 4}, -9)
    merging(session)
    wanted = [{"pear": 1}, {"apple": 1}, {"apple": 2}]
    head, *_ = [placed(session, order(pieces, f"T{no}")) for no, pieces in enumerate(wanted)]
    close(session)
    book_confirm(session, confirm(head, 1, {"pear": 1, "apple": 3}), after(0))
    assert left(session) == [("A", 1, 1), ("A", 1, 1), ("B", 1, 1)]
    change(session, head, {"B": -2, "C": -1})
    assert left(session) == [("B", 1, 0), ("B", 1, 0), ("C", 1, 0)]
    assert (on_hand(session), level(session, "apple")[0]) == ({"A": 2, "B": 1, "C": 3}, 6)
