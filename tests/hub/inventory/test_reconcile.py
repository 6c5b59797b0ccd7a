from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.reconcile import reconcile
from tests.hub.making import open_causes, stock


def test_counters_that_their_ledger_bears_out_are_no_case(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"pear": 3}})
    assert reconcile(session, at) == 0
    assert open_causes(session) == []


def test_a_counter_that_moved_without_its_ledger_calls_a_person_once(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"pear": 3}})
    run(session, "update stock_level set on_hand = 6 where sku = 'apple'")
    assert (reconcile(session, at), reconcile(session, at)) == (1, 1)
    assert open_causes(session) == ["stock_drift"]


def test_a_ledger_line_without_its_counter_is_noticed(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    run(session, "update stock_movement set on_hand = on_hand - 1")
    assert reconcile(session, at) == 1
