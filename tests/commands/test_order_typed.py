"""What is typed of an order is read before it is believed, and locks are taken as everybody takes them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.database import Database, row
from hub.errors import Malformed
from hub.order.lock import lock_order
from tests.commands.conftest import Oms
from tests.hub.making import RECEIVER, order, placed, see, stock
from tests.hub.merge.merging import close, merging
from tests.hub.waiting import until_it_waits

WHY = ("--reason", "the buyer asked")


@pytest.mark.parametrize(
    ("option", "typed", "field"),
    [
        ("--phone", "139****0000", "receiver"),
        ("--phone", "abc-secret", "phone"),
        ("--name", "", "name"),
        ("--remark", "x" * 1001, "remark"),
        ("--remark", "a\x00b", "remark"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_naming_anybody(
    oms: Oms, database: Database, option: str, typed: str, field: str
) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": 1}))
    error = oms("order", "change", "T1", option, typed, *WHY).exception
    assert isinstance(error, Malformed)
    assert (error.field, error.__context__, RECEIVER.name in str(error)) == (field, None, False)
    assert not typed or typed not in str(error)


def test_a_terminal_locks_what_travels_together_from_the_lowest_number(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        merging(session)
        stock(session, {"sh": {"apple": 9}}, "ASN-9")
        first, second = (placed(session, order({"apple": n}, f"T{n}")) for n in (2, 3))
        close(session)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            lock_order(session, first)
            waiting = pool.submit(oms, "order", "cancel", "T3", *WHY)
            until_it_waits(database, waiting)
            free = "select 1 from sales_order where id = :id for update skip locked"
            assert row(session, free, id=second)
        assert waiting.result().exit_code == 0
    with database.transaction() as session:
        assert see(session, second).lifecycle == "cancelled"
