from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.cases import NewCase, assign, count_open, explain, open_cases, open_list, resolve, resolve_by_hand
from hub.causes.known import CAUSES
from hub.database import rows
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.inbox import keep
from hub.roles import Actor, Role
from hub.worklist import NOBODY, Wanted, assignees, case_groups, cases_of, get_case, list_cases
from tests.hub.making import order, placed, stock

OPERATOR = Actor("op", frozenset({Role.OPERATOR}))
STRANGER = Actor("stranger", frozenset({Role.SUPERVISOR}), frozenset({"other"}))
NEIGHBOUR = Actor("neighbour", frozenset({Role.SUPERVISOR}), frozenset({"demo"}), frozenset({"h5"}))
STOCK = NewCase("stock", "order:1", "demo", "apple x 2", 1)


def test_the_same_cause_of_the_same_subject_is_one_case_counted(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK, STOCK], at)
    open_cases(session, [NewCase("stock", "order:1", "demo", "apple x 3", 1)], at)
    found = open_list(session)
    assert [(one.cause, one.times, one.message) for one in found] == [("stock", 3, "apple x 3")]


def test_of_a_case_that_a_batch_names_twice_the_first_says_what_it_is_and_the_last_what_happened(
    session: Session, at: datetime
) -> None:
    first, last = NewCase("stock", "b", "demo", "one", 7, {"n": 1}), NewCase("stock", "b", "other", 'two "{,}"\\', 8)
    open_cases(session, [first, NewCase("stock", "a", "demo", ""), last], at)
    found = rows(session, "select subject, brand, order_id, detail, message, times, version from case_file order by id")
    assert [tuple(one) for one in found] == [
        ("a", "demo", None, {}, "", 1, 1),
        ("b", "demo", 7, {"n": 1}, 'two "{,}"\\', 2, 2),
    ]


def test_other_causes_and_subjects_are_cases_of_their_own(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK, NewCase("review", "order:1", "demo", ""), NewCase("stock", "order:2", "demo", "")], at)
    assert count_open(session) == 3


def test_the_oldest_case_is_listed_first(session: Session, at: datetime) -> None:
    open_cases(session, [NewCase("stock", "order:2", "demo", "")], at)
    open_cases(session, [NewCase("stock", "order:1", "demo", "")], at - timedelta(hours=1))
    assert [one.subject for one in open_list(session)] == ["order:1", "order:2"]
    assert len(open_list(session, limit=1)) == 1


def test_a_resolved_case_says_by_whom_and_may_come_again(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK], at)
    assert resolve(session, "order:1", at, "operator-1", "stock has come") == 1
    assert resolve(session, "order:1", at, "operator-1", "again") == 0
    open_cases(session, [STOCK], at)
    found = rows(session, "select state, resolved_by, resolution from case_file order by id")
    assert list(map(tuple, found)) == [("resolved", "operator-1", "stock has come"), ("open", "", "")]


def test_only_the_named_cause_is_resolved(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK, NewCase("review", "order:1", "demo", "")], at)
    assert resolve(session, "order:1", at, "operator-1", "checked", cause="review") == 1
    assert [one.cause for one in open_list(session)] == ["stock"]


def test_a_change_may_be_refused_by_others_than_a_location() -> None:
    what = CAUSES["change_refused"].what
    assert ("仓库" in what.zh, "location" in what.en) == (False, False)


@pytest.mark.parametrize("cause", sorted(CAUSES))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_cause_says_what_and_how_in_both_languages(cause: str, language: str) -> None:
    what, how = explain(cause, "order:2611000000000042", {"inbox": 7, "step": 8}, language)
    assert what
    assert how
    assert "{" not in what + how


def test_how_to_go_on_names_the_order_or_the_inbox_row() -> None:
    assert explain("stock", "order:42", {}, "en")[1].endswith("./oms order release 42 --reason …")
    assert explain("totals", "inbox:7", {"inbox": 7}, "zh")[1].endswith("./oms inbox replay 7")


def test_a_cause_that_nobody_can_explain_is_refused(session: Session, at: datetime) -> None:
    with pytest.raises(IntegrityError, match="cause_known"):
        open_cases(session, [NewCase("mystery", "order:1", "demo", "")], at)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_cause_says_on_the_console_how_to_go_on_without_a_command(language: str) -> None:
    hints = [cause.hint.say(language) for cause in CAUSES.values()]
    assert all(hints)
    assert not any("./oms" in hint or "{" in hint for hint in hints)


def test_cases_are_grouped_by_cause_with_the_oldest_first(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK, NewCase("stock", "order:2", "demo", "", 2)], at)
    open_cases(session, [NewCase("review", "order:1", "demo", "", 1)], at - timedelta(hours=1))
    found = [(one.cause, one.count, one.orders, one.unassigned) for one in case_groups(session, OPERATOR)]
    assert found == [("review", 1, 1, 1), ("stock", 2, 2, 2)]


