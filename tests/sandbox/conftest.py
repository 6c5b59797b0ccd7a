"""What the sandbox's tests share: a site, and a create request with any field changed."""

from collections.abc import Callable
from xml.etree.ElementTree import Element

import pytest

from sandbox.qimen_sites import Site
from sandbox.qimen_wire import node, written

WriteOrder = Callable[..., bytes]


@pytest.fixture
def site() -> Site:
    return Site(
        connection="wms-east",
        app_key="key-east",
        secret="secret-east",
        customer_id="C1",
        webhook="http://127.0.0.1:9/closed",
        warehouses=("SH01", "SH02"),
    )


@pytest.fixture
def write_order() -> WriteOrder:
    """Writes a create request; a keyword changes the text of every element of that name, None leaves it out."""

    def write(quantities: tuple[str, ...] = ("2", "3"), **changes: str | None) -> bytes:
        root = node("request", _head(), node("orderLines", *(_line(n, each) for n, each in enumerate(quantities, 1))))
        root.append(node("extendProps", node("attempt", "1")))
        for name, text in changes.items():
            _change(root, name, text)
        return written(root)

    return write


def _head() -> Element:
    times = [node(name, "2026-11-11 10:00:00") for name in ("createTime", "placeOrderTime", "operateTime")]
    texts = {"orderType": "JYCK", "warehouseCode": "SH01", "shopNick": "测试旗舰店", "logisticsCode": "SF"}
    person = {
        "name": "收件人1",
        "mobile": "10000000001",
        "province": "上海市",
        "city": "上海市",
        "detailAddress": "1号",
    }
    receiver = node("receiverInfo", *(node(name, text) for name, text in person.items()))
    head = (node("deliveryOrderCode", "FO-1"), *(node(name, text) for name, text in texts.items()))
    return node("deliveryOrder", *head, *times, receiver)


def _line(place: int, quantity: str) -> Element:
    texts = {"orderLineNo": str(place), "ownerCode": "OWNER", "itemCode": f"P{place}", "planQty": quantity}
    return node("orderLine", *(node(name, text) for name, text in {**texts, "actualPrice": "9.90"}.items()))


def _change(root: Element, name: str, text: str | None) -> None:
    for parent in list(root.iter()):
        for child in parent.findall(name):
            if text is None:
                parent.remove(child)
            else:
                child.text = text
