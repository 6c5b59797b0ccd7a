from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Malformed, NotFound, Unauthorised
from hub.order.rules.policy import POLICY
from hub.order.trace.explain import routing_of
from hub.roles import SYSTEM, Actor, Role
from hub.sourcing.calendars import get_calendar, list_calendars, load_calendar
from hub.sourcing.cards import load_card
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.promise import Calendar, Hours, Rest, carried_after, leaves_after
from tests.hub.making import AT, order, placed, stock

YEAR = 'calendar = "cn"\nyear = 2026\noff = [2026-11-12, 2026-11-13]\nwork = [2026-11-15]\n'
CN = Calendar(frozenset({date(2026, 11, 12), date(2026, 11, 13)}), frozenset({date(2026, 11, 15)}))
WEEK = Hours(weekdays=(1, 2, 3, 4, 5))
WEDNESDAY = date(2026, 11, 11)
NOON = datetime(2026, 11, 12, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
CARRIED = 'version = "v1"\nbrand = "demo"\ncalendar = "cn"\n[freight]\nrates = "r1"\ncouriers_rest = "weekends"\n'


def test_a_year_is_loaded_and_loading_it_again_replaces_it(session: Session) -> None:
    load_calendar(session, SYSTEM, YEAR, AT)
    assert get_calendar(session, "cn") == CN
    load_calendar(session, SYSTEM, YEAR.replace("2026-11-13", "2026-11-16"), AT)
    load_calendar(session, SYSTEM, 'calendar = "cn"\nyear = 2027\noff = [2027-01-01]\n', AT)
    assert [(one.year, one.off, one.work) for one in list_calendars(session)] == [(2027, 1, 0), (2026, 2, 1)]
    assert date(2026, 11, 13) not in get_calendar(session, "cn").off
    acts = rows(session, "select subject, detail from audit_entry where act = 'calendar.load' order by id")
    assert [(one.subject, one.detail["year"]) for one in acts] == [("calendar:cn", year) for year in (2026, 2026, 2027)]


@pytest.mark.parametrize(
    "content",
    [
        "calendar = ",
        'calendar = "cn"\nyear = 2026\n',
        YEAR.replace("2026-11-15", "2026-11-12"),
        YEAR.replace("2026-11-15", "2025-11-15"),
        YEAR.replace("off", "of"),
        'calendar = "cn"\nyear = 2027\noff = [2027-01-01, 2027-01-01]\n',
    ],
)
def test_what_is_no_year_of_a_calendar_is_refused(session: Session, content: str) -> None:
    with pytest.raises(Malformed, match="calendar"):
        load_calendar(session, SYSTEM, content, AT)


def test_only_who_may_configure_all_brands_loads_one(session: Session) -> None:
    for actor in (Actor("a", frozenset({Role.ADMIN}), brands=frozenset({"demo"})), Actor("b", frozenset())):
        with pytest.raises(Unauthorised):
            load_calendar(session, actor, YEAR, AT)


def test_a_policy_names_a_calendar_that_is_there(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    with pytest.raises(NotFound, match="calendar"):
        draft_policy(session, SYSTEM, 'version = "v1"\nbrand = "demo"\ncalendar = "cn"\n', POLICY.version, AT)


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        (WEEK, 3),
        (Hours(keeps_holidays=False), 0),
        (Hours(), 2),
        (WEEK.model_copy(update={"closed": (date(2026, 11, 15),)}), 4),
    ],
    ids=["made up on Sunday", "works through", "every day", "closed all the same"],
)
def test_what_is_ordered_on_a_holiday_leaves_on_the_next_working_day(hours: Hours, days: int) -> None:
    assert leaves_after(hours, (), NOON, CN) == days


@pytest.mark.parametrize(
    ("rest", "days"), [(Rest.NEVER, 2), (Rest.HOLIDAYS, 4), (Rest.WEEKENDS, 5)], ids=["never", "holidays", "weekends"]
)
def test_days_on_which_couriers_rest_are_none_of_theirs(rest: Rest, days: int) -> None:
    assert carried_after(WEDNESDAY, 2, rest, CN) == days  # Sunday is made up, so weekends end on Monday


@pytest.mark.parametrize(
    ("leaves", "rest", "days"),
    [
        (WEDNESDAY + timedelta(days=1), Rest.HOLIDAYS, 2),
        (WEDNESDAY + timedelta(days=1), Rest.NEVER, 0),
        (WEDNESDAY, Rest.HOLIDAYS, 0),
    ],
    ids=["on a holiday", "on a holiday that nobody keeps", "on a working day"],
)
def test_who_brings_things_the_same_day_brings_none_on_a_day_of_rest(leaves: date, rest: Rest, days: int) -> None:
    assert carried_after(leaves, 0, rest, CN) == days


@given(st.integers(0, 30), st.sampled_from(Rest), st.frozensets(st.dates(WEDNESDAY, date(2026, 12, 1))))
def test_resting_never_brings_anything_sooner(days: int, rest: Rest, off: frozenset[date]) -> None:
    assert carried_after(WEDNESDAY, days, rest, Calendar(off)) >= days


def test_the_promise_counts_holidays_of_location_and_courier(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    load_calendar(session, SYSTEM, YEAR, AT)
    load_card(session, SYSTEM, "demo", "r1", "courier,first_fen,each_fen,days\nSF,500,100,2\n", AT)
    draft_policy(session, SYSTEM, f"{CARRIED}[locations.sh]\ncut_off = 09:00:00\n", POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "v1", "tried", AT, revision=1, untried="a test")
    placed(session, order({"apple": 1}))  # on a Wednesday after the cut-off: leaves on Saturday
    [decision] = routing_of(session, "T1", SYSTEM).decisions
    assert (dict(decision.promises), decision.replays) == ({"sh": "2026-11-16"}, True)
