from datetime import UTC, date, datetime

import pytest

from connectors.transport.xml import read_xml
from connectors.warehouses.qimen.stock import read_change, read_count
from hub.inventory.counted import LotLine, ReportLine
from mappings.table import Table
from sandbox.qimen_wire import node, written

AT = datetime(2026, 11, 11, 2, tzinfo=UTC)
TABLE = Table.named("warehouses/qimen")
MADE, MAY = date(2026, 5, 1), date(2027, 5, 1)
DATED = {"batchCode": "A", "productDate": "2026-05-01", "expireDate": "2027-05-01"}


def counted(*items: dict[str, str]) -> list[ReportLine]:
    """Read a count of apples, the fields of its items given."""
    head = {"totalPage": "1", "currentPage": "1", "warehouseCode": "sh", "checkOrderCode": "CHK1"}
    head |= {"ownerCode": "OWNER", "outBizCode": "B1"}
    parts = [node("item", node("itemCode", "apple"), *(node(*field) for field in item.items())) for item in items]
    body = written(node("request", *(node(*field) for field in head.items()), node("items", *parts)))
    return list(read_count(TABLE, read_xml(body)[1], AT, full=False).lines)


def changed(quantity: str, *batches: dict[str, str], **item: str) -> ReportLine:
    """Read a change of apples with its batches, the fields of each given."""
    head = {"ownerCode": "OWNER", "warehouseCode": "sh", "orderCode": "D1", "outBizCode": "B1", "itemCode": "apple"}
    fields = [node(*field) for field in {**head, "quantity": quantity, **item}.items()]
    parts = [node("batch", *(node(*field) for field in batch.items())) for batch in batches]
    body = written(node("request", node("items", node("item", *fields, node("batchs", *parts)))))
    ((line,),) = [report.lines for report in read_change(TABLE, read_xml(body)[1], AT)]
    return line


def test_a_total_of_one_batch_is_a_count_of_its_lot() -> None:
    (line,) = counted({"quantity": "1", "totalQty": "7", **DATED})
    assert (line.kind, line.pieces, line.fault) == ("count", 7, "")
    assert line.lots == (LotLine(lot="A", pieces=7, produced_on=MADE, expires_on=MAY),)


def test_an_item_of_several_batches_changes_each_by_its_difference() -> None:
    lines = counted(*({"quantity": n, "totalQty": "7", "batchCode": code} for code, n in (("A", "1"), ("B", "-3"))))
    assert [(line.kind, line.lots) for line in lines] == [
        ("change", (LotLine(lot="A", pieces=1),)),
        ("change", (LotLine(lot="B", pieces=-3),)),
    ]


def test_a_change_moves_the_lots_of_its_batches() -> None:
    line = changed("-3", {**DATED, "quantity": "-1"}, {"batchCode": "B", "quantity": "-2"})
    assert (line.pieces, line.fault) == (-3, "")
    assert [(one.lot, one.pieces, one.expires_on) for one in line.lots] == [("A", -1, MAY), ("B", -2, None)]


def test_a_change_without_batches_is_of_the_lot_it_names_itself() -> None:
    assert changed("-3", batchCode="A").lots == (LotLine(lot="A", pieces=-3),)


def test_a_lot_without_a_code_is_known_by_its_expiry() -> None:
    assert [one.lot for one in changed("2", expireDate="2027-05-01 00:00:00").lots] == ["2027-05-01"]


def test_batches_that_name_nothing_are_no_lots() -> None:
    assert changed("2", {"quantity": "2"}).lots == ()


@pytest.mark.parametrize("field", ["productDate", "expireDate"])
@pytest.mark.parametrize("day", ["0000-00-00", "2027-02-30", "soon"])
def test_a_day_that_cannot_be_read_is_its_lines_fault(field: str, day: str) -> None:
    (line,) = counted({"quantity": "1", "totalQty": "7", "batchCode": "A", field: day})
    assert "no day there is" in line.fault
    assert "no day there is" in changed("1", {"quantity": "1", "batchCode": "A", field: day}).fault
