"""The demo's brand: its shops, its partners, its ten warehouses with real coordinates, its products and its stock."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.ledger import StockKey
from hub.inventory.level import receive
from sandbox.baskets import StorefrontOrder, catalogue

BRAND: Final = "demo"
OWNER: Final = "DEMO"
MALLS: Final = {"mall-pc": "pc", "mall-h5": "h5", "mall-mini": "mini"}
"""Connection and shop; mall-mini is an old mall that pushes its orders by webhook, the others call the API."""

MARKET: Final = "tmall"
"""A marketplace, which is asked for its orders."""

SHOPS: Final = {**MALLS, MARKET: "tmall"}
ERP: Final = "sap"
COURIER: Final = "kdniao"
SF: Final = "sf"
"""A courier that is asked to bring parcels back."""

SAP_USER: Final = "OMSRFC"
SAP_OPTIONS: Final = {
    "sales_org": "1710",
    "sold_to": "1000001",
    "plant_field": "Plant",
    "net_amount": "item",
    "delivery_path": "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV",
}
"""A sales area and a customer that mock-sap has from the start, and the names of its release."""


class Warehouse(NamedTuple):
    """A warehouse of the demo: district by code, coordinates of the district's logistics park, handling in fen."""

    code: str
    zh: str
    en: str
    connection: str
    division: str
    latitude: float
    longitude: float
    courier: str
    handling: int


WAREHOUSES: Final = (
    Warehouse("SH01", "上海青浦仓", "Shanghai Qingpu", "wms-east", "310118", 31.1559, 121.1244, "SF", 180),
    Warehouse("JS01", "江苏昆山仓", "Jiangsu Kunshan", "wms-east", "320583", 31.3847, 120.9807, "YTO", 150),
    Warehouse("ZJ01", "浙江余杭仓", "Zhejiang Yuhang", "wms-east", "330110", 30.4190, 120.2998, "ZTO", 150),
    Warehouse("GD01", "广东增城仓", "Guangdong Zengcheng", "wms-east", "440118", 23.2607, 113.8110, "SF", 160),
    Warehouse("HB01", "湖北东西湖仓", "Hubei Dongxihu", "wms-east", "420112", 30.6199, 114.1369, "YUNDA", 130),
    Warehouse("BJ01", "北京大兴仓", "Beijing Daxing", "wms-west", "110115", 39.7267, 116.3414, "JD", 200),
    Warehouse("TJ01", "天津武清仓", "Tianjin Wuqing", "wms-west", "120114", 39.3842, 117.0443, "STO", 140),
    Warehouse("SN01", "陕西灞桥仓", "Shaanxi Baqiao", "wms-west", "610111", 34.2728, 109.0646, "EMS", 130),
    Warehouse("SC01", "四川龙泉驿仓", "Sichuan Longquanyi", "wms-west", "510112", 30.5565, 104.2746, "ZTO", 130),
    Warehouse("LN01", "辽宁于洪仓", "Liaoning Yuhong", "wms-west", "210114", 41.7939, 123.3081, "STO", 130),
)
SITES: Final = ("wms-east", "wms-west")
PLACES_PER_SKU: Final = 7
"""Each product lies in seven of the ten warehouses, so that some orders must be split and rejections find another."""


TOKEN_LIFE_S: Final = 30
"""So short in a check that tokens are exchanged on the way."""

SOON_S: Final = 6
"""How long a call to a SAP that is well may still land after its answer was given up on."""

MARKET_CALLS_PER_S: Final = 200
ROOM: Final = 50
"""Calls a second that the marketplace takes, and how many fewer are made; by default a connection makes 20."""

ALONE: Final = 800_000_000
TOGETHER: Final = 900_000_000
"""Where the numbers of the marketplace's items begin, those without SKUs and those with."""

