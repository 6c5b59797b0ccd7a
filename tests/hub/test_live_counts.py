from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.live_counts import TOGETHER, Count, count_live
from hub.roles import Actor
from hub.runs import Wanted
from hub.steps import StepState
from tests.hub.making import order, placed, stock
from tests.hub.test_runs import NEIGHBOUR, OPERATOR, STRANGER, call, finish


def counted(session: Session, wanted: Wanted | None = None, looked: int = 100) -> dict[str, Count]:
    return dict(count_live(session, OPERATOR, wanted or Wanted(), looked=looked))


def test_every_state_is_counted_once() -> None:
    assert sorted(state for states in TOGETHER for state in states) == sorted(StepState)


def test_live_runs_are_counted_by_state_whatever_state_is_looked_for(session: Session, at: datetime) -> None:
    call(session, at, "a")
    finish(session, call(session, at, "b"), at, StepState.DEAD)
    assert counted(session, Wanted(state="dead")) == {"dead": Count(1, more=False), "pending": Count(1, more=False)}


@pytest.mark.parametrize(("looked", "told"), [(3, Count(3, more=False)), (2, Count(2, more=True))])
def test_of_very_many_it_is_told_that_there_are_more(session: Session, at: datetime, looked: int, told: Count) -> None:
    for key in "abc":
        finish(session, call(session, at, key), at, StepState.DEAD)
    assert counted(session, looked=looked) == {"dead": told}


def test_a_state_behind_very_many_others_of_its_index_may_be_more_than_was_seen(session: Session, at: datetime) -> None:
    for key in "abc":
        call(session, at, key)
    found = counted(session, looked=1)
    assert found == {"pending": Count(1, more=True), "unknown": Count(0, more=True)}


def test_very_many_of_one_connection_hide_no_other(session: Session, at: datetime) -> None:
    for key in "abc":
        call(session, at, key)
    call(session, at, "d", connection="mall-pc")
    assert counted(session, Wanted(connection="mall-pc"), looked=1) == {"pending": Count(1, more=False)}


def test_only_what_matches_is_counted(session: Session, at: datetime) -> None:
    call(session, at, "a", flow="notify")
    call(session, at - timedelta(hours=2), "b")
    for wanted in (Wanted(flow="notify"), Wanted(since=at), Wanted(until=at), Wanted(order_ids=[1], flow="notify")):
        assert counted(session, wanted) == {"pending": Count(1, more=False)}
    assert counted(session, Wanted(order_ids=[2])) == {}


@pytest.mark.parametrize("actor", [STRANGER, NEIGHBOUR])
def test_runs_of_another_brand_or_shop_are_not_counted(session: Session, at: datetime, actor: Actor) -> None:
    stock(session, {"sh": {"apple": 9}})
    placed(session, order({"apple": 1}))
    call(session, at, "a")
    assert count_live(session, actor, Wanted()) == {}