def test_pages_of_cases_meet_without_a_gap(session: Session, at: datetime) -> None:
    cases = [NewCase("stock", f"order:{no}", "demo", "", no) for no in range(5)]
    open_cases(session, cases, at)
    seen: list[str] = []
    after: int | None = None
    while True:
        page = list_cases(session, OPERATOR, Wanted(cause="stock"), after=after, limit=2)
        seen += [one.subject for one in page.cases]
        if (after := page.next) is None:
            break
    assert seen == [one.subject for one in cases]


def test_cases_are_looked_for_by_whose_they_are_and_by_order_and_age(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK, NewCase("stock", "order:2", "demo", "", 2)], at)
    open_cases(session, [NewCase("review", "order:1", "demo", "", 1)], at - timedelta(hours=1))
    (mine,) = cases_of(session, OPERATOR, Wanted(cause="review"), 9)
    assert assign(session, OPERATOR, [mine], "op", at) == 1
    assert list(cases_of(session, OPERATOR, Wanted(assignee="op"), 9)) == [mine]
    assert len(cases_of(session, OPERATOR, Wanted(assignee=NOBODY), 9)) == 2
    assert len(cases_of(session, OPERATOR, Wanted(order_ids=[1]), 9)) == 2
    assert list(cases_of(session, OPERATOR, Wanted(before=at - timedelta(minutes=1)), 9)) == [mine]
    assert assignees(session, OPERATOR) == ["op"]


def test_cases_are_looked_for_by_the_connection_they_came_from(session: Session, at: datetime) -> None:
    inbox_id, _ = keep(session, "mall-pc", "order", "m1", b"{}", at)
    open_cases(session, [NewCase("malformed", f"inbox:{inbox_id}", "demo", "", None, {"inbox": inbox_id})], at)
    open_cases(session, [STOCK, NewCase("connection_paused", "connection:mall-pc", "demo", "")], at)
    found = case_groups(session, OPERATOR, Wanted(connection="mall-pc"))
    assert [one.cause for one in found] == ["connection_paused", "malformed"]


@pytest.mark.parametrize("actor", [STRANGER, NEIGHBOUR])
def test_cases_of_another_brand_or_shop_are_not_there(session: Session, at: datetime, actor: Actor) -> None:
    stock(session, {"sh": {"apple": 1}})
    order_id = placed(session, order({"apple": 9}))
    (case_id,) = cases_of(session, OPERATOR, Wanted(order_ids=[order_id]), 9)
    assert not case_groups(session, actor)
    assert not list_cases(session, actor, Wanted(), after=None, limit=9).cases
    assert assign(session, actor, [case_id], "me", at) == 0
    with pytest.raises(NotFound):
        get_case(session, actor, case_id)
    with pytest.raises(NotFound):
        resolve_by_hand(session, actor, case_id, "done", at)


def test_a_shop_sees_the_cases_of_its_own_connections(session: Session, at: datetime) -> None:
    open_cases(session, [NewCase("connection_paused", "connection:mall-h5", "demo", "")], at)
    assert [one.cause for one in case_groups(session, NEIGHBOUR, connections=["mall-h5"])] == ["connection_paused"]


def test_assigning_is_audited_once(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK], at)
    (case_id,) = cases_of(session, OPERATOR, Wanted(), 9)
    assert [assign(session, OPERATOR, [case_id], "op", at) for _ in range(2)] == [1, 0]
    found = rows(session, "select subject, detail from audit_entry where act = 'case.assign'")
    assert list(map(tuple, found)) == [(f"case:{case_id}", {"assignee": "op"})]
    with pytest.raises(Unauthorised):
        assign(session, Actor("eye", frozenset({Role.VIEWER})), [case_id], "eye", at)


def test_a_case_that_only_a_person_can_end_is_closed_with_a_reason(session: Session, at: datetime) -> None:
    open_cases(session, [NewCase("cancel_refused", "order:1", "demo", "")], at)
    (case_id,) = cases_of(session, OPERATOR, Wanted(), 9)
    with pytest.raises(Malformed):
        resolve_by_hand(session, OPERATOR, case_id, " ", at)
    resolve_by_hand(session, OPERATOR, case_id, "stopped, 10000000042 called", at)
    assert get_case(session, OPERATOR, case_id).resolution == "stopped, … called"
    with pytest.raises(Conflict, match="closed already"):
        resolve_by_hand(session, OPERATOR, case_id, "again", at)


def test_a_case_that_closes_by_being_mended_is_not_closed_by_hand(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK], at)
    (case_id,) = cases_of(session, OPERATOR, Wanted(), 9)
    with pytest.raises(Conflict, match="let it go on"):
        resolve_by_hand(session, OPERATOR, case_id, "done", at)
