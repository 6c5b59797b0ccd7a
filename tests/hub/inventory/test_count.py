from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Malformed, NotFound
from hub.inventory.count import OURS, prune, take_report
from hub.inventory.counted import CountReport, ReportLine
from hub.inventory.ledger import drift
from tests.hub.inventory.counting import WMS, after, cases, level, report, take
from tests.hub.making import AT, add_sku, order, placed, stock
from tests.hub.merge.merging import close, merging


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 3}, "bj": {"apple": 9}})


def test_a_count_is_booked_as_the_difference(session: Session) -> None:
    told = take(session, {"apple": 7, "pear": 3})
    assert (told.taken, told.refused) == (2, ())
    assert (level(session, "apple"), level(session, "pear")) == ((7, 0, 0, 0), (3, 0, 0, 0))
    assert drift(session) == []
    kept = rows(session, "select sku, said, was, difference from stock_count order by no")
    assert [tuple(one) for one in kept] == [("apple", 7, 5, 2), ("pear", 3, 3, 0)]
    assert [tuple(one) for one in rows(session, "select differing, drift from stock_report")] == [(1, 2)]


def test_the_same_report_again_changes_nothing(session: Session) -> None:
    take(session, {"apple": -2}, kind="change")
    told = take(session, {"apple": -2}, kind="change")
    assert (told.taken, told.repeated, level(session, "apple")) == (0, 1, (3, 0, 0, 0))


@pytest.mark.parametrize("kind", ["count", "change"])
def test_a_number_that_is_used_again_for_something_else_is_refused_and_said(session: Session, kind: str) -> None:
    take(session, {"apple": 2, "pear": 1}, kind=kind)
    before = level(session, "apple"), level(session, "pear")
    told = take(session, {"pear": 2, "apple": 1}, at=after(1), kind=kind)
    assert (told.taken, told.repeated, len(told.refused)) == (0, 0, 2)
    assert f"line 1 (pear): under this number it was a {kind} of 2 apple at sh before" in told.refused
    assert (level(session, "apple"), level(session, "pear"), drift(session)) == (*before, [])


def test_a_count_older_than_the_last_is_outdated(session: Session) -> None:
    take(session, {"apple": 7}, "R2", after(10))
    told = take_report(session, WMS, report({"apple": 4, "pear": 1}, "R1", after(5)), after(10))
    assert (told.taken, told.outdated) == (1, 1)
    assert (level(session, "apple")[0], level(session, "pear")[0]) == (7, 1)


@pytest.mark.parametrize(("minutes", "left"), [(-1, 7), (0, 7), (1, 5)])
def test_a_change_that_the_last_count_saw_is_not_booked_again(session: Session, minutes: int, left: int) -> None:
    take(session, {"apple": 7})
    take_report(session, WMS, report({"apple": -2}, "C1", after(minutes), kind="change"), after(2))
    assert (level(session, "apple")[0], drift(session)) == (left, [])


@pytest.mark.parametrize(("said", "more", "left"), [(7, -2, 5), (0, 3, 3), (0, -2, 0)])
def test_a_count_that_comes_late_has_not_seen_the_changes_since_it(
    session: Session, said: int, more: int, left: int
) -> None:
    take_report(session, WMS, report({"apple": more}, "C1", after(5), kind="change"), after(5))
    take_report(session, WMS, report({"apple": said}, "R1", after(2)), after(6))
    assert (level(session, "apple")[0], drift(session)) == (left, [])
    take_report(session, WMS, report({"apple": 9}, "R2", after(5)), after(7))  # which saw the change
    assert level(session, "apple")[0] == 9


def test_a_late_count_of_fewer_than_have_left_since_is_refused(session: Session) -> None:
    take_report(session, WMS, report({"apple": -3}, "C1", after(5), kind="change"), after(5))
    told = take_report(session, WMS, report({"apple": 1}, "R1", after(2)), after(6))
    assert (told.refused, level(session, "apple")[0]) == (("line 1 (apple): 2 on hand cannot become -2",), 2)


def test_changes_since_a_count_are_found_without_the_counts_between(session: Session) -> None:
    run(session, "set local enable_seqscan = off")
    statement = """explain select sum(difference) from stock_count where location = 'sh' and kind = 'change'
                   and verdict = 'taken' and received_at > '2026-11-11'"""
    assert "ix_stock_count_changed" in "\n".join(one[0] for one in rows(session, statement))


def test_what_came_in_since_a_full_count_that_does_not_name_it_stays(session: Session) -> None:
    take_report(session, WMS, report({"pear": 2}, "C1", after(5), kind="change"), after(5))
    take_report(session, WMS, report({"apple": 5}, "R1", after(2), full=True), after(6))
    assert (level(session, "pear")[0], drift(session)) == (2, [])


def test_changes_in_any_order_add_up(session: Session) -> None:
    for minutes, pieces in ((9, -2), (3, 4), (6, -1)):
        take_report(session, WMS, report({"apple": pieces}, f"C{minutes}", after(minutes), kind="change"), after(9))
    assert (level(session, "apple"), drift(session)) == ((6, 0, 0, 0), [])


