"""Partners that take no keys and are asked instead: a marketplace's stand-in, and SAP's."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, ClassVar, Final, final

import requests

from hub.access import Token
from hub.errors import TryLater
from hub.fulfilment.sale import GoodsIssue
from hub.inventory.telling import Telling
from sandbox import taobao
from sandbox.baskets import StorefrontOrder, orders
from sandbox.listen import serving
from sandbox.sap import open_sap
from sandbox.sap_books import give_stock
from sandbox.taobao_books import Shop
from sandbox.taobao_trades import trade_of
from sandbox.taobao_wire import CONFIRM, CONSUME, FIND_SKUS, LIST, READ, REFRESH, SEND, UPDATE_SKUS
from tests.connectors.erp.running import USER, MockSap
from tests.connectors.errands import NUMBERS, Errand, books_of, partner_of
from tests.connectors.exemplars import SECRET, TOKEN
from tests.connectors.feed_contracts import notice_of, now
from tests.connectors.sale_contracts import issue_of, make_sale

SHOPS: Final = 1_000
"""One for every errand, for a queue and a token can be used up."""

SALES: Final = b"/sap/opu/odata/sap/API_SALES_ORDER_SRV"
DELIVERIES: Final = b"/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV"
STOCK: Final = b"/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV"

OPTIONS: Final = {
    "sales_org": "1710",
    "sold_to": "1000001",
    "plant_field": "Plant",
    "net_amount": "item",
    "delivery_path": DELIVERIES.decode(),
    "stock_at.sh": "1710/171A",
    "stock_page": "2",
}


@final
class TaobaoStand:
    kind: ClassVar = "channels.taobao"
    path: ClassVar = "/router/rest"
    fields: ClassVar[Mapping[str, object]] = {"options": {"calls_per_s": "9999"}}

    def __init__(self, url: str) -> None:
        self.url = url
        (self._basket,) = islice(orders(1, 7, ["shop"]), 1)

    def _shipment(self) -> Errand:
        shop, trade = self._shop()
        partner = partner_of(self, self.url, app_key=shop)
        (page,) = partner.fetch_orders(now() - timedelta(minutes=5), now())
        notice = notice_of(partner.read_order(page[0].body), "SB1")
        return Errand(
            lambda partner: partner.send_shipment(notice),
            f"method={SEND}".encode(),
            lambda: books_of(self)[shop][trade]["parcels"].get("SB1", 0),
            lambda partner: partner.find_shipment(notice),
            fields={"app_key": shop},
        )

    def _find_shipment(self) -> Errand:
        shop, _ = self._shop()
        partner = partner_of(self, self.url, app_key=shop)
        (page,) = partner.fetch_orders(now() - timedelta(minutes=5), now())
        notice = notice_of(partner.read_order(page[0].body), "SB1")
        return self._asking(lambda partner: partner.find_shipment(notice), READ, shop)

    def _orders(self) -> Errand:
        return self._feed(LIST)

    def _order(self) -> Errand:
        return self._feed(READ)

    def _feed(self, method: str) -> Errand:
        shop, _ = self._shop()
        return self._asking(
            lambda partner: list(partner.fetch_orders(now() - timedelta(minutes=5), now())), method, shop
        )

    def _hints(self) -> Errand:
        shop, _ = self._shop()
        return self._asking(lambda partner: partner.fetch_hinted(), CONSUME, shop)

    def _receipts(self) -> Errand:
        shop, _ = self._shop()
        partner = partner_of(self, self.url, app_key=shop)
        receipts = partner.fetch_hinted().receipts
        return Errand(
            lambda partner: partner.confirm_hints(receipts),
            f"method={CONFIRM}".encode(),
            lambda: len(receipts) - len(partner.fetch_hinted().receipts),
            fields={"app_key": shop},
        )

    def _token(self) -> Errand:
        shop, _ = self._shop()
        got: list[Token] = []
        return Errand(
            lambda partner: got.append(partner.refresh_token(TOKEN)),
            f"method={REFRESH}".encode(),
            lambda: int(got[0].access.rpartition("-")[2]) if got else 0,
            fields={"app_key": shop},
        )

    def _finding(self) -> Errand:
        return self._stock(FIND_SKUS)

    def _telling(self) -> Errand:
        return self._stock(UPDATE_SKUS)

    def _stock(self, method: str) -> Errand:
        number = next(NUMBERS)
        shop, level = f"shop{number}", Telling(sku="apple", channel_sku="A-1", pieces=number, version=1)
        listing = {"num_iid": 7, "sku_id": 71, "outer_id": "A-1"}
        new = {"connection": shop, "listings": [listing]}
        requests.post(f"{self.url}/listings", json=new, timeout=5).raise_for_status()
        return Errand(
            lambda partner: partner.send_stock([level]),
            f"method={method}".encode(),
            lambda: int(self._shelves()[shop]["pieces"]["7/71"] == number),
            fields={"app_key": shop},
        )

    def _shelves(self) -> Any:  # noqa: ANN401 # as the stand-in shows them
        return requests.get(f"{self.url}/stock", timeout=5).json()

    def _probe(self) -> Errand:
        return self._asking(lambda partner: partner.probe(), LIST, self._shop()[0])

    def _asking(self, do: Callable[[Any], object], method: str, shop: str) -> Errand:
        return Errand(do, f"method={method}".encode(), fields={"app_key": shop})

    def _shop(self) -> tuple[str, str]:
        """Give a shop of its own, and the number of its only trade."""
        number = next(NUMBERS)
        order = StorefrontOrder("shop", {**self._basket.payload, "external_id": f"ROUGH{number}"})
        trade = trade_of(order)
        new = {"connection": f"shop{number}", "trades": [trade], "hinted": 1}
        requests.post(f"{self.url}/trades", json=new, timeout=5).raise_for_status()
        return f"shop{number}", str(trade["tid"])

    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]] = {
        "send_shipment": _shipment,
        "send_stock, finding": _finding,
        "send_stock, telling": _telling,
        "find_shipment": _find_shipment,
        "fetch_orders, listing": _orders,
        "fetch_orders, reading": _order,
        "fetch_hinted": _hints,
        "confirm_hints": _receipts,
        "refresh_token": _token,
        "probe": _probe,
    }


@final
class SapStand:
    kind: ClassVar = "erp.sap"
    path: ClassVar = ""
    fields: ClassVar[Mapping[str, object]] = {"app_key": USER, "options": OPTIONS}

    def __init__(self, url: str) -> None:
        self.url = url
        self._far = MockSap(url)

    def _sale(self) -> Errand:
        sale = make_sale()
        return Errand(
            lambda partner: partner.send_sale(sale),
            b"POST " + SALES,
            lambda: self._far.orders(sale.code),
            lambda partner: partner.find_sale(sale),
        )

    def _token(self) -> Errand:
        return replace(self._sale(), holding=b"X-CSRF-Token: Fetch", unheard=TryLater)

    def _find_sale(self) -> Errand:
        sale = make_sale()
        return Errand(lambda partner: partner.find_sale(sale), b"GET " + SALES)

    def _delivery(self) -> Errand:
        return self._issue(b"OutbDeliveryCreateSls")

    def _commit(self) -> Errand:
        return self._issue(b"TransactionCommit")

    def _items(self) -> Errand:
        return self._issue(b"GET " + DELIVERIES + b"/A_OutbDeliveryItem")

    def _header(self) -> Errand:
        return self._issue(b"GET " + DELIVERIES + b"/A_OutbDeliveryHeader")

    def _issue(self, holding: bytes) -> Errand:
        issue, code = self._sold()
        return Errand(
            lambda partner: partner.send_goods_issue(issue),
            holding,
            lambda: self._far.deliveries(code),
            lambda partner: partner.find_goods_issue(issue),
        )

    def _find_issue(self) -> Errand:
        issue, _ = self._sold()
        return Errand(lambda partner: partner.find_goods_issue(issue), b"GET " + DELIVERIES)

    def _stock(self) -> Errand:
        return self._asking(1, b"GET " + STOCK)

    def _stock_further(self) -> Errand:
        return self._asking(3, b"$skip=1")

    def _asking(self, materials: int, holding: bytes) -> Errand:
        skus = [f"P{no}" for no in range(1, materials + 1)]
        place = {"Plant": "1710", "StorageLocation": "171A", "MatlWrhsStkQtyInMatlBaseUnit": "5"}
        give_stock(self.url, [{"Material": sku, **place} for sku in skus])
        return Errand(lambda partner: list(partner.fetch_stock("sh", "OWNER", skus)), holding)

    def _probe(self) -> Errand:
        return Errand(lambda partner: partner.probe(), b"X-CSRF-Token: Fetch", unheard=TryLater)

    def _sold(self) -> tuple[GoodsIssue, str]:
        sale = make_sale()
        return issue_of(sale, partner_of(self, self.url).send_sale(sale).partner_id), sale.code

    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]] = {
        "send_sale": _sale,
        "send_sale, token": _token,
        "find_sale": _find_sale,
        "send_goods_issue, delivery": _delivery,
        "send_goods_issue, commit": _commit,
        "send_goods_issue, items": _items,
        "send_goods_issue, header": _header,
        "find_goods_issue": _find_issue,
        "fetch_stock": _stock,
        "fetch_stock, further page": _stock_further,
        "probe": _probe,
    }


@contextmanager
def taobao_stand() -> Generator[TaobaoStand]:
    secret, names = SECRET.decode(), [f"shop{number}" for number in range(1, SHOPS + 1)]
    shops = tuple(
        Shop(connection=name, app_key=name, secret=secret, access=TOKEN.access, refresh=TOKEN.refresh) for name in names
    )
    with serving(taobao.application(taobao.Config(shops=shops, calls_per_s=9999))) as url:
        yield TaobaoStand(url)


@contextmanager
def sap_stand() -> Generator[SapStand]:
    with open_sap(port=0, basic_auth=f"{USER}:{SECRET.decode()}", quiet=True) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield SapStand(f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()
