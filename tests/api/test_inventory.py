import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from api.inventory import Asked, Asker, promise_all
from api.surroundings import Hub
from hub.database import Database, run
from hub.order.rules.policy import POLICY
from hub.order.ship.progress import record_confirm
from hub.roles import SYSTEM, Actor
from hub.sourcing.policies import draft_policy, publish_policy
from tests.api.calling import Mall, problem
from tests.api.conftest import furnished
from tests.api.operations import Desk, seeing
from tests.hub.inventory.lotted import tell
from tests.hub.making import AT, confirm, order, placed

HOME = "/v1/inventory"
KEPT = 'version = "kept"\nbrand = "demo"\n[locations.bj]\nradius_km = 300\n'
"""A policy that keeps one location to what lies around it."""


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    return seeing(furnished(database, tmp_path))


@pytest.fixture
def desk(http: TestClient) -> Callable[[str], Desk]:
    return lambda client: Desk(http, client)


def shown(answer: Response) -> dict[str, dict[str, Any]]:
    """Give what a shop may promise by its code."""
    assert answer.status_code == 200, answer.text
    return {one["code"]: one for one in answer.json()["items"]}


def test_a_shop_learns_what_it_may_promise(mall: Mall) -> None:
    found = shown(mall.get(f"{HOME}?skus=apple,pear,%20apple"))
    assert {code: one["free"] for code, one in found.items()} == {"apple": 200, "pear": 100}
    assert all("by_location" not in one for one in found.values())


def test_a_code_that_no_sku_stands_for_is_named_as_unknown(mall: Mall) -> None:
    answer = mall.get(f"{HOME}?skus=apple,nothing")
    assert answer.json()["unknown"] == ["nothing"]
    assert shown(answer).keys() == {"apple"}


def test_a_shop_asks_by_its_own_codes(mall: Mall, database: Database) -> None:
    with database.transaction() as session:
        run(
            session,
            """insert into channel_binding (brand, version, created_at, updated_at, shop, channel_sku, sku)
               values ('demo', 1, now(), now(), 'pc', 'A-1', 'apple')""",
        )
    assert shown(mall.get(f"{HOME}?skus=A-1"))["A-1"]["sku"] == "apple"


def test_of_what_kind_locations_are_is_told_to_whom_they_are_shown(http: TestClient, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update location set kind = 'store', bonded = true where code = 'sh'")
    told = {name: Mall(http, name).get(f"{HOME}?skus=apple").json() for name in ("mall-h5", "mall-pc")}
    assert told["mall-h5"]["locations"] == {
        "bj": {"kind": "warehouse", "bonded": False},
        "sh": {"kind": "store", "bonded": True},
    }
    assert "locations" not in told["mall-pc"]


def test_only_a_client_that_may_sees_how_stock_is_spread(http: TestClient, desk: Callable[[str], Desk]) -> None:
    assert shown(Mall(http, "mall-h5").get(f"{HOME}?skus=apple"))["apple"]["by_location"] == {"sh": 100, "bj": 100}
    assert "by_location" not in shown(Mall(http).get(f"{HOME}?skus=apple"))["apple"]
    assert shown(desk("looker").get(f"{HOME}?skus=apple&brand=demo"))["apple"]["by_location"] == {"sh": 100, "bj": 100}


def test_a_program_asks_for_a_brand_within_its_scope(desk: Callable[[str], Desk]) -> None:
    assert problem(desk("looker").get(f"{HOME}?skus=apple")) == (422, "malformed")
    for client in ("stranger", "counter"):
        assert problem(desk(client).get(f"{HOME}?skus=apple&brand=demo")) == (403, "forbidden")
    assert desk("h5-boss").get(f"{HOME}?skus=apple").status_code == 200
    assert problem(desk("h5-boss").get(f"{HOME}?skus=apple&shop=pc"))[1] == "forbidden"


@pytest.mark.parametrize(("named", "code"), [("brand=demo&shop=pcc", "unknown_shop"), ("brand=dem", "unknown_brand")])
def test_a_program_that_mistypes_a_shop_is_not_answered_as_one_without_quotas(
    desk: Callable[[str], Desk], named: str, code: str
) -> None:
    assert problem(desk("looker").get(f"{HOME}?skus=apple&{named}")) == (404, code)


def test_a_shop_asks_for_no_other(mall: Mall) -> None:
    assert problem(mall.get(f"{HOME}?skus=apple&shop=h5"))[1] == "forbidden"
    assert problem(mall.get(f"{HOME}?skus=apple&brand=other"))[1] == "forbidden"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "malformed"),
        ("?skus=", "malformed"),
        ("?skus=,%20,", "malformed"),
        ("?skus=%00", "malformed"),
        (f"?skus={'x' * 14_000}", "malformed"),
        (f"?skus={','.join(f'S{n}' for n in range(201))}", "too_many_skus"),
    ],
)
def test_what_cannot_be_asked_is_refused(mall: Mall, query: str, code: str) -> None:
    assert problem(mall.get(HOME + query)) == (422, code)


