"""A storefront's own client of the hub: signs its calls and repeats them while the hub is away."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, final
from uuid import uuid4

import requests

from sandbox.standard_webhooks import signature

_TIMEOUT_S = (2.0, 30.0)
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 2.0
_UNAVAILABLE = 503
_RETRIED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def sign(
    method: str, path_with_query: str, body: bytes, *, client: str, secret: str, timestamp: int, nonce: str
) -> dict[str, str]:
    """The four X-OMS headers of one call; `timestamp` is in unix seconds, `nonce` must never come twice."""
    hashed = hashlib.sha256(body).hexdigest()
    signed = "\n".join([method.upper(), path_with_query, str(timestamp), nonce, hashed])
    return {
        "X-OMS-Client": client,
        "X-OMS-Timestamp": str(timestamp),
        "X-OMS-Nonce": nonce,
        "X-OMS-Signature": hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest(),
    }


@final
class Shopper:
    """One storefront calling the hub; for one thread at a time.

    `client` is the API client's name and, unless `connection` says otherwise, also the connection whose webhook
    `push_order` posts to. For `patience_s` seconds a call is repeated over connection errors, timeouts and 503,
    with the same Idempotency-Key and a fresh signature; then the last answer is given or the last error raised.
    """

    def __init__(
        self, base_url: str, client: str, secret: str, *, connection: str = "", patience_s: float = 30.0
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = client
        self._secret = secret
        self._connection = connection or client
        self._patience_s = patience_s
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and loopback

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def post_order(self, order: dict[str, object], idempotency_key: str | None = None) -> requests.Response:
        """POST /v1/orders; without a key one is made for this call and its repetitions."""
        return self._post("/v1/orders", order, idempotency_key)

    def post_batch(self, orders: Sequence[dict[str, object]], idempotency_key: str | None = None) -> requests.Response:
        """POST /v1/orders/batch with {"orders": […]}."""
        return self._post("/v1/orders/batch", {"orders": list(orders)}, idempotency_key)

    def get(self, path: str) -> requests.Response:
        """GET a path (with its query), signed."""
        return self._patiently(lambda: self._call("GET", path, b"", {}))

    def push_order(self, order: dict[str, object]) -> requests.Response:
        """Post the order as the storefront's own webhook, in the Standard Webhooks scheme."""
        body = _encode({"type": "order.paid", "data": order})
        message_id = f"order:{order['external_id']}:1"

        def call() -> requests.Response:
            now = int(time.time())
            headers = {
                "Content-Type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(now),
                "webhook-signature": signature(self._secret, message_id, now, body),
            }
            url = f"{self._base_url}/v1/webhooks/{self._connection}"
            return self._session.post(url, data=body, headers=headers, timeout=_TIMEOUT_S)

        return self._patiently(call)

    def _post(self, path: str, content: object, idempotency_key: str | None) -> requests.Response:
        body = _encode(content)
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or uuid4().hex}
        return self._patiently(lambda: self._call("POST", path, body, headers))

    def _call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        signed = sign(
            method,
            path,
            body,
            client=self._client,
            secret=self._secret,
            timestamp=int(time.time()),
            nonce=secrets.token_hex(16),
        )
        url = self._base_url + path
        return self._session.request(method, url, data=body, headers={**headers, **signed}, timeout=_TIMEOUT_S)

    def _patiently(self, call: Callable[[], requests.Response]) -> requests.Response:
        deadline = time.monotonic() + self._patience_s
        wait_s = _FIRST_WAIT_S
        while True:
            over = time.monotonic() + wait_s > deadline
            try:
                answer = call()
            except _RETRIED:
                if over:
                    raise
            else:
                if answer.status_code != _UNAVAILABLE or over:
                    return answer
                wait_s = max(wait_s, _asked_wait_s(answer))
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def _asked_wait_s(answer: requests.Response) -> float:
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_WAIT_S) if asked.isdecimal() else 0.0


def _encode(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
