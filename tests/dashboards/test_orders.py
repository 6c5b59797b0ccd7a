from datetime import UTC, datetime
from typing import Any

import pytest

from hub.cases import NewCase, open_cases
from hub.database import Database
from hub.order.model import Buyer
from hub.partitions import make_partitions
from hub.roles import Role
from tests.dashboards.desk import Desk
from tests.hub.making import AT, RECEIVER, add_sku, order, placed, stock

HOSTILE = "<img src=x onerror=alert(1)>"
PHONE = "10000000042"


@pytest.fixture
def ids(database: Database) -> list[int]:
    """Place three orders, the last of which is unpaid and has a hostile buyer and case."""
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 50}})
        to = RECEIVER.model_copy(update={"phone": PHONE, "name": "金丝雀"})
        made = [placed(session, order({"apple": n}, f"T{n}", receiver=to)) for n in (1, 2)]
        buyer = Buyer(ref="b", nick=HOSTILE)
        made.append(placed(session, order({"apple": 3}, "T3", receiver=to, paid_at=None, buyer=buyer)))
        open_cases(session, [NewCase("stock", f"order:{made[2]}", "demo", HOSTILE, made[2])], AT)
        return made


def test_the_list_shows_orders_newest_first_with_what_they_wait_for(desk: Desk, ids: list[int]) -> None:
    text = desk.see("/console/orders")
    assert [text.index(f'/console/orders/{one}"') for one in ids] == sorted(
        (text.index(f'/console/orders/{one}"') for one in ids), reverse=True
    )
    assert "3 orders" in text
    assert "Cases: 1" in text
    assert "¥30.00" in text


def test_a_filter_is_the_address_and_stays_in_the_form(desk: Desk, ids: list[int]) -> None:
    text = desk.see("/console/orders?q=T2&status=in_fulfilment&channel=mall-pc&from=2026-01-01")
    assert f'/console/orders/{ids[1]}"' in text
    assert f'/console/orders/{ids[0]}"' not in text
    assert 'value="T2"' in text
    assert 'value="2026-01-01"' in text
    assert "status=on_hold&amp;" not in text.partition("pills")[0]


def test_a_phone_number_gets_into_no_address(desk: Desk, ids: list[int]) -> None:
    for answer in (
        desk.post("/console/orders/find", q=f"+86 {PHONE}", status="on_hold"),
        desk.get(f"/console/orders?q={PHONE}&status=on_hold"),
    ):
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert PHONE not in where
        assert "status=on_hold" in where
        text = desk.see(where)
        assert f'/console/orders/{ids[2]}"' in text
        assert PHONE not in text
        assert "100****0042" in text


def test_the_last_four_digits_find_a_phone(desk: Desk, ids: list[int]) -> None:
    text = desk.see("/console/orders?q=0042")
    assert all(f'/console/orders/{one}"' in text for one in ids)
    assert "phone ends" in text


def test_nothing_personal_and_nothing_hostile_shows(desk: Desk, ids: list[int]) -> None:
    text = desk.see("/console/orders?q=%3Cscript%3E") + desk.see("/console/orders") + desk.see("/console/orders?q=T3")
    assert len(ids) == 3
    for bad in (PHONE, "金丝雀", HOSTILE, "<script>"):
        assert bad not in text


def test_new_orders_are_hinted_at_and_unchanged_news_is_not_sent_again(desk: Desk, ids: list[int]) -> None:
    answer = desk.get(f"/console/orders/new?than={ids[0]}")
    assert "New orders: 2" in answer.text
    assert (
        desk.get(f"/console/orders/new?than={ids[0]}", **{"if-none-match": answer.headers["etag"]}).status_code == 304
    )
    assert desk.get(f"/console/orders/new?than={ids[2]}").text.strip() == ""


def test_an_empty_list_says_why(desk: Desk, ids: list[int]) -> None:
    assert len(ids) == 3
    assert "No order matches" in desk.see("/console/orders?q=nothing")


def test_before_the_first_order_the_list_says_what_comes_next(desk: Desk) -> None:
    assert "No order has come yet" in desk.see("/console/orders")


@pytest.mark.parametrize("asked", ["cursor=x", "status=ghost", "q=" + "a" * 300])
def test_what_the_list_cannot_mean_is_refused(desk: Desk, asked: str) -> None:
    assert desk.get(f"/console/orders?{asked}").status_code in {400, 422}


@pytest.mark.parametrize("asked", ["from=tomorrow", "to=2026-13-45", "channel=nowhere"])
def test_a_day_that_is_none_is_left_out_of_the_question(desk: Desk, asked: str) -> None:
    assert desk.get(f"/console/orders?{asked}").status_code == 200


def test_people_see_the_orders_of_their_own_brand_and_shop(desk: Desk, ids: list[int]) -> None:
    desk.sit("of-other", Role.VIEWER, brand="other")
    assert str(ids[0]) not in desk.see("/console/orders") + desk.see("/console/orders?q=T1")
    desk.sit("of-pc", Role.VIEWER, shop="pc")
    assert str(ids[0]) in desk.see("/console/orders")


def test_an_analyst_sees_no_orders(desk: Desk, ids: list[int]) -> None:
    desk.sit("analyst-1", Role.ANALYST)
    for path in ("/console/orders", f"/console/orders/new?than={ids[0]}", f"/console/orders/{ids[0]}"):
        assert desk.get(path).status_code == 403


def test_what_is_left_to_pay_beside_a_deposit_is_shown(desk: Desk, database: Database, ids: list[int]) -> None:
    assert "Deposit paid" not in desk.see(f"/console/orders/{ids[0]}")
    with database.transaction() as session:
        deposited: dict[str, Any] = {"paid_at": None, "deposit_paid_at": AT, "deposit": 1250, "total": 3000}
        order_id = placed(session, order({"apple": 3}, "T9", **deposited))
    text = " ".join(desk.see(f"/console/orders/{order_id}").split())
    assert 'Deposit paid</dt><dd class="num">¥12.50' in text
    assert 'Balance to be paid</dt><dd class="num strong">¥17.50' in text


def test_an_order_that_nobody_has_the_goods_of_says_that_it_goes_on_by_itself(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        add_sku(session, "apple")
        order_id = placed(session, order({"apple": 1}, "T4"))
    text = desk.see(f"/console/orders/{order_id}")
    assert "It is sourced again by itself when goods come." in text
    assert "Nothing is routed while the order is held." not in text
