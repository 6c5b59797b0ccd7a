"""Two who act on one return at once, each in a transaction of their own: one goes first, and nothing counts twice."""

import pytest
from sqlalchemy.orm import Session

from hub.aftersale.status import ReturnKind
from hub.database import Database, rows
from hub.inventory.ledger import drift
from hub.order.ship.progress import record_confirm
from tests.hub.aftersale.returning import arrive, ask, at_once, granted, levels, refunded, returned, sent
from tests.hub.making import AT, confirm, order, stock
from tests.hub.order.changing import cut


@pytest.fixture
def order_id(database: Database) -> int:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        return sent(session, order({"apple": 3}), {"apple": 2}, final=False)


def test_two_confirms_of_one_document_at_once_count_once(database: Database, order_id: int) -> None:
    with database.transaction() as session:
        no = granted(session, order_id, {"L1": 2})

    def take_in(session: Session) -> str:
        return arrive(session, order_id, no, {"apple": 2})

    came = at_once(database, *[take_in] * 4)
    with database.transaction() as session:
        assert (came, returned(session, order_id), refunded(session)) == (["done"] * 4, [2], [(2000, 0)])
        assert (levels(session, "sh", "apple"), drift(session)) == ({"saleable": 9}, [])


def test_two_who_want_the_same_pieces_back_at_once_are_not_both_granted_them(database: Database, order_id: int) -> None:
    def want_both(session: Session) -> int:
        return ask(session, order_id, {"L1": 2})

    came = at_once(database, *[want_both] * 3)
    assert came == ["done", "more_than_shipped", "more_than_shipped"]


def test_money_alone_and_goods_are_not_both_granted_for_the_same_pieces(database: Database, order_id: int) -> None:
    came = at_once(
        database,
        lambda session: ask(session, order_id, {"L1": 2}),
        lambda session: ask(session, order_id, {"L1": 1}, kind=ReturnKind.REFUND_ONLY),
    )
    assert came == ["done", "more_than_shipped"]


def test_a_return_and_a_cancellation_at_once_both_give_their_own_back(database: Database, order_id: int) -> None:
    with database.transaction() as session:
        no = granted(session, order_id, {"L1": 2})
        record_confirm(session, confirm(order_id, 1, {}, key="no more"), AT)
    came = at_once(
        database,
        lambda session: arrive(session, order_id, no, {"apple": 2}),
        lambda session: cut(session, order_id, L1=1),
    )
    with database.transaction() as session:
        [line] = rows(session, "select shipped, returned, cancelled from order_line")
        assert (came, tuple(line)) == (["done", "done"], (2, 2, 1))
        assert sum(amount for amount, _ in refunded(session)) == 3000
