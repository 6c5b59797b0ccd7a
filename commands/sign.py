"""Sign a call to the API, as options for curl."""

import hashlib
import hmac
import json
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from api.auth import text_to_sign
from api.examples import EXAMPLE
from hub.database import Database, row
from hub.errors import NotFound
from hub.settings import Settings

EXAMPLE_FILE: Final = Path(".oms-example.json")


def headers_for(settings: Settings, client: str, method: str, target: str, body: bytes) -> dict[str, str]:
    """Give the four X-OMS headers of one call.

    Raises: NotFound for a client that is not configured.
    """
    if client not in settings.connections.keys() | settings.operations.keys():
        raise NotFound(f"there is no connection or operations client {client}", code="unknown_connection")
    timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(18)
    text = text_to_sign(method, target, timestamp, nonce, body)
    signature = hmac.digest(settings.secret(client), text, hashlib.sha256).hex()
    return {
        "X-OMS-Client": client,
        "X-OMS-Timestamp": timestamp,
        "X-OMS-Nonce": nonce,
        "X-OMS-Signature": signature,
    }


def example_order(database: Database) -> bytes:
    """Write an order that can be placed now: the example, of a product that is in stock, under a fresh number."""
    with database.transaction() as session:
        found = row(session, "select sku from stock_level group by sku order by sum(on_hand - allocated) desc limit 1")
    sku = found.sku if found else EXAMPLE["lines"][0]["sku"]
    number = f"EXAMPLE-{secrets.token_hex(4)}"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    fresh = {"external_id": number, "placed_at": now, "paid_at": now, "buyer": {"id": number}}
    order = {**EXAMPLE, **fresh, "lines": [{**EXAMPLE["lines"][0], "sku": sku}]}
    return json.dumps(order, ensure_ascii=False, indent=1).encode()
