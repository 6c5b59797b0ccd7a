from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from dashboards.pages import new_key
from hub.database import Database
from hub.order.ship.progress import record_confirm
from hub.roles import Role
from tests.dashboards.desk import Desk, opened, plain
from tests.hub.inventory.lotted import of, tell
from tests.hub.making import AT, OWNER, confirm, order, placed, stock

HOME = "/console/inventory/lots"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Let an order of each of two shops have got apples of lot B."""
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 9}})
            tell(session, "count", {"A": 2, "B": 7}, -1)
            for shop in ("pc", "h5"):
                order_id = placed(session, replace(order({"apple": 2}, f"of-{shop}"), shop=shop))
                record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 2, B=2),)), AT)
        yield made


def test_the_orders_of_a_lot_are_listed_with_receivers_masked(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(f"{HOME}?lot=+B+"))
    assert "of-pc pc apple 2 0 0" in text
    assert "of-h5 h5 apple 2 0 0" in text
    assert "收** 100****0001" in text
    assert "收件人甲" not in text


def test_who_works_for_one_shop_sees_its_orders_alone(desk: Desk) -> None:
    text = plain(desk.sit("h5", Role.VIEWER, shop="h5").see(f"{HOME}?lot=B"))
    assert ("of-h5" in text, "of-pc" in text) == (True, False)


def test_a_lot_that_nobody_got_and_a_page_without_one_say_so(desk: Desk) -> None:
    eye = desk.sit("eye", Role.VIEWER)
    assert "No order got pieces of this lot." in plain(eye.see(f"{HOME}?lot=A"))
    assert "No order got pieces of this lot." in plain(eye.see(f"{HOME}?lot=B&sku=pear"))
    assert "Name a lot." in plain(eye.see(HOME))


def test_a_counter_s_lots_lead_to_their_orders(desk: Desk) -> None:
    told = desk.sit("eye", Role.VIEWER).see(f"/console/inventory/level?at=sh&sku=apple&owner={OWNER}")
    assert "/console/inventory/lots?lot=B&amp;sku=apple" in told


BLOCK = {"lot": "A", "sku": "apple", "place": "sh", "reason": "mould"}


def test_a_lot_is_blocked_once_however_often_the_button_is_pressed_and_unblocked(desk: Desk) -> None:
    seat, key = desk.sit("hand", Role.OPERATOR), new_key()
    page = plain(seat.see(f"{HOME}?lot=A&sku=apple"))
    assert ("sh 2 2027-05-01" in page, "This lot is not blocked." in page) == (True, True)
    assert [seat.post(f"{HOME}/block", key=key, **BLOCK).status_code for _ in range(2)] == [303, 303]
    page = plain(seat.see(f"{HOME}?lot=A&sku=apple"))
    assert "2 pieces of lot A are sold no more." in page
    assert "A apple sh 2 hand" in page
    assert seat.act(f"{HOME}/unblock", **BLOCK) == f"{HOME}?lot=A&sku=apple"
    assert "2 pieces of lot A may be sold again." in plain(seat.see(f"{HOME}?lot=A&sku=apple"))
    assert seat.audited("stock.block_lot") == seat.audited("stock.unblock_lot") == [("hand", "sku:apple")]


def test_unblocking_says_where_the_lot_is_blocked_still(desk: Desk) -> None:
    seat, everywhere = desk.sit("hand", Role.OPERATOR), {**BLOCK, "place": ""}
    for one in (BLOCK, everywhere):
        seat.act(f"{HOME}/block", **one)
    seat.act(f"{HOME}/unblock", **everywhere)
    page = plain(seat.see(f"{HOME}?lot=A&sku=apple"))
    assert "0 pieces of lot A may be sold again. It is still blocked: sh." in page
    seat.act(f"{HOME}/block", **everywhere)
    seat.act(f"{HOME}/unblock", **BLOCK)
    assert "It is still blocked: everywhere." in plain(seat.see(f"{HOME}?lot=A&sku=apple"))


def test_promised_pieces_that_a_block_leaves_short_are_told(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": 4}, "more"))
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(f"{HOME}/block", **{**BLOCK, "lot": "B", "place": ""})
    page = plain(seat.see(f"{HOME}?lot=B"))
    assert "3 pieces of lot B are sold no more. 2 promised pieces find another source." in page
    assert "B apple everywhere 3 hand" in page


def test_a_block_that_cannot_be_is_refused_with_its_reason(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    seat.act(f"{HOME}/block", **BLOCK)
    for changes, said in (
        ({}, "blocked already: sh, by hand"),
        ({"lot": "Z"}, "no lot Z of apple is known at sh"),
        ({"sku": "plum"}, "there is no SKU plum"),
        ({"place": "gz"}, "no location gz"),
        ({"lot": "B", "reason": ""}, "say why"),
    ):
        answer = seat.post(f"{HOME}/block", **{**BLOCK, **changes})
        assert (answer.status_code >= 400, said in plain(answer.text)) == (True, True), plain(answer.text)


def test_who_works_for_one_shop_sees_blocks_and_makes_none(desk: Desk) -> None:
    desk.sit("hand", Role.OPERATOR).act(f"{HOME}/block", **BLOCK)
    seat = desk.sit("h5", Role.OPERATOR, shop="h5")
    page = seat.see(f"{HOME}?lot=A&sku=apple")
    assert ("A apple sh 2 hand" in plain(page), "lots/block" in page, "lots/unblock" in page) == (True, False, False)
    assert [seat.post(f"{HOME}/{act}", **BLOCK).status_code for act in ("block", "unblock")] == [403, 403]


def test_blocked_lots_are_listed_where_no_lot_is_named_and_marked_at_their_counter(desk: Desk) -> None:
    seat = desk.sit("hand", Role.OPERATOR)
    assert "No lot is blocked." in plain(seat.see(HOME))
    seat.act(f"{HOME}/block", **BLOCK)
    assert "A apple sh 2 hand" in plain(seat.see(HOME))
    level = plain(seat.see(f"/console/inventory/level?at=sh&sku=apple&owner={OWNER}"))
    assert ("2 pieces are of lots that are blocked." in level, "2027-05-01 blocked" in level) == (True, True)
