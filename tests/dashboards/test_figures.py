from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dashboards.figures import (
    latest,
    on_time,
    pulse,
    received,
    shipped,
    throughput,
    waiting,
    within,
)
from hub.cases import NewCase, open_cases
from hub.database import row, run
from hub.order.change.cancel import cancel
from hub.order.place.batch import Placed, place
from hub.order.ship.progress import record_confirm
from hub.roles import SYSTEM, Actor, Role
from hub.scope import scope
from tests.hub.making import AT, ZONE, confirm, order, stock

EVERYTHING = scope(SYSTEM)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def make(session: Session, number: str, ago: timedelta, *, shipped_after: timedelta | None = None) -> int:
    """Place an order some time before AT, and ship it some time after that."""
    made = place(session, [order({"apple": 1}, number, placed_at=AT - ago, paid_at=AT - ago)], AT - ago, ZONE)[0]
    assert isinstance(made, Placed)
    if shipped_after is not None:
        when = AT - ago + shipped_after
        record_confirm(session, confirm(made.order_id, 1, {"apple": 1}, number), when)
    return made.order_id


@pytest.fixture
def orders(session: Session) -> dict[str, int]:
    """Give orders of yesterday and today; AT is ten in the morning in Shanghai."""
    stock(session, {"sh": {"apple": 100}})
    return {
        "slow": make(session, "slow", 30 * HOUR, shipped_after=25 * HOUR),
        "quick": make(session, "quick", 29 * HOUR, shipped_after=2 * HOUR),
        "stuck": make(session, "stuck", 28 * HOUR),
        "same time": make(session, "same-time", 25 * HOUR),
        "evening": make(session, "evening", 12 * HOUR, shipped_after=HOUR),
        "morning": make(session, "morning", 2 * HOUR),
        "now": make(session, "now", 10 * HOUR / 60),
    }


def test_today_is_compared_with_yesterday_up_to_the_same_time(session: Session, orders: dict[str, int]) -> None:
    found = received(session, EVERYTHING, AT, ZONE)
    assert orders
    assert (found.today, found.before) == (2, 4)
    assert found.change == -0.5


def test_what_has_left_is_counted_over_a_day_without_the_cancelled(session: Session, orders: dict[str, int]) -> None:
    assert shipped(session, EVERYTHING, AT).model_dump() == {"part": 1, "whole": 3}
    cancel(session, orders["now"], "tester", "wish", AT)
    found = shipped(session, EVERYTHING, AT)
    assert (found.part, found.whole) == (1, 2)
    assert found.share == 0.5


def test_on_time_is_asked_of_orders_whose_time_is_up(session: Session, orders: dict[str, int]) -> None:
    assert orders
    found = on_time(session, EVERYTHING, AT, DAY)
    assert (found.part, found.whole) == (1, 4)


def test_without_orders_there_is_no_share_and_no_change(session: Session) -> None:
    assert shipped(session, EVERYTHING, AT).share is None
    assert received(session, EVERYTHING, AT, ZONE).change is None


def test_the_chart_counts_every_bar_of_an_hour(session: Session, orders: dict[str, int]) -> None:
    assert orders
    found = throughput(session, EVERYTHING, AT, ZONE, "hour")
    assert len(found.starts) == len(found.orders) == len(found.shipments) == 60
    assert found.starts[-1] == AT
    assert [no for no, n in enumerate(found.orders) if n] == [49]


def test_the_chart_counts_every_bar_of_a_day(session: Session, orders: dict[str, int]) -> None:
    assert orders
    found = throughput(session, EVERYTHING, AT, ZONE, "day")
    assert len(found.starts) == 24
    assert (sum(found.orders), sum(found.shipments)) == (3, 2)


def test_another_brands_person_sees_nothing_of_it(session: Session, orders: dict[str, int]) -> None:
    open_cases(session, [NewCase("review", f"order:{orders['now']}", "demo", "m", orders["now"])], AT)
    stranger: dict[str, Any] = scope(Actor("li", frozenset({Role.ADMIN}), frozenset({"other"})))
    assert received(session, stranger, AT, ZONE).today == 0
    assert sum(throughput(session, stranger, AT, ZONE, "day").shipments) == 0
    assert waiting(session, stranger).open == 0
    assert latest(session, stranger, 5) == []


def test_the_latest_come_first(session: Session, orders: dict[str, int]) -> None:
    assert [one.id for one in latest(session, EVERYTHING, 2)] == [str(orders["now"]), str(orders["morning"])]


def test_a_panel_that_takes_too_long_spoils_nothing_else(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.figures.PATIENCE_MS", 10)
    assert within(session, lambda: row(session, "select pg_sleep(5)")) is None
    found = row(session, "select 1 as n")
    assert found is not None
    run(session, "set local statement_timeout = 10")
    with pytest.raises(OperationalError):
        run(session, "select pg_sleep(5)")


def test_the_navigation_counts_open_cases_up_to_a_thousand(session: Session) -> None:
    open_cases(session, [NewCase("totals", f"inbox:{number}", "demo", "m") for number in range(1_003)], AT)
    assert pulse(session, EVERYTHING) == {"exceptions": 1_000}
