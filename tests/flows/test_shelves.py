import pytest
from sqlalchemy.orm import Session

from flows.shelves import shelves_asked, stands_behind
from hub.settings import Connection
from tests.hub.making import OWNER, add_sku, stock


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 1, "pear": 1}, "bj": {"apple": 1}})


def connection(**options: str) -> Connection:
    return Connection(
        kind="erp.sap", brand="demo", options={name.replace("_at_", "_at."): v for name, v in options.items()}
    )


def asked(session: Session, name: str, **options: str) -> list[tuple[str, str, list[str]]]:
    found = shelves_asked(session, name, connection(**options))
    return [(one.location, one.owner, list(one.skus)) for one in found]


def test_a_warehouse_is_asked_about_its_own_locations(session: Session) -> None:
    assert asked(session, "wms-sh") == [("sh", OWNER, ["apple", "pear"])]


def test_an_erp_is_asked_about_the_locations_that_its_options_name(session: Session) -> None:
    assert asked(session, "sap") == []
    assert asked(session, "sap", stock_at_sh="1710/171A") == [("sh", OWNER, ["apple", "pear"])]
    assert [one[0] for one in asked(session, "sap", stock_at_sh="1/1", stock_at_bj="2/2", stock_at_xx="3/3")] == [
        "bj",
        "sh",
    ]


def test_what_a_location_does_not_count_yet_is_named_apart(session: Session) -> None:
    add_sku(session, "basket", parts={"apple": 2})
    found = shelves_asked(session, "sap", connection(stock_at_sh="1/1", stock_at_bj="2/2"))
    assert [(one.location, list(one.fresh)) for one in found] == [("bj", ["pear"]), ("sh", [])]


def test_a_location_is_asked_about_once_though_its_own_connection_names_it(session: Session) -> None:
    assert [one[0] for one in asked(session, "wms-sh", stock_at_sh="1/1")] == ["sh"]


def test_counts_of_a_location_that_is_not_named_stay_under_who_told_them(session: Session) -> None:
    named = connection(stock_at_sh="1710/171A", stock_at_xx="1710/171B")
    behind = [stands_behind(session, "sap", named, location) for location in ("sh", "bj", "xx")]
    assert behind == ["wms-sh", "sap", "sap"]