def test_two_hundred_skus_are_answered_at_once(mall: Mall) -> None:
    asked = ",".join(["apple", *(f"S{n}" for n in range(199))])
    assert len(mall.get(f"{HOME}?skus={asked}").json()["unknown"]) == 199


def test_a_shop_learns_what_it_may_promise_to_an_address(mall: Mall, database: Database) -> None:
    with database.transaction() as session:
        draft_policy(session, SYSTEM, KEPT, POLICY.version, AT)
        publish_policy(session, SYSTEM, "demo", "kept", "tried", AT, revision=1, untried="a test")
    far, near = [mall.get(f"{HOME}?skus=apple&division={code}") for code in ("310115", "110105")]
    assert (shown(far)["apple"]["free"], shown(near)["apple"]["free"]) == (100, 200)
    assert (near.json()["division"], "division" in mall.get(f"{HOME}?skus=apple").json()) == ("110105", False)


def test_what_many_ask_together_each_hears_as_if_alone(app: FastAPI, database: Database) -> None:
    with database.transaction() as session:
        draft_policy(session, SYSTEM, KEPT, POLICY.version, AT)
        publish_policy(session, SYSTEM, "demo", "kept", "tried", AT, revision=1, untried="a test")
    hub = cast("Hub", app.state.hub)
    actor = Actor("any", frozenset(), frozenset(), frozenset())
    asked = [
        Asked(Asker(actor, brand, shop, sees_locations=sees), codes, division)
        for brand, shop, sees in [("demo", "pc", False), ("demo", "h5", True), ("demo", "", True), ("other", "", False)]
        for codes in (["apple", "nothing"], ["pear"])
        for division in ("", "310115")
    ]

    def heard(some: Sequence[Asked]) -> list[dict[str, Any]]:
        return [{**json.loads(one), "as_of": None} for one in promise_all(hub, some)]

    together = heard(asked)
    assert together == [one for each in asked for one in heard([each])]
    assert together[0]["items"][0]["free"] > together[1]["items"][0]["free"]
    assert [one["unknown"] for one in together[-4:]] == [["apple", "nothing"]] * 2 + [["pear"]] * 2


def test_a_region_is_a_division(mall: Mall) -> None:
    assert mall.get(f"{HOME}?skus=apple&region=110105").json()["division"] == "110105"
    assert problem(mall.get(f"{HOME}?skus=apple&region=110105&division=310115")) == (422, "malformed")


@pytest.mark.parametrize("target", [f"{HOME}?skus=apple&divison=110105", "/v1/orders?page=2"])
def test_a_query_parameter_that_is_not_known_is_refused_by_name(mall: Mall, target: str) -> None:
    answer = mall.get(target)
    assert problem(answer) == (422, "malformed")
    assert answer.json()["field"] in {"divison", "page"}


def test_a_query_parameter_that_is_sent_twice_is_refused_unless_it_may_be(mall: Mall) -> None:
    answer = mall.get(f"{HOME}?skus=apple&skus=pear")
    assert (problem(answer), answer.json()["field"]) == ((422, "malformed"), "skus")
    assert mall.get("/v1/returns?state=requested&state=received").status_code == 200


def test_a_division_that_there_is_not_is_refused_with_the_reason(mall: Mall) -> None:
    for code in ("999999", "Shanghai"):
        answer = mall.get(f"{HOME}?skus=apple&division={code}")
        assert problem(answer) == (422, "unknown_division")
        assert code in answer.json()["detail"]
    assert problem(mall.get(f"{HOME}?skus=apple&division=%00")) == (422, "malformed")


def test_what_nobody_signed_is_refused(http: TestClient) -> None:
    assert problem(http.get(f"{HOME}?skus=apple")) == (401, "signature_missing")


def test_a_program_finds_the_orders_of_a_lot_with_receivers_masked(
    desk: Callable[[str], Desk], database: Database
) -> None:
    with database.transaction() as session:
        tell(session, "count", {"A": 50, "B": 50}, -1)
        record_confirm(session, confirm(placed(session, order({"apple": 2})), 1, {"apple": 2}), AT)
    (one,) = desk("looker").get(f"{HOME}/lots?lot=A&sku=apple").json()["orders"]
    assert (one["external_id"], one["shipped"], one["name"], one["phone"]) == ("T1", 2, "收**", "100****0001")
    assert desk("h5-boss").get(f"{HOME}/lots?lot=A").json() == {"orders": [], "next": ""}


def test_the_orders_of_a_lot_are_for_programs_that_may_see_orders(mall: Mall, desk: Callable[[str], Desk]) -> None:
    assert problem(mall.get(f"{HOME}/lots?lot=A")) == (403, "forbidden")
    assert problem(desk("counter").get(f"{HOME}/lots?lot=A")) == (403, "forbidden")
    assert problem(desk("looker").get(f"{HOME}/lots"))[1] == "malformed"
