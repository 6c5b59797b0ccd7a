"""Carts that come at the same time are looked up together, and each is refused alone."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from fastapi import FastAPI

from api.auth import Signed
from api.carts import Begun, look_up
from api.surroundings import Hub
from hub.clients import Spending
from hub.database import Database
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.soft import Wish
from hub.roles import Actor, Role
from tests.api.calling import Mall
from tests.api.test_flash_sale import hold
from tests.hub.order.place.test_batch_cost import sent
from tests.staging import encoded

SHOP = Actor("pc-mall", frozenset({Role.OPERATOR}), frozenset({"demo"}), frozenset({"pc"}))


def call(no: int, body: object, shop: Actor = SHOP) -> Signed:
    """Sign a request for a cart; `no` is its nonce."""
    expires = datetime.now(UTC) + timedelta(minutes=5)
    return Signed(shop, Spending(shop.name, f"{no:016d}", expires), json.dumps(body).encode())


def cart(ref: str, *skus: str, **more: object) -> dict[str, object]:
    return {"ref": ref, "lines": [{"sku": sku, "quantity": 2} for sku in skus], **more}


@pytest.fixture
def hub(app: FastAPI, database: Database) -> Hub:
    """Put pears into a flash sale."""
    with database.transaction() as session:
        heat(session, "chief", Sale(brand="demo", sku="pear", sale="double-11"), datetime.now(UTC))
    return cast("Hub", app.state.hub)


def codes(found: Sequence[object]) -> list[str]:
    return [str(getattr(one, "code", "")) for one in found]


def test_each_of_a_group_is_looked_up_or_refused_alone(hub: Hub) -> None:
    found = look_up(
        hub,
        [
            call(1, cart("a", "apple", "apple")),
            call(2, cart("b", "pear", buyer="b1")),
            call(1, cart("c", "apple")),
            call(3, {"ref": "d"}),
            call(4, cart("e", "nothing-of-ours")),
            call(5, cart("f", "pear")),
            call(6, cart("g", "apple", "pear", buyer="b1")),
            call(7, cart("h", "apple", division="999999")),
            call(8, cart("i", "apple", division="310115", region="110101")),
            call(9, cart("j", "apple", division="310115")),
        ],
    )
    plain, hot, *refused, there = found
    assert isinstance(plain, Begun)
    assert isinstance(hot, Begun)
    assert isinstance(there, Begun)
    assert (plain.wishes, plain.hot, plain.senders, plain.known) == ([Wish("apple", 4)], False, None, False)
    assert (hot.wishes, hot.hot, hot.hot_wish(SHOP).buyer) == ([Wish("pear", 2)], True, "b1")
    assert there.senders == {"sh", "bj"}
    assert codes(refused) == [
        *("nonce_replayed", "malformed", "unknown_sku", "buyer_missing", "hot_alone", "unknown_division", "malformed"),
    ]


def test_a_shop_of_the_same_name_gets_nothing_of_another_brand(hub: Hub) -> None:
    other = Actor("other-pc", SHOP.roles, frozenset({"other"}), SHOP.shops)
    ours, theirs = look_up(hub, [call(1, cart("a", "apple")), call(2, cart("b", "apple"), other)])
    assert isinstance(ours, Begun)
    assert codes([theirs]) == ["unknown_sku"]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("body", "zh"),
    [
        (cart("a", *["apple"] * 201), "购物车最多 200 行"),
        (cart("a", "no-1", "no-2"), "没有 SKU 对应 no-1, no-2"),
        (cart("a", "apple", "pear", buyer="b1"), "秒杀商品须单独预占：pear"),
        (cart("a", "pear", buyer="b1"), "本次秒杀每人限购 1 件"),
    ],
)
def test_why_a_cart_is_refused_is_said_in_chinese_too(mall: Mall, body: object, zh: str) -> None:
    assert mall.call("POST", "/v1/inventory/reservations", encoded(body)).json()["detail"] == zh


def test_a_group_of_many_asks_the_database_as_often_as_one(
    hub: Hub, mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hold(mall, "c0").status_code == 201
    costs: list[int] = []
    for many, first in ((1, 0), (1, 100), (40, 200)):  # what is remembered is read with the first
        calls = [call(first + no, cart(f"c{no}", "pear", buyer=f"b{no}")) for no in range(many)]
        with sent(monkeypatch) as seen:
            found = look_up(hub, calls)
        assert [one.known for one in found if isinstance(one, Begun)] == [True, *[False] * (many - 1)]
        costs.append(seen.total())
    assert costs[1] == costs[2]
