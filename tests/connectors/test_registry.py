from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.channels.storefront import Storefront
from connectors.registry import Registry
from hub.errors import Malformed, Misconfigured, NeedsOperator, NotFound
from hub.settings import Connection, Settings
from tests.connectors.exemplars import sample

WMS = Connection(kind="warehouses.qimen", brand="demo")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("OMS_SECRET_MALL", "m")
    monkeypatch.setenv("OMS_SECRET_WMS", "w")
    kinds = {
        "mall": "channels.storefront",
        "wms": "warehouses.qimen",
        "bare": "channels.storefront",
        "odd": "transport.http",
        "lost": "channels.nothing",
        "deep": "channels.storefront.Storefront",
    }
    connections = {name: Connection(kind=kind, brand="demo", shop="pc") for name, kind in kinds.items()}
    return Registry(Settings(connections=connections))


def test_a_partner_is_made_once_for_all_threads(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(registry.get, ["mall"] * 8))
    assert isinstance(made[0], Storefront)
    assert len(set(map(id, made))) == 1


def test_what_is_not_configured_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no connection stranger"):
        registry.get("stranger")


@pytest.mark.parametrize("name", ["odd", "lost", "deep"])
def test_a_kind_that_is_no_partner_is_the_whole_connections_fault(registry: Registry, name: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        registry.get(name)
    assert caught.value.code == "unknown_kind"


def test_a_missing_secret_is_the_whole_connections_fault(registry: Registry) -> None:
    with pytest.raises(Misconfigured, match="OMS_SECRET_BARE"):
        registry.get("bare")


def test_an_order_comes_under_its_connections_brand_and_shop(registry: Registry) -> None:
    order = registry.read_order("mall", sample("storefront/order.json"))
    assert (order.brand, order.shop, order.channel, order.order.external_id) == ("demo", "pc", "mall", "SAMPLE-1")


def test_a_warehouse_brings_no_orders(registry: Registry) -> None:
    with pytest.raises(NeedsOperator, match="does not bring orders"):
        registry.read_order("wms", b"{}")


def test_an_order_that_cannot_be_read_is_malformed(registry: Registry) -> None:
    with pytest.raises(Malformed):
        registry.read_order("mall", b"{}")


def test_connections_are_listed_by_name(registry: Registry) -> None:
    assert registry.names() == ["bare", "deep", "lost", "mall", "odd", "wms"]
    assert (registry.brand_of("mall"), registry.brand_of("gone")) == ("demo", "")