def test_what_a_full_count_does_not_name_is_gone_once_all_pages_came(session: Session) -> None:
    take(session, {"apple": 5}, full=True, page=2, pages=2)
    assert level(session, "pear")[0] == 3
    add_sku(session, "plum")
    told = take(session, {"plum": 4}, full=True, page=1, pages=2)
    assert (told.taken, level(session, "pear")[0], level(session, "plum")[0]) == (2, 0, 4)
    assert (level(session, "apple")[0], level(session, "apple", "bj")[0], drift(session)) == (5, 9, [])


def test_a_page_beyond_the_last_is_refused_and_nothing_is_taken_as_gone(session: Session) -> None:
    with pytest.raises(ValueError, match="page 2 of 1"):
        take(session, {"apple": 5}, full=True, page=2, pages=1)
    assert level(session, "pear")[0] == 3


def test_pages_that_differ_in_how_many_there_are_wait_for_the_most(session: Session) -> None:
    add_sku(session, "plum")
    add_sku(session, "fig")
    take(session, {"apple": 5}, full=True, page=1, pages=3)
    take(session, {"plum": 1}, full=True, page=2, pages=2)
    assert level(session, "pear")[0] == 3
    take(session, {"fig": 1}, full=True, page=3, pages=3)
    assert level(session, "pear")[0] == 0


def test_a_page_that_names_nothing_is_a_page_of_a_full_count_that_names_something(session: Session) -> None:
    take(session, {}, "R0", full=True, page=1, pages=2)
    take(session, {}, "R0", full=True, page=2, pages=2)
    take(session, {"apple": 5}, full=True, page=1, pages=2)
    assert level(session, "pear")[0] == 3
    take(session, {}, full=True, page=2, pages=2)
    assert (level(session, "apple")[0], level(session, "pear")[0], drift(session)) == (5, 0, [])


def test_what_two_pages_of_a_count_have_is_not_one_for_both(session: Session) -> None:
    take(session, {"apple": 5}, full=True, page=1, pages=2)
    told = take(session, {"apple": 7, "pear": 2}, full=True, page=2, pages=2)
    assert told.refused == ("line 1 (apple): page 1 of this count has counted it, too",)
    assert (level(session, "apple")[0], level(session, "pear")[0]) == (5, 2)
    again = take(session, {"apple": 5}, full=True, page=1, pages=2)
    assert (again.repeated, again.refused) == (1, ())


@pytest.mark.parametrize("named", [{"apple": 5}, {"apple": 5, "pear": 3}])
def test_a_full_count_without_a_time_that_comes_again_has_not_seen_what_came_since(
    session: Session, named: dict[str, int]
) -> None:
    undated: dict[str, Any] = {"full": True, "by_our_clock": True}
    take(session, named, at=after(1), **undated)
    add_sku(session, "plum")
    take(session, {"plum": 4, "pear": 1}, "C1", after(2), kind="change")
    before = level(session, "plum"), level(session, "pear")
    told = take(session, named, at=after(3), **undated)
    assert (told.taken, told.repeated) == (0, len(named))
    assert ((level(session, "plum"), level(session, "pear")), drift(session)) == (before, [])


def test_the_last_page_of_an_undated_count_has_not_seen_what_came_since_the_first(session: Session) -> None:
    take(session, {"apple": 5}, at=after(1), full=True, by_our_clock=True, page=1, pages=2)
    add_sku(session, "plum")
    take(session, {"plum": 4}, "C1", after(2), kind="change")
    take(session, {"pear": 3}, at=after(3), full=True, by_our_clock=True, page=2, pages=2)
    assert (level(session, "plum")[0], drift(session)) == (4, [])


def test_a_part_count_leaves_the_others_alone(session: Session) -> None:
    take(session, {"apple": 5})
    assert level(session, "pear")[0] == 3


def test_what_was_counted_since_is_not_taken_as_gone(session: Session) -> None:
    take_report(session, WMS, report({"pear": 2}, "R2", after(5)), after(6))
    take_report(session, WMS, report({"apple": 5}, "R1", after(1), full=True), after(6))
    assert level(session, "pear")[0] == 2


def test_a_change_from_before_a_full_count_is_inside_it_also_where_it_named_nothing(session: Session) -> None:
    add_sku(session, "plum")
    take_report(session, WMS, report({"apple": 5}, "R1", after(5), full=True), after(5))
    told = take_report(session, WMS, report({"plum": 4}, "C1", after(1), kind="change"), after(6))
    assert (told.outdated, level(session, "plum")[0]) == (1, 0)


def test_a_full_count_with_a_refused_line_takes_nothing_as_gone(session: Session) -> None:
    told = take(session, {"apple": 5, "nothing": 1}, full=True)
    assert (len(told.refused), level(session, "pear")[0]) == (1, 3)
    add_sku(session, "nothing")
    assert take(session, {"apple": 5, "nothing": 1}, full=True).taken == 2  # the mended line, and pears that are gone
    assert (level(session, "pear")[0], level(session, "nothing")[0], drift(session)) == (0, 1, [])


