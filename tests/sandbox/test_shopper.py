import hashlib
import hmac
from collections.abc import Iterator
from typing import final

import pytest
import requests
from fastapi import FastAPI, Request, Response

from sandbox.listen import serving
from sandbox.shopper import Shopper, sign
from sandbox.standard_webhooks import is_genuine


def test_the_signature_covers_method_path_time_nonce_and_body() -> None:
    headers = sign("post", "/v1/orders?dry=1", b"{}", client="mall-pc", secret="s", timestamp=1_794_000_000, nonce="n1")
    signed = "\n".join(["POST", "/v1/orders?dry=1", "1794000000", "n1", hashlib.sha256(b"{}").hexdigest()])
    assert headers == {
        "X-OMS-Client": "mall-pc",
        "X-OMS-Timestamp": "1794000000",
        "X-OMS-Nonce": "n1",
        "X-OMS-Signature": hmac.new(b"s", signed.encode(), hashlib.sha256).hexdigest(),
    }


@final
class Hub:
    """Notes every call and answers with the statuses lined up, then 200."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.app = FastAPI()
        self.app.add_api_route("/{path:path}", self.take, methods=["GET", "POST"], response_model=None)

    async def take(self, request: Request) -> Response:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.calls.append((f"{request.method} {target}", dict(request.headers), await request.body()))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def shopper(hub: Hub) -> Iterator[Shopper]:
    with serving(hub.app) as url, Shopper(url, "mall-pc", "secret-pc", patience_s=1.0) as shopper:
        yield shopper


def test_a_call_is_signed_over_what_is_sent(hub: Hub, shopper: Shopper) -> None:
    shopper.get("/v1/orders?shop=mall-pc")
    called, headers, body = hub.calls[0]
    method, path = called.split(" ")
    at, nonce = int(headers["x-oms-timestamp"]), headers["x-oms-nonce"]
    expected = sign(method, path, body, client="mall-pc", secret="secret-pc", timestamp=at, nonce=nonce)
    assert headers["x-oms-signature"] == expected["X-OMS-Signature"]


def test_a_repeated_call_keeps_its_key_and_changes_its_nonce(hub: Hub, shopper: Shopper) -> None:
    hub.statuses = [503, 503]
    assert shopper.post_order({"external_id": "1"}).status_code == 200
    assert len({headers["idempotency-key"] for _, headers, _ in hub.calls}) == 1
    assert len({headers["x-oms-nonce"] for _, headers, _ in hub.calls}) == 3


def test_two_calls_have_two_keys_and_a_given_key_is_used(hub: Hub, shopper: Shopper) -> None:
    shopper.post_order({"external_id": "1"})
    shopper.post_batch([{"external_id": "1"}])
    shopper.post_order({"external_id": "1"}, idempotency_key="mine")
    keys = [headers["idempotency-key"] for _, headers, _ in hub.calls]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_refusal_is_not_repeated(hub: Hub, shopper: Shopper) -> None:
    hub.statuses = [422]
    assert shopper.post_order({"external_id": "1"}).status_code == 422
    assert [called for called, _, _ in hub.calls] == ["POST /v1/orders"]


def test_patience_ends_with_the_last_answer(hub: Hub, shopper: Shopper) -> None:
    hub.statuses = [503] * 50
    assert shopper.get("/v1/orders").status_code == 503
    assert 2 <= len(hub.calls) <= 6


def test_patience_ends_with_the_last_error() -> None:
    with (
        Shopper("http://127.0.0.1:9", "mall-pc", "s", patience_s=0.3) as shopper,
        pytest.raises(requests.ConnectionError),
    ):
        shopper.get("/v1/orders")


def test_an_order_can_be_pushed_as_a_webhook(hub: Hub, shopper: Shopper) -> None:
    shopper.push_order({"external_id": "A1"})
    called, headers, body = hub.calls[0]
    at, given = headers["webhook-timestamp"], headers["webhook-signature"]
    assert (called, headers["webhook-id"]) == ("POST /v1/webhooks/mall-pc", "order:A1:1")
    assert body == b'{"type":"order.paid","data":{"external_id":"A1"}}'
    assert is_genuine("secret-pc", "order:A1:1", at, given, body, float(at))
