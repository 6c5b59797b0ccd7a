from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.replay_steps import call_again, skip_step
from hub.roles import Actor
from hub.runs import get_run, lane_of
from hub.steps import NewStep, add, move_finished
from tests.hub.making import open_causes
from tests.hub.trouble import NEIGHBOUR, OPERATOR, STRANGER, SUPERVISOR, audited, dead_step, state_of


def head(session: Session, at: datetime, flow: str = "notify_shipment") -> int:
    """Let a call be dead at the head of a lane in which another waits."""
    step_id = dead_step(session, at)
    run(session, "update step set flow = :flow", flow=flow)
    one = row(session, "select lane, connection, order_id from step")
    assert one
    add(session, [NewStep("post_sale", one.lane, one.connection, "behind", one.order_id, {})], at)
    return step_id


def behind(session: Session) -> str:
    found = row(session, "select state from step where idempotency_key = 'behind'")
    return found.state if found else ""


def test_a_skipped_call_is_cancelled_and_its_lane_goes_on(session: Session, at: datetime) -> None:
    step_id = head(session, at)
    assert behind(session) == "waiting"
    skip_step(session, SUPERVISOR, step_id, "told by phone", at)
    assert (state_of(session, step_id), behind(session), open_causes(session)) == ("cancelled", "pending", [])
    assert audited(session, "step.skip") == [{"reason": "told by phone", "doubt": False}]


def test_a_call_in_doubt_is_skipped_only_by_who_says_so_and_its_doubt_stays(session: Session, at: datetime) -> None:
    step_id = head(session, at)
    run(session, "update step set doubt = true where id = :id", id=step_id)
    with pytest.raises(Conflict) as caught:
        skip_step(session, SUPERVISOR, step_id, "why", at)
    assert (caught.value.code, behind(session)) == ("step_in_doubt", "waiting")
    skip_step(session, SUPERVISOR, step_id, "SAP has it", at, although_it_may_have_been_executed=True)
    assert (get_run(session, SUPERVISOR, step_id).doubt, behind(session)) == (True, "pending")
    assert audited(session, "step.skip") == [{"reason": "SAP has it", "doubt": True}]


@pytest.mark.parametrize("flow", ["release_fulfilment", "cancel_fulfilment"])
def test_a_call_that_holds_stock_is_never_skipped(session: Session, at: datetime, flow: str) -> None:
    step_id = head(session, at, flow)
    with pytest.raises(Conflict) as caught:
        skip_step(session, SUPERVISOR, step_id, "why", at, although_it_may_have_been_executed=True)
    assert (caught.value.code, state_of(session, step_id)) == ("step_holds_stock", "dead")


@pytest.mark.parametrize("state", ["waiting", "pending", "in_flight", "unknown", "done", "cancelled"])
def test_only_a_dead_call_is_skipped(session: Session, at: datetime, state: str) -> None:
    step_id = head(session, at)
    run(session, f"update step set state = '{state}' where id = :id", id=step_id)
    with pytest.raises(Conflict):
        skip_step(session, SUPERVISOR, step_id, "why", at)
    assert state_of(session, step_id) == state


@pytest.mark.parametrize("actor", [OPERATOR, STRANGER, NEIGHBOUR])
def test_who_may_not_act_here_skips_and_repeats_nothing(session: Session, at: datetime, actor: Actor) -> None:
    step_id = head(session, at)
    with pytest.raises((Unauthorised, NotFound)):
        skip_step(session, actor, step_id, "why", at)
    with pytest.raises((Unauthorised, NotFound)):
        call_again(session, actor, step_id, "why", at, job=1)
    assert state_of(session, step_id) == "dead"


def test_skipping_needs_a_reason(session: Session, at: datetime) -> None:
    with pytest.raises(Malformed):
        skip_step(session, SUPERVISOR, head(session, at), " ", at)


@pytest.mark.parametrize(
    ("state", "flow", "code"),
    [("dead", "ask_parcel", "step_state"), ("done", "post_sale", "not_repeatable"), ("done", "x", "not_repeatable")],
)
def test_a_call_is_made_again_only_when_it_has_completed_and_does_no_harm(
    session: Session, at: datetime, state: str, flow: str, code: str
) -> None:
    step_id = head(session, at, flow)
    run(session, "update step set state = :state where id = :id", state=state, id=step_id)
    with pytest.raises(Conflict) as caught:
        call_again(session, SUPERVISOR, step_id, "why", at, job=1)
    assert caught.value.code == code


def test_one_job_makes_a_call_again_once_and_keys_do_not_grow(session: Session, at: datetime) -> None:
    step_id = head(session, at, "ask_parcel")
    run(session, "update step set state = 'done', idempotency_key = 'k:again:3' where id = :id", id=step_id)
    call_again(session, SUPERVISOR, step_id, "why", at, job=7)
    with pytest.raises(Conflict):
        call_again(session, SUPERVISOR, step_id, "why", at, job=7)
    keys = rows(session, "select idempotency_key as key from step where idempotency_key ~ 'again:7'")
    assert [one.key for one in keys] == ["k:again:7"]
    assert audited(session, "step.again") == [{"reason": "why", "job": 7, "key": "k:again:7"}]


def test_a_lane_is_shown_whole_and_in_its_order(session: Session, at: datetime) -> None:
    step_id = head(session, at)
    add(session, [NewStep("f", "another", "wms-sh", "other", None, {})], at)
    run(session, "update step set state = 'done', settled_at = :at where id = :id", at=at, id=step_id)
    move_finished(session, at + timedelta(seconds=1))
    second = lane_of(session, SUPERVISOR, step_id)[1]
    assert [(one.id, one.state) for one in lane_of(session, SUPERVISOR, second.id)] == [
        (step_id, "done"),
        (second.id, "waiting"),
    ]
    with pytest.raises(NotFound):
        lane_of(session, STRANGER, step_id)


def test_a_lane_of_no_order_shows_what_is_live(session: Session, at: datetime) -> None:
    add(session, [NewStep("f", "feed:1:mall-pc", "mall-pc", key, None, {}) for key in "ab"], at)
    one = row(session, "select id from step where idempotency_key = 'b'")
    assert one
    assert [found.state for found in lane_of(session, SUPERVISOR, one.id)] == ["pending", "waiting"]


def test_a_run_says_what_may_be_done_about_it(session: Session, at: datetime) -> None:
    step_id = head(session, at)
    assert get_run(session, SUPERVISOR, step_id).skippable
    run(session, "update step set flow = 'ask_parcel', state = 'done'")
    found = get_run(session, SUPERVISOR, step_id)
    assert (found.skippable, found.repeatable) == (False, True)
