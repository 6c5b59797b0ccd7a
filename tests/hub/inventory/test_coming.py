from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.inventory.count import Counted
from hub.inventory.promise import promise
from tests.hub.inventory.counting import after, level, take
from tests.hub.making import AT, BRAND, stock


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 10, "pear": 3}, "bj": {"apple": 10}})


def told(session: Session, pieces: int, at: datetime = AT, sku: str = "apple", **changes: Any) -> Counted:  # noqa: ANN401 # any field of a report
    coming = [{"sku": sku, "pieces": pieces}]
    return take(session, {}, f"Q{at:%H%M}{pieces}", at, coming=coming, **changes)


def incoming(session: Session, location: str = "sh") -> int:
    found = row(session, "select incoming from stock_level where (sku, location) = ('apple', :at)", at=location)
    assert found is not None
    return found.incoming


def test_what_is_on_its_way_is_shown_and_not_promised(session: Session) -> None:
    assert told(session, 60).refused == ()
    shown = promise(session, BRAND, "pc", ["apple"], AT)["apple"]
    assert (shown.free, shown.incoming, incoming(session), incoming(session, "bj")) == (20, 60, 60, 0)
    assert level(session, "apple") == (10, 0, 0, 0)
    assert rows(session, "select 1 from stock_movement where reason <> 'receive'") == []


def test_the_latest_count_of_it_holds_whenever_it_comes(session: Session) -> None:
    told(session, 60, after(5))
    told(session, 80, after(1))
    assert incoming(session) == 60
    told(session, 0, after(6))
    assert incoming(session) == 0


def test_it_is_taken_over_beside_a_count(session: Session) -> None:
    take(session, {"apple": 7}, "R1", AT, coming=[{"sku": "apple", "pieces": 4}, {"sku": "pear", "pieces": 2}])
    assert (level(session, "apple")[0], incoming(session)) == (7, 4)


@pytest.mark.parametrize("pieces", [-1, 2**62])
def test_a_number_that_cannot_be_is_refused_and_changes_nothing(session: Session, pieces: int) -> None:
    told(session, 60)
    (why,) = told(session, pieces, after(1)).refused
    assert "on its way (apple)" in why
    assert incoming(session) == 60


def test_a_sku_that_is_not_counted_there_has_nothing_on_its_way(session: Session) -> None:
    assert told(session, 60, sku="nothing").refused == ()
    assert incoming(session) == 0