@pytest.mark.parametrize("kind", ["count", "change"])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"sku": "nothing", "pieces": 1}, "no such SKU"),
        ({"sku": "basket", "pieces": 1}, "no such SKU"),
        ({"sku": "apple", "pieces": 2**63}, "more pieces"),
        ({"sku": "apple", "pieces": -(2**63)}, "more pieces"),
        ({"sku": "apple", "pieces": -6}, "cannot become"),
        ({"sku": "apple", "pieces": 1, "fault": "its batches are of 2 pieces"}, "batches"),
    ],
)
def test_a_line_that_cannot_be_is_refused_and_the_others_go_on(
    session: Session, kind: str, line: dict[str, object], told: str
) -> None:
    add_sku(session, "basket", parts={"apple": 2})
    bad = ReportLine.model_validate({"no": 1, "kind": kind, **line})
    lines = (bad, ReportLine(no=2, sku="pear", kind="count", pieces=8))
    taken = take_report(session, WMS, CountReport(report="R1", location="sh", counted_at=AT, lines=lines), AT)
    assert (taken.taken, len(taken.refused)) == (1, 1)
    assert told in taken.refused[0]
    assert (level(session, "apple"), level(session, "pear"), drift(session)) == ((5, 0, 0, 0), (8, 0, 0, 0), [])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"location": "nowhere"}, NotFound),
        ({"location": "bj"}, NotFound),
        ({"owner": "somebody"}, NotFound),
        ({"counted_at": AT + timedelta(days=1)}, Malformed),
        ({"full": True, "lines": ()}, Malformed),
    ],
)
def test_a_report_that_cannot_be_is_refused_whole(
    session: Session, changes: dict[str, Any], error: type[NotFound | Malformed]
) -> None:
    with pytest.raises(error) as caught:
        take_report(session, WMS, report({"apple": 1}, **changes), AT)
    assert (caught.value.code, level(session, "apple")) == ("stock_report", (5, 0, 0, 0))


def test_what_left_by_our_own_documents_is_booked_by_their_confirms(session: Session) -> None:
    line = ReportLine(no=1, sku="apple", kind="change", pieces=-2, delivery="elsewhere")
    take_report(session, WMS, CountReport(report="C1", location="sh", counted_at=AT, lines=(line,)), AT)
    assert level(session, "apple")[0] == 3


def test_what_left_by_a_document_of_another_location_is_booked_where_it_is_reported(session: Session) -> None:
    document = f"{placed(session, order({'apple': 9}))}-1"
    assert level(session, "apple", "bj") == (9, 9, 0, 0)
    line = ReportLine(no=1, sku="apple", kind="change", pieces=-2, delivery=document)
    take_report(session, WMS, CountReport(report="C1", location="sh", counted_at=AT, lines=(line,)), AT)
    assert (level(session, "apple")[0], level(session, "apple", "bj")[0], drift(session)) == (3, 9, [])


def test_what_left_with_a_document_and_is_none_of_its_goods_is_booked_as_it_is_reported(session: Session) -> None:
    document = f"{placed(session, order({'apple': 2}))}-1"
    line = ReportLine(no=1, sku="apple", kind="change", pieces=-2, delivery=document)
    laid_in = line.model_copy(update={"no": 2, "sku": "pear", "pieces": -1})
    take_report(session, WMS, CountReport(report="C1", location="sh", counted_at=AT, lines=(line, laid_in)), AT)
    assert (level(session, "apple"), level(session, "pear")[0], drift(session)) == ((5, 2, 0, 0), 2, [])


def test_what_left_by_a_merged_document_is_booked_by_its_confirm_of_whichever_order_it_is(session: Session) -> None:
    merging(session)
    head, _ = placed(session, order({"apple": 2}, "T1")), placed(session, order({"pear": 1}, "T2"))
    assert close(session)
    line = ReportLine(no=1, sku="pear", kind="change", pieces=-1, delivery=f"{head}-1")
    take_report(session, WMS, CountReport(report="C1", location="sh", counted_at=AT, lines=(line,)), AT)
    assert (level(session, "pear"), drift(session)) == ((3, 1, 0, 0), [])


def test_documents_of_ours_are_looked_up_and_not_looked_for_in_all_that_a_location_ever_had(session: Session) -> None:
    found = rows(session, f"explain {OURS}", codes=["2611000000000001-1"], ids=[2611000000000001], location="sh")
    assert "fulfilment_order_y2026m11 " in (plan := "\n".join(one[0] for one in found))
    assert "fulfilment_order_y2026m10" not in plan


def test_old_reports_are_forgotten_and_stay_outdated(session: Session) -> None:
    take(session, {"apple": 7})
    assert prune(session, after(1)) == 1
    told = take_report(session, WMS, report({"apple": 2}, "R0", after(-1)), after(1))
    assert (told.outdated, level(session, "apple")[0], cases(session)) == (1, 7, [])


def test_the_owners_number_is_taken_over_as_it_is(session: Session) -> None:
    run(session, "update stock_level set authority = 'owner', allocated = 0 where sku = 'apple'")
    told = take(session, {"apple": 2})
    assert (level(session, "apple"), told.short, cases(session)) == ((2, 0, 0, 0), (), [])
