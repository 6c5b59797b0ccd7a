from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.asked import address
from dashboards.pages import new_key
from dashboards.visit import LANGUAGE_COOKIE
from hub.database import Database, rows, run
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.table import Reason
from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.hub.making import BRAND, OWNER, counters, stock

HOME = "/console/inventory"
APPLE = StockKey("sh", "apple", OWNER)


def at(path: str, key: StockKey = APPLE) -> str:
    return address(f"{HOME}/{path}", at=key.location, sku=key.sku, owner=key.owner, condition=key.condition)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 1500, "pear": 0}, "bj": {"apple": 7}})
        yield made


def tell(database: Database, connection: str, shop: str, **changes: object) -> None:
    """Let a channel have been told of apples."""
    told = {"offered": 10, "told": 12, "held": False, "due": False, "refused": "", **changes}
    with database.transaction() as session:
        run(
            session,
            """insert into stock_offer (connection, sku, brand, shop, version, created_at, updated_at, bucket, offered,
                                        told, told_at, due, asking, held, alone, refused)
               values (:connection, 'apple', 'demo', :shop, 1, :at, :at, 0, :offered, :told, :at, :due, false, :held,
                       false, :refused)""",
            connection=connection,
            shop=shop,
            at=NOW,
            **told,
        )


def test_no_stock_says_why_and_what_next(database: Database, tmp_path: Path) -> None:
    with opened(database, tmp_path) as desk:
        assert "No stock is known yet." in plain(desk.sit("eye", Role.VIEWER).see(HOME))


