from collections.abc import Callable

import pytest

from sandbox.qimen_order import DeliveryOrder, read_delivery_order, wms_id
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import Refused, read_request

WriteOrder = Callable[..., bytes]


def _read(body: bytes, site: Site) -> DeliveryOrder:
    return read_delivery_order(read_request(body), site)


def test_a_whole_order_is_read(site: Site, write_order: WriteOrder) -> None:
    order = _read(write_order(attempt="2"), site)
    assert (order.code, order.warehouse, order.attempt, order.pieces) == ("FO-1", "SH01", 2, 5)
    assert [(line.line_no, line.item_code, line.quantity) for line in order.lines] == [("1", "P1", 2), ("2", "P2", 3)]


@pytest.mark.parametrize(
    "name",
    [
        "deliveryOrder",
        "deliveryOrderCode",
        "orderType",
        "warehouseCode",
        "createTime",
        "placeOrderTime",
        "operateTime",
        "shopNick",
        "logisticsCode",
        "mobile",
        "detailAddress",
        "orderLines",
        "orderLine",
        "ownerCode",
        "itemCode",
        "planQty",
        "actualPrice",
    ],
)
def test_a_missing_required_field_is_refused(name: str, site: Site, write_order: WriteOrder) -> None:
    with pytest.raises(Refused, match="missing-parameter"):
        _read(write_order(**{name: None}), site)


def test_an_empty_required_field_is_missing(site: Site, write_order: WriteOrder) -> None:
    with pytest.raises(Refused, match="deliveryOrder/shopNick is required"):
        _read(write_order(shopNick=" "), site)


def test_a_parent_that_may_be_left_out_may_be_left_out(site: Site, write_order: WriteOrder) -> None:
    assert _read(write_order(receiverInfo=None), site).code == "FO-1"


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "1.0", "two", "01", "１", "1e3"])
def test_a_quantity_that_is_no_whole_number_above_zero_is_refused(
    quantity: str, site: Site, write_order: WriteOrder
) -> None:
    with pytest.raises(Refused, match="planQty"):
        _read(write_order(quantities=("1", quantity)), site)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("warehouseCode", "BJ01", "warehouse-not-found"),
        ("orderType", "CGRK", "invalid-parameter"),
        ("createTime", "2026-11-11T10:00:00", "invalid-parameter"),
        ("actualPrice", "free", "invalid-parameter"),
        ("orderLineNo", "1", "invalid-parameter"),
    ],
)
def test_an_impossible_field_is_refused(name: str, text: str, code: str, site: Site, write_order: WriteOrder) -> None:
    with pytest.raises(Refused, match=code):
        _read(write_order(**{name: text}), site)


def test_lines_without_a_number_are_numbered_by_place(site: Site, write_order: WriteOrder) -> None:
    assert [line.line_no for line in _read(write_order(orderLineNo=None), site).lines] == ["1", "2"]


def test_the_fingerprint_overlooks_only_the_time_of_sending(site: Site, write_order: WriteOrder) -> None:
    first = _read(write_order(), site).fingerprint
    assert _read(write_order(operateTime="2026-11-12 00:00:00"), site).fingerprint == first
    assert _read(write_order(detailAddress="测试路2号"), site).fingerprint != first


def test_the_warehouses_number_is_stable_and_its_sites_own() -> None:
    assert wms_id("wms-east", "FO-1") == wms_id("wms-east", "FO-1") != wms_id("wms-west", "FO-1")
