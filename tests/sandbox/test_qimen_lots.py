from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sandbox.qimen_fate import Confirm, Pieces
from sandbox.qimen_order import DeliveryOrder, Take, read_delivery_order
from sandbox.qimen_pushes import write_confirm
from sandbox.qimen_query import Filling, Shelves
from sandbox.qimen_query import Pieces as Shelved
from sandbox.qimen_sites import Site
from sandbox.qimen_stock import StockItem, StockPush, ToldLot, write_change, write_count
from sandbox.qimen_wire import Refused, read_request, text_of

WriteOrder = Callable[..., bytes]
NOW = datetime.now(UTC)


@pytest.fixture
def shelves() -> Shelves:
    """Three P1: one of A, that expires first, and two of B; nothing is known of P2."""
    pieces = [
        Shelved(warehouse="SH01", sku="P1", quantity="2", batch="B", expires="2027-06-01"),
        Shelved(warehouse="SH01", sku="P1", quantity="1", batch="A", expires="2027-05-01"),
    ]
    filled = Shelves()
    filled.fill(Filling(connection="wms-east", pieces=tuple(pieces)))
    return filled


def ordered(site: Site, body: bytes) -> DeliveryOrder:
    return read_delivery_order(read_request(body), site)


def naming(write_order: WriteOrder, batch: str, quantity: str = "1") -> bytes:
    """Write an order of one line that names a batch."""
    return write_order((quantity,)).replace(b"</planQty>", f"</planQty><batchCode>{batch}</batchCode>".encode())


def test_a_named_batch_is_taken(site: Site, shelves: Shelves, write_order: WriteOrder) -> None:
    order = shelves.assign(ordered(site, naming(write_order, "B", "2")))
    assert order.lines[0].takes == (Take("B", "", "2027-06-01", 2),)


@pytest.mark.parametrize(("batch", "quantity", "code"), [("X", "1", "batch-not-found"), ("A", "2", "batch-short")])
def test_a_batch_that_is_not_there_or_too_small_is_refused(
    batch: str, quantity: str, code: str, site: Site, shelves: Shelves, write_order: WriteOrder
) -> None:
    with pytest.raises(Refused, match=code):
        shelves.assign(ordered(site, naming(write_order, batch, quantity)))


def test_what_names_no_batch_is_taken_by_its_expiry(site: Site, shelves: Shelves, write_order: WriteOrder) -> None:
    order = shelves.assign(ordered(site, write_order()))
    assert [[(take.batch, take.quantity) for take in line.takes] for line in order.lines] == [[("A", 1), ("B", 1)], []]


def test_any_batch_may_be_named_of_what_is_not_filled(site: Site, write_order: WriteOrder) -> None:
    assert Shelves().assign(ordered(site, naming(write_order, "X"))).lines[0].takes == (Take("X", "", "", 1),)


def test_a_day_that_is_none_is_refused(site: Site, write_order: WriteOrder) -> None:
    body = write_order().replace(b"</planQty>", b"</planQty><expireDate>2027-02-30</expireDate>")
    with pytest.raises(Refused, match="expireDate"):
        ordered(site, body)


def told(order: DeliveryOrder, quantity: int, before: dict[str, int], surplus: int = 0) -> list[tuple[str, str, str]]:
    confirm = Confirm(((Pieces(order.lines[0], quantity),),), final=True)
    root = read_request(write_confirm(order, confirm, "c", NOW, batch_surplus=surplus, before=before))
    batches = root.findall("orderLines/orderLine/batchs/batch")
    return [(text_of(one, "batchCode"), text_of(one, "expireDate"), text_of(one, "actualQty")) for one in batches]


def test_confirms_tell_the_batches_that_were_taken_each_piece_once(
    site: Site, shelves: Shelves, write_order: WriteOrder
) -> None:
    order = shelves.assign(ordered(site, write_order(("3",))))
    assert told(order, 2, {}) == [("A", "2027-05-01", "1"), ("B", "2027-06-01", "1")]
    assert told(order, 1, {"1": 2}) == [("B", "2027-06-01", "1")]
    assert told(order, 1, {"1": 2}, surplus=1) == [("B", "2027-06-01", "2")]


def test_reports_tell_lots_with_their_days() -> None:
    lots = (ToldLot(code="A", quantity="-1", produced="2026-05-01", expires="2027-05-01"), ToldLot(quantity="-2"))
    item = StockItem(sku="apple", quantity="-3", total="7", lots=lots)
    push = StockPush(connection="c", kind="count", warehouse="sh", owner="O", items=(item,), out_biz_code="B1")
    count, change = (read_request(write(push, NOW)) for write in (write_count, write_change))
    assert [text_of(count, f"items/item/{name}") for name in ("batchCode", "expireDate")] == ["A", "2027-05-01"]
    batches = [
        (text_of(one, "batchCode"), text_of(one, "quantity")) for one in change.findall("items/item/batchs/batch")
    ]
    assert batches == [("A", "-1"), ("", "-2")]
