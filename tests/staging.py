"""A small company for tests: two shops, two warehouses, their settings and secrets, and orders as shops send them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hub.keyring import Keyring
from hub.settings import Connection, Http, Settings, Worker
from sandbox.shopper import sign

SHOPS: Final = {"mall-pc": "pc", "mall-h5": "h5"}
SITES: Final = {"wms-sh": "sh", "wms-bj": "bj"}
"""Connection and the warehouse behind it."""

CANARY: Final = "10000000042"
CANARY_NAME: Final = "金丝雀"
NOWHERE: Final = "http://127.0.0.1:9"
PLACED: Final = datetime.now(UTC).isoformat()


def secret_of(connection: str) -> str:
    return f"secret-of-{connection}"


def settings_in(
    folder: Path, *, wms: str = NOWHERE, mall: str = NOWHERE, worker: Worker | None = None, read_s: float = 1
) -> Settings:
    """Write the secrets into a folder and give settings whose partners stand at the given addresses."""
    for name in (*SHOPS, *SITES):
        (folder / name).write_text(secret_of(name))
    (folder / "keyring").write_text(Keyring.generate())
    connections = {
        name: Connection(kind="channels.storefront", brand="demo", shop=shop, base_url=f"{mall}/webhooks/{name}")
        for name, shop in SHOPS.items()
    } | {
        name: Connection(
            kind="warehouses.qimen", brand="demo", base_url=f"{wms}/router", app_key=name, customer_id=name
        )
        for name in SITES
    }
    return Settings(
        secrets_folder=folder,
        connections=connections,
        http=Http(connect_s=0.5, read_s=read_s),
        worker=worker or Worker(threads=4, poll_s=0.02, lease_s=10, grace_s=0.2),
    )


def order_of(number: str = "T1", pieces: Mapping[str, int] | None = None, **changes: object) -> dict[str, Any]:
    """Write an order as a shop sends it: pieces by code at 10.00 yuan each, to a canary of a buyer in Shanghai."""
    wanted = pieces or {"apple": 2}
    return {
        "external_id": number,
        "placed_at": PLACED,
        "paid_at": PLACED,
        "buyer": {"id": f"buyer-of-{number}"},
        "receiver": {
            "name": CANARY_NAME,
            "phone": CANARY,
            "province": "上海市",
            "city": "上海市",
            "district": "浦东新区",
            "street": "测试路1号",
        },
        "lines": [
            {"line_id": f"L{no}", "sku": sku, "quantity": quantity, "unit_price": "10.00"}
            for no, (sku, quantity) in enumerate(wanted.items(), 1)
        ],
        "total": f"{sum(wanted.values()) * 10}.00",
        **changes,
    }


def encoded(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def signed(
    method: str,
    target: str,
    body: bytes,
    nonce: str,
    *,
    client: str = "mall-pc",
    secret: str = "",
    timestamp: Any = None,  # noqa: ANN401 # even what is no time
) -> dict[str, str]:
    """Sign a call to the API as a shop would; what is left out is as it should be."""
    now = int(datetime.now(UTC).timestamp())
    proof, at = secret or secret_of(client), now if timestamp is None else timestamp
    return sign(method, target, body, client=client, secret=proof, timestamp=at, nonce=nonce)
