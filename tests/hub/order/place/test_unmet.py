"""What nobody has keeps nothing else of an order from a source, and what is told of it stays true."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.order.change.begin import change
from hub.order.change.revision import Wish
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine, wish_lines
from hub.order.relocate import relocate
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.inventory.counting import take
from tests.hub.making import AT, confirm, order, placed, rejection, see, sources, stock
from tests.hub.order.changing import BY, cut


def told(session: Session) -> list[tuple[Any, ...]]:
    """Give each hold that said what was missing and whether it ended, and each case with how often it was opened."""
    holds = rows(session, "select evidence -> 'missing' as missing, reason from order_hold order by order_id, no")
    cases = rows(session, "select message, times, state from case_file where cause = 'stock' order by id")
    return [*[tuple(one) for one in holds], *[tuple(one) for one in cases]]


@pytest.fixture
def waiting(session: Session) -> int:
    """Place an order of which Shanghai has three apples and one pear, and nobody the other four pears."""
    stock(session, {"sh": {"apple": 10, "pear": 1}, "bj": {"apple": 10}})
    return placed(session, order({"apple": 3, "pear": 5}))


def test_what_a_location_rejects_is_sent_elsewhere_though_another_line_waits(session: Session, waiting: int) -> None:
    record_report(session, rejection(waiting, 1), AT)
    assert sources(session, waiting) == [("sh", "cancelled"), ("bj", "open")]
    assert told(session) == [({"pear": 5}, ""), ("pear x 5", 1, "open")]


def test_what_a_location_picks_short_is_sent_elsewhere_though_another_line_waits(
    session: Session, waiting: int
) -> None:
    record_confirm(session, confirm(waiting, 1, {"apple": 1}), AT)
    assert sources(session, waiting) == [("sh", "incomplete"), ("bj", "open")]
    assert told(session) == [({"pear": 5}, ""), ("pear x 5", 1, "open")]


def test_what_a_count_does_not_find_is_sent_elsewhere_though_another_line_waits(
    session: Session, waiting: int, at: datetime
) -> None:
    take(session, {"apple": 1})
    assert relocate(session, at) == 1
    assert [one.allocated for one in see(session, waiting).lines] == [3, 1]
    assert told(session) == [({"pear": 4}, ""), ("pear x 4", 1, "open")]


def test_what_is_added_gets_a_source_though_another_line_waits(session: Session, waiting: int) -> None:
    gone, added = wish_lines(session, waiting, [WantedLine("L9", 2, "apple", "1.00")])
    assert change(session, waiting, Wish(pieces=gone, added=added, charge=Charge.FREE), BY, AT) == "applied"
    assert [one.allocated for one in see(session, waiting).lines] == [3, 1, 2]
    assert told(session) == [({"pear": 4}, ""), ("pear x 4", 1, "open")]


def test_more_that_nobody_has_is_told_in_the_same_hold_and_case(session: Session, waiting: int) -> None:
    run(session, "update location set active = false where code = 'bj'")
    record_report(session, rejection(waiting, 1), AT)
    assert told(session) == [({"apple": 3, "pear": 5}, ""), ("apple x 3, pear x 5", 1, "open")]


def test_what_was_missing_and_is_cut_is_missing_no_more(session: Session, waiting: int) -> None:
    assert cut(session, waiting, L2=2) == "applied"
    assert told(session) == [({"pear": 2}, ""), ("pear x 2", 1, "open")]
    assert cut(session, waiting, L2=2) == "applied"
    assert told(session) == [({"pear": 2}, "changed"), ("pear x 2", 1, "resolved")]
