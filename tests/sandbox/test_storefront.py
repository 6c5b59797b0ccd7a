import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.listen import serving
from sandbox.standard_webhooks import is_genuine, signature
from sandbox.storefront import Config, Ledger, Shop, application, receive

_NOW = 1_794_000_000
_EVENT: dict[str, Any] = {
    "event": "shipment.created",
    "event_id": "e-1",
    "order_id": 2611000000000001,
    "external_id": "mall-pc-1-000001",
    "shipped_at": "2026-11-11T10:00:00+08:00",
    "parcels": [
        {"tracking_no": "SB1", "courier": "SF", "lines": [{"line_id": "1", "sku": "P1", "quantity": 2}]},
    ],
}


def _headers(body: bytes, *, message_id: str = "m-1", at: int = _NOW, secret: str = "secret-pc") -> dict[str, str]:
    signed = signature(secret, message_id, at, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signed}


def _status(ledger: Ledger, event: object, message_id: str = "m-1") -> int:
    body = json.dumps(event).encode()
    return receive(ledger, _headers(body, message_id=message_id), body, _NOW)[0]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("secret-pc")


def test_the_signature_is_the_one_openssl_makes() -> None:
    assert signature("secret", "msg_1", 1614265330, b'{"test": 1}') == (
        "v1,1Tt6f6kCmN0/oOeUKSb5SMgtigfYxJ8o5qYdsHNpr/g="
    )


def test_one_of_several_signatures_suffices() -> None:
    right = signature("secret-pc", "m-1", _NOW, b"{}")
    assert is_genuine("secret-pc", "m-1", str(_NOW), f"v1,AAAA {right}", b"{}", _NOW)
    assert not is_genuine("secret-pc", "m-1", str(_NOW), "v1,AAAA", b"{}", _NOW)


@pytest.mark.parametrize(("age", "status"), [(300, 200), (301, 401), (-300, 200), (-301, 401)])
def test_a_stale_timestamp_is_refused(age: int, status: int, ledger: Ledger) -> None:
    body = json.dumps(_EVENT).encode()
    assert receive(ledger, _headers(body, at=_NOW - age), body, _NOW)[0] == status


@pytest.mark.parametrize("change", [{"webhook-id": "m-2"}, {"webhook-signature": ""}, {"webhook-timestamp": "soon"}])
def test_a_changed_header_is_refused(change: dict[str, str], ledger: Ledger) -> None:
    body = json.dumps(_EVENT).encode()
    assert receive(ledger, {**_headers(body), **change}, body, _NOW)[0] == 401


_WRONG_SHAPES: list[dict[str, object]] = [
    {"event": "shipment.lost"},
    {"event_id": ""},
    {"shipped_at": "2026-11-11 10:00:00"},
    {"parcels": []},
    {"parcels": [{"tracking_no": "SB1", "courier": "SF", "lines": []}]},
    {"parcels": [{"tracking_no": "", "courier": "SF", "lines": [{"line_id": "1", "sku": "P1", "quantity": 1}]}]},
    {"parcels": [{"tracking_no": "1", "courier": "SF", "lines": [{"line_id": "1", "sku": "P1", "quantity": 0}]}]},
]


@pytest.mark.parametrize("change", _WRONG_SHAPES)
def test_a_wrong_shape_is_refused_and_leaves_no_trace(change: dict[str, object], ledger: Ledger) -> None:
    assert _status(ledger, {**_EVENT, **change}) == 400
    assert ledger.events == {}


def test_a_repeated_webhook_has_one_effect(ledger: Ledger) -> None:
    assert [_status(ledger, _EVENT) for _ in range(3)] == [200, 200, 200]
    entry = ledger.events["e-1"]
    assert (entry.receipts, entry.effects, entry.body) == (3, 1, _EVENT)


def test_the_same_id_with_another_body_is_a_conflict(ledger: Ledger) -> None:
    assert _status(ledger, _EVENT) == 200
    assert _status(ledger, {**_EVENT, "external_id": "another"}) == 409
    assert ledger.events["e-1"].receipts == 1


def test_the_same_event_under_two_ids_shows_as_two_effects(ledger: Ledger) -> None:
    assert [_status(ledger, _EVENT, "m-1"), _status(ledger, _EVENT, "m-2")] == [200, 200]
    assert ledger.events["e-1"].effects == 2


@pytest.fixture
def shop() -> Iterator[str]:
    with serving(application(Config(shops=(Shop(connection="mall-pc", secret="secret-pc"),)))) as url:
        yield url


def _post(url: str, connection: str = "mall-pc") -> int:
    body = json.dumps(_EVENT).encode()
    headers = _headers(body, at=int(time.time()))
    return requests.post(f"{url}/webhooks/{connection}", data=body, headers=headers, timeout=3).status_code


def test_the_books_show_what_was_received(shop: str) -> None:
    assert [_post(shop), _post(shop), _post(shop, "nobody")] == [200, 200, 404]
    books = requests.get(f"{shop}/books", timeout=3).json()
    assert books == {"mall-pc": {"e-1": {"receipts": 2, "effects": 1, "body": _EVENT}}}


def test_faults_come_in_the_order_asked_for(shop: str) -> None:
    for mode in ("503", "500", "business", "garbage"):
        assert requests.post(f"{shop}/faults", json={"method": "webhook", "mode": mode}, timeout=3).ok
    assert [_post(shop) for _ in range(5)] == [503, 500, 422, 200, 200]
    assert requests.get(f"{shop}/books", timeout=3).json()["mall-pc"]["e-1"]["receipts"] == 2


def test_faults_can_be_taken_back(shop: str) -> None:
    requests.post(f"{shop}/faults", json={"method": "webhook", "mode": "500", "count": 9}, timeout=3)
    taken = requests.post(f"{shop}/faults", json={"method": "webhook", "mode": "500", "count": 0}, timeout=3)
    assert taken.json() == {"armed": 0}
    assert _post(shop) == 200


def test_a_slow_answer_still_comes(shop: str) -> None:
    requests.post(f"{shop}/faults", json={"method": "webhook", "mode": "slow", "seconds": 0.3}, timeout=3)
    before = time.monotonic()
    assert _post(shop) == 200
    assert time.monotonic() - before >= 0.3


@pytest.mark.parametrize("order", [{"method": "order.create", "mode": "500"}, {"method": "webhook", "mode": "sulk"}])
def test_an_unknown_fault_is_refused(order: dict[str, str], shop: str) -> None:
    assert requests.post(f"{shop}/faults", json=order, timeout=3).status_code == 422


def _changed(pieces: int, version: int) -> dict[str, object]:
    levels = [{"sku": "P1", "pieces": pieces, "version": version}]
    return {"event": "stock.changed", "event_id": f"s-{version}-{pieces}", "levels": levels}


def test_a_newer_number_replaces_the_last_and_an_older_one_does_not(ledger: Ledger) -> None:
    for pieces, version in ((5, 1), (3, 3), (4, 2)):
        assert _status(ledger, _changed(pieces, version), f"m-{version}") == 200
    assert (ledger.shelf["P1"].pieces, ledger.tellings, ledger.events) == (3, 3, {})


@pytest.mark.parametrize("pieces", [-1, 1.5, "3", None])
def test_a_number_that_is_no_count_is_refused(pieces: Any, ledger: Ledger) -> None:  # noqa: ANN401 # anything JSON holds
    assert _status(ledger, _changed(pieces, 1)) == 400
    assert ledger.shelf == {}
