from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import keyring_of, row, rows, run
from hub.errors import NotFound
from hub.exchange import Exchange, place, write_exchanges
from hub.roles import Actor, Role
from hub.runs import Wanted, attempts_of, get_run, list_runs
from hub.steps import NewStep, StepState, add, move_finished
from hub.tracing import current_traceparent, span, trace_id_of
from tests.hub.making import BRAND, order, placed, stock
from tests.spans import traced

OPERATOR = Actor("op", frozenset({Role.OPERATOR}))
STRANGER = Actor("stranger", frozenset({Role.OPERATOR}), frozenset({"other"}))
NEIGHBOUR = Actor("neighbour", frozenset({Role.OPERATOR}), frozenset({BRAND}), frozenset({"h5"}))
CANARY, CANARY_NAME = "10000000042", "金丝雀"


def call(session: Session, at: datetime, key: str, flow: str = "release", connection: str = "wms-sh") -> int:
    add(session, [NewStep(flow, key, connection, key, 1, {})], at)
    found = row(session, "select id from step where idempotency_key = :key", key=key)
    return found.id if found else 0


def finish(session: Session, step_id: int, at: datetime, state: StepState = StepState.DONE) -> None:
    run(session, "update step set state = :state, settled_at = :at where id = :id", state=state, at=at, id=step_id)


def heard(session: Session, step_id: int, at: datetime, exchange: Exchange, sealed_for: int | None = None) -> None:
    sealed = keyring_of(session).seal_body(write_exchanges([exchange]), place(sealed_for or step_id, 1))
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error, exchanges)
           values (:id, 1, :at, :later, 'dead', 'http_400', 'refused', :sealed)""",
        id=step_id,
        at=at,
        later=at + timedelta(milliseconds=250),
        sealed=sealed,
    )


def ids(session: Session, at: datetime, wanted: Wanted | None = None) -> list[int]:
    return [one.id for one in list_runs(session, OPERATOR, wanted or Wanted(), at=at, before=None, limit=99).runs]


def test_live_and_finished_runs_are_one_list_the_newest_first(session: Session, at: datetime) -> None:
    first, second, third = (call(session, at, key) for key in "abc")
    finish(session, second, at)
    move_finished(session, at + timedelta(seconds=1))
    assert ids(session, at) == [third, second, first]


def test_pages_of_runs_meet_without_a_gap(session: Session, at: datetime) -> None:
    made = [call(session, at, str(no)) for no in range(5)]
    finish(session, made[1], at)
    move_finished(session, at + timedelta(seconds=1))
    seen: list[int] = []
    before: int | None = None
    while True:
        page = list_runs(session, OPERATOR, Wanted(), at=at, before=before, limit=2)
        seen += [one.id for one in page.runs]
        if (before := page.next) is None:
            break
    assert seen == made[::-1]


def test_runs_are_looked_for_by_flow_connection_state_and_time(session: Session, at: datetime) -> None:
    mine = call(session, at, "a", flow="notify", connection="mall-pc")
    call(session, at - timedelta(hours=2), "b")
    for wanted in (Wanted(flow="notify"), Wanted(connection="mall-pc"), Wanted(since=at - timedelta(hours=1))):
        assert ids(session, at, wanted) == [mine]
    assert len(ids(session, at, Wanted(until=at))) == 1
    assert not ids(session, at, Wanted(state="dead"))


def test_what_ended_days_ago_is_shown_when_its_period_or_its_order_is_named(session: Session, at: datetime) -> None:
    old = at - timedelta(days=9)
    step_id = call(session, old, "a")
    finish(session, step_id, old)
    move_finished(session, at)
    assert not ids(session, at)
    assert ids(session, at, Wanted(since=old)) == [step_id]
    assert ids(session, at, Wanted(order_ids=[1])) == [step_id]


@pytest.mark.parametrize("actor", [STRANGER, NEIGHBOUR])
def test_runs_of_another_brand_or_shop_are_not_there(session: Session, at: datetime, actor: Actor) -> None:
    stock(session, {"sh": {"apple": 9}})
    placed(session, order({"apple": 1}))
    (step,) = rows(session, "select id from step")
    assert get_run(session, OPERATOR, step.id).shop == "pc"
    assert not list_runs(session, actor, Wanted(), at=at, before=None, limit=9).runs
    with pytest.raises(NotFound):
        get_run(session, actor, step.id)


def test_an_attempt_shows_what_was_said_without_the_person(session: Session, at: datetime) -> None:
    step_id = call(session, at, "a")
    body = f'{{"receiver": {{"name": "{CANARY_NAME}", "mobile": "{CANARY}"}}, "code": "C1"}}'.encode()
    said = Exchange(
        request="POST http://wms/r?mobile=10000000042", request_body=body, status=400, answer_body=body, seconds=0.2
    )
    heard(session, step_id, at, said)
    (attempt,) = attempts_of(session, get_run(session, OPERATOR, step_id), ())
    shown = attempt.model_dump_json()
    assert (attempt.outcome, attempt.error_code, attempt.took_s, attempt.exchanges[0].status) == (
        "dead",
        "http_400",
        0.25,
        400,
    )
    assert "C1" in shown
    assert CANARY not in shown
    assert CANARY_NAME not in shown


def test_exchanges_that_do_not_open_are_told_of_and_hide_no_attempt(session: Session, at: datetime) -> None:
    step_id = call(session, at, "a")
    said = Exchange(request="GET x", request_body=b"", status=200, answer_body=b"", seconds=0)
    heard(session, step_id, at, said, sealed_for=step_id + 1)
    (attempt,) = attempts_of(session, get_run(session, OPERATOR, step_id), ())
    assert "do not open" in attempt.unreadable


def test_only_what_was_certainly_not_executed_may_be_cancelled(session: Session, at: datetime) -> None:
    step_id = call(session, at, "a")
    assert get_run(session, OPERATOR, step_id).cancellable
    run(session, "update step set flow = 'release_fulfilment'")
    assert not get_run(session, OPERATOR, step_id).cancellable
    run(session, "update step set flow = 'notify_shipment', doubt = true")
    assert not get_run(session, OPERATOR, step_id).cancellable


def test_a_run_names_the_trace_it_belongs_to_if_it_was_traced(session: Session, at: datetime) -> None:
    plain = call(session, at, "a")
    with traced(), span("placing"):
        step_id, here = call(session, at, "b"), current_traceparent()
    assert get_run(session, OPERATOR, step_id).trace == trace_id_of(here)
    assert get_run(session, OPERATOR, plain).trace == ""
