from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.breakers import Called, Tolerance, note_calls
from hub.database import rows, run
from hub.gates import Limit, Taken, allowances, refilled, take_places
from hub.steps import NewStep, add
from tests.hub.making import AT

TOLERANCE = Tolerance(failures=3, cool_s=5, longest_cool_s=12)
PROBE_FOR = timedelta(seconds=30)


def due(session: Session, connection: str, many: int = 20) -> None:
    add(
        session,
        [NewStep("f", f"{connection}{no}", connection, f"{connection}{no}", None, {}) for no in range(many)],
        AT,
    )


def places(session: Session, at: datetime, limits: Mapping[str, Limit] | None = None) -> dict[str, int]:
    return {name: one.places for name, one in allowances(session, limits or {}, at).items()}


def take(session: Session, at: datetime, limits: Mapping[str, Limit], calls: int, *, step: int = 1) -> None:
    """Take places as a claim does, whatever is allowed."""
    probing = allowances(session, limits, at)["sap"].probing
    take_places(session, [Taken("sap", calls, step, 1, probing)], limits, at, at + PROBE_FOR)


def fail(session: Session, at: datetime, times: int, *, step: int = 1) -> None:
    note_calls(session, [Called("sap", step, 1, failed=True)] * times, TOLERANCE, at)


def breaker(session: Session) -> str:
    return rows(session, "select breaker from connection_gate")[0].breaker


def test_a_connection_without_limits_is_free_and_has_no_row(session: Session) -> None:
    due(session, "sap")
    assert places(session, AT)["sap"] > 1_000
    assert rows(session, "select 1 from connection_gate") == []


def test_nothing_due_means_no_gate_at_all(session: Session) -> None:
    due(session, "sap")
    assert places(session, AT - timedelta(seconds=1)) == {}


def test_a_paused_connection_gives_nothing(session: Session) -> None:
    due(session, "sap")
    due(session, "wms")
    run(
        session,
        """insert into connection_health (connection, paused_at, paused_by, reason, last_error, last_error_code)
           values ('sap', :at, '', '', '', '')""",
        at=AT,
    )
    assert list(places(session, AT)) == ["wms"]


def test_a_bucket_gives_its_burst_and_then_so_many_a_second(session: Session) -> None:
    due(session, "sap")
    limits = {"sap": Limit(rate_per_s=2, burst=5)}
    assert places(session, AT, limits) == {"sap": 5}
    take(session, AT, limits, 5)
    assert places(session, AT, limits) == {}
    assert places(session, AT + timedelta(seconds=1), limits) == {"sap": 2}
    assert places(session, AT + timedelta(hours=1), limits) == {"sap": 5}


def test_a_bulkhead_counts_what_is_under_way_in_every_process(session: Session) -> None:
    due(session, "sap")
    later = AT + timedelta(seconds=30)
    run(
        session,
        "update step set state = 'in_flight', run_at = :later where id in (select id from step limit 3)",
        later=later,
    )
    assert places(session, AT, {"sap": Limit(at_once=4)}) == {"sap": 1}
    assert places(session, AT, {"sap": Limit(at_once=3)}) == {}


def test_a_breaker_opens_after_failures_in_a_row_only(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 2)
    note_calls(session, [Called("sap", 1, 1, failed=False)], TOLERANCE, AT)
    fail(session, AT, 2)
    assert breaker(session) == "closed"
    fail(session, AT, 1)
    assert breaker(session) == "open"
    assert places(session, AT) == {}


def test_one_probe_is_let_through_when_its_time_has_come(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 3)
    later = AT + timedelta(seconds=5)
    assert places(session, later) == {"sap": 1}
    take(session, later, {}, 1, step=7)
    assert breaker(session) == "half_open"
    assert places(session, later + timedelta(seconds=1)) == {}


def test_a_probe_that_succeeds_closes_the_breaker_and_hastens_what_waited(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 3)
    later = AT + timedelta(seconds=5)
    take(session, later, {}, 1, step=7)
    run(session, "update step set attempts = 4, run_at = :far where lane = 'sap3'", far=AT + timedelta(minutes=5))
    note_calls(session, [Called("sap", 7, 1, failed=False)], TOLERANCE, later)
    assert breaker(session) == "closed"
    assert rows(session, "select run_at from step where lane = 'sap3'")[0].run_at == later
    assert places(session, later)["sap"] > 1_000


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 3)
    at = AT
    waits: list[float] = []
    for no in range(3):
        at += timedelta(minutes=1)
        take(session, at, {}, 1, step=no)
        fail(session, at, 1, step=no)
        waits.append((rows(session, "select open_until from connection_gate")[0].open_until - at).total_seconds())
    assert waits == [10, 12, 12]


def test_what_was_under_way_when_it_opened_says_nothing_new(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 3)
    note_calls(session, [Called("sap", 99, 1, failed=False)], TOLERANCE, AT)
    assert breaker(session) == "open"


def test_a_probe_whose_worker_died_makes_way_for_another(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 3)
    later = AT + timedelta(seconds=5)
    take(session, later, {}, 1, step=7)
    assert places(session, later + PROBE_FOR) == {"sap": 1}


def test_a_probe_that_never_met_its_partner_makes_way_at_once(session: Session) -> None:
    due(session, "sap")
    fail(session, AT, 3)
    later = AT + timedelta(seconds=5)
    take(session, later, {}, 1, step=7)
    note_calls(session, [Called("sap", 7, 1, failed=None)], TOLERANCE, later)
    assert places(session, later) == {"sap": 1}


def test_a_partners_wish_holds_the_whole_connection(session: Session) -> None:
    due(session, "sap")
    until = AT + timedelta(seconds=40)
    note_calls(session, [Called("sap", 1, 1, failed=False, not_before=until)], TOLERANCE, AT)
    assert places(session, until - timedelta(seconds=1)) == {}
    assert places(session, until)["sap"] > 1_000


def test_a_good_answer_at_a_quiet_gate_writes_nothing(session: Session) -> None:
    note_calls(session, [Called("sap", 1, 1, failed=False)], TOLERANCE, AT)
    assert rows(session, "select 1 from connection_gate") == []


@pytest.mark.parametrize("backlog", [1, 500])
def test_each_connection_is_found_whatever_the_backlog_of_others(session: Session, backlog: int) -> None:
    due(session, "a", backlog)
    due(session, "b", 1)
    due(session, "c", backlog)
    assert sorted(places(session, AT)) == ["a", "b", "c"]


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 9)), max_size=30))
def test_in_any_time_no_more_is_taken_than_burst_and_rate_allow(turns: list[tuple[float, int]]) -> None:
    limit = Limit(rate_per_s=3, burst=4)
    tokens, at, taken = Decimal(4), AT, 0
    for seconds, wish in turns:
        since, at = at, at + timedelta(seconds=seconds)
        has = refilled(tokens, since, limit, at)
        calls = min(wish, int(has))
        tokens, taken = Decimal(has) - calls, taken + calls
        assert taken <= 4 + 3 * (at - AT).total_seconds() + 1e-6