def test_a_list_tells_what_is_there_and_what_may_be_promised(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update stock_level set safety = 10 where location = 'bj'")
        post(session, [Movement(APPLE, Reason.ALLOCATE, "L1", allocated=200)], NOW)
    text = plain(desk.sit("eye", Role.VIEWER).see(HOME))
    assert "apple bj 0 Below safety stock 7 0 0 10 0" in text
    assert "apple sh 1,300 Enough 1,500 200 0 0 0" in text
    assert "pear sh 0 Nothing free" in text


def test_the_kind_of_a_location_is_told_where_it_is_no_ordinary_warehouse(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update location set kind = 'store', bonded = true where code = 'sh'")
    seat = desk.sit("eye", Role.VIEWER)
    text = plain(seat.see(HOME))
    assert "apple bj 7 Enough" in text
    assert "apple sh Store Bonded 1,500 Enough" in text
    assert "Kind of location Store Bonded" in plain(seat.see(at("level")))
    desk.client.cookies.set(LANGUAGE_COOKIE, "zh")
    assert "地点类型 门店 保税" in plain(seat.see(at("level")))


def test_a_list_is_narrowed_by_words_place_and_state(desk: Desk) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    assert "pear" not in plain(seat.see(f"{HOME}?find=APP")).partition("Drift")[2]
    assert "bj" not in plain(seat.see(f"{HOME}?location=sh")).partition("Drift")[2]
    assert "apple" not in plain(seat.see(f"{HOME}?show=out")).partition("Drift")[2]
    assert "No stock matches." in plain(seat.see(f"{HOME}?find=nothing"))


def test_a_long_list_goes_on_where_it_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.inventory.PAGE", 2)
    seat = desk.sit("eye", Role.VIEWER)
    first = seat.see(HOME)
    assert "pear" not in plain(first).partition("Drift")[2]
    following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "pear sh 0" in plain(seat.see(following))


def test_days_of_cover_come_from_recent_sales(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(session, "insert into stock_sale values ('apple', 'sh', :day, 700)", day=NOW)
    seat = desk.sit("eye", Role.VIEWER)
    assert "Days of cover 15.0" in plain(seat.drawer(at("level")))
    assert "Days of cover nothing sold lately" in plain(seat.drawer(at("level", APPLE._replace(location="bj"))))


def test_a_channel_that_believes_in_more_than_there_is_shows_its_drift(desk: Desk, database: Database) -> None:
    tell(database, "mall-pc", "pc")
    tell(database, "mall-h5", "h5", told=10)
    seat = desk.sit("eye", Role.VIEWER)
    assert 'title="mall-pc">+2<' in seat.see(HOME)
    told = plain(seat.drawer(at("level")))
    assert "mall-h5 In step 10 10 —" in told
    assert "mall-pc In step 10 12 +2" in told


def test_what_the_guard_holds_back_and_a_channel_refuses_is_told_as_such(desk: Desk, database: Database) -> None:
    tell(database, "mall-pc", "pc", held=True)
    tell(database, "mall-h5", "h5", refused="isv.item-not-exist")
    told = plain(desk.sit("eye", Role.VIEWER).drawer(at("level")))
    assert "mall-pc Held back" in told
    assert "Refused isv.item-not-exist" in told


def test_a_counter_tells_what_partners_counted(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(
            session,
            """insert into stock_report (connection, report, page, pages, brand, location, counted_at, received_at,
                                         lines, refused, differing, drift)
               values ('wms-sh', 'R-1', 1, 1, 'demo', 'sh', :at, :at, 2, 0, 1, 20)""",
            at=NOW,
        )
        run(
            session,
            """insert into stock_count (connection, report, page, no, received_at, location, sku, owner, condition,
                                        kind, said, was, difference, verdict)
               select 'wms-sh', 'R-1', 1, no, :at, location, 'apple', 'OWNER', 'saleable', 'count', said, was,
                      said - was, verdict
               from (values (1, 'sh', 1500, 1520, 'taken'), (2, 'bj', 7, 7, 'outdated'))
                    as line (no, location, said, was, verdict)""",
            at=NOW,
        )
    told = plain(desk.sit("eye", Role.VIEWER).see(at("level")))
    assert "Count 1,500 1,520 −20 Taken over wms-sh R-1" in told
    assert "Out of date" not in told


def test_a_counter_tells_what_moved_it(desk: Desk) -> None:
    assert "Received +1,500 — — ASN-1" in plain(desk.sit("eye", Role.VIEWER).see(at("level")))


def test_a_counter_is_corrected_once_with_a_reason(desk: Desk, database: Database) -> None:
    seat, key = desk.sit("hand", Role.OPERATOR), new_key()
    form = {"delta": "-3", "reason": "broken in the aisle"}
    assert [seat.post(at("adjust"), key=key, **form).status_code for _ in range(2)] == [303, 303]
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (1497, 0)
    assert "apple at sh: -3 pieces." in plain(seat.see(at("level")))


@pytest.mark.parametrize("form", [{"delta": "2"}, {"delta": "0", "reason": "why"}, {"delta": "x", "reason": "why"}])
def test_a_correction_needs_pieces_and_a_reason(desk: Desk, database: Database, form: dict[str, str]) -> None:
    assert desk.sit("hand", Role.OPERATOR).post(at("adjust"), **form).status_code == 422
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (1500, 0)


@pytest.mark.parametrize("delta", ["9223372036854775808", "-1000001", "1e9", "1.5"])
def test_pieces_beyond_reason_are_refused(desk: Desk, delta: str) -> None:
    assert desk.sit("hand", Role.OPERATOR).post(at("adjust"), delta=delta, reason="why").status_code == 422


def test_what_is_promised_beyond_what_is_there_is_set_in_one_form(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert seat.post(at("limits"), backorder_limit="7", authority="owner").status_code == 303
    told = plain(seat.see(at("level")))
    assert "Up to 7 pieces of apple are promised before they are there." in told
    assert "Whose number counts The owner's" in told
    assert "Back-order limit 7" in told


@pytest.mark.parametrize(
    "form",
    [
        *({"backorder_limit": limit} for limit in ("9223372036854775808", "1000001", "-1", "x")),
        {"authority": "nobody"},
    ],
)
def test_limits_beyond_reason_are_refused(desk: Desk, form: dict[str, str]) -> None:
    filled = {"backorder_limit": "7", "authority": "hub", **form}
    assert desk.sit("hand", Role.OPERATOR).post(at("limits"), **filled).status_code == 422


def test_what_a_person_left_as_it_was_shown_is_not_set_back(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    shown = {"shown_limit": "0", "shown_authority": "hub"}
    assert all(f'name="{name}" value="{value}"' in seat.see(at("level")) for name, value in shown.items())
    assert seat.post(at("limits"), **shown, backorder_limit="7", authority="hub").status_code == 303
    assert seat.post(at("limits"), **shown, backorder_limit="0", authority="owner").status_code == 303
    told = plain(seat.see(at("level")))
    assert "It is set whose number of apple counts." in told
    assert ("Back-order limit 7" in told, "Whose number counts The owner's" in told) == (True, True)
    assert seat.post(at("limits"), **shown, backorder_limit="0", authority="hub").status_code == 422


def test_a_field_that_is_missing_stays_as_it_is(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(at("limits"), backorder_limit="7", authority="hub")
    assert seat.post(at("limits"), authority="owner").status_code == 303
    assert "Back-order limit 7" in plain(seat.see(at("level")))
    assert [seat.post(at(act)).status_code for act in ("limits", "safety")] == [422, 422]


def test_a_safety_stock_left_as_it_was_shown_is_not_set_back(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert 'name="shown" value="0"' in seat.see(at("level"))
    seat.act(at("safety"), pieces="300", shown="0")
    answer = seat.post(at("safety"), pieces="0", shown="0")
    assert (answer.status_code, "nothing differs from what the page showed" in plain(answer.text)) == (422, True)
    assert "Safety stock 300" in plain(seat.see(at("level")))


def test_no_more_is_taken_away_than_is_free(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        post(session, [Movement(APPLE, Reason.ALLOCATE, "L1", allocated=1400)], NOW)
    assert desk.sit("hand", Role.OPERATOR).post(at("adjust"), delta="-101", reason="why").status_code == 409
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (1500, 1400)


def test_a_safety_stock_is_kept_back(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert seat.act(at("safety"), pieces="300") == at("level")
    assert "Safety stock 300 To promise 1,200" in plain(seat.see(at("level")))


def test_channels_are_told_at_once_on_request(desk: Desk, database: Database) -> None:
    tell(database, "mall-pc", "pc")
    seat = desk.sit("hand", Role.OPERATOR)
    assert "Tell channels now" in plain(seat.see(at("level")))
    seat.act(at("push"))
    with database.transaction() as session:
        assert [one.due for one in rows(session, "select due from stock_offer")] == [True]
    assert seat.audited("stock.push_now") == [("hand", "sku:apple")]


def test_a_channel_that_is_told_of_stock_no_more_is_not_shown_as_behind(desk: Desk, database: Database) -> None:
    tell(database, "wms-sh", "pc", due=True)
    seat = desk.sit("hand", Role.OPERATOR)
    assert "No channel is told of this SKU." in plain(seat.see(at("level")))
    seat.act(at("push"))
    assert "0 channels are told of apple." in plain(seat.see(at("level")))


def test_a_supervisor_begins_and_ends_a_flash_sale(desk: Desk) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    seat.act(at("heat"), name="double-11", per_buyer="2", ends="2099-01-01T10:00")
    assert "double-11 · 2 for each buyer · until 2089" in plain(seat.see(at("level")))
    assert "apple Flash sale bj" in plain(seat.see(HOME))
    seat.act(at("cool"))
    assert "Name of the sale" in seat.see(at("level"))
    assert seat.audited("stock.hot") == seat.audited("stock.cool") == [("boss", "sku:apple")]


def test_the_form_of_a_flash_sale_says_whom_its_limit_binds(desk: Desk) -> None:
    text = plain(desk.sit("boss", Role.SUPERVISOR).see(at("level")))
    assert "a storefront's orders beyond it wait for a person" in text
    assert "an order without a reservation is not limited" not in text


def test_a_flash_sale_needs_a_name_and_a_time_to_come(desk: Desk) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert seat.post(at("heat"), name=" ").status_code == 422
    assert seat.post(at("heat"), name="x", ends="2020-01-01T10:00").status_code == 409
    assert seat.post(at("cool")).status_code == 409
    assert "Name of the sale" not in desk.sit("hand", Role.OPERATOR).see(at("level"))


def test_the_stock_of_another_brand_is_neither_seen_nor_changed(desk: Desk, database: Database) -> None:
    seat = desk.sit("other", Role.ADMIN, brand="other")
    assert "No stock is known yet." in plain(seat.see(HOME))
    assert seat.get(at("level")).status_code == 404
    assert seat.post(at("adjust"), delta="5", reason="why").status_code == 404
    with database.transaction() as session:
        assert counters(session, "sh", "apple") == (1500, 0)


def test_who_works_on_one_shop_sees_its_brands_stock_and_changes_none(desk: Desk, database: Database) -> None:
    tell(database, "mall-pc", "pc")
    tell(database, "mall-h5", "h5")
    seat = desk.sit("h5", Role.ADMIN, shop="h5")
    told = plain(seat.see(at("level")))
    assert "mall-h5" in told
    assert "mall-pc" not in told
    assert "Correct it" not in told
    assert [
        seat.post(at(act), delta="5", pieces="5", reason="why").status_code
        for act in ("adjust", "safety", "limits", "push")
    ] == [403] * 4


def test_somebody_who_only_looks_is_offered_no_act(desk: Desk) -> None:
    assert "Correct it" not in plain(desk.sit("eye", Role.VIEWER).see(at("level")))
    assert BRAND in plain(desk.see(at("level")))
