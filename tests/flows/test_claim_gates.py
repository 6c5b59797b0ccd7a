"""What a claim leaves in the gates when whoever claimed has died, or nobody has set a limit yet."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from flows.claim import Fenced, Terms, claim, prolong
from flows.effect import Claimed
from hub.database import row, run
from hub.gates import Limit
from hub.steps import NewStep, add
from tests.flows.acting import GRACE, LEASE


def write(session: Session, at: datetime, count: int) -> None:
    add(session, [NewStep("f", f"lane-{no}", "p", f"k{no}", None, {}) for no in range(count)], at)


def take(session: Session, at: datetime, limit: Limit) -> list[Claimed]:
    return claim(session, 10, at, 0, Terms(LEASE, GRACE, {"p": limit}))


def test_places_that_dead_workers_held_are_free_when_their_leases_are_over(session: Session, at: datetime) -> None:
    write(session, at, 5)
    limit = Limit(at_once=3)
    assert len(take(session, at, limit)) == 3
    assert take(session, at + LEASE, limit) == []
    assert len(take(session, at + LEASE + GRACE, limit)) == 3


def test_a_lease_that_is_over_is_not_prolonged_for_its_place_may_be_taken(session: Session, at: datetime) -> None:
    write(session, at, 2)
    limit = Limit(at_once=1)
    (late,) = take(session, at, limit)
    prolong(session, late, at + LEASE, Terms(LEASE, GRACE))
    assert take(session, at + LEASE + GRACE, limit) == []
    (other,) = take(session, at + LEASE + LEASE + GRACE, limit)
    assert other.id != late.id
    with pytest.raises(Fenced):
        prolong(session, late, at + LEASE + LEASE + GRACE, Terms(LEASE, GRACE))


def test_a_limit_that_is_set_later_begins_without_debts(session: Session, at: datetime) -> None:
    write(session, at, 5)
    assert len(take(session, at, Limit(at_once=4))) == 4
    run(session, "update step set state = 'done'")
    write_more = [NewStep("f", "lane-9", "p", "k9", None, {})]
    add(session, write_more, at)
    assert len(take(session, at, Limit(rate_per_s=1))) == 1
    found = row(session, "select tokens from connection_gate")
    assert found is not None
    assert found.tokens == 0
