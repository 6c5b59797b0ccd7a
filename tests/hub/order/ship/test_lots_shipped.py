import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict
from hub.fulfilment.model import Batch, ConfirmLine
from hub.inventory.ledger import drift
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.counting import after, cases, level, take
from tests.hub.inventory.lotted import left, named, of, on_hand, release, tell
from tests.hub.making import AT, confirm, order, placed, stock


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Nine apples: two of A, three of B, four of C."""
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    tell(session, "count", {"A": 2, "B": 3, "C": 4}, -1)


def ship(session: Session, order_id: int, *lines: ConfirmLine, key: str = "c1", final: bool = True) -> None:
    record_confirm(session, confirm(order_id, 1, {}, key, lines=lines, final=final), AT)


def test_told_lots_are_counted_down_once_with_their_counter(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    for _ in range(2):
        ship(session, order_id, of("apple", 3, B=2, C=1))
    assert (level(session, "apple")[0], on_hand(session)) == (6, {"A": 2, "B": 1, "C": 3})
    assert (left(session), cases(session), drift(session)) == ([("B", 2, 0), ("C", 1, 0)], [], [])


def test_what_is_not_told_is_assumed_to_be_what_expires_first(session: Session) -> None:
    ship(session, placed(session, order({"apple": 3})), of("apple", 3))
    assert (on_hand(session), left(session)) == ({"B": 2, "C": 4}, [("A", 2, 2), ("B", 1, 1)])
    assert cases(session) == []


def test_what_is_not_told_is_assumed_to_be_what_the_delivery_was_to_take(session: Session) -> None:
    first, second = (placed(session, order({"apple": 2}, f"T{no}")) for no in range(2))
    assert [release(session, one) for one in (first, second)] == [[("1", "A", 2)], [("1", "B", 2)]]
    ship(session, second, of("apple", 2))
    assert (left(session), named(session)) == ([("B", 2, 2)], {"A": 2})


def test_a_delivery_that_names_nothing_is_assumed_to_leave_what_others_name(session: Session) -> None:
    first, second = (placed(session, order({"apple": 2}, f"T{no}")) for no in range(2))
    release(session, first)
    ship(session, second, of("apple", 2))
    assert (left(session), named(session), on_hand(session)) == ([("B", 2, 2)], {"A": 2}, {"A": 2, "B": 1, "C": 4})


def test_what_is_told_in_part_is_assumed_for_the_rest(session: Session) -> None:
    line = ConfirmLine(sku="apple", quantity=3, batches=(Batch(batch_code="C", quantity=1), Batch(quantity=2)))
    ship(session, placed(session, order({"apple": 3})), line)
    assert left(session) == [("A", 2, 2), ("C", 1, 0)]


@pytest.mark.parametrize(
    ("lots", "after_it", "told"),
    [
        ({"X": 2}, {"A": 2, "B": 3, "C": 4}, "2 of X left, none known"),
        ({"A": 3}, {"B": 3, "C": 4}, "3 of A left, 2 there"),
    ],
)
def test_a_lot_that_has_too_little_or_is_unknown_is_a_case_and_never_below_nothing(
    session: Session, lots: dict[str, int], after_it: dict[str, int], told: str
) -> None:
    order_id = placed(session, order({"apple": sum(lots.values())}))
    ship(session, order_id, of("apple", sum(lots.values()), **lots))
    assert (on_hand(session), cases(session)) == (after_it, ["lot_drift"])
    (case,) = rows(session, "select message, order_id from case_file")
    assert (case.message, case.order_id) == (f"{order_id}-1: {told}", order_id)
    assert (level(session, "apple")[0], drift(session)) == (9 - sum(lots.values()), [])


def test_an_emptied_lot_that_leaves_again_is_a_case(session: Session) -> None:
    for no in range(2):
        ship(session, placed(session, order({"apple": 2}, f"T{no}")), of("apple", 2, A=2))
    assert (cases(session), on_hand(session)) == (["lot_drift"], {"B": 3, "C": 4})


def test_a_count_of_lots_closes_the_case(session: Session) -> None:
    ship(session, placed(session, order({"apple": 1})), of("apple", 1, X=1))
    take(session, {"apple": 8}, "R9", after(1))
    assert cases(session) == ["lot_drift"]
    tell(session, "count", {"A": 8}, 2)
    assert (cases(session), on_hand(session)) == ([], {"A": 8})


def test_a_counter_without_lots_has_nothing_to_contradict(session: Session) -> None:
    ship(session, placed(session, order({"pear": 2})), of("pear", 2, X=2))
    assert (cases(session), left(session)) == ([], [("X", 2, 0)])


def test_batches_that_contradict_their_line_are_refused_and_move_nothing(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    with pytest.raises(Conflict, match="batches hold 4 pieces, the line says 3"), session.begin_nested():
        ship(session, order_id, of("apple", 3, A=1, B=3))
    assert (level(session, "apple")[:2], on_hand(session), left(session)) == ((9, 3), {"A": 2, "B": 3, "C": 4}, [])


def test_lots_are_told_of_the_lines_that_their_pieces_fill(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    ship(session, order_id, of("apple", 1, "1", A=1), of("apple", 1, "1", B=1))
    assert left(session) == [("A", 1, 0), ("B", 1, 0)]


def test_what_no_lot_covers_is_of_none(session: Session) -> None:
    stock(session, {"sh": {"apple": 3}}, "ASN-2")
    ship(session, placed(session, order({"apple": 11})), of("apple", 11))
    assert (sum(pieces for _, pieces, _ in left(session)), on_hand(session), cases(session)) == (9, {}, [])


def test_two_confirms_take_what_was_named_one_after_the_other(session: Session) -> None:
    order_id = placed(session, order({"apple": 4}))
    release(session, order_id)
    ship(session, order_id, of("apple", 1), final=False)
    assert (left(session), named(session)) == ([("A", 1, 1)], {"A": 1, "B": 2})
    ship(session, order_id, of("apple", 3), key="c2")
    assert (on_hand(session), named(session)) == ({"B": 1, "C": 4}, {})
