from datetime import timedelta

from sqlalchemy.orm import Session

from hub.connections import Outcomes, heed, note_outcomes, pause, paused, resume
from hub.database import row, rows
from hub.errors import Malformed, Misconfigured, TryLater
from hub.polls import TOKEN, plan_polls
from hub.tokens import Token, find_token, store_token
from tests.hub.making import AT, open_causes

LATER = AT + timedelta(minutes=1)


def test_a_refused_credential_pauses_its_connection_and_calls_one_person(session: Session) -> None:
    for _ in range(2):
        heed(session, "sap", "demo", Misconfigured("logon failed"), AT, AT)
    assert (paused(session), open_causes(session)) == (["sap"], ["connection_paused"])
    assert row(session, "select times from case_file where subject = 'connection:sap'") == (2,)


def test_every_other_error_leaves_the_connection_alone(session: Session) -> None:
    for error in (TryLater("busy"), Malformed("wrong"), None):
        heed(session, "sap", "demo", error, AT, AT)
    assert (paused(session), open_causes(session)) == ([], [])


def test_a_connection_that_goes_on_closes_its_case(session: Session) -> None:
    heed(session, "sap", "demo", Misconfigured("logon failed"), AT, AT)
    assert resume(session, "sap", "tester", "unlocked, call 10000000042", LATER)
    assert (paused(session), open_causes(session)) == ([], [])
    assert "10000000042" not in str(rows(session, "select detail from audit_entry"))


def test_a_refusal_of_a_call_from_before_a_person_let_the_connection_go_on_pauses_nothing(session: Session) -> None:
    heed(session, "sap", "demo", Misconfigured("logon failed"), AT, AT)
    resume(session, "sap", "tester", "unlocked", LATER)
    heed(session, "sap", "demo", Misconfigured("logon failed"), LATER - timedelta(seconds=1), LATER)
    assert (paused(session), open_causes(session)) == ([], [])
    heed(session, "sap", "demo", Misconfigured("logon failed"), LATER, LATER)
    assert (paused(session), open_causes(session)) == (["sap"], ["connection_paused"])


def test_pausing_twice_and_going_on_twice_happen_once(session: Session) -> None:
    assert [pause(session, "sap", "tester", "release", AT) for _ in range(2)] == [True, False]
    assert [resume(session, "sap", "tester", "done", AT) for _ in range(2)] == [True, False]
    acts = [one.act for one in rows(session, "select act from audit_entry order by id")]
    assert acts == ["connection.pause", "connection.resume"]


def test_the_latest_outcomes_stand_beside_each_other(session: Session) -> None:
    note_outcomes(session, {"sap": Outcomes(last_failure_at=AT, error_code="timeout", error="no answer")})
    note_outcomes(session, {"sap": Outcomes(last_success_at=LATER)})
    found = row(session, "select last_success_at, last_failure_at, last_error_code from connection_health")
    assert found == (LATER, AT, "timeout")


def test_a_token_that_is_refused_is_exchanged_at_once(session: Session) -> None:
    plan_polls(session, [("tmall", TOKEN)], AT + timedelta(hours=1), AT)
    token = Token(access="a", refresh="r", expires_at=AT + timedelta(days=30))
    store_token(session, "tmall", token, AT - timedelta(days=1))
    heed(session, "tmall", "demo", TryLater("expired", code="token_expired"), AT, AT)
    found = find_token(session, "tmall")
    assert found is not None
    assert found.expires_at == AT
    assert row(session, "select run_at from poll") == (AT,)


def test_a_token_that_was_only_just_exchanged_is_trusted(session: Session) -> None:
    token = Token(access="a", refresh="r", expires_at=AT + timedelta(days=30))
    store_token(session, "tmall", token, AT)
    heed(session, "tmall", "demo", TryLater("expired", code="token_expired"), AT, AT + timedelta(seconds=1))
    assert find_token(session, "tmall") == token
