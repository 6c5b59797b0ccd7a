from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from commands.books import compare_courier, compare_erp, compare_market, compare_storefronts, compare_warehouses
from commands.conservation import Verdict
from hub.audience import set_audience
from hub.database import run
from hub.order.ship.progress import record_confirm
from sandbox.sap_books import Books
from tests.hub.making import AT, BRAND, confirm, order, placed, stock


@pytest.fixture
def order_id(session: Session) -> int:
    """Ship an order in one parcel, SF-c1, of a brand that has an ERP."""
    set_audience(session, {(BRAND, "erp"): "sap"})
    stock(session, {"sh": {"apple": 9}})
    made = placed(session, order({"apple": 2}))
    record_confirm(session, confirm(made, 1, {"apple": 2}), AT)
    return made


def warehouses(code: str, *, documents: int = 1, shipped: int = 2) -> dict[str, Any]:
    push = {"method": "deliveryorder.confirm", "quantities": {"1": shipped}}
    return {"documents": {"wms-sh": {code: {"pushes": [push], "documents": documents}}}}


def trades(parcels: dict[str, int], shipped: int = 2) -> dict[str, Any]:
    return {"mall-pc": {"T1": {"parcels": parcels, "lines": {"L1": {"num": 2, "shipped": shipped}}}}}


def erp(code: str, orders: int, deliveries: int, *, amount: str = "20.00", pieces: int = 2) -> Books:
    return Books(
        orders={code: orders} if orders else {},
        deliveries={code: deliveries} if deliveries else {},
        amounts={code: Decimal(amount)} if orders else {},
        pieces={code: Decimal(pieces)} if deliveries else {},
    )


def event(key: str, effects: int = 1) -> dict[str, Any]:
    return {key: {"effects": effects}}


def found(verdict: Verdict) -> tuple[int, int, int]:
    """Give how many rules are broken, and what is lost and doubled."""
    return len(verdict.broken), verdict.lost, verdict.duplicated


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (0, 0, 0)),
        ({"documents": 2}, (1, 0, 1)),
        ({"shipped": 3}, (1, 0, 0)),
    ],
)
def test_warehouses_have_each_document_once(
    session: Session, order_id: int, change: dict[str, int], expected: tuple[int, int, int]
) -> None:
    verdict = Verdict()
    compare_warehouses(session, warehouses(f"{order_id}-1", **change), verdict)
    assert found(verdict) == expected


def test_a_document_of_another_number_is_lost_and_doubled(session: Session, order_id: int) -> None:
    assert order_id
    verdict = Verdict()
    compare_warehouses(session, warehouses("9-1"), verdict)
    assert found(verdict) == (2, 1, 1)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (event("shipment:{}-1"), (0, 0, 0)),
        (event("shipment:{}-1", effects=2), (1, 0, 1)),
        ({}, (1, 1, 0)),
        (event("shipment:{}-1") | event("shipment:9-1"), (1, 0, 1)),
    ],
)
def test_storefronts_are_told_of_each_shipment_once(
    session: Session, order_id: int, told: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    verdict = Verdict()
    compare_storefronts(session, {"mall-pc": {key.format(order_id): one for key, one in told.items()}}, verdict)
    assert found(verdict) == expected


@pytest.mark.parametrize(
    ("books", "expected"),
    [
        (trades({"SF-c1": 1}), (0, 0, 0)),
        (trades({"SF-c1": 2}), (1, 0, 1)),
        (trades({}, shipped=0), (2, 1, 0)),
        (trades({"SF-c1": 1, "SF-9": 1}), (1, 0, 1)),
        (trades({"SF-c1": 1}, shipped=1), (1, 0, 0)),
    ],
)
def test_marketplaces_are_told_of_each_parcel_once(
    session: Session, order_id: int, books: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    assert order_id
    verdict = Verdict()
    compare_market(session, books, verdict)
    assert found(verdict) == expected


@pytest.mark.parametrize(
    ("orders", "deliveries", "expected", "doubles"),
    [(1, 1, (0, 0, 0), 0), (2, 1, (1, 0, 1), 1), (0, 1, (1, 1, 0), 0), (1, 3, (1, 0, 1), 0)],
)
def test_the_erp_has_one_sale_and_one_delivery_a_posting(
    session: Session, order_id: int, orders: int, deliveries: int, expected: tuple[int, int, int], doubles: int
) -> None:
    code, verdict = f"{order_id}-1", Verdict()
    assert compare_erp(session, erp(code, orders, deliveries), verdict) == (orders, doubles)
    assert found(verdict) == expected


def test_a_sale_that_nobody_posted_is_a_double(session: Session, order_id: int) -> None:
    run(session, "delete from posting")
    verdict = Verdict()
    compare_erp(session, erp(f"{order_id}-1", 1, 0), verdict)
    assert found(verdict) == (1, 0, 1)


def test_what_a_sap_has_from_the_start_is_none_of_ours(session: Session, order_id: int) -> None:
    books, verdict = erp(f"{order_id}-1", 1, 1), Verdict()
    books["orders"]["PO-40828"] = 2
    assert compare_erp(session, books, verdict) == (1, 0)
    assert found(verdict) == (0, 0, 0)


@pytest.mark.parametrize(("amount", "pieces"), [("19.99", 2), ("20.00", 3)])
def test_an_erp_that_tells_other_figures_is_found(session: Session, order_id: int, amount: str, pieces: int) -> None:
    verdict = Verdict()
    books = erp(f"{order_id}-1", 1, 1, amount=amount, pieces=pieces)
    compare_erp(session, books, verdict)
    assert found(verdict) == (1, 0, 0)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ({"SF/SF-c1": {"effects": 1}}, (0, 0, 0)),
        ({"SF/SF-c1": {"effects": 2}}, (1, 0, 1)),
        ({}, (1, 1, 0)),
        ({"SF/SF-c1": {"effects": 1}, "SF/9": {"effects": 1}}, (1, 0, 1)),
    ],
)
def test_couriers_have_one_subscription_a_parcel(
    session: Session, order_id: int, pages: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    assert order_id
    verdict = Verdict()
    compare_courier(session, {"kdniao": pages}, verdict)
    assert found(verdict) == expected
