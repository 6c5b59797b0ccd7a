from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.cases import CAUSES, NewCase, count_open, explain, open_cases, open_list, resolve
from hub.database import rows

STOCK = NewCase("stock", "order:1", "demo", "apple x 2", 1)


def test_the_same_cause_of_the_same_subject_is_one_case_counted(session: Session, at: datetime) -> None:
    open_cases(session, [STOCK, STOCK], at)
    open_cases(session, [NewCase("stock", "order:1", "demo", "apple x 3", 1)], at)
    found = open_list(session)
    assert [(one.cause, one.times, one.message) for one in found] == [("stock", 3, "apple x 3")]


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
