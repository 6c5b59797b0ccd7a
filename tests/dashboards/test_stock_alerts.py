from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.database import Database, row, run
from hub.inventory.alert import raise_alerts
from hub.roles import Role
from hub.stock_told import Stock
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.hub.making import stock

HOME = "/console/inventory/alerts"
RULE = {"brand": "demo", "sku": "apple", "location": "sh", "below_pieces": "20", "below_days": "3"}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Let apples be few and pears be out in Shanghai, where both are watched."""
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 5, "pear": 0}, "bj": {"apple": 500}})
            run(session, "update stock_level set safety = 10 where location = 'sh'")
            raise_alerts(session, ["apple", "pear"], Stock(), NOW - timedelta(minutes=9))
        yield made


def alert(database: Database, sku: str) -> str:
    with database.transaction() as session:
        found = row(session, "select id from stock_alert where sku = :sku", sku=sku)
    assert found
    return f"{HOME}/{found.id}/acknowledge"


def test_nothing_short_says_why_and_what_next(database: Database, tmp_path: Path) -> None:
    with opened(database, tmp_path) as desk:
        text = plain(desk.sit("eye", Role.VIEWER).see(HOME))
    assert "Nothing is short." in text
    assert "None is set" in text


def test_open_alerts_tell_what_is_short_of_what(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(HOME))
    assert "apple Few pieces 5 sh 10" in text
    assert "pear Out of stock 0 sh 1" in text
    assert "No alert has ended lately." in plain(desk.see(f"{HOME}?state=closed"))


def test_an_alert_that_is_over_is_told_with_its_end(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 100}}, ref="ASN-2")
        raise_alerts(session, ["apple"], Stock(), NOW)
    seat = desk.sit("eye", Role.VIEWER)
    assert "apple" not in plain(seat.see(HOME)).partition("Seen to by")[2]
    assert "apple Few pieces 105 sh" in plain(seat.see(f"{HOME}?state=closed"))


def test_a_long_list_goes_on_where_it_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.stock_alerts.PAGE", 1)
    seat = desk.sit("eye", Role.VIEWER)
    first = seat.see(HOME)
    following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    shown = [plain(page).partition("Seen to by")[2].partition("Thresholds")[0] for page in (first, seat.see(following))]
    assert [("apple" in one, "pear" in one) for one in shown] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )


def test_one_person_sees_to_an_alert_and_another_is_told_who(desk: Desk, database: Database) -> None:
    path = alert(database, "apple")
    desk.sit("first", Role.OPERATOR).act(path)
    assert "apple Few pieces 5 sh 10 — " in plain(desk.see(HOME))
    assert "first just now" in plain(desk.see(HOME))
    assert desk.sit("second", Role.OPERATOR).post(path).status_code == 409
    assert desk.audited("stock.acknowledge") == [("first", "sku:apple")]


def test_an_alert_that_is_over_needs_nobody(desk: Desk, database: Database) -> None:
    path = alert(database, "apple")
    with database.transaction() as session:
        run(session, "update stock_alert set state = 'closed', closed_at = :at", at=NOW)
    assert desk.sit("late", Role.OPERATOR).post(path).status_code == 409


def test_an_alert_of_another_brand_is_not_there(desk: Desk, database: Database) -> None:
    path = alert(database, "apple")
    seat = desk.sit("other", Role.ADMIN, brand="other")
    assert "Nothing is short." in plain(seat.see(HOME))
    assert seat.post(path).status_code == 404
    assert desk.sit("h5", Role.ADMIN, shop="h5").post(path).status_code == 403
    assert "apple Few pieces" in plain(desk.see(HOME))


def test_a_threshold_is_set_changed_and_removed(desk: Desk) -> None:
    seat = desk.sit("chief", Role.ADMIN)
    seat.act(f"{HOME}/rules", **RULE)
    assert "apple sh demo 20 3" in plain(seat.see(HOME))
    seat.act(f"{HOME}/rules", **{**RULE, "below_pieces": "30"})
    assert "apple sh demo 30 3" in plain(seat.see(HOME))
    seat.act(f"{HOME}/rules/drop?brand=demo&sku=apple&location=sh")
    assert "None is set" in plain(seat.see(HOME))
    assert seat.audited("stock.rule_set") == [("chief", "sku:apple")] * 2


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"brand": "other"}, 404),
        ({"location": "nowhere"}, 404),
        ({"below_pieces": "-1"}, 422),
        ({"below_days": "9223372036854775808"}, 422),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(desk: Desk, changes: dict[str, str], status: int) -> None:
    assert desk.sit("chief", Role.ADMIN).post(f"{HOME}/rules", **{**RULE, **changes}).status_code == status
    assert "None is set" in plain(desk.see(HOME))


def test_thresholds_go_on_where_their_list_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.stock_alerts.PAGE", 2)
    seat = desk.sit("chief", Role.ADMIN)
    for sku, place in (("", ""), ("apple", ""), ("apple", "sh"), ("pear", "sh")):
        seat.act(f"{HOME}/rules", **{**RULE, "sku": sku, "location": place})
    first = seat.see(HOME)
    following = first.rpartition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    shown = [plain(page).partition("Thresholds")[2] for page in (first, seat.see(following.replace("&amp;", "&")))]
    assert ["apple sh demo" in one for one in shown] == [False, True]
    assert ["every SKU all together" in one and "apple all together" in one for one in shown] == [True, False]
    assert "pear sh demo" in shown[1]
    assert "Next page" not in shown[1]


def test_thresholds_are_read_by_all_and_set_by_administrators(desk: Desk) -> None:
    desk.sit("chief", Role.ADMIN).act(f"{HOME}/rules", **RULE)
    text = plain(desk.sit("hand", Role.SUPERVISOR).see(HOME))
    assert "apple sh demo 20 3" in text
    assert "Remove" not in text
