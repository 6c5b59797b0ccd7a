"""A shop at the API: signs its calls, and shows answers as JSON."""

from itertools import count
from typing import Any, final

from httpx2 import Response
from starlette.testclient import TestClient

from tests.staging import encoded, signed

_NONCES = count(10**16)


@final
class Mall:
    """Calls the API under the name of one shop's connection."""

    def __init__(self, http: TestClient, client: str = "mall-pc") -> None:
        self.http = http
        self.client = client

    def call(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        **signing: Any,  # noqa: ANN401 # what the signer takes
    ) -> Response:
        """Sign and call; a keyword replaces what is signed with, a header what is sent."""
        values = {"client": self.client, "nonce": str(next(_NONCES)), **signing}
        proof = signed(method, target, body, **values)
        return self.http.request(method, target, content=body, headers={**proof, **(headers or {})})

    def post(self, document: object, **headers: str) -> Response:
        return self.call("POST", "/v1/orders", encoded(document), headers)

    def batch(self, *documents: object, **headers: str) -> Response:
        return self.call("POST", "/v1/orders/batch", encoded({"orders": documents}), headers)

    def get(self, target: str) -> Response:
        return self.call("GET", target)

    def cancel(self, order_id: str, body: bytes = b"") -> Response:
        return self.call("POST", f"/v1/orders/{order_id}/cancel", body)


def problem(answer: Response) -> tuple[int, str]:
    """Give status and code of a refusal, which must be a whole problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    shown = answer.json()
    assert {"type", "title", "status", "code", "detail", "request_id"} <= shown.keys()
    assert (shown["status"], shown["type"]) == (answer.status_code, f"urn:oms:problem:{shown['code']}")
    return answer.status_code, shown["code"]
