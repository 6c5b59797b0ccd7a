from datetime import date

import pytest

from connectors.transport.xml import read_xml, write_xml
from connectors.warehouses.qimen import TABLE
from connectors.warehouses.qimen.delivery import own_line, read_confirm, write_delivery
from hub.errors import Malformed
from hub.fulfilment.model import Batch, ConfirmLine, DeliveryLine
from mappings.table import Table
from sandbox.qimen_order import Take, read_delivery_order
from sandbox.qimen_sites import Site
from sandbox.qimen_wire import read_request
from tests.connectors.exemplars import DELIVERY, sample

MAY, MADE = date(2027, 5, 1), date(2026, 5, 1)
SITE = Site(connection="wms-sh", app_key="k", secret="s", customer_id="c1", webhook="", warehouses=("sh",))
QIMEN = Table.named(TABLE)


def sent(*lines: DeliveryLine) -> list[tuple[str, int, tuple[Take, ...]]]:
    """Give what a warehouse reads of a delivery's lines."""
    contents = write_delivery(QIMEN, DELIVERY.model_copy(update={"lines": lines}))
    taken = read_delivery_order(read_request(write_xml("request", contents)), SITE)
    return [(line.line_no, line.quantity, line.takes) for line in taken.lines]


def line(**changes: object) -> DeliveryLine:
    return DELIVERY.lines[0].model_copy(update=changes)


def told(old: str = "", new: str = "") -> ConfirmLine:
    """Read the sample confirm's line after a change of its text."""
    body = sample("qimen/deliveryorder_confirm_final.xml").replace(old.encode(), new.encode())
    return read_confirm(QIMEN, read_xml(body)[1], body).lines[0]


def test_a_line_without_lots_names_none() -> None:
    assert sent(line()) == [("1", 2, ())]


def test_lots_of_a_line_are_lines_of_their_own_with_their_days() -> None:
    first = line(part=1, lot="A", quantity=1, produced_on=MADE, expires_on=MAY)
    assert sent(first, line(part=2, quantity=1)) == [
        ("1-1", 1, (Take("A", "2026-05-01", "2027-05-01", 1),)),
        ("1-2", 1, ()),
    ]


def test_a_lot_that_is_known_by_its_expiry_has_no_code() -> None:
    assert sent(line(lot="2027-05-01", expires_on=MAY)) == [("1", 2, (Take("", "", "2027-05-01", 2),))]


@pytest.mark.parametrize(
    ("ref", "sku", "ours"), [("3-1", "apple", "3"), ("3", "apple", "3"), ("3-1", "3-1", "3-1"), ("a-1", "apple", "a-1")]
)
def test_a_part_is_read_as_its_line_and_an_items_code_as_it_is(ref: str, sku: str, ours: str) -> None:
    assert own_line(ref, sku) == ours


def test_parts_are_read_as_their_line_in_parcels_too() -> None:
    body = sample("qimen/deliveryorder_confirm_final.xml").replace(
        b"<quantity>2</quantity>", b"<quantity>2</quantity><orderLineNo>1-2</orderLineNo>"
    )
    (parcel,) = read_confirm(QIMEN, read_xml(body)[1], body).parcels
    assert parcel.lines[0].line_ref == "1"


BATCH = "<batch><batchCode/>"


@pytest.mark.parametrize(
    ("days", "batch"),
    [
        ("", Batch(batch_code="A", quantity=2)),
        ("<expireDate>2027-05-01</expireDate>", Batch(batch_code="A", quantity=2, expires_on=MAY)),
        ("<expireDate>2027-05-01 08:00:00</expireDate>", Batch(batch_code="A", quantity=2, expires_on=MAY)),
        ("<expireDate>2027-13-01</expireDate>", Batch(batch_code="A", quantity=2)),
    ],
)
def test_batches_are_read_with_their_days_and_a_day_that_is_none_stops_nobody(days: str, batch: Batch) -> None:
    assert told(BATCH, f"<batch><batchCode>A</batchCode>{days}").batches == (batch,)


def test_a_batch_that_has_only_an_expiry_is_known_by_it() -> None:
    assert told(BATCH, "<batch><expireDate>2027-05-01</expireDate>").batches[0].lot == "2027-05-01"


def test_batches_that_name_no_lot_are_of_the_lines() -> None:
    assert told("</actualQty><batchCode/>", "</actualQty><batchCode>A</batchCode>").batches[0].lot == "A"


def test_a_lot_whose_code_is_too_long_is_malformed() -> None:
    with pytest.raises(Malformed, match="batch_code"):
        told(BATCH, f"<batch><batchCode>{'A' * 101}</batchCode>")
