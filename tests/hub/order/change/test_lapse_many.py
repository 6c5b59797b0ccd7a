"""Orders that cannot be put back, or that somebody works on, keep no other from being put back, and nobody waiting."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.order.change.lapse import lapse
from hub.order.change.wanted import WantedLine
from tests.hub.making import AT, ZONE, order, placed, stock
from tests.hub.merge.merging import close, groups, merging
from tests.hub.order.changing import cut, want
from tests.hub.waiting import until_it_waits

LIMIT = timedelta(minutes=30)
LATER = AT.astimezone(ZONE) + 2 * LIMIT
LOCK = "select 1 from sales_order where id = :id for update"


def spoil(session: Session, external_id: str = "T1") -> int:
    """Place an order whose change cannot be undone, as some of what it was exchanged for was cancelled."""
    order_id = placed(session, order({"apple": 3, "pear": 2}, external_id))
    want(session, order_id, WantedLine("L2", 2, "apple", "20.00"))
    cut(session, order_id, L2=1)
    want(session, order_id, WantedLine("L3", 1, "pear", "30.00"))
    return order_id


def fill(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "pear": 50}})


def test_those_that_are_left_to_a_person_keep_no_younger_one_from_its_turn(session: Session) -> None:
    fill(session)
    spoil(session)
    order_id = placed(session, order({"apple": 1}, "T2"))
    want(session, order_id, WantedLine("L1", 2))
    run(session, "update amount_due set created_at = created_at + interval '1 s' where order_id = :id", id=order_id)
    turns = [LATER + timedelta(seconds=n) for n in range(40)]
    assert sum(lapse(session, LIMIT, turn, at_most=1) for turn in turns) == 1


def test_an_order_that_is_left_is_free_at_once(database: Database) -> None:
    with database.transaction() as session:
        fill(session)
        order_id = spoil(session)
    with database.transaction() as session:
        assert lapse(session, LIMIT, LATER) == 0
        with database.transaction() as other:
            assert rows(other, f"{LOCK} skip locked", id=order_id)


@pytest.fixture
def together(database: Database) -> Sequence[int]:
    """Place two orders that travel together, the second with pieces that nobody paid."""
    with database.transaction() as session:
        fill(session)
        merging(session)
        ids = [placed(session, order({"apple": n}, f"T{n}")) for n in (1, 2)]
        close(session)
        assert len(groups(session)) == 1
        want(session, ids[1], WantedLine("L1", 3))
        assert len(groups(session)) == 1
    return ids


def test_an_order_whose_delivery_somebody_works_on_waits_for_its_next_turn(
    database: Database, together: Sequence[int]
) -> None:
    def take_back() -> int:
        with database.transaction() as session:
            return lapse(session, LIMIT, LATER)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            rows(session, LOCK, id=together[0])
            other = pool.submit(take_back)
            until_it_waits(database, other)
            assert other.done()
        assert (other.result(), take_back()) == (0, 1)
