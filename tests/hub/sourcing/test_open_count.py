from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.errors import Rejected
from hub.order.holds.resume import release_holds
from hub.order.place.batch import place
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.open_count import LocationFull, count_open, take_open
from hub.sourcing.policies import draft_policy, publish_policy
from tests.hub.making import AT, ZONE, order, placed, stock

LIMITED = 'version = "open"\nbrand = "demo"\n[locations.sh]\nmost_open = 2\n'


def in_force(session: Session, content: str = LIMITED) -> None:
    stock(session, {"sh": {"apple": 90}, "bj": {"apple": 90}})
    draft_policy(session, SYSTEM, content, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "open", "tried", AT, revision=1, untried="a test")


def at_once(database: Database, work: Callable[[Session, int], None]) -> list[str]:
    """Do something 24 times in 8 threads, each in a transaction of its own, and give where documents are open."""

    def one(no: int) -> None:
        with database.transaction() as session:
            work(session, no)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(24)))
    with database.transaction() as session:
        return [one.location for one in rows(session, "select location from fulfilment_order order by location")]


def test_batches_planned_at_once_do_not_open_more_than_a_location_may_have(database: Database) -> None:
    with database.transaction() as session:
        in_force(session)

    def buy(session: Session, no: int) -> None:
        [told] = place(session, [order({"apple": 1}, f"R{no}")], AT, ZONE)
        assert not isinstance(told, Rejected)

    assert at_once(database, buy) == ["bj"] * 22 + ["sh"] * 2


def test_orders_let_go_at_once_do_not_open_more_than_a_location_may_have(database: Database) -> None:
    with database.transaction() as session:
        in_force(session)
        held = [placed(session, order({"apple": 1}, f"H{no}", paid_at=None)) for no in range(24)]
    later = (AT + timedelta(hours=1)).astimezone(ZONE)

    def let_go(session: Session, no: int) -> None:
        release_holds(session, held[no], SYSTEM, "paid", later)

    assert at_once(database, let_go) == ["bj"] * 22 + ["sh"] * 2


def test_who_counted_before_the_last_document_was_opened_is_told(database: Database) -> None:
    with database.transaction() as session:
        in_force(session)
    with database.transaction() as early:
        assert count_open(early, {"sh"}, lock=False) == {}
        with database.transaction() as late:
            placed(late, order({"apple": 1}))
        with pytest.raises(LocationFull):
            take_open(early, {"sh": 0})
        take_open(early, {"sh": 1})
