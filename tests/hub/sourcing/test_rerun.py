import json

import pytest
from hypothesis import given
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.sourcing.model import SOLVER, Question
from hub.sourcing.rerun import Sameness, compare, rerun, stored_decisions
from hub.sourcing.shared_carried import CARRIED
from tests.hub.making import AT, order, placed, stock
from tests.hub.sourcing.asking import carried, kept, questions


@given(questions() | carried())
def test_any_decision_comes_out_the_same_again(question: Question) -> None:
    assert compare(kept(question)) is None


@given(questions() | carried())
def test_a_row_from_before_decisions_were_kept_as_written_comes_out_the_same(question: Question) -> None:
    stored = kept(question)
    spaced = json.dumps(json.loads(stored.outcome), sort_keys=True, indent=1)
    assert compare(stored._replace(outcome=spaced)) is None


@given(questions() | carried())
def test_the_first_difference_is_named_by_its_path(question: Question) -> None:
    stored = kept(question)
    outcome = {**json.loads(stored.outcome), "cost": -1}
    found = compare(stored._replace(outcome=json.dumps(outcome)))
    assert found
    assert (found.where, found.stored) == ("outcome.cost", "-1")


def test_what_was_placed_comes_out_the_same_and_is_counted(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    first, second = placed(session, order({"apple": 1})), placed(session, order({"apple": 7}, "T2"))
    told = rerun(stored_decisions(session, since=AT))
    assert (told.counts[Sameness.SAME], told.first, dict(told.solvers)) == (2, [], {SOLVER: 2})
    assert [one.order_id for one in stored_decisions(session, [second])] == [second]
    assert [one.order_id for one in stored_decisions(session, brand="demo")] == [first, second]
    assert not list(stored_decisions(session, brand="other"))


def test_the_last_days_are_read_without_a_look_at_what_was_decided_before(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    month = "for values from (2609000000000000) to (2610000000000000)"
    run(session, f"create table before partition of routing_decision {month}")
    copies = "policy_version, solver_version, input_hash, input, outcome, cost, bound"
    run(
        session,
        f"""insert into routing_decision (order_id, no, decided_at, {copies})
            select 2609000000000000 + n, no, decided_at - interval '40 days', {copies}
            from routing_decision, generate_series(1, 20000) n""",
    )
    run(
        session,
        f"""insert into routing_decision (order_id, no, decided_at, {copies})
            select order_id + n, no, decided_at, {copies} from routing_decision, generate_series(1, 3000) n
            where order_id = :id""",
        id=order_id,
    )
    run(session, "analyze routing_decision")
    seen = "select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables where relname = 'before'"
    found = [one.order_id for one in stored_decisions(session, since=AT)]
    assert found == list(range(order_id, order_id + 3001))
    assert rows(session, seen)[0].n < 20  # the planner itself looks where an index begins and ends


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("input = jsonb_set(input::jsonb, '{costs,parcel}', '1')", "input_hash"),
        ("input = jsonb_set(input::jsonb, '{more}', '1')", "input"),
        ("outcome = jsonb_set(outcome::jsonb, '{choices,0,code}', '\"bj\"')", "outcome.choices[0].code"),
    ],
)
def test_what_was_tampered_with_differs(session: Session, change: str, where: str) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    run(session, f"update routing_decision set {change} where order_id = :id", id=order_id)
    told = rerun(stored_decisions(session))
    assert (told.counts[Sameness.DIFFERENT], told.first[0].where) == (1, where)


@given(carried())
def test_a_question_that_lost_its_share_differs_and_stops_no_replay(question: Question) -> None:
    tampered = kept(question)._replace(solver=CARRIED, input_hash="of the question with its share")
    assert rerun([tampered]).first[0].where == "input_hash"


def test_a_solver_that_is_not_here_is_counted_apart(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    placed(session, order({"apple": 1}))
    run(session, "update routing_decision set solver_version = 'older-1'")
    assert rerun(stored_decisions(session)).counts == {Sameness.OTHER_SOLVER: 1}
