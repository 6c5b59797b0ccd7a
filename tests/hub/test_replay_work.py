from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import Database, row, rows, run
from hub.inbox import InboxState, keep, read, settle
from hub.order.ship.progress import NOTIFY
from hub.order.ship.track import ASK, SUBSCRIBE
from hub.replay_acts import HOLDING, REPEATABLE
from hub.replay_filter import Act, Filter, Wanted, What
from hub.replay_view import get_job, list_items
from hub.replay_work import PORTION, allowance
from hub.replays import set_rate, start_job
from hub.steps import NewStep, add, move_finished
from tests.hub.making import AT, open_causes
from tests.hub.test_replays import counts, job_of, start
from tests.hub.trouble import SUPERVISOR, audited, dead_step, let_in, parked, state_of, work_off

REPLAY = Wanted(what=What.MESSAGE, act=Act.REPLAY)
MINUTE = timedelta(minutes=1)


def items_of(session: Session, job_id: int) -> list[tuple[str, str]]:
    return [(one.state, one.outcome) for one in list_items(session, SUPERVISOR, job_id).items]


@given(
    rate=st.decimals("0.01", "200", places=2),
    looks=st.lists(st.integers(1, 30_000_000), min_size=1, max_size=40),
)
def test_no_rate_is_ever_exceeded_however_often_one_looks(rate: Decimal, looks: list[int]) -> None:
    refilled, taken = AT, 0
    for us in accumulate(looks):
        number, refilled = allowance(refilled, rate, AT + timedelta(microseconds=us))
        taken += number
        assert 0 <= number <= PORTION
        assert taken * 1_000_000 <= us * rate


@given(rate=st.decimals("0.01", "200", places=2), hours=st.integers(1, 1_000))
def test_what_was_saved_up_is_ten_seconds_at_most_or_one_thing(rate: Decimal, hours: int) -> None:
    number, _ = allowance(AT, rate, AT + timedelta(hours=hours))
    assert number <= max(1, 10 * rate)


def test_a_job_takes_as_many_as_its_rate_allows_and_is_then_done(session: Session, at: datetime) -> None:
    steps = [dead_step(session, at, f"T{no}") for no in range(5)]
    job_id = start(session, at, rate=2)
    assert work_off(session, at) == 0
    assert work_off(session, at + timedelta(seconds=1.2)) == 2
    assert [state_of(session, one) for one in steps] == ["unknown"] * 2 + ["dead"] * 3
    assert work_off(session, at + timedelta(seconds=1.5)) == 1  # the half that was left, and one more
    assert work_off(session, at + MINUTE) == 2
    assert counts(job_of(session, job_id)) == ("done", 0, 5, 0, 0)
    assert (work_off(session, at + 2 * MINUTE), open_causes(session)) == (0, [])
    assert [one["job"] for one in audited(session, "step.retry")] == [job_id] * 5
    assert audited(session, "replay.done") == [{"done": 5, "left_out": 0, "failed": 0}]


def test_a_new_rate_counts_from_now(session: Session, at: datetime) -> None:
    for _ in range(9):
        parked(session, at)
    job_id = start(session, at, REPLAY, rate=0.01)
    set_rate(session, SUPERVISOR, job_id, 5, at + MINUTE)
    assert work_off(session, at + MINUTE) == 0
    assert work_off(session, at + MINUTE + timedelta(seconds=1)) == 5
    assert audited(session, "replay.rate") == [{"rate_per_s": 5.0}]


def test_what_has_moved_on_is_left_and_its_state_is_told(session: Session, at: datetime) -> None:
    steps = [dead_step(session, at, f"T{no}") for no in range(3)]
    job_id = start(session, at)
    run(session, "update step set state = 'done', settled_at = :at where id = :id", at=at, id=steps[0])
    run(session, "update step set state = 'in_flight' where id = :id", id=steps[1])
    run(session, "delete from step where id = :id", id=steps[2])
    work_off(session, at + MINUTE)
    assert items_of(session, job_id) == [("left", "done"), ("left", "in_flight"), ("left", "gone")]
    assert counts(job_of(session, job_id)) == ("done", 0, 0, 3, 0)


@pytest.mark.parametrize(("act", "state"), [(Act.REPLAY, "received"), (Act.DISCARD, "superseded")])
def test_messages_are_replayed_or_set_aside(session: Session, at: datetime, act: Act, state: str) -> None:
    first, second = parked(session, at), parked(session, at)
    job_id = start(session, at, Wanted(what=What.MESSAGE, act=act))
    settle(session, read(session, second), InboxState.DONE, at)
    work_off(session, at + MINUTE)
    assert read(session, first).state == state
    assert items_of(session, job_id) == [("done", ""), ("left", "done")]


