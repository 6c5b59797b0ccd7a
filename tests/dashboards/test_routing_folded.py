"""An order's page names ten locations of a decision, folds the others by their reasons, and says how good it is."""

from pathlib import Path

from dashboards.visit import LANGUAGE_COOKIE
from hub.database import Database, rows
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from hub.roles import Role
from tests.dashboards.desk import opened, plain
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, BRAND, OWNER, order, placed, stock
from tests.hub.order.place.test_plan_together import TOGETHER, in_force, two_placed


def order_among(database: Database, *, able: int, empty: int) -> int:
    """Place an order that so many locations can send, and so many others have nothing for."""
    codes = [f"w{no:02}" for no in range(able + empty - 1)]
    with database.transaction() as session:
        stock(session, {"sh": {"plum": 9}})
        rows(
            session,
            """insert into location
               select (jsonb_populate_record(l, jsonb_build_object('code', other, 'name_en', other))).*
               from location l, unnest(cast(:codes as text[])) as other where l.code = 'sh' returning code""",
            codes=codes,
        )
        receive(session, BRAND, [(StockKey(code, "plum", OWNER), 9) for code in codes[: able - 1]], "ASN-2", AT)
        return placed(session, order({"plum": 1}))


def test_locations_far_down_are_folded_by_their_reasons(database: Database, tmp_path: Path) -> None:
    order_id = order_among(database, able=12, empty=28)
    with opened(database, tmp_path) as desk:
        page = desk.sit("op", Role.OPERATOR).see(f"/console/orders/{order_id}")
    text = plain(page)
    assert "Locations looked at: 40" in text
    assert "dearer: 2 further locations" in text
    assert "short: 28 further locations" in text
    assert text.partition("dearer: 2 further")[0].count("1 / 1") == 10


def test_few_locations_are_all_open(database: Database, tmp_path: Path) -> None:
    order_id = order_among(database, able=3, empty=7)
    with opened(database, tmp_path) as desk:
        assert "further locations" not in desk.sit("op", Role.OPERATOR).see(f"/console/orders/{order_id}")


def test_a_decision_made_with_others_names_the_gap_of_all_and_not_its_own(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
        in_force(session, TOGETHER)
        order_id, _ = two_placed(session)
    with opened(database, tmp_path) as desk:
        desk.sit("op", Role.OPERATOR)
        page = plain(desk.see(f"/console/orders/{order_id}"))
        drawer = plain(desk.drawer(f"/console/orders/{order_id}/routing/1"))
    for text in (page, drawer):
        assert "decided together with its batch of 2 parts of orders" in text
        assert "no plan costs less than" not in text


def test_who_has_old_lots_alone_is_told_so_in_both_languages(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
        tell(session, "count", {"OLD": 5})
        order_id = placed(session, order({"apple": 1}))
    with opened(database, tmp_path) as desk:
        desk.sit("op", Role.OPERATOR)
        assert "what is left there is of lots that have expired" in plain(desk.see(f"/console/orders/{order_id}"))
        desk.client.cookies.set(LANGUAGE_COOKIE, "zh")
        assert "余货均属过期或已锁定批次" in plain(desk.see(f"/console/orders/{order_id}"))
