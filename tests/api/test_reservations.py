import copy
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from hub.database import Database, row, rows, run
from hub.inventory.ledger import drift, post
from hub.inventory.soft import take_held
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.policies import draft_policy, publish_policy
from tests.api.calling import Mall, problem
from tests.api.test_fuzz import GONE, JUNK, Path, places, spoil
from tests.api.test_inventory import KEPT
from tests.hub.making import AT
from tests.staging import encoded

HOME = "/v1/inventory/reservations"
CART: dict[str, Any] = {"ref": "cart-1", "lines": [{"sku": "apple", "quantity": 3}], "ttl_s": 600}
NUMBERS = count()


def hold(mall: Mall, **changes: object) -> Any:  # noqa: ANN401 # an answer
    return mall.call("POST", HOME, encoded({**CART, **changes}))


def soft(database: Database) -> int:
    """Give the pieces of apples that carts hold."""
    with database.transaction() as session:
        assert drift(session) == []
        found = row(session, "select sum(soft) as pieces from stock_level where sku = 'apple'")
    assert found
    return int(found.pieces)


def test_a_cart_is_held_until_its_time_is_over(mall: Mall, database: Database) -> None:
    answer = hold(mall)
    assert answer.status_code == 201
    assert (answer.json()["ref"], answer.json()["state"], answer.json()["order_id"]) == ("cart-1", "held", None)
    assert soft(database) == 3


def test_the_same_cart_again_holds_no_more(mall: Mall, database: Database) -> None:
    first, again = hold(mall), hold(mall)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert soft(database) == 3


def test_a_cart_that_waits_with_an_order_names_it_when_it_comes_again(mall: Mall, database: Database) -> None:
    hold(mall)
    with database.transaction() as session:
        run(session, "update reservation set order_id = 2611000000000042")
    assert hold(mall).json()["order_id"] == "2611000000000042"


def test_one_number_with_two_contents_is_a_conflict(mall: Mall, database: Database) -> None:
    hold(mall)
    assert problem(hold(mall, lines=[{"sku": "apple", "quantity": 4}])) == (409, "reservation_conflict")
    assert soft(database) == 3


def test_lines_of_one_sku_are_added_up(mall: Mall, database: Database) -> None:
    hold(mall, lines=[{"sku": "apple", "quantity": 2}, {"sku": "apple", "quantity": 5}])
    assert soft(database) == 7


def test_too_little_holds_nothing_and_names_the_skus_but_no_place(mall: Mall, database: Database) -> None:
    answer = hold(mall, lines=[{"sku": "apple", "quantity": 1}, {"sku": "pear", "quantity": 101}])
    assert problem(answer) == (409, "no_stock")
    told = answer.json()["detail"]
    assert "pear" in told
    assert "apple" not in told
    assert not {"sh", "bj"} & set(told.split())
    assert soft(database) == 0


def test_a_problem_of_stock_speaks_both_languages(mall: Mall) -> None:
    body = encoded({**CART, "lines": [{"sku": "pear", "quantity": 900}]})
    told = [mall.call("POST", HOME, body, {"Accept-Language": one}).json()["title"] for one in ("zh", "en")]
    assert told == ["库存不足", "There is not enough stock"]


def test_pieces_given_back_can_be_held_by_another(mall: Mall) -> None:
    hold(mall, lines=[{"sku": "pear", "quantity": 100}])
    assert problem(hold(mall, ref="cart-2", lines=[{"sku": "pear", "quantity": 1}])) == (409, "no_stock")
    assert mall.call("DELETE", f"{HOME}/cart-1").json()["state"] == "released"
    assert hold(mall, ref="cart-2", lines=[{"sku": "pear", "quantity": 1}]).status_code == 201


def test_a_cart_that_was_given_back_is_not_held_again_under_its_number(mall: Mall, database: Database) -> None:
    hold(mall)
    mall.call("DELETE", f"{HOME}/cart-1")
    assert problem(hold(mall)) == (409, "reservation_over")
    assert soft(database) == 0


def test_what_an_order_took_is_given_back_by_the_order_alone(mall: Mall, database: Database) -> None:
    hold(mall)
    with database.transaction() as session:
        post(session, take_held(session, {2611000000000042: ("pc", "cart-1")}, datetime.now(UTC)), datetime.now(UTC))
    assert mall.get(f"{HOME}/cart-1").json()["order_id"] == "2611000000000042"
    assert problem(mall.call("DELETE", f"{HOME}/cart-1")) == (409, "reservation_taken")


def test_giving_back_twice_is_not_an_error(mall: Mall, database: Database) -> None:
    hold(mall)
    assert [mall.call("DELETE", f"{HOME}/cart-1").status_code for _ in range(2)] == [200, 200]
    assert soft(database) == 0


def test_a_cart_can_be_looked_at(mall: Mall) -> None:
    made = hold(mall).json()
    assert mall.get(f"{HOME}/cart-1").json() == made


def test_a_shop_neither_sees_nor_releases_anothers_cart(http: TestClient, mall: Mall, database: Database) -> None:
    hold(mall)
    other = Mall(http, "mall-h5")
    assert problem(other.get(f"{HOME}/cart-1")) == (404, "unknown_reservation")
    assert problem(other.call("DELETE", f"{HOME}/cart-1")) == (404, "unknown_reservation")
    assert hold(other).status_code == 201
    assert soft(database) == 6