def test_each_call_is_skipped_by_itself_and_its_lane_goes_on(session: Session, at: datetime) -> None:
    steps = [dead_step(session, at, f"T{no}") for no in range(3)]
    run(session, "update step set flow = 'notify_shipment'")
    lane = row(session, "select lane, connection, order_id from step where id = :id", id=steps[0])
    assert lane
    add(session, [NewStep("post", lane.lane, lane.connection, "behind", lane.order_id, {})], at)
    job_id = start(session, at, Wanted(act=Act.SKIP))
    run(session, "update step set doubt = true where id = :id", id=steps[1])
    run(session, "update step set state = 'unknown' where id = :id", id=steps[2])
    work_off(session, at + MINUTE)
    assert items_of(session, job_id) == [("done", ""), ("left", "step_in_doubt"), ("left", "step_state")]
    behind = row(session, "select state from step where idempotency_key = 'behind'")
    assert (state_of(session, steps[0]), behind and behind.state) == ("cancelled", "pending")


def test_calls_are_cancelled_by_a_job(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    run(session, "update step set flow = 'notify_shipment'")
    start(session, at, Wanted(act=Act.CANCEL))
    work_off(session, at + MINUTE)
    assert state_of(session, step_id) == "cancelled"
    assert audited(session, "step.cancel")[0]["reason"] == "SAP is back"


@pytest.mark.parametrize("moved", [False, True])
def test_a_completed_call_is_made_again_under_a_key_of_its_own(session: Session, at: datetime, moved: bool) -> None:  # noqa: FBT001 # a case of the test
    step_id = dead_step(session, at)
    run(session, "update step set state = 'done', settled_at = :at, flow = 'ask_parcel', idempotency_key = 'k'", at=at)
    if moved:
        move_finished(session, at + MINUTE)
    job_id = start(session, at, Wanted(again=True, filter=Filter(ids=(step_id,))))
    work_off(session, at + MINUTE)
    new = row(session, "select * from step where idempotency_key like 'k:again:%'")
    assert new
    assert (new.idempotency_key, new.state, new.flow) == (f"k:again:{job_id}", "pending", "ask_parcel")
    assert (items_of(session, job_id), work_off(session, at + 2 * MINUTE)) == ([("done", "")], 0)


def test_a_call_made_again_goes_to_the_end_of_its_lane(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    run(session, "update step set state = 'done', settled_at = :at, flow = 'ask_parcel'", at=at)
    old = row(session, "select lane, connection, order_id from step")
    assert old
    add(session, [NewStep("ask_parcel", old.lane, old.connection, "next", old.order_id, {})], at)
    start(session, at, Wanted(again=True, filter=Filter(ids=(step_id,))))
    work_off(session, at + MINUTE)
    found = rows(session, "select state from step where lane = :lane order by id", lane=old.lane)
    assert [one.state for one in found] == ["done", "pending", "waiting"]


def test_a_thing_that_fails_by_a_fault_takes_no_other_with_it(session: Session, at: datetime) -> None:
    one, two = dead_step(session, at, "T1"), dead_step(session, at, "T2")
    run(session, "update step set state = 'done', settled_at = :at, flow = 'ask_parcel'", at=at)
    job_id = start(session, at, Wanted(again=True, filter=Filter(ids=(one, two))))
    planted = f"idempotency_key !~ 'again' or order_id <> {_order(session, one)}"
    run(session, f"alter table step add constraint planted check ({planted}) not valid")
    work_off(session, at + MINUTE)
    assert items_of(session, job_id) == [("failed", "CheckViolation"), ("done", "")]
    assert counts(job_of(session, job_id)) == ("done", 0, 1, 0, 1)


def test_the_job_that_has_waited_longest_is_next(session: Session, at: datetime) -> None:
    pages = [[parked(session, at) for _ in range(2)] for _ in range(2)]
    jobs = [start(session, at, REPLAY.model_copy(update={"filter": Filter(ids=tuple(ids))})) for ids in pages]
    for seconds in (1, 1, 2, 2):
        work_off(session, at + timedelta(seconds=seconds))
    assert [job_of(session, one).state for one in jobs] == ["done", "done"]


def test_workers_at_once_do_each_thing_once(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        for no in range(40):
            inbox_id, _ = keep(session, "mall-pc", "order", f"m{no}", b"{}", at)
            settle(session, read(session, inbox_id), InboxState.PARKED, at)
        let_in(session, SUPERVISOR, at)
        job_id = start_job(session, SUPERVISOR, REPLAY, at, reason="why", rate_per_s=1)

    def look(second: int) -> int:
        with database.transaction() as own:
            return work_off(own, at + timedelta(seconds=second))

    with ThreadPoolExecutor(4) as pool:
        looked = sum(pool.map(look, range(60)))
    with database.transaction() as session:
        while done := work_off(session, at + timedelta(seconds=looked + 200)):
            looked += done
        found = rows(session, "select count(*) as n from audit_entry where act = 'inbox.replay' group by subject")
        assert (get_job(session, SUPERVISOR, job_id).done, looked, [one.n for one in found]) == (40, 40, [1] * 40)


def test_flows_are_named_as_they_are_called() -> None:
    assert set(REPEATABLE) == {ASK, SUBSCRIBE}
    assert not set(REPEATABLE) & {*HOLDING, NOTIFY}


def _order(session: Session, step_id: int) -> int:
    found = row(session, "select order_id from step where id = :id", id=step_id)
    return found.order_id if found else 0
