"""Locations are brought in by a sheet: all rows or none, every bad one named, and again without any change."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, row, rows, run
from hub.errors import Malformed, Unauthorised
from hub.inventory.adjust import Limits, set_limits
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from hub.roles import SYSTEM, Actor, Role
from hub.settings import Connection
from hub.sourcing.bring import bring_locations
from hub.sourcing.location import find_places
from tests.hub.making import AT, BRAND, add_sku, stock

HEAD = (
    "code,name_zh,name_en,connection,owner,division,street,contact,phone,latitude,longitude,storages,courier,"
    "handling,active"
)
EAST = "SH1,上海仓,Shanghai,wms-sh,OWNER,310115,仓库路1号,仓管,10000000009,31.2,121.5,ambient chilled,SF,180,"
WEST = "SC1,成都仓,Chengdu,wms-sh,OWNER,510112,物流园2号,仓管,10000000009,,,,ZTO,,no"
WMS = Connection(kind="warehouses.qimen", brand=BRAND)
CONNECTIONS = {
    "wms-sh": WMS,
    "wms-other": WMS.model_copy(update={"brand": "other"}),
    "sap": Connection(kind="erp.sap", brand=BRAND),
}


def bring(session: Session, *lines: str, actor: Actor = SYSTEM) -> tuple[int, int, int]:
    made = bring_locations(session, actor, BRAND, "\n".join((HEAD, *lines)) + "\n", CONNECTIONS, AT)
    return made.added, made.changed, made.same


def test_locations_are_there_and_one_without_coordinates_stands_in_its_division(session: Session) -> None:
    assert bring(session, EAST, WEST) == (2, 0, 0)
    places = find_places(session)
    assert (places["SH1"].storages, places["SH1"].handling, places["SH1"].active) == (("ambient", "chilled"), 180, True)
    assert (round(places["SC1"].point.latitude), round(places["SC1"].point.longitude)) == (31, 104)
    assert (places["SC1"].storages, places["SC1"].active) == (("ambient",), False)
    assert len(rows(session, "select 1 from audit_entry where act = 'location.add'")) == 2


def test_the_same_again_changes_nothing_and_a_change_changes_its_row_alone(session: Session) -> None:
    bring(session, EAST, WEST)
    assert bring(session, EAST, WEST) == (0, 0, 2)
    assert bring(session, EAST.replace("31.2", "31.25"), WEST) == (0, 1, 1)
    found = row(session, "select latitude, version from location where code = 'SH1'")
    assert found is not None
    assert (found.latitude, found.version) == (Decimal("31.25"), 2)


def test_every_bad_row_is_named_and_none_is_taken(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    with pytest.raises(Malformed) as refused:
        bring(
            session,
            EAST,
            EAST,
            EAST.replace("SH1", "A").replace("310115", "999999"),
            EAST.replace("SH1", "B").replace("wms-sh", "wms-nowhere"),
            EAST.replace("SH1", "C").replace("wms-sh", "wms-other"),
            EAST.replace("SH1", "D").replace("wms-sh", "sap"),
            EAST.replace("SH1", "E").replace("31.2", ""),
            EAST.replace("SH1", "F").replace("31.2", "131.2"),
            EAST.replace("SH1", "G").replace("ambient", "warm"),
            EAST.replace("SH1", "H").replace("仓管", ""),
            EAST.replace("SH1", "sh").replace("OWNER", "NOBODY"),
        )
    told = refused.value.message.splitlines()[1:]
    assert [line.strip().split(":")[0] for line in told] == [f"line {no}" for no in range(3, 13)]
    assert "goods of OWNER lie there" in told[-1]
    assert list(find_places(session)) == ["sh"]


def test_only_who_may_configure_the_brand_brings_locations_in(session: Session) -> None:
    with pytest.raises(Unauthorised):
        bring(session, EAST, actor=Actor("s", frozenset({Role.SUPERVISOR})))


def test_an_import_under_way_keeps_no_one_from_naming_its_locations(database: Database) -> None:
    with database.transaction() as session:
        bring(session, EAST)
    with database.transaction() as session, database.transaction() as other:
        bring(session, EAST.replace("31.2", "31.25"))
        assert rows(other, "select 1 from location where code = 'SH1' for key share nowait")


LEAST = HEAD.replace(",latitude,longitude,storages", "").replace(",handling,active", "")
MOVED = "SH1,上海二仓,Shanghai,wms-sh,OWNER,310115,仓库路1号,仓管,10000000009,SF"


def bring_least(session: Session, line: str) -> tuple[int, int, int]:
    made = bring_locations(session, SYSTEM, BRAND, f"{LEAST}\n{line}\n", CONNECTIONS, AT)
    return made.added, made.changed, made.same


def test_a_location_keeps_what_a_sheet_has_no_column_for(session: Session) -> None:
    bring(session, EAST + "no")
    before = row(session, "select latitude, longitude, storages, handling, active from location where code = 'SH1'")
    assert bring_least(session, MOVED) == (0, 1, 0)
    assert bring_least(session, MOVED) == (0, 0, 1)
    after = row(session, "select latitude, longitude, storages, handling, active from location where code = 'SH1'")
    assert before == after


def test_a_location_that_moves_to_another_division_says_where(session: Session) -> None:
    bring(session, EAST)
    with pytest.raises(Malformed, match="add the columns latitude and longitude"):
        bring_least(session, MOVED.replace("310115", "510112"))


def test_who_brings_in_other_locations_waits_for_nobody(database: Database) -> None:
    with database.transaction() as first, database.transaction() as second:
        run(second, "set local lock_timeout = '100ms'")
        assert (bring(first, EAST), bring(second, WEST)) == ((1, 0, 0), (1, 0, 0))


def test_two_brands_that_bring_in_one_new_location_at_once_are_told_whose_it_is(database: Database) -> None:
    def other() -> None:
        with database.transaction() as session:
            line = EAST.replace("wms-sh", "wms-other")
            bring_locations(session, SYSTEM, "other", f"{HEAD}\n{line}\n", CONNECTIONS, AT)

    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            bring(session, EAST)
            late = threads.submit(other)
            while not rows(session, "select 1 from pg_locks where not granted"):
                assert not late.done()
        with pytest.raises(Malformed, match="SH1 is another brand's"):
            late.result()


def test_a_location_has_a_kind_and_may_be_bonded_and_a_sheet_without_the_columns_leaves_both(session: Session) -> None:
    head = "code,name_zh,name_en,connection,owner,division,street,contact,phone,courier"
    line = "SH1,上海仓,Shanghai,wms-sh,OWNER,310115,仓库路1号,仓管,10000000009,SF"
    bring_locations(session, SYSTEM, BRAND, f"{head},kind,bonded\n{line},third_party,yes\n", CONNECTIONS, AT)
    assert bring_locations(session, SYSTEM, BRAND, f"{head}\n{line}\n", CONNECTIONS, AT).same == 1
    bring(session, WEST.replace("ambient", ""))
    places = find_places(session)
    assert (places["SH1"].kind, places["SH1"].bonded) == ("third_party", True)
    assert (places["SC1"].kind, places["SC1"].bonded) == ("warehouse", False)
    with pytest.raises(Malformed):
        bring_locations(session, SYSTEM, BRAND, f"{head},kind\n{line},shed\n", CONNECTIONS, AT)


def test_counters_begin_and_follow_with_whose_number_counts_at_their_location(session: Session) -> None:
    head = "code,name_zh,name_en,connection,owner,division,street,contact,phone,courier,authority"
    line = "SH1,上海仓,Shanghai,wms-sh,OWNER,310115,仓库路1号,仓管,10000000009,SF"

    def say(whose: str) -> None:
        bring_locations(session, SYSTEM, BRAND, f"{head}\n{line},{whose}\n", CONNECTIONS, AT)

    def goods(sku: str) -> StockKey:
        add_sku(session, sku)
        key = StockKey("SH1", sku, "OWNER")
        receive(session, BRAND, [(key, 5)], f"ASN-{sku}", AT)
        return key

    def whose() -> list[str]:
        return [one.authority for one in rows(session, "select authority from stock_level order by sku")]

    say("owner")
    goods("apple")
    set_limits(session, "op", BRAND, goods("pear"), Limits(authority="hub"), AT)
    goods("plum")
    assert whose() == ["owner", "hub", "owner"]
    say("hub")
    assert whose() == ["hub", "hub", "hub"]
    set_limits(session, "op", BRAND, goods("tea"), Limits(authority="owner"), AT)
    assert whose() == ["hub", "hub", "hub", "owner"]
    say("hub")
    assert whose() == ["hub", "hub", "hub", "owner"]
    with pytest.raises(Malformed):
        say("nobody")
