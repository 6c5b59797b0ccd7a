from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flows.claim import Terms, claim
from flows.effect import Claimed
from flows.settle import Result, book
from flows.verdict import Outcome
from hub.breakers import Tolerance
from hub.database import Database, rows, run
from hub.steps import NewStep, StepState, add
from tests.flows.acting import GRACE, LEASE

TOLERANCE = Tolerance(3, 5, 60)


def write(session: Session, at: datetime, *lanes: str) -> None:
    add(session, [NewStep("f", lane, "p", f"{lane}-{no}", 1, {}) for no, lane in enumerate(lanes)], at)


def take(session: Session, at: datetime, limit: int = 10) -> list[Claimed]:
    return claim(session, limit, at, 0, Terms(LEASE, GRACE))


def test_two_workers_claim_different_steps(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        write(session, at, "a", "b", "c", "d", "e")
    with database.transaction() as first, database.transaction() as second:
        mine, theirs = take(first, at, 3), take(second, at, 3)
    assert (len(mine), len(theirs)) == (3, 2)
    assert not {step.id for step in mine} & {step.id for step in theirs}


def test_only_the_head_of_a_lane_is_claimed(session: Session, at: datetime) -> None:
    write(session, at, "a", "a", "b")
    assert [step.idempotency_key for step in take(session, at)] == ["a-0", "b-2"]
    assert take(session, at) == []


def test_what_is_not_due_waits(session: Session, at: datetime) -> None:
    write(session, at + timedelta(seconds=1), "a")
    assert take(session, at) == []
    assert len(take(session, at + timedelta(seconds=1))) == 1


def test_a_lease_that_ran_out_is_claimed_again_after_its_grace(session: Session, at: datetime) -> None:
    write(session, at, "a")
    (first,) = take(session, at)
    assert take(session, at + LEASE + GRACE / 2) == []
    (again,) = take(session, at + LEASE + GRACE)
    assert (first.was, again.was) == ("pending", "in_flight")
    assert (again.token, again.attempts) == (first.token + 1, first.attempts + 1)


def test_a_lane_has_one_step_in_flight(session: Session, at: datetime) -> None:
    write(session, at, "a", "a")
    with pytest.raises(IntegrityError, match="uq_step_lane_in_flight"):
        run(session, "update step set state = 'in_flight'")


def test_the_oldest_due_comes_first(session: Session, at: datetime) -> None:
    write(session, at, "a", "b", "c")
    run(session, "update step set run_at = :early where lane = 'c'", early=at - timedelta(seconds=5))
    assert [step.lane for step in take(session, at, 2)] == ["c", "a"]


def done(step: Claimed, at: datetime) -> Result:
    return Result(step, None, Outcome(StepState.DONE, at), at, at)


def settle(session: Session, at: datetime, *steps: Claimed) -> set[tuple[int, int]]:
    return book(session, [done(step, at) for step in steps], {}, TOLERANCE, at)


def test_an_old_token_settles_nothing(session: Session, at: datetime) -> None:
    write(session, at, "a")
    (old,) = take(session, at)
    take(session, at + LEASE + GRACE)
    assert settle(session, at, old) == set()
    assert [one.state for one in rows(session, "select state from step")] == ["in_flight"]


def test_a_step_settles_once(session: Session, at: datetime) -> None:
    write(session, at, "a")
    (step,) = take(session, at)
    assert settle(session, at, step) == {(step.id, step.token)}
    assert settle(session, at, step) == set()


def test_of_two_claims_in_one_batch_the_last_is_settled_alone(session: Session, at: datetime) -> None:
    write(session, at, "a")
    (old,) = take(session, at)
    (new,) = take(session, at + LEASE + GRACE)
    assert settle(session, at, old, new) == {(new.id, new.token)}
    assert [one.token for one in rows(session, "select token from attempt")] == [new.token]


def test_what_is_named_is_claimed_and_nothing_else(session: Session, at: datetime) -> None:
    write(session, at, "a", "b", "c")
    ids = [one.id for one in rows(session, "select id from step where lane in ('a', 'c', 'x')")]
    steps = claim(session, 10, at, 0, Terms(LEASE, GRACE), ids)
    assert [step.lane for step in steps] == ["a", "c"]
    assert claim(session, 10, at, 0, Terms(LEASE, GRACE), ids) == []


def test_one_connection_fills_no_more_than_its_cap(session: Session, at: datetime) -> None:
    add(session, [NewStep("f", f"{name}-{no}", name, f"{name}{no}", None, {}) for name in "pq" for no in range(5)], at)
    steps = claim(session, 10, at, 0, Terms(LEASE, GRACE, caps={"q": 1}, cap=3))
    assert Counter(step.connection for step in steps) == {"p": 3, "q": 1}