BEHAVIOUR: Final = {"seed": 1, "reject": 0.06, "short": 0.06, "two_confirms": 0.1, "two_parcels": 0.15}
"""What share of its documents a warehouse refuses, cannot fill, or ships in several goes."""


def settings_toml(ports: Mapping[str, int], *, sap_late_s: int = SOON_S) -> str:
    """Write the demo's settings: where it listens, its limits (short, for a machine that is alone), its connections.

    `sap_late_s` is how long a call to SAP may still land after its answer was given up on.
    """
    lines = [
        f"api_port = {ports['api']}\nconsole_port = {ports['console']}",
        "[http]\nconnect_s = 1\nread_s = 3",
        "[worker]\nlease_s = 10\ngrace_s = 1\nattempts = 20",
        "[polls]\norders_s = 1\nhints_s = 0.3\ntoken_s = 1\ntoken_margin_s = 5\noverlap_s = 2\nlease_s = 10",
    ]
    for connection, shop in MALLS.items():
        url = f"http://127.0.0.1:{ports['storefront']}/webhooks/{connection}"
        lines.append(_connection(connection, "channels.storefront", base_url=url, shop=shop, stock="all"))
    for connection in SITES:
        url = f"http://127.0.0.1:{ports['wms']}/router"
        lines.append(_connection(connection, "warehouses.qimen", base_url=url, app_key="demo", customer_id=connection))
    router = f"http://127.0.0.1:{ports['taobao']}/router/rest"
    market = {"base_url": router, "app_key": "demo", "shop": SHOPS[MARKET], "stock": "all"}
    lines.append(_connection(MARKET, "channels.taobao", **market))
    lines.append(f'options.calls_per_s = "{MARKET_CALLS_PER_S - ROOM}"')
    lines.append(_connection(ERP, "erp.sap", base_url=f"http://127.0.0.1:{ports['sap']}", app_key=SAP_USER))
    options = {**SAP_OPTIONS, "grace_s": str(sap_late_s)}
    lines.append("\n".join(f'options.{key} = "{value}"' for key, value in options.items()))
    courier = f"http://127.0.0.1:{ports['kdniao']}/api/dist"
    lines.append(_connection(COURIER, "couriers.kdniao", base_url=courier, app_key="demo"))
    gateway = f"http://127.0.0.1:{ports['sf']}/std/service"
    lines.append(_connection(SF, "couriers.sf", base_url=gateway, app_key="demo"))
    lines.append('options.monthly_card = "7550000001"')
    return "\n".join(lines) + "\n"


def wms_config(secrets: Mapping[str, str], api_port: int) -> dict[str, Any]:
    """Write what the sandbox's warehouses are told."""
    sites = [
        {
            "connection": connection,
            "app_key": "demo",
            "secret": secrets[connection],
            "customer_id": connection,
            "webhook": f"http://127.0.0.1:{api_port}/v1/webhooks/{connection}",
            "warehouses": [one.code for one in WAREHOUSES if one.connection == connection],
        }
        for connection in SITES
    ]
    return {"sites": sites, "behaviour": BEHAVIOUR}


def courier_config(secrets: Mapping[str, str], api_port: int) -> dict[str, Any]:
    """Write what the sandbox's courier hub is told."""
    webhook = f"http://127.0.0.1:{api_port}/v1/webhooks/{COURIER}"
    customer = {"connection": COURIER, "business_id": "demo", "key": secrets[COURIER], "webhook": webhook}
    return {"customers": [customer], "behaviour": {"seed": 1, "delay_s": [0.2, 0.8]}}


def gateway_config(secrets: Mapping[str, str]) -> dict[str, Any]:
    """Write what the sandbox's courier that brings parcels back is told."""
    return {"customers": [{"partner_id": "demo", "check_word": secrets[SF]}]}


