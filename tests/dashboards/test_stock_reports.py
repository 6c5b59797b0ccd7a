from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.asked import address
from hub.database import Database
from hub.roles import Role
from tests.dashboards.desk import Desk, opened, plain
from tests.hub.inventory.counting import after, take
from tests.hub.making import OWNER, stock

HOME = "/console/inventory/reports"


def one(name: str, **asked: object) -> str:
    return address(f"{HOME}/one", connection="wms-sh", report=name, **asked)


def link_in(page: str, mark: str) -> str:
    """Give the address that the link with a mark leads to."""
    return page.partition(mark)[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Let a count have differed, one have come too late, and one have had a line that is nobody's SKU."""
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 1500, "pear": 3}, "bj": {"apple": 7}})
            take(session, {"apple": 1480, "pear": 3}, "R-1", after(5))
            take(session, {"apple": 1500}, "R-0", after(1))
            take(session, {"apple": 1480, "nothing": 2}, "R-2", after(9))
        yield made


def test_no_report_says_why_and_what_next(database: Database, tmp_path: Path) -> None:
    with opened(database, tmp_path) as desk:
        assert "Nobody has reported stock yet." in plain(desk.sit("eye", Role.VIEWER).see(HOME))


def test_the_list_tells_how_far_each_report_was_from_our_counters(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(HOME))
    assert "R-1 Differs sh wms-sh 2 1 20 0 0" in text
    assert "R-0 Out of date sh wms-sh 1 0 0 1 0" in text
    assert "R-2 Lines refused sh wms-sh 2 0 0 0 1" in text
    assert text.index("R-2") < text.index("R-1") < text.index("R-0")


def test_the_list_is_narrowed_by_place_connection_and_verdict(desk: Desk) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    assert "R-1" in seat.see(f"{HOME}?location=sh&connection=wms-sh&show=differing")
    assert "R-0" not in seat.see(f"{HOME}?show=differing")
    assert "No report matches." in plain(seat.see(f"{HOME}?location=bj"))
    part = seat.get(f"{HOME}?show=outdated", **{"hx-request": "true", "hx-target": "div#reports"})
    assert "R-0" in part.text
    assert "<html" not in part.text


def test_a_long_list_goes_on_where_it_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.stock_reports.PAGE", 2)
    seat = desk.sit("eye", Role.VIEWER)
    first = seat.see(HOME)
    assert "R-0" not in first
    assert "R-0" in seat.see(link_in(first, 'rel="next"'))


def test_a_report_tells_line_by_line_what_was_told_what_we_had_and_why(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(one("R-1")))
    assert "Pieces of difference: 20. Lines that differ: 1" in text
    assert "1 apple Count 1,480 1,500 −20 Taken over The difference was booked" in text
    assert "2 pear Count 3 3 — Taken over Agrees with ours" in text


def test_a_line_that_came_too_late_names_the_count_against_it(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(one("R-0")))
    assert "1,500 1,480 — Out of date A later count stands against it" in text
    assert "wms-sh R-2" in text


def test_refused_lines_lead_to_their_case(desk: Desk) -> None:
    page = desk.sit("eye", Role.VIEWER).see(one("R-2"))
    assert "Lines refused, and not below: 1." in plain(page)
    assert link_in(page, "The case says") == "/console/exceptions?type=stock_report&connection=wms-sh"


def test_lines_are_narrowed_and_go_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.stock_reports.LINES_PAGE", 1)
    seat = desk.sit("eye", Role.VIEWER)
    first = seat.see(one("R-1"))
    assert "pear" not in first
    assert "pear" in seat.see(link_in(first, 'rel="next"'))
    assert "pear" not in seat.see(one("R-1", show="differing"))
    assert "No line is like that." in plain(seat.see(one("R-1", show="confirmed")))


def test_a_full_count_shows_what_it_did_not_name(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        take(session, {"apple": 1480}, "R-3", after(20), full=True)
    seat = desk.sit("eye", Role.VIEWER)
    page = seat.see(one("R-3"))
    assert "Not named Page 1" in plain(page)
    assert "pear Count 0 3 −3" in plain(seat.see(link_in(page, ">Not named")))


def test_a_counter_leads_to_the_reports_that_named_it(desk: Desk) -> None:
    level = address("/console/inventory/level", at="sh", sku="apple", owner=OWNER, condition="saleable")
    seat = desk.sit("eye", Role.VIEWER)
    page = seat.see(level)
    assert "Report R-1" in plain(seat.see(link_in(page, "wms-sh R-1")))
    assert link_in(page, "All reports of this location") == f"{HOME}?location=sh"
    assert link_in(seat.see(one("R-1")), ">apple<").startswith("/console/inventory/level?at=sh&sku=apple")


def test_reports_of_another_brand_are_not_there(desk: Desk) -> None:
    seat = desk.sit("other", Role.ADMIN, brand="other")
    assert "Nobody has reported stock yet." in plain(seat.see(HOME))
    assert seat.get(one("R-1")).status_code == 404


def test_who_works_on_one_shop_sees_the_reports_of_its_brand(desk: Desk) -> None:
    assert "R-1" in desk.sit("h5", Role.OPERATOR, shop="h5").see(HOME)


def test_figures_alone_are_no_leave_to_see_reports(desk: Desk) -> None:
    seat = desk.sit("counter", Role.ANALYST)
    assert seat.get(HOME).status_code == seat.get(one("R-1")).status_code == 403
