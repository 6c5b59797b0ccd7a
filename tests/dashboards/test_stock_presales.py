from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.asked import address
from hub.database import Database
from hub.inventory.presale import list_presales
from hub.roles import Role
from tests.dashboards.desk import Desk, opened, plain
from tests.hub.making import OWNER, add_sku, stock

HOME = "/console/inventory"


def at(path: str, sku: str = "apple") -> str:
    return address(f"{HOME}/{path}", at="sh", sku=sku, owner=OWNER, condition="saleable")


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 15}})
            add_sku(session, "lamp")
            add_sku(session, "box", parts={"apple": 2})
        yield made


def given(database: Database) -> list[tuple[str, int]]:
    with database.transaction() as session:
        return [(one.shop, one.amount) for one in list_presales(session, ["apple"])]


def test_a_presale_limit_is_set_seen_changed_and_taken_away(desk: Desk, database: Database) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert "There is no pre-sale limit." in plain(seat.see(at("level")))
    seat.act(at("presale"), shop="", amount="40")
    assert "The pre-sale limit of apple is set." in plain(seat.see(at("level")))
    seat.act(at("presale"), shop="", amount="60")
    seat.act(at("presale"), shop="pc", amount="5")
    assert "all together 60 0 60 pc 5 0 5" in plain(desk.sit("eye", Role.VIEWER).see(at("level")))
    assert "all together 60" not in plain(desk.sit("h5", Role.VIEWER, shop="h5").see(at("level")))
    desk.sit("other", Role.OPERATOR).act(at("presale/drop"), shop="")
    assert given(database) == [("pc", 5)]


def test_a_limit_of_a_shop_that_there_is_not_is_refused(desk: Desk, database: Database) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert seat.post(at("presale"), shop="nobody", amount="40").status_code == 404
    assert given(database) == []


def test_goods_that_never_were_at_a_location_are_counted_from_the_console_and_limited(
    desk: Desk, database: Database
) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert "Goods that are not counted yet" in seat.see(HOME)
    for _ in range(2):
        seat.act(f"{HOME}/counter", sku=" lamp ", place="sh")
    assert "lamp is counted at sh." in plain(seat.see(at("level", "lamp")))
    seat.act(at("presale", "lamp"), shop="", amount="40")
    with database.transaction() as session:
        assert [one.amount for one in list_presales(session, ["lamp"])] == [40]
    assert seat.audited("stock.counter") == [("hand", "sku:lamp")] * 2


@pytest.mark.parametrize(
    ("wish", "who", "status"),
    [
        ({"place": "nowhere"}, {}, 404),
        ({"sku": "nothing"}, {}, 404),
        ({"sku": "box"}, {}, 404),
        ({}, {"brand": "other"}, 404),
        ({}, {"shop": "h5"}, 403),
    ],
)
def test_what_cannot_be_counted_is_refused(desk: Desk, wish: dict[str, str], who: dict[str, str], status: int) -> None:
    seat = desk.sit("hand", Role.OPERATOR, **who)
    assert seat.post(f"{HOME}/counter", **{"sku": "lamp", "place": "sh", **wish}).status_code == status
    assert seat.audited("stock.counter") == []