def market_config(secret: str, access: str, refresh: str, token_life_s: int, listed: Collection[str]) -> dict[str, Any]:
    """Write what the sandbox's marketplace is told: its shop, with the listings of some SKUs."""
    shop = {"connection": MARKET, "app_key": "demo", "secret": secret, "access": access, "refresh": refresh}
    return {
        "shops": [{**shop, "expires_in_s": token_life_s, "listings": _listings(listed)}],
        "calls_per_s": MARKET_CALLS_PER_S,
    }


def _listings(skus: Collection[str]) -> list[dict[str, object]]:
    """List SKUs under their own codes: five an item, and every seventh as an item without SKUs."""
    return [
        {"outer_id": sku, "num_iid": ALONE + n}
        if n % 7 == 0
        else {"outer_id": sku, "num_iid": TOGETHER + n // 5, "sku_id": n}
        for n, sku in enumerate(sorted(skus))
    ]


def sold_in(orders: Sequence[StorefrontOrder]) -> Counter[str]:
    """Count the pieces of each SKU that some orders are about."""
    sold: Counter[str] = Counter()
    for order in orders:
        lines: Any = order.payload["lines"]
        sold.update({line["sku"]: line["quantity"] for line in lines})
    return sold


def furnish(session: Session, orders: Sequence[StorefrontOrder], at: datetime) -> None:
    """Write warehouses, products and stock for some orders; doing it again adds what is missing."""
    for one in WAREHOUSES:
        write_warehouse(session, one, at)
    sold = sold_in(orders)
    _write_products(session, sold.keys(), at)
    goods = [(StockKey(code, sku, OWNER), pieces + 5) for sku, pieces in sorted(sold.items()) for code in _homes(sku)]
    receive(session, BRAND, sorted(goods), f"demo:{at.isoformat()}", at)


def forget_told(session: Session) -> None:
    """Let every channel be told of all stock again: the stand-ins know nothing of an earlier demo."""
    run(session, "update stock_offer set told = null, told_at = null, due = not held, refused = ''")


def _connection(name: str, kind: str, **fields: str) -> str:
    values = "\n".join(f'{key} = "{value}"' for key, value in fields.items())
    return f'[connections.{name}]\nkind = "{kind}"\nbrand = "{BRAND}"\n{values}'


def _homes(sku: str) -> list[str]:
    """Choose the warehouses of a product, the same ones every time."""
    ranked = sorted(WAREHOUSES, key=lambda one: hashlib.sha256(f"{sku}@{one.code}".encode()).digest())
    return [one.code for one in ranked[:PLACES_PER_SKU]]


def write_warehouse(session: Session, one: Warehouse, at: datetime) -> None:
    """Write a warehouse that is not there yet."""
    run(
        session,
        """insert into location (brand, version, created_at, updated_at, code, name_zh, name_en, connection, owner,
                                 division, street, contact, phone, latitude, longitude, storages, courier, handling,
                                 active)
           values (:brand, 1, :at, :at, :code, :zh, :en, :connection, :owner, :division, '物流园1号', '仓库发货组',
                   '10000000000', :latitude, :longitude, '{ambient,chilled,frozen}', :courier, :handling, true)
           on conflict (code) do nothing""",
        brand=BRAND,
        owner=OWNER,
        at=at,
        **one._asdict(),
    )


def _write_products(session: Session, skus: Iterable[str], at: datetime) -> None:
    wanted = set(skus)
    products = [one for one in catalogue() if one["sku"] in wanted]
    run(
        session,
        """insert into sku (brand, version, created_at, updated_at, code, title, storage, grams, bundle)
           select :brand, 1, :at, :at, code, title, storage, grams, false
           from unnest(cast(:codes as text[]), cast(:titles as text[]), cast(:storages as text[]),
                       cast(:grams as bigint[])) as new (code, title, storage, grams)
           order by code on conflict (code) do nothing""",
        brand=BRAND,
        at=at,
        codes=[one["sku"] for one in products],
        titles=[one["title"] for one in products],
        storages=[one["storage"] for one in products],
        grams=[one["grams"] for one in products],
    )
