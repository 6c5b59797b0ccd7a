from collections.abc import Sequence

import pytest
from sqlalchemy.orm import Session

from hub.errors import NotFound
from hub.inventory import report_view
from hub.inventory.report_view import (
    ReportView,
    Wanted,
    get_report,
    lines_of,
    list_reports,
    page_of,
    reporters_of,
    tally_of,
)
from tests.hub.inventory.counting import WMS, after, take
from tests.hub.making import BRAND, stock


@pytest.fixture(autouse=True)
def shelves(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 3, "plum": 9}, "bj": {"apple": 1}})


def listed(session: Session, seen: Sequence[str] | None = None, **wanted: str) -> list[str]:
    return [one.report for one in list_reports(session, seen, Wanted(**wanted)).reports]


def one(session: Session, name: str, page: int = 1) -> ReportView:
    return get_report(session, None, WMS, name, page)[0]


def test_reports_come_a_page_at_a_time_the_newest_first(session: Session) -> None:
    for number in range(5):
        take(session, {"apple": 5}, f"R{number}", after(number))
    found, cursor = list[str](), ""
    while True:
        page = list_reports(session, None, Wanted(), after=cursor, limit=2)
        found += [report.report for report in page.reports]
        cursor = page.next
        if not cursor:
            break
    assert found == ["R4", "R3", "R2", "R1", "R0"]


def test_pages_of_one_moment_are_neither_lost_nor_doubled(session: Session) -> None:
    for page in (1, 2, 3):
        take(session, {"apple": 5}, "R", page=page, pages=3)
    first = list_reports(session, None, Wanted(), limit=2)
    second = list_reports(session, None, Wanted(), after=first.next, limit=2)
    assert [one.page for one in (*first.reports, *second.reports)] == [3, 2, 1]
    assert second.next == ""


@pytest.mark.parametrize("cursor", ["R1", "a\nb\nc\nd", "2026-11-11\nwms\nR\nx"])
def test_a_cursor_that_nobody_gave_begins_at_the_newest(session: Session, cursor: str) -> None:
    take(session, {"apple": 5})
    assert len(list_reports(session, None, Wanted(), after=cursor).reports) == 1


def test_reports_are_narrowed_to_a_place_a_connection_and_a_brand(session: Session) -> None:
    take(session, {"apple": 5})
    assert listed(session, location="sh") == listed(session, connection=WMS) == listed(session, [BRAND]) == ["R1"]
    assert listed(session, location="bj") == listed(session, connection="wms-bj") == listed(session, ["other"]) == []


def test_reports_are_narrowed_by_what_became_of_them(session: Session) -> None:
    take(session, {"apple": 5}, "agrees", after(9))
    take(session, {"apple": 4}, "late", after(1))
    take(session, {"apple": 7}, "differs", after(10))
    take(session, {"apple": 7, "nothing": 1}, "refused", after(11))
    assert listed(session, show="differing") == ["differs"]
    assert listed(session, show="refused") == ["refused"]
    assert listed(session, show="outdated") == ["late"]
    assert set(listed(session, show="taken")) == {"agrees", "differs", "refused"}
    assert listed(session, show="confirmed") == []


def test_a_report_says_how_it_went(session: Session) -> None:
    for name, pieces, at in (
        ("agrees", {"apple": 5}, 9),
        ("outdated", {"apple": 4}, 1),
        ("differing", {"apple": 7, "pear": 1}, 10),
        ("refused", {"apple": 7, "nothing": 1}, 11),
    ):
        take(session, pieces, name, after(at))
        assert one(session, name).state == name
    assert (one(session, "differing").differing, one(session, "differing").drift) == (2, 4)


def test_a_rare_verdict_is_looked_for_in_so_many_reports_and_further_on_request(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_view, "LOOKED", 2)
    take(session, {"apple": 7}, "differs", after(0))
    for number in range(1, 4):
        take(session, {"apple": 7}, f"R{number}", after(number))
    first = list_reports(session, None, Wanted(show="differing"))
    assert (first.reports, first.looked_at) == ((), 2)
    assert [one.report for one in list_reports(session, None, Wanted(show="differing"), after=first.next).reports] == [
        "differs"
    ]


