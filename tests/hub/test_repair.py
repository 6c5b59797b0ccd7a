from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.waiting import Shop, bind_and_replay, find_skus, messages_waiting, waiting_codes
from hub.database import rows, run
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.inbox import InboxState, read, settle
from hub.repair import (
    Tally,
    cancel_step,
    discard_message,
    replay_message,
    replay_messages,
    retry_step,
    retry_steps,
    tally_messages,
    tally_steps,
)
from hub.roles import SYSTEM, Actor
from hub.steps import StepState
from hub.stuck import dead_groups, dead_like, things_of
from tests.hub.making import BRAND, add_sku, open_causes
from tests.hub.trouble import (
    NEIGHBOUR,
    OPERATOR,
    PHONE,
    STRANGER,
    SUPERVISOR,
    VIEWER,
    audited,
    dead_step,
    parked,
    state_of,
)

PC = Shop("mall-pc", BRAND, "pc")


def test_a_retried_step_is_due_as_an_unknown_one_and_its_case_is_closed(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    retry_step(session, OPERATOR, step_id, "mended", at)
    assert (state_of(session, step_id), open_causes(session)) == ("unknown", [])
    with pytest.raises(Conflict):
        retry_step(session, OPERATOR, step_id, "again", at)


def test_no_number_that_could_be_a_phone_goes_into_the_log_with_a_reason(session: Session, at: datetime) -> None:
    retry_step(session, OPERATOR, dead_step(session, at), f"buyer {PHONE} asked", at)
    replay_message(session, OPERATOR, parked(session, at), f"buyer {PHONE} asked", at)
    discard_message(session, OPERATOR, parked(session, at), f"buyer {PHONE} asked", at)
    told = [audited(session, act) for act in ("step.retry", "inbox.replay", "inbox.discard")]
    assert told == [[{"reason": "buyer … asked"}]] * 3
    assert {one.resolution for one in rows(session, "select resolution from case_file")} == {"buyer … asked"}


@pytest.mark.parametrize("actor", [VIEWER, STRANGER, NEIGHBOUR])
def test_who_may_not_act_here_changes_nothing(session: Session, at: datetime, actor: Actor) -> None:
    step_id, inbox_id = dead_step(session, at), parked(session, at)
    for act in (
        lambda: retry_step(session, actor, step_id, "why", at),
        lambda: cancel_step(session, actor, step_id, "why", at),
        lambda: replay_message(session, actor, inbox_id, "why", at),
        lambda: discard_message(session, actor, inbox_id, "why", at),
    ):
        with pytest.raises((Unauthorised, NotFound)):
            act()
    assert (state_of(session, step_id), read(session, inbox_id).state) == ("dead", "parked")


def test_whose_connection_it_is_may_replay_its_message(session: Session, at: datetime) -> None:
    inbox_id = parked(session, at, connection="mall-h5")
    replay_message(session, NEIGHBOUR, inbox_id, "mended", at, ["mall-h5"])
    assert read(session, inbox_id).state == "received"


def test_many_acts_are_for_supervisors_and_need_a_reason(session: Session, at: datetime) -> None:
    with pytest.raises(Unauthorised):
        retry_steps(session, OPERATOR, [1], "why", at)
    with pytest.raises(Unauthorised):
        replay_messages(session, OPERATOR, [1], "why", at)
    with pytest.raises(Malformed):
        retry_steps(session, SUPERVISOR, [1], "  ", at)


def test_dead_steps_of_one_error_are_retried_together_and_the_others_stay(session: Session, at: datetime) -> None:
    alike = [dead_step(session, at, "T1"), dead_step(session, at, "T2")]
    other = dead_step(session, at, "T3", error="http_404")
    groups = dead_groups(session, SUPERVISOR)
    assert [(one.connection, one.flow, one.error_code, one.count) for one in groups] == [
        ("wms-sh", "release_fulfilment", "http_400", 2),
        ("wms-sh", "release_fulfilment", "http_404", 1),
    ]
    found = dead_like(session, SUPERVISOR, "wms-sh", "release_fulfilment", "http_400", at)
    assert retry_steps(session, SUPERVISOR, found, "mended", at) == 2
    assert [state_of(session, one) for one in (*alike, other)] == ["unknown", "unknown", "dead"]


def test_what_died_after_the_look_is_not_meant(session: Session, at: datetime) -> None:
    dead_step(session, at + timedelta(minutes=1))
    assert not dead_like(session, SUPERVISOR, "wms-sh", "release_fulfilment", "http_400", at)


def test_a_tally_tells_dead_steps_from_running_and_ended_ones(session: Session, at: datetime) -> None:
    steps = [dead_step(session, at, f"T{no}") for no in range(4)]
    run(session, "update step set state = 'in_flight' where id = :id", id=steps[1])
    run(session, "update step set state = 'done' where id = :id", id=steps[2])
    assert tally_steps(session, SUPERVISOR, [*steps, 999]) == Tally(
        eligible=(steps[0], steps[3]), wrong_state=1, done=1
    )
    assert tally_steps(session, STRANGER, steps).nothing


def test_parked_messages_of_one_cause_are_tallied_and_replayed(session: Session, at: datetime) -> None:
    first, second, third = (parked(session, at) for _ in range(3))
    settle(session, read(session, second), InboxState.DONE, at)
    replay_message(session, OPERATOR, third, "alone", at)
    assert tally_messages(session, SUPERVISOR, [first, second, third]) == Tally(
        eligible=(first,), wrong_state=1, done=1
    )
    assert replay_messages(session, SUPERVISOR, [first, second, third], "mended", at) == 1


def test_a_bound_code_lets_every_message_go_on_that_waits_for_it(session: Session, at: datetime) -> None:
    add_sku(session, "apple")
    waits = [parked(session, at, "a-1"), parked(session, at, "a-1, b-2"), parked(session, at, "a-10")]
    assert bind_and_replay(session, OPERATOR, PC, "a-1", "apple", f"{PHONE}", at) == 2
    assert [read(session, one).state for one in waits] == ["received", "received", "parked"]
    assert open_causes(session) == ["unknown_sku"]
    assert audited(session, "sku.bind") == [{"shop": "pc", "channel_sku": "a-1", "reason": "…"}]


def test_codes_that_messages_wait_for_are_counted(session: Session, at: datetime) -> None:
    for codes in ("a-1", "a-1, b-2"):
        parked(session, at, codes)
    parked(session, at, "a-1", connection="mall-h5")
    found = [(one.connection, one.code, one.count) for one in waiting_codes(session, OPERATOR)]
    assert found == [("mall-pc", "a-1", 2), ("mall-h5", "a-1", 1), ("mall-pc", "b-2", 1)]
    assert [one.code for one in waiting_codes(session, NEIGHBOUR, ["mall-h5"])] == ["a-1"]
    assert len(messages_waiting(session, OPERATOR, "mall-pc", "b-2")) == 1


@pytest.mark.parametrize(("actor", "sku"), [(OPERATOR, "ghost"), (STRANGER, "apple"), (VIEWER, "apple")])
def test_nothing_is_bound_by_strangers_or_to_what_is_not_there(
    session: Session, at: datetime, actor: Actor, sku: str
) -> None:
    add_sku(session, "apple")
    inbox_id = parked(session, at)
    with pytest.raises((NotFound, Unauthorised)):
        bind_and_replay(session, actor, PC, "new", sku, "why", at)
    assert read(session, inbox_id).state == "parked"


def test_skus_are_found_by_a_part_of_their_code_the_same_code_first(session: Session) -> None:
    for code in ("red-apple", "apple", "apple-2", "pear"):
        add_sku(session, code)
    assert [one.code for one in find_skus(session, BRAND, "APPLE")] == ["apple", "apple-2", "red-apple"]
    assert not find_skus(session, "other", "apple")


def test_a_cancelled_step_lets_its_lane_go_on(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    run(session, "update step set flow = 'notify_shipment'")
    with pytest.raises(Unauthorised):
        cancel_step(session, OPERATOR, step_id, "not needed", at)
    cancel_step(session, SUPERVISOR, step_id, "not needed", at)
    assert (state_of(session, step_id), open_causes(session)) == ("cancelled", [])
    assert audited(session, "step.cancel") == [{"reason": "not needed"}]


def test_a_call_that_holds_stock_is_not_cancelled(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    with pytest.raises(Conflict) as caught:
        cancel_step(session, SUPERVISOR, step_id, "not needed", at)
    assert (caught.value.code, state_of(session, step_id)) == ("step_holds_stock", "dead")


def test_a_call_in_doubt_is_retried_no_sooner_than_it_may_be_asked_about(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    later = at + timedelta(minutes=10)
    run(session, "update step set doubt = true, run_at = :later", later=later)
    retry_step(session, OPERATOR, step_id, "SAP is back", at)
    found = rows(session, "select state, run_at, doubt from step where id = :id", id=step_id)[0]
    assert (found.state, found.run_at, found.doubt) == ("unknown", later, True)


@pytest.mark.parametrize("change", ["doubt = true", "state = 'in_flight'", "state = 'unknown'", "state = 'done'"])
def test_what_may_have_been_executed_is_not_cancelled(session: Session, at: datetime, change: str) -> None:
    step_id = dead_step(session, at)
    run(session, f"update step set {change} where id = :id", id=step_id)
    with pytest.raises(Conflict):
        cancel_step(session, SUPERVISOR, step_id, "not needed", at)


def test_cases_lead_to_what_they_are_about(session: Session, at: datetime) -> None:
    step_id, inbox_id = dead_step(session, at), parked(session, at)
    cases = [one.id for one in rows(session, "select id from case_file")]
    found = things_of(session, OPERATOR, cases)
    assert (found["step"], found["inbox"], len(found["order"])) == ([step_id], [inbox_id], 1)
    assert not any(things_of(session, STRANGER, cases).values())


def test_a_finished_step_of_the_history_counts_as_done(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    run(session, "update step set state = :state, settled_at = :at", state=StepState.DONE, at=at)
    columns = """id, flow, lane, connection, idempotency_key, order_id, subject, traceparent, state, run_at, attempts,
                 unheard, token, doubt, lease_until, last_error, created_at, settled_at"""
    run(
        session,
        f"with gone as (delete from step returning *) insert into step_history ({columns}) select {columns} from gone",
    )
    assert tally_steps(session, SYSTEM, [step_id]) == Tally(eligible=(), done=1)
