from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.asked import address
from dashboards.pages import new_key
from hub.database import Database, run
from hub.inventory.quota import Quota, list_quotas, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.hub.making import BRAND, OWNER, stock

HOME = "/console/inventory"
GIVEN = {"shop": "pc", "place": "", "mode": "exclusive", "amount": "40"}


def at(path: str) -> str:
    return address(f"{HOME}/{path}", at="sh", sku="apple", owner=OWNER, condition="saleable")


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 1500}})
        yield made


def give(database: Database, shop: str, mode: QuotaMode, amount: int) -> None:
    with database.transaction() as session:
        set_quota(session, "chief", BRAND, Quota(sku="apple", shop=shop, mode=mode, amount=amount), NOW)


def given(database: Database) -> list[tuple[str, str, str, int]]:
    with database.transaction() as session:
        return [(one.shop, one.location, one.mode, one.amount) for one in list_quotas(session, ["apple"])]


def test_a_counter_tells_how_shops_share_its_sku(desk: Desk, database: Database) -> None:
    give(database, "pc", QuotaMode.EXCLUSIVE, 40)
    give(database, "h5", QuotaMode.PERCENTAGE, 30)
    with database.transaction() as session:
        run(session, "update channel_quota set used = 15 where shop = 'pc'")
    told = plain(desk.sit("eye", Role.VIEWER).see(at("level")))
    assert "h5 all together A part 30% 0 — pc all together Its own pieces 40 15 25" in told
    assert "Its own pieces" not in plain(desk.sit("h5", Role.VIEWER, shop="h5").see(at("level")))


def test_a_shop_is_given_a_quota_once_however_often_the_button_is_pressed(desk: Desk, database: Database) -> None:
    seat, key = desk.sit("hand", Role.OPERATOR), new_key()
    assert "No shop has a quota" in plain(seat.see(at("level")))
    assert [seat.post(at("quota"), key=key, **GIVEN).status_code for _ in range(2)] == [303, 303]
    assert given(database) == [("pc", "", "exclusive", 40)]
    assert seat.audited("stock.quota") == [("hand", "sku:apple")]
    assert "The quota of apple for pc is set." in plain(seat.see(at("level")))


def test_a_quota_is_changed_where_it_stands_and_keeps_what_was_sold(desk: Desk, database: Database) -> None:
    give(database, "pc", QuotaMode.CAP, 40)
    with database.transaction() as session:
        run(session, "update channel_quota set used = 15")
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(at("quota"), **{**GIVEN, "mode": "cap", "amount": "60"})
    assert "15 45" in plain(seat.see(at("level")))
    assert given(database) == [("pc", "", "cap", 60)]


def test_a_quota_of_this_location_stands_beside_that_of_all(desk: Desk, database: Database) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(at("quota"), **GIVEN)
    seat.act(at("quota"), **{**GIVEN, "place": "sh", "mode": "percentage", "amount": "50"})
    assert given(database) == [("pc", "", "exclusive", 40), ("pc", "sh", "percentage", 50)]


def test_a_quota_is_taken_away_and_was_there_to_be_taken(desk: Desk, database: Database) -> None:
    give(database, "pc", QuotaMode.CAP, 40)
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(at("quota/drop"), shop="pc", place="")
    assert given(database) == []
    assert seat.audited("stock.quota_drop") == [("hand", "sku:apple")]
    assert seat.post(at("quota/drop"), shop="pc", place="").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"shop": "nowhere"}, 404),
        ({"place": "bj"}, 404),
        ({"mode": "percentage", "amount": "101"}, 422),
        ({"amount": "-1"}, 422),
        ({"amount": "1000001"}, 422),
        ({"mode": "most"}, 422),
    ],
)
def test_a_quota_that_makes_no_sense_is_refused(
    desk: Desk, database: Database, wrong: dict[str, str], status: int
) -> None:
    assert desk.sit("hand", Role.OPERATOR).post(at("quota"), **{**GIVEN, **wrong}).status_code == status
    assert given(database) == []


@pytest.mark.parametrize(
    ("act", "form", "said"),
    [
        ("quota", {"shop": "pc", "mode": "percentage", "amount": "101"}, "配额数量不正确 数量为 0 到 100 的整数"),
        ("quota/drop", {"shop": "pc"}, "没有此配额，请刷新"),
        ("presale/drop", {"shop": "pc"}, "没有此预售上限，请刷新"),
        ("safety", {"pieces": "0", "shown": "0"}, "没有要设置的内容"),
    ],
)
def test_what_is_refused_of_a_counter_is_said_in_chinese(desk: Desk, act: str, form: dict[str, str], said: str) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    with seat.database.transaction() as session:
        run(session, "update person set language = 'zh'")
    assert said in plain(seat.post(at(act), **form).text)


def test_a_quota_of_a_shop_that_is_configured_no_more_can_still_be_changed_and_dropped(
    desk: Desk, database: Database
) -> None:
    give(database, "closed", QuotaMode.CAP, 40)
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(at("quota"), **{**GIVEN, "shop": "closed", "mode": "cap", "amount": "0"})
    seat.act(at("quota/drop"), shop="closed", place="")
    assert given(database) == []


@pytest.mark.parametrize("who", [{"brand": "other"}, {"shop": "h5"}])
def test_who_may_not_change_a_counter_may_not_change_its_quotas(
    desk: Desk, database: Database, who: dict[str, str]
) -> None:
    give(database, "pc", QuotaMode.CAP, 40)
    seat = desk.sit("other", Role.ADMIN, **who)
    expected = 404 if "brand" in who else 403
    assert seat.post(at("quota"), **GIVEN).status_code == expected
    assert seat.post(at("quota/drop"), shop="pc", place="").status_code == expected
    assert given(database) == [("pc", "", "cap", 40)]


def test_somebody_who_only_looks_is_offered_no_change(desk: Desk, database: Database) -> None:
    give(database, "pc", QuotaMode.CAP, 40)
    seat = desk.sit("eye", Role.VIEWER)
    assert "Give quota" not in seat.see(at("level"))
    assert seat.post(at("quota"), **GIVEN).status_code == 403
