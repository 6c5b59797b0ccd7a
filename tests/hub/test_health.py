from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.access import Token
from hub.cases import NewCase, open_cases
from hub.connections import Outcomes, note_outcomes, pause
from hub.database import row, rows
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.health import Health, healths
from hub.inbox import InboxState, keep, read, settle
from hub.polls import ORDERS, PROBE, TOKEN, claim_polls, finish_poll, plan_polls
from hub.roles import Actor, Role
from hub.settings import Connection
from hub.steps import NewStep, add
from hub.tending import ask_again, ask_for_probe, give_token, pause_for, resume_for
from hub.tokens import find_token, store_token

NAME = "mall-pc"
MALL = Connection(kind="channels.storefront", brand="demo", shop="pc")
SUPERVISOR = Actor("boss", frozenset({Role.SUPERVISOR}))
ADMIN = Actor("root", frozenset({Role.ADMIN}))
OPERATOR = Actor("op", frozenset({Role.OPERATOR}))
STRANGER = Actor("stranger", frozenset({Role.ADMIN}), frozenset({"other"}))


def look(session: Session, at: datetime) -> Health:
    (found,) = healths(session, [NAME], at)
    return found


def token(at: datetime, hours: float) -> Token:
    return Token(access="a", expires_at=at + timedelta(hours=hours))


def audited(session: Session) -> list[str]:
    return [one.act for one in rows(session, "select act from audit_entry order by id")]


def test_a_connection_that_was_never_called_is_silent(session: Session, at: datetime) -> None:
    assert look(session, at).state(at) == "silent"


def test_the_latest_outcome_says_whether_it_works(session: Session, at: datetime) -> None:
    note_outcomes(session, {NAME: Outcomes(at, at - timedelta(minutes=1), "timeout", "no answer")})
    assert look(session, at).state(at) == "working"
    note_outcomes(session, {NAME: Outcomes(None, at + timedelta(minutes=1), "timeout", "no answer")})
    assert (look(session, at).state(at), look(session, at).error) == ("failing", "no answer")


def test_a_poll_that_fails_makes_it_failing_but_a_test_does_not(session: Session, at: datetime) -> None:
    note_outcomes(session, {NAME: Outcomes(at)})
    plan_polls(session, [(NAME, ORDERS), (NAME, PROBE)], at, at)
    for name, state in ((PROBE, "working"), (ORDERS, "failing")):
        (turn,) = claim_polls(session, [(NAME, name)], 1, at, timedelta(seconds=1))
        finish_poll(session, turn, at, at + timedelta(minutes=1), error="down")
        assert look(session, at).state(at) == state


def test_a_paused_connection_says_by_whom_and_why(session: Session, at: datetime) -> None:
    pause(session, NAME, "boss", "new key", at)
    found = look(session, at)
    assert (found.state(at), found.paused_by, found.reason) == ("paused", "boss", "new key")


def test_old_work_makes_it_lag_and_is_counted(session: Session, at: datetime) -> None:
    add(session, [NewStep("notify", f"lane-{no}", NAME, f"k{no}", 1, {}) for no in range(2)], at - timedelta(hours=1))
    inbox_id, _ = keep(session, NAME, "order", "m1", b"{}", at)
    settle(session, read(session, inbox_id), InboxState.PARKED, at)
    open_cases(session, [NewCase("malformed", f"inbox:{inbox_id}", "demo", "", None, {"inbox": inbox_id})], at)
    keep(session, NAME, "order", "m2", b"{}", at)
    found = look(session, at)
    assert (found.state(at), found.open, found.parked, found.waiting) == ("lagging", 2, 1, 1)


def test_a_token_is_told_of_early_unless_it_is_renewed_by_itself(session: Session, at: datetime) -> None:
    note_outcomes(session, {NAME: Outcomes(at)})
    store_token(session, NAME, token(at, 24), at)
    assert look(session, at).state(at) == "token_ends"
    plan_polls(session, [(NAME, TOKEN)], at, at)
    assert look(session, at).state(at) == "working"


def test_a_supervisor_pauses_and_resumes_with_a_reason_once(session: Session, at: datetime) -> None:
    pause_for(session, SUPERVISOR, NAME, MALL, "key of 10000000042", at)
    with pytest.raises(Conflict):
        pause_for(session, SUPERVISOR, NAME, MALL, "again", at)
    assert look(session, at).reason == "key of …"
    resume_for(session, SUPERVISOR, NAME, MALL, "key replaced", at)
    with pytest.raises(Conflict):
        resume_for(session, SUPERVISOR, NAME, MALL, "again", at)
    assert audited(session) == ["connection.pause", "connection.resume"]


@pytest.mark.parametrize("actor", [OPERATOR, STRANGER])
def test_nobody_else_touches_a_connection(session: Session, at: datetime, actor: Actor) -> None:
    for act in (
        lambda: pause_for(session, actor, NAME, MALL, "why", at),
        lambda: resume_for(session, actor, NAME, MALL, "why", at),
        lambda: ask_for_probe(session, actor, NAME, MALL, at),
        lambda: ask_again(session, actor, NAME, MALL, at, "why", at),
        lambda: give_token(session, actor, NAME, MALL, token(at, 1), at),
    ):
        with pytest.raises(Unauthorised):
            act()
    assert audited(session) == []


def test_without_a_reason_nothing_is_paused(session: Session, at: datetime) -> None:
    with pytest.raises(Malformed):
        pause_for(session, SUPERVISOR, NAME, MALL, " ", at)


def test_a_test_is_due_at_once_where_the_partner_offers_one(session: Session, at: datetime) -> None:
    with pytest.raises(NotFound):
        ask_for_probe(session, SUPERVISOR, NAME, MALL, at)
    plan_polls(session, [(NAME, PROBE)], at + timedelta(days=3650), at)
    ask_for_probe(session, SUPERVISOR, NAME, MALL, at)
    assert look(session, at).polls[0].under_way(at)


def test_asking_again_takes_the_poll_away_from_who_has_it(session: Session, at: datetime) -> None:
    plan_polls(session, [(NAME, ORDERS)], at, at)
    (turn,) = claim_polls(session, [(NAME, ORDERS)], 1, at, timedelta(minutes=1))
    ask_again(session, SUPERVISOR, NAME, MALL, at - timedelta(days=1), "webhooks were off", at)
    assert not finish_poll(session, turn, at, at, watermark=at)
    found = row(session, "select watermark, run_at, lease_until from poll")
    assert tuple(found or ()) == (at - timedelta(days=1), at, None)


def test_what_is_to_come_or_never_asked_for_is_not_asked_for_again(session: Session, at: datetime) -> None:
    with pytest.raises(Conflict):
        ask_again(session, SUPERVISOR, NAME, MALL, at, "why", at)
    with pytest.raises(NotFound):
        ask_again(session, SUPERVISOR, NAME, MALL, at - timedelta(days=1), "why", at)


def test_a_token_is_kept_and_its_end_is_all_that_is_logged(session: Session, at: datetime) -> None:
    give_token(session, ADMIN, NAME, MALL, token(at, 1), at)
    found = find_token(session, NAME)
    assert found == token(at, 1)
    assert [one.detail for one in rows(session, "select detail from audit_entry")] == [
        {"expires_at": (at + timedelta(hours=1)).isoformat()}
    ]
    with pytest.raises(Conflict):
        give_token(session, ADMIN, NAME, MALL, token(at, -1), at)
