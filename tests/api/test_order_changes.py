"""Changes over the API: cancelled in part, moved, paid late; refused in words, and once for each key."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from api.change_examples import CHANGE, PAYMENT
from api.examples import ORDER
from hub.database import Database
from hub.fulfilment.courier import CourierStatus
from hub.order.change.expire import Terms, expire
from hub.order.lock import lock_order
from hub.order.ship.progress import record_confirm
from hub.settings import Orders
from tests.api.calling import Mall, problem
from tests.hub.making import AT, confirm, open_causes
from tests.hub.order.changing import cut
from tests.hub.stopping import NO, answered, served, tracked
from tests.hub.waiting import until_it_waits
from tests.staging import encoded, order_of


def placed(mall: Mall, **changes: Any) -> str:  # noqa: ANN401 # any field of an order
    return mall.post(order_of(pieces={"apple": 3}, **changes)).json()["id"]


def test_some_pieces_are_cancelled_and_their_money_is_due(mall: Mall) -> None:
    answer = mall.cancel(placed(mall), encoded({"reason": "one less", "lines": [{"line_id": "L1", "quantity": 1}]}))
    shown = answer.json()
    assert (answer.status_code, shown["lines"][0]["cancelled"], shown["lifecycle"]) == (200, 1, "in_fulfilment")
    assert ([one["amount"] for one in shown["refunds"]], shown["changes"][0]["state"]) == ([1000], "applied")


def test_cancelling_more_pieces_than_are_left_says_how_many_are(mall: Mall) -> None:
    order_id = placed(mall)
    refused = mall.cancel(order_id, encoded({"lines": [{"line_id": "L1", "quantity": 4}]}))
    assert problem(refused) == (409, "more_than_left")
    assert refused.json()["detail"] == "行 L1（apple）还可取消 3 件，不能取消 4 件"
    assert refused.json()["title"] == "件数超过可取消的"
    mall.cancel(order_id, encoded({"lines": [{"line_id": "L1", "quantity": 2}]}))
    again = mall.cancel(order_id, encoded({"lines": [{"line_id": "L1", "quantity": 2}]}))
    assert "还可取消 1 件" in again.json()["detail"]


def test_what_has_left_is_stopped_by_its_courier_where_that_is_wished(mall: Mall, database: Database) -> None:
    order_id = placed(mall)
    with database.transaction() as session:
        served(session)
        record_confirm(session, confirm(int(order_id), 1, {"apple": 3}), AT)
    assert problem(mall.cancel(order_id, encoded({}))) == (409, "already_shipped")
    for _ in range(2):
        [parcel] = mall.cancel(order_id, encoded({"intercept": True})).json()["parcels"]
        assert (parcel["intercept"], parcel["intercept_note"]) == ("asked", "")
    with database.transaction() as session:
        answered(session, int(order_id), NO)
    [parcel] = mall.get(f"/v1/orders/{order_id}").json()["parcels"]
    assert (parcel["intercept"], parcel["intercept_note"]) == ("rejected", "运单已签收 (20011)")
    with database.transaction() as session:
        tracked(session, "SF-c1", CourierStatus.DELIVERED)
    assert problem(mall.cancel(order_id, encoded({"intercept": True}))) == (409, "nothing_to_intercept")


def test_parcels_are_stopped_whole_and_not_by_their_lines(mall: Mall) -> None:
    order_id = mall.post(order_of()).json()["id"]
    answer = mall.cancel(order_id, encoded({"intercept": True, "lines": [{"line_id": "L1", "quantity": 1}]}))
    assert (problem(answer), "整件拦截" in answer.json()["detail"]) == ((422, "malformed"), True)
    assert mall.get(f"/v1/orders/{order_id}").json()["lines"][0]["cancelled"] == 0


def test_a_key_changes_an_order_once(mall: Mall) -> None:
    order_id, body = placed(mall), encoded({"lines": [{"line_id": "L1", "quantity": 1}]})
    path, key = f"/v1/orders/{order_id}/cancel", {"Idempotency-Key": "k1"}
    first, again = (mall.call("POST", path, body, key) for _ in range(2))
    assert (first.content, again.headers["Idempotent-Replayed"]) == (again.content, "true")
    assert problem(mall.call("POST", path, encoded({}), key)) == (409, "idempotency_key_reused")


def test_an_address_is_changed_and_sourced_again(mall: Mall) -> None:
    order_id = placed(mall)
    there = {
        **order_of()["receiver"],
        "province": "北京市",
        "city": "北京市",
        "district": "朝阳区",
        "street": "新路9号",
    }
    shown = mall.call("PATCH", f"/v1/orders/{order_id}", encoded({"receiver": there})).json()
    assert (shown["city"] or shown["province"], shown["fulfilments"][-1]["location"]) == ("北京市", "bj")


def test_what_cannot_be_changed_is_said(mall: Mall) -> None:
    path = f"/v1/orders/{placed(mall)}"
    assert problem(mall.call("PATCH", path, encoded({}))) == (422, "nothing_to_change")
    new = {"lines": [{"line_id": "L9", "quantity": 1, "sku": "apple"}]}
    assert problem(mall.call("PATCH", path, encoded(new))) == (422, "price_needed")
    given = {"lines": [{"line_id": "L1", "quantity": 4}], "charge": "free"}
    refused = mall.call("PATCH", path, encoded(given))
    assert (problem(refused), refused.json()["detail"]) == ((422, "malformed"), "body：赠送须填写原因")
    assert problem(mall.call("PATCH", path, encoded({"lines": [{"line_id": "L9", "quantity": 0}]}))) == (
        422,
        "unknown_line",
    )
    masked = {**order_of()["receiver"], "phone": "138****0000"}
    assert problem(mall.call("PATCH", path, encoded({"receiver": masked}))) == (422, "malformed")
    mall.cancel(path.rpartition("/")[2])
    assert problem(mall.call("PATCH", path, encoded({"remark": "hello"}))) == (409, "order_state")


def test_a_line_grows_once_its_pieces_are_paid(mall: Mall) -> None:
    path, body = f"/v1/orders/{placed(mall)}", encoded({"lines": [{"line_id": "L1", "quantity": 5}]})
    shown = [mall.call("PATCH", path, body).json() for _ in range(2)]
    assert [(one["total"], one["dues"][0]["amount"], len(one["dues"])) for one in shown] == [(5000, 2000, 1)] * 2
    paid = {"paid_at": "2026-11-11T10:30:00+08:00", "amount": "0.01", "reference": "P-1"}
    assert problem(mall.call("POST", f"{path}/payment", encoded(paid))) == (409, "wrong_amount")
    for amount in (2000, 20.0, "20.001", "-20.00"):  # whole fen would be read as yuan, or the other way round
        refused = mall.call("POST", f"{path}/payment", encoded({**paid, "amount": amount}))
        assert problem(refused) == (422, "malformed")
    shown = [mall.call("POST", f"{path}/payment", encoded({**paid, "amount": "20.00"})).json() for _ in range(2)]
    assert [(one["dues"][0]["state"], one["holds"], len(one["fulfilments"])) for one in shown] == [("paid", [], 2)] * 2


def test_the_document_says_of_each_posted_amount_that_it_is_text_in_yuan() -> None:
    bodies = [body["requestBody"]["content"]["application/json"]["schema"] for body in (ORDER, CHANGE, PAYMENT)]
    order_body, change_body, payment = [schema["properties"] for schema in bodies]
    line, added = order_body["lines"]["items"]["properties"], change_body["lines"]["items"]["properties"]
    discount = order_body["discounts"]["items"]["properties"]
    priced = [payment["amount"], line["unit_price"], added["unit_price"], discount["amount"], order_body["freight"]]
    assert [(one["type"], "yuan" in one["description"]) for one in priced] == [("string", True)] * 5


def test_a_refund_is_marked_done_once_with_its_number(mall: Mall) -> None:
    order_id = placed(mall)
    mall.cancel(order_id)
    path, done = f"/v1/orders/{order_id}/refunds", encoded({"reference": "RF-1"})
    assert problem(mall.call("POST", f"{path}/9", done)) == (404, "unknown_refund")
    failed = mall.call("POST", f"{path}/1", encoded({"state": "failed", "reference": "card closed"})).json()
    shown = [mall.call("POST", f"{path}/1", done).json()["refunds"][0] for _ in range(2)]
    assert (failed["refunds"][0]["state"], [one["state"] for one in shown]) == ("failed", ["done", "done"])
    assert problem(mall.call("POST", f"{path}/1", encoded({"reference": "RF-2"}))) == (409, "refund_state")


def test_lines_that_stand_so_already_are_no_error(mall: Mall) -> None:
    path, body = f"/v1/orders/{placed(mall)}", encoded({"lines": [{"line_id": "L1", "quantity": 2}]})
    shown = [mall.call("PATCH", path, body) for _ in range(2)]
    assert [one.status_code for one in shown] == [200, 200]
    assert [(len(one.json()["changes"]), one.json()["lines"][0]["cancelled"]) for one in shown] == [(1, 1)] * 2


def test_two_calls_alike_at_one_moment_cut_once(mall: Mall, database: Database) -> None:
    order_id = placed(mall)
    path, body = f"/v1/orders/{order_id}", encoded({"lines": [{"line_id": "L1", "quantity": 2}]})
    with ThreadPoolExecutor(1) as pool, database.transaction() as session:
        lock_order(session, int(order_id))
        other = pool.submit(mall.call, "PATCH", path, body)
        until_it_waits(database, other)
        cut(session, int(order_id), L1=1)
        session.commit()
        assert (other.result().status_code, other.result().json()["lines"][0]["cancelled"]) == (200, 1)


def test_a_line_that_is_named_twice_is_refused(mall: Mall) -> None:
    order_id = placed(mall)
    body = encoded({"lines": [{"line_id": "L1", "quantity": 1}] * 2})
    for method, path in (("POST", f"/v1/orders/{order_id}/cancel"), ("PATCH", f"/v1/orders/{order_id}")):
        assert problem(mall.call(method, path, body)) == (422, "malformed")


def test_a_shop_sees_that_its_unpaid_order_waits_for_its_buyer_and_that_it_was_closed(
    mall: Mall, database: Database
) -> None:
    order_id = placed(mall, paid_at=None)
    shown = mall.get(f"/v1/orders/{order_id}").json()
    [hold] = shown["holds"]
    assert (shown["lifecycle"], shown["payment"], hold["rule"]) == ("accepted", "unpaid", "unpaid")
    with database.transaction() as session:
        assert open_causes(session) == []
        late = datetime.now(UTC) + timedelta(days=1)
        assert expire(session, {"mall-pc": Terms(timedelta(minutes=5), told=False)}, late) == 1
    shown = mall.get(f"/v1/orders/{order_id}").json()
    assert (shown["lifecycle"], shown["payment"], shown["holds"]) == ("closed", "unpaid", [])
    paid = mall.call("POST", f"/v1/orders/{order_id}/payment", encoded({"paid_at": "2026-11-11T10:30:00+08:00"}))
    assert problem(paid) == (409, "order_closed")


def test_an_unpaid_order_goes_on_once_it_is_paid(mall: Mall) -> None:
    order_id = placed(mall, paid_at=None)
    body = encoded({"paid_at": "2026-11-11T10:30:00+08:00"})
    shown = [mall.call("POST", f"/v1/orders/{order_id}/payment", body).json() for _ in range(2)]
    assert [(one["payment"], one["lifecycle"]) for one in shown] == [("paid", "in_fulfilment")] * 2
    other = mall.post(order_of("T2", pieces={"apple": 1}, paid_at=None)).json()["id"]
    mall.cancel(other)
    assert problem(mall.call("POST", f"/v1/orders/{other}/payment", body)) == (409, "order_closed")


def test_what_was_not_shipped_is_not_sent_again(mall: Mall) -> None:
    path = f"/v1/orders/{placed(mall)}/follow-ups"
    wish = {"type": "reship", "lines": [{"line_id": "L1", "quantity": 1}]}
    assert problem(mall.call("POST", path, encoded(wish))) == (409, "not_shipped")
    assert problem(mall.call("POST", path, encoded({**wish, "type": "normal"}))) == (422, "malformed")


def test_a_deposit_is_paid_then_its_balance(mall: Mall) -> None:
    path = f"/v1/orders/{placed(mall, paid_at=None)}"
    paid = {"paid_at": "2026-11-11T10:30:00+08:00", "deposit": True}
    assert problem(mall.call("POST", f"{path}/payment", encoded(paid))) == (422, "malformed")
    due = {**paid, "amount": "12.00", "balance_due_at": "2099-01-01T00:00:00+08:00"}
    shown = [mall.call("POST", f"{path}/payment", encoded(due)).json() for _ in range(2)]
    assert [(one["payment"], one["deposit"], one["balance"]) for one in shown] == [("deposit_paid", 1200, 1800)] * 2
    rest = {**paid, "deposit": False, "amount": "18.00"}
    shown = mall.call("POST", f"{path}/payment", encoded(rest)).json()
    assert (shown["payment"], shown["balance"], shown["lifecycle"]) == ("paid", None, "in_fulfilment")


@pytest.mark.parametrize("lines", [[], [{"line_id": "L1", "quantity": 3}]])
@pytest.mark.parametrize(("by", "back"), [("buyer", []), ("merchant", [1200])])
def test_a_deposit_is_kept_from_a_buyer_who_withdraws_where_the_policy_says_so(
    app: FastAPI, mall: Mall, by: str, back: list[int], lines: list[Any]
) -> None:
    keeping = app.state.hub.settings.model_copy(update={"orders": Orders(deposit="keep")})
    app.state.hub = replace(app.state.hub, settings=keeping)
    told = {"paid_at": None, "deposit_paid_at": "2026-11-11T10:30:00+08:00", "deposit": "12.00"}
    order_id = placed(mall, **told)
    shown = mall.cancel(order_id, encoded({"reason": "no more", "by": by, "lines": lines})).json()
    assert (shown["lifecycle"], [one["amount"] - one["set_off"] for one in shown["refunds"]]) == ("cancelled", back)