def test_a_line_says_what_was_told_what_we_had_and_why_it_was_booked(session: Session) -> None:
    take(session, {"apple": 7, "pear": 3})
    lines = lines_of(session, one(session, "R1")).lines
    told = [(line.sku, line.said, line.was, line.difference, line.verdict, line.why) for line in lines]
    assert told == [("apple", 7, 5, 2, "taken", "booked"), ("pear", 3, 3, 0, "taken", "agrees")]


def test_a_line_that_came_too_late_names_the_count_against_it(session: Session) -> None:
    take(session, {"apple": 7}, "later", after(9))
    take(session, {"apple": 4}, "earlier", after(1))
    (line,) = lines_of(session, one(session, "earlier")).lines
    assert (line.why, line.later_at, line.later_report, line.later_connection) == ("outdated", after(9), "later", WMS)


def test_a_full_count_of_the_location_stands_against_a_late_line_too(session: Session) -> None:
    take(session, {"apple": 5, "pear": 3, "plum": 9}, "full", after(9), full=True)
    stock(session, {"sh": {"melon": 2}}, ref="ASN-2")
    take(session, {"melon": 1}, "earlier", after(1))
    assert [line.later_report for line in lines_of(session, one(session, "earlier")).lines] == ["full"]


def test_lines_come_a_page_at_a_time_and_narrowed(session: Session) -> None:
    take(session, {"apple": 7, "pear": 3, "plum": 1})
    report = one(session, "R1")
    first = lines_of(session, report, limit=2)
    assert ([line.no for line in first.lines], first.next) == ([1, 2], 2)
    assert [line.no for line in lines_of(session, report, after=2, limit=2).lines] == [3]
    assert [line.sku for line in lines_of(session, report, "differing").lines] == ["apple", "plum"]
    assert lines_of(session, report, "outdated").lines == ()
    assert tally_of(session, report) == {"taken": 3, "differing": 2}


def test_what_a_full_count_did_not_name_is_its_page_nought(session: Session) -> None:
    take(session, {"apple": 5}, full=True)
    rest, pages = get_report(session, None, WMS, "R1", 0)
    assert pages == [0, 1]
    assert (rest.lines, rest.differing, rest.drift) == (2, 2, 12)
    assert [(line.sku, line.said, line.was) for line in lines_of(session, rest).lines] == [
        ("pear", 0, 3),
        ("plum", 0, 9),
    ]


def test_the_page_that_names_a_sku_is_found(session: Session) -> None:
    take(session, {"apple": 5}, "R", page=1, pages=2)
    take(session, {"pear": 3}, "R", page=2, pages=2)
    assert [page_of(session, WMS, "R", sku) for sku in ("apple", "pear", "plum", "")] == [1, 2, 1, 1]


@pytest.mark.parametrize(("seen", "name", "page"), [(["other"], "R1", 1), (None, "R2", 1), (None, "R1", 2)])
def test_a_report_that_is_not_there_or_not_ones_to_see_is_not_found(
    session: Session, seen: list[str] | None, name: str, page: int
) -> None:
    take(session, {"apple": 5})
    with pytest.raises(NotFound):
        get_report(session, seen, WMS, name, page)


def test_those_who_may_report_are_named(session: Session) -> None:
    assert reporters_of(session, None) == ["wms-bj", "wms-sh"]
    assert reporters_of(session, ["other"]) == []


def test_a_change_is_news_and_no_drift(session: Session) -> None:
    take(session, {"apple": 120, "pear": -1}, "IN", after(1), kind="change")
    took = one(session, "IN")
    assert (took.state, took.changed, took.differing, took.drift) == ("taken", 2, 0, 0)
    assert ([line.why for line in lines_of(session, took).lines], lines_of(session, took, "differing").lines) == (
        ["changed", "changed"],
        (),
    )
    assert (tally_of(session, took)["differing"], listed(session, show="differing")) == (0, [])
    take(session, {"apple": 124}, "CK", after(2))
    assert (one(session, "CK").drift, listed(session, show="differing")) == (1, ["CK"])