def test_a_cart_that_was_never_made_is_not_there(mall: Mall) -> None:
    assert problem(mall.get(f"{HOME}/nothing")) == (404, "unknown_reservation")
    assert problem(mall.call("DELETE", f"{HOME}/nothing")) == (404, "unknown_reservation")
    assert problem(mall.get(f"{HOME}/{'x' * 65}")) == (422, "malformed")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"ref": ""}, 422, "malformed"),
        ({"ref": "a/b"}, 422, "malformed"),
        ({"ref": "x" * 65}, 422, "malformed"),
        ({"lines": []}, 422, "malformed"),
        ({"lines": [{"sku": "apple", "quantity": 0}]}, 422, "malformed"),
        ({"lines": [{"sku": "apple", "quantity": -1}]}, 422, "malformed"),
        ({"lines": [{"sku": "apple", "quantity": 2**63}]}, 422, "malformed"),
        ({"lines": [{"sku": "apple", "quantity": 1.5}]}, 422, "malformed"),
        ({"lines": [{"sku": "apple", "quantity": 1}] * 201}, 422, "too_many_lines"),
        ({"lines": [{"sku": "nothing", "quantity": 1}]}, 404, "unknown_sku"),
        ({"ttl_s": 29}, 422, "malformed"),
        ({"ttl_s": 86_401}, 422, "malformed"),
        ({"ttl_s": 2**63}, 422, "malformed"),
        ({"more": 1}, 422, "malformed"),
    ],
)
def test_a_cart_that_cannot_be_is_refused(
    mall: Mall, database: Database, changes: dict[str, Any], status: int, code: str
) -> None:
    assert problem(hold(mall, **changes)) == (status, code)
    assert soft(database) == 0


def test_a_code_is_meant_without_what_stands_around_it_as_in_a_question(mall: Mall, database: Database) -> None:
    assert mall.get("/v1/inventory?skus=%20apple%20").json()["unknown"] == []
    assert (hold(mall, lines=[{"sku": " apple ", "quantity": 2}]).status_code, soft(database)) == (201, 2)


def test_what_does_not_fit_is_told_in_both_languages_and_without_its_pattern(mall: Mall) -> None:
    body, languages = encoded({**CART, "ref": "a/b"}), ({"Accept-Language": one} for one in ("zh", "en"))
    told = [mall.call("POST", HOME, body, one).json()["detail"] for one in languages]
    assert told == [
        "ref：只能是英文字母、数字和 . _ : -，1 到 64 个",
        "ref: has to be Latin letters, digits and . _ : -, 1 to 64 of them",
    ]


def test_what_nobody_signed_is_refused(http: TestClient) -> None:
    assert problem(http.post(HOME, content=encoded(CART))) == (401, "signature_missing")
    assert problem(http.delete(f"{HOME}/cart-1")) == (401, "signature_missing")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.sampled_from(places(CART)), st.one_of(st.just(GONE), JUNK)), min_size=1, max_size=2)
)
def test_junk_never_makes_the_hub_fail(mall: Mall, changes: list[tuple[Path, object]]) -> None:
    cart = copy.deepcopy(CART) | {"ref": f"junk-{next(NUMBERS)}"}
    for path, value in changes:
        spoil(cart, path, value)
    answer = mall.call("POST", HOME, json.dumps(cart).encode())
    assert answer.status_code < 500
    assert answer.status_code < 300 or problem(answer)


def publish_kept(database: Database) -> None:
    with database.transaction() as session:
        draft_policy(session, SYSTEM, KEPT, POLICY.version, AT)
        publish_policy(session, SYSTEM, "demo", "kept", "tried", AT, revision=1, untried="a test")


def held_at(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        found = rows(session, "select location, sum(quantity)::bigint as n from reservation_line group by 1")
    return {one.location: one.n for one in found}


@pytest.mark.parametrize("word", ["division", "region"])
def test_a_cart_is_held_where_an_order_to_its_address_would_be_sourced_from(
    mall: Mall, database: Database, word: str
) -> None:
    publish_kept(database)
    assert problem(hold(mall, lines=[{"sku": "apple", "quantity": 101}], **{word: "310115"})) == (409, "no_stock")
    assert hold(mall, lines=[{"sku": "apple", "quantity": 100}], **{word: "310115"}).status_code == 201
    assert held_at(database) == {"sh": 100}
    assert problem(hold(mall, ref="c2", **{word: "310115"})) == (409, "no_stock")
    assert hold(mall, ref="c2", **{word: "110105"}).status_code == 201
    assert held_at(database) == {"sh": 100, "bj": 3}


def test_a_cart_that_nobody_can_send_is_held_nowhere(mall: Mall, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update location set active = false where code = 'sh'")
    publish_kept(database)
    assert problem(hold(mall, division="310115")) == (409, "no_stock")
    assert hold(mall).status_code == 201


def test_a_cart_to_nowhere_or_to_two_places_is_refused(mall: Mall) -> None:
    assert problem(hold(mall, division="999999")) == (422, "unknown_division")
    assert problem(hold(mall, division="310115", region="110105")) == (422, "malformed")
