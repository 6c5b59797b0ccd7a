"""Partners that take a repeated key once: the storefront's, the warehouses' and the couriers' stand-ins."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, final

import requests

from hub.inventory.telling import Telling
from sandbox import kdniao, qimen, sf, storefront
from sandbox.kdniao_accounts import Config as Accounts
from sandbox.kdniao_accounts import Customer
from sandbox.listen import serving
from sandbox.qimen_sites import Behaviour, Site
from sandbox.qimen_sites import Config as Sites
from tests.connectors.errands import NUMBERS, Errand, books_of, partner_of
from tests.connectors.exemplars import ALARM, DELIVERY, INTERCEPT, NOTICE, SECRET, WISH
from tests.connectors.track_contracts import SUBSCRIPTION

NOWHERE: Final = "http://127.0.0.1:9"
AN_HOUR: Final = (3600.0, 3600.0)


@final
class StorefrontStand:
    kind: ClassVar = "channels.storefront"
    path: ClassVar = "/webhooks/pc"
    fields: ClassVar[Mapping[str, object]] = {}

    def __init__(self, url: str) -> None:
        self.url = url

    def _shipment(self) -> Errand:
        notice = NOTICE.model_copy(update={"key": f"shipment:{next(NUMBERS)}"})
        return Errand(
            lambda partner: partner.send_shipment(notice),
            f"webhook-id: {notice.key}".encode(),
            lambda: books_of(self)["pc"].get(notice.key, {"effects": 0})["effects"],
        )

    def _stock(self) -> Errand:
        number = next(NUMBERS)
        level = Telling(sku="apple", channel_sku=f"A-{number}", pieces=number, version=1)
        return Errand(
            lambda partner: partner.send_stock([level]),
            b"stock.changed",
            lambda: int(self._shelves()["pieces"].get(level.channel_sku) == number),
        )

    def _alert(self) -> Errand:
        alarm = ALARM.model_copy(update={"key": f"alert-{next(NUMBERS)}"})
        return Errand(
            lambda partner: partner.send_alerts([alarm]),
            b"stock.alerts",
            lambda: int(alarm.key in self._shelves()["alerts"]),
        )

    def _shelves(self) -> Any:  # noqa: ANN401 # as the stand-in shows them
        return requests.get(f"{self.url}/stock", timeout=5).json()["pc"]

    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]] = {
        "send_shipment": _shipment,
        "send_stock": _stock,
        "send_alerts": _alert,
    }


@final
class QimenStand:
    """Nobody works its documents, so that they can be cancelled."""

    kind: ClassVar = "warehouses.qimen"
    path: ClassVar = "/router"
    fields: ClassVar[Mapping[str, object]] = {"app_key": "k", "customer_id": "c1"}

    def __init__(self, url: str) -> None:
        self.url = url

    def _delivery(self) -> Errand:
        delivery = DELIVERY.model_copy(update={"code": _code()})
        return Errand(
            lambda partner: partner.send_delivery(delivery),
            b"method=deliveryorder.create",
            lambda: int(self._status(delivery.code) == "created"),
        )

    def _cancel(self) -> Errand:
        wish = WISH.model_copy(update={"code": _code()})
        partner_of(self, self.url).send_delivery(DELIVERY.model_copy(update={"code": wish.code}))
        return Errand(
            lambda partner: partner.send_cancel(wish),
            b"method=order.cancel",
            lambda: int(self._status(wish.code) == "cancelled"),
        )

    def _question(self) -> Errand:
        return Errand(
            lambda partner: list(partner.fetch_stock("sh", "OWNER", ["apple"])),
            b"method=inventory.query",
        )

    def _status(self, code: str) -> str:
        return books_of(self)["documents"].get("wms", {}).get(code, {"status": ""})["status"]

    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]] = {
        "send_delivery": _delivery,
        "send_cancel": _cancel,
        "fetch_stock": _question,
    }


@final
class KdniaoStand:
    """Its parcels stand still, so that it has no news to push."""

    kind: ClassVar = "couriers.kdniao"
    path: ClassVar = "/api/dist"
    fields: ClassVar[Mapping[str, object]] = {"app_key": "1000001"}

    def __init__(self, url: str) -> None:
        self.url = url

    def _subscription(self) -> Errand:
        wish = SUBSCRIPTION.model_copy(update={"tracking_no": f"SB{next(NUMBERS)}"})
        return Errand(
            lambda partner: partner.send_subscription(wish),
            b"RequestType=1008",
            lambda: books_of(self)["couriers"].get(f"SF/{wish.tracking_no}", {"effects": 0})["effects"],
        )

    def _track(self) -> Errand:
        wish = SUBSCRIPTION.model_copy(update={"tracking_no": f"SB{next(NUMBERS)}"})
        return Errand(lambda partner: partner.fetch_track(wish), b"RequestType=1002")

    def _probe(self) -> Errand:
        return Errand(lambda partner: partner.probe(), b"RequestType=1002")

    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]] = {
        "send_subscription": _subscription,
        "fetch_track": _track,
        "probe": _probe,
    }


@final
class SfStand:
    """It takes no instruction twice, and cannot be asked whether it has one."""

    kind: ClassVar = "couriers.sf"
    path: ClassVar = "/std/service"
    fields: ClassVar[Mapping[str, object]] = {"app_key": "PARTNER", "options": {"monthly_card": "7550000001"}}

    def __init__(self, url: str) -> None:
        self.url = url

    def _intercept(self) -> Errand:
        wish = INTERCEPT.model_copy(update={"tracking_no": f"SB{next(NUMBERS)}0"})
        return Errand(
            lambda partner: partner.send_intercept(wish),
            b"serviceCode=EXP_RECE_WANTED_INTERCEPT",
            lambda: books_of(self)["intercepts"].get(wish.tracking_no, {"effects": 0})["effects"],
        )

    errands: ClassVar[Mapping[str, Callable[[Any], Errand]]] = {"send_intercept": _intercept}


@contextmanager
def storefront_stand() -> Generator[StorefrontStand]:
    shop = storefront.Shop(connection="pc", secret=SECRET.decode())
    with serving(storefront.application(storefront.Config(shops=(shop,)))) as url:
        yield StorefrontStand(url)


@contextmanager
def qimen_stand() -> Generator[QimenStand]:
    credentials = {"app_key": "k", "secret": SECRET.decode(), "customer_id": "c1"}
    site = Site(connection="wms", webhook=NOWHERE, warehouses=("sh",), **credentials)
    with serving(qimen.application(Sites(sites=(site,), behaviour=Behaviour(delay_s=AN_HOUR)))) as url:
        yield QimenStand(url)


@contextmanager
def kdniao_stand() -> Generator[KdniaoStand]:
    customer = Customer(connection="couriers", business_id="1000001", key=SECRET.decode(), webhook=NOWHERE)
    accounts = Accounts.model_validate({"customers": (customer,), "behaviour": {"delay_s": AN_HOUR}})
    with serving(kdniao.application(accounts)) as url:
        yield KdniaoStand(url)


@contextmanager
def sf_stand() -> Generator[SfStand]:
    customer = sf.Customer(partner_id="PARTNER", check_word=SECRET.decode())
    with serving(sf.application(sf.Config(customers=(customer,), per_s=1_000))) as url:
        yield SfStand(url)


def _code() -> str:
    return f"26110000{next(NUMBERS):08d}-1"
