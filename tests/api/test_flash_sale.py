from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from fastapi import FastAPI

from api.surroundings import Hub
from hub.database import Database, row, run
from hub.errors import TryLater
from hub.inventory.crowd import Crowd
from hub.inventory.hot import HotWish
from hub.inventory.hot_sale import Sale, cool, heat
from hub.inventory.ledger import drift
from hub.inventory.soft import Held
from tests.api.calling import Mall, problem
from tests.api.test_reservations import held_at, publish_kept
from tests.hub.making import add_sku, stock
from tests.staging import encoded

HOME = "/v1/inventory/reservations"


@pytest.fixture(autouse=True)
def sale(app: FastAPI, database: Database) -> Iterator[None]:
    """Let pears be in a flash sale of two for each buyer."""
    assert app
    with database.transaction() as session:
        heat(session, "chief", Sale(brand="demo", sku="pear", sale="double-11", per_buyer=2), datetime.now(UTC))
    yield
    with database.transaction() as session:
        assert drift(session) == []


def hold(mall: Mall, ref: str, buyer: str = "b1", quantity: int = 1, **changes: object) -> Any:  # noqa: ANN401 # an answer
    cart = {"ref": ref, "buyer": buyer, "lines": [{"sku": "pear", "quantity": quantity}], **changes}
    return mall.call("POST", HOME, encoded(cart))


def held(database: Database) -> int:
    with database.transaction() as session:
        found = row(session, "select soft from stock_level where sku = 'pear'")
    assert found
    return int(found.soft)


def test_a_buyer_gets_so_many_and_no_more(mall: Mall, database: Database) -> None:
    assert hold(mall, "c1", quantity=2).status_code == 201
    assert problem(hold(mall, "c2")) == (409, "buyer_limit")
    assert hold(mall, "c3", buyer="b2").status_code == 201
    assert held(database) == 3


def test_the_same_cart_again_holds_no_more(mall: Mall, database: Database) -> None:
    first, again = hold(mall, "c1"), hold(mall, "c1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert held(database) == 1


def test_a_cart_that_was_held_before_its_goods_went_into_a_sale_is_known(mall: Mall, database: Database) -> None:
    apples = [{"sku": "apple", "quantity": 2}]
    first = hold(mall, "c1", buyer="", lines=apples)
    with database.transaction() as session:
        heat(session, "chief", Sale(brand="demo", sku="apple", sale="double-12"), datetime.now(UTC))
    again = hold(mall, "c1", buyer="", lines=apples)
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert problem(hold(mall, "c2", buyer="", lines=apples)) == (422, "buyer_missing")


def test_what_is_given_back_may_be_had_by_another(mall: Mall, database: Database) -> None:
    hold(mall, "c1", quantity=2)
    assert mall.call("DELETE", f"{HOME}/c1").status_code == 200
    assert hold(mall, "c2", quantity=2).status_code == 201
    assert held(database) == 2


def test_many_at_once_get_exactly_what_is_there(mall: Mall, database: Database) -> None:
    def want(no: int) -> int:
        return int(hold(mall, f"c{no}", buyer=f"b{no}", quantity=2).status_code)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(want, range(60)))
    assert sorted(answers) == [201] * 50 + [409] * 10
    assert held(database) == 100


def test_a_limit_needs_a_buyer_and_a_cart_of_its_own(mall: Mall, database: Database) -> None:
    assert problem(hold(mall, "c1", buyer="")) == (422, "buyer_missing")
    both = [{"sku": "pear", "quantity": 1}, {"sku": "apple", "quantity": 1}]
    assert problem(hold(mall, "c1", lines=both)) == (422, "hot_alone")
    assert held(database) == 0


def test_a_sku_whose_sale_is_over_is_held_like_any_other(mall: Mall, database: Database) -> None:
    with database.transaction() as session:
        cool(session, "chief", "demo", "pear", datetime.now(UTC))
    assert hold(mall, "c1", buyer="", quantity=7).status_code == 201
    assert held(database) == 7


def test_a_bundle_with_a_part_in_a_sale_counts_for_the_buyer(mall: Mall, database: Database) -> None:
    with database.transaction() as session:
        add_sku(session, "box", parts={"pear": 2, "apple": 1})
    box = [{"sku": "box", "quantity": 1}]
    assert problem(hold(mall, "c1", buyer="", lines=box)) == (422, "buyer_missing")
    assert hold(mall, "c2", lines=box).status_code == 201
    assert problem(hold(mall, "c3", lines=box)) == problem(hold(mall, "c4")) == (409, "buyer_limit")
    assert held(database) == 2


class Packed(Crowd):
    """A crowd in which too many wait already."""

    async def hold_hot(self, wish: HotWish) -> Held:
        raise TryLater(f"too many wait for {wish.sku}", code="hot_queue", after_s=2.2)


def test_who_stands_too_far_back_is_told_when_to_come_again(app: FastAPI, mall: Mall, database: Database) -> None:
    hub = cast("Hub", app.state.hub)
    app.state.hub = replace(hub, crowd=Packed(database, lambda: datetime.now(UTC)))
    answer = hold(mall, "c1")
    assert problem(answer) == (429, "hot_queue")
    assert answer.headers["Retry-After"] == "3"


@pytest.mark.parametrize("word", ["division", "region"])
def test_a_cart_in_a_sale_is_held_where_an_order_to_its_address_would_be_sourced_from(
    mall: Mall, database: Database, word: str
) -> None:
    with database.transaction() as session:
        stock(session, {"bj": {"pear": 300}}, "ASN-2")
    publish_kept(database)
    to: dict[str, Any] = {word: "310115"}
    assert hold(mall, "c1", **to).status_code == 201
    assert hold(mall, "c2", buyer="b2").status_code == 201
    assert held_at(database) == {"sh": 1, "bj": 1}
    with database.transaction() as session:
        run(session, "update location set active = false where code = 'sh'")
    assert problem(hold(mall, "c3", **to)) == (409, "no_stock")


def test_a_cart_in_a_sale_to_nowhere_is_refused(mall: Mall, database: Database) -> None:
    assert problem(hold(mall, "c1", division="999999")) == (422, "unknown_division")
    assert held(database) == 0
