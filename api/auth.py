r"""Who is calling: an HMAC over method, path, time, nonce and body, under the caller's own secret.

Headers: X-OMS-Client (the connection, or the operations client), X-OMS-Timestamp (Unix seconds), X-OMS-Nonce (16 to 64
letters, digits, - or _) and X-OMS-Signature, the hex HMAC-SHA256 of

    METHOD \\n path?query \\n timestamp \\n nonce \\n hex SHA-256 of the body
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple, cast

from fastapi import Depends, Request

from api.gather import Gather, gathering
from api.surroundings import Body, Hub, TheHub, hub_of, read_body
from hub.clients import Spending, nonce_replayed, spend_nonces
from hub.errors import NeedsOperator, NotFound, Unauthorised
from hub.language import Words
from hub.roles import Actor, Role

NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
UNSIGNED: Final = Words(
    "签名应为该客户端密钥下的 HMAC-SHA256（十六进制），签名文本共五行：方法、路径与查询（与发送的一致）、时间戳、"
    "随机串、请求体 SHA-256 的十六进制，以换行相连",
    "it is the hex HMAC-SHA256, under the client's secret, of five lines joined by line feeds: the method, the path "
    "with its query as sent, the timestamp, the nonce, and the hex SHA-256 of the body",
)
"""What who signs wrongly, or in the name of nobody we know, is told: nothing that depends on which it was."""

CALLERS: Final = "channels."
"""Of the connections only channels may call the API; a warehouse speaks through its webhook."""


def text_to_sign(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """Lay out what is signed; `target` is the path with its query, as sent."""
    return "\n".join([method.upper(), target, timestamp, nonce, hashlib.sha256(body).hexdigest()]).encode()


async def verified(request: Request, hub: TheHub, body: Body) -> Spending:
    """Find out which client calls, and by which nonce, which is still to be spent.

    Raises: Unauthorised, in the same words for an unknown client and a wrong signature.
    """
    wanted = ("client", "timestamp", "nonce", "signature")
    sent = {name: request.headers.get(f"x-oms-{name}", "") for name in wanted}
    if not all(sent.values()):
        missing = ", ".join(f"X-OMS-{name.capitalize()}" for name in wanted if not sent[name])
        raise Unauthorised(f"these headers are missing: {missing}", code="signature_missing")
    raw_query = request.scope.get("query_string", b"").decode("latin-1")
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    target = raw_path.decode("latin-1") + (f"?{raw_query}" if raw_query else "")
    text = text_to_sign(request.method, target, sent["timestamp"], sent["nonce"], body)
    expected = hmac.digest(_secret(hub, sent["client"]), text, hashlib.sha256).hex()
    if not hmac.compare_digest(expected.encode(), sent["signature"].lower().encode()):
        raise Unauthorised(UNSIGNED.en, zh=UNSIGNED.zh, code="wrong_signature")
    expires = _expiry(sent["timestamp"], hub)
    if not NONCE.fullmatch(sent["nonce"]):
        raise Unauthorised("a nonce is 16 to 64 letters, digits, - or _", code="bad_nonce")
    return Spending(sent["client"], sent["nonce"], expires)


async def identify(request: Request, nonce: Annotated[Spending, Depends(verified)]) -> str:
    """Find out which client calls; the nonce is spent only after a good signature.

    Raises: Unauthorised.
    """
    await cast("Gather[Spending, None]", request.app.state.nonces).give(nonce)
    return nonce.client


def gathered_nonces(hub: Hub) -> Gather[Spending, None]:
    """Make what gathers the nonces of concurrent requests: a transaction for each costs more than most of them do."""
    return gathering(hub, _spend)


def _spend(hub: Hub, nonces: Sequence[Spending]) -> Sequence[Exception | None]:
    with hub.database.transaction() as session:
        spent = spend_nonces(session, nonces)
    return [None if new else nonce_replayed() for new in spent]


async def storefront(hub: TheHub, client: Annotated[str, Depends(identify)]) -> Actor:
    """Give the actor of a shop's own calls.

    Raises: Unauthorised for a client that is no shop.
    """
    return _shop(hub, client)


class Signed(NamedTuple):
    """A shop's own call: by whom, over which bytes, and the nonce that the call itself has to spend."""

    actor: Actor
    nonce: Spending
    body: bytes


async def signer(request: Request) -> Signed:
    """Read and verify a call whose nonce is spent in the transaction of its work.

    It asks for what it needs itself: where many call, having each part handed in costs as much as the signature.

    Raises: Unauthorised, also for a client that is no shop; as `read_body`.
    """
    hub = await hub_of(request)
    body = await read_body(request, hub)
    nonce = await verified(request, hub, body)
    return Signed(_shop(hub, nonce.client), nonce, body)


def _shop(hub: Hub, client: str) -> Actor:
    if client in hub.settings.operations:
        raise Unauthorised(f"{client} is a client for operations: orders are placed by shops", code="forbidden")
    connection = hub.connectors.settings_of(client)
    shops, brands = frozenset({connection.shop}), frozenset({connection.brand})
    return Actor(client, frozenset({Role.OPERATOR}), brands, shops)


async def operations(hub: TheHub, client: Annotated[str, Depends(identify)]) -> Actor:
    """Give the actor of a program that watches and repairs flows, with the role and the scope of its settings.

    Raises: Unauthorised for a shop.
    """
    found = hub.settings.operations.get(client)
    if found is None:
        raise Unauthorised(f"{client} is a shop: this needs a client under [operations]", code="forbidden")
    brands, shops = ({found.brand} - {""}, {found.shop} - {""})
    return Actor(f"api:{client}", frozenset({found.role}), frozenset(brands), frozenset(shops))


Caller = Annotated[Actor, Depends(storefront)]
Signer = Annotated[Signed, Depends(signer)]
Operator = Annotated[Actor, Depends(operations)]


def _secret(hub: Hub, client: str) -> bytes:
    """Give a client's secret, or for an unknown one something that nobody can have signed with."""
    try:
        if client in hub.settings.operations or hub.connectors.settings_of(client).kind.startswith(CALLERS):
            return hub.settings.secret(client)
    except (NotFound, NeedsOperator):
        pass
    return hashlib.sha256(f"no such client {client}".encode() + hub.settings.secret("keyring")).digest()


def _expiry(timestamp: str, hub: Hub) -> datetime:
    """Check that the caller's clock is near ours, and say until when its nonce must be remembered.

    Raises: Unauthorised.
    """
    skew = timedelta(seconds=hub.settings.limits.clock_skew_s)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):  # noqa: PLR2004 # until the year 5138
        raise Unauthorised("X-OMS-Timestamp is Unix seconds", code="stale_timestamp")
    sent = datetime.fromtimestamp(int(timestamp), UTC)
    if abs(hub.now() - sent) > skew:
        raise Unauthorised(f"X-OMS-Timestamp is more than {skew.seconds} s off", code="stale_timestamp")
    return sent + 2 * skew
