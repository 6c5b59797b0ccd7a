from datetime import UTC, datetime, timedelta

import pytest

from connectors.transport.xml import read_xml
from connectors.warehouses.qimen.stock import read_change, read_count
from hub.errors import Malformed
from hub.inventory.condition import Condition
from hub.inventory.counted import CountReport, ReportLine
from mappings.table import Table
from sandbox.qimen_stock import StockItem, StockPush, write_change, write_count

AT = datetime(2026, 11, 11, 2, tzinfo=UTC)
TABLE = Table.named("warehouses/qimen")


def wanted(*items: StockItem, **changes: object) -> StockPush:
    values = {"connection": "wms-sh", "kind": "count", "warehouse": "sh", "owner": "OWNER", "out_biz_code": "B1"}
    return StockPush.model_validate({**values, "items": items, "document": "CHK1", **changes})


def count(*items: StockItem, full: bool = False, **changes: object) -> CountReport:
    return read_count(TABLE, read_xml(write_count(wanted(*items, **changes), AT))[1], AT, full=full)


def change(*items: StockItem, **changes: object) -> list[CountReport]:
    return list(read_change(TABLE, read_xml(write_change(wanted(*items, **changes), AT))[1], AT))


def line(report: CountReport) -> ReportLine:
    (only,) = report.lines
    return only


def test_a_total_is_a_count_and_a_difference_alone_is_a_change() -> None:
    report = count(StockItem(sku="apple", quantity="-1", total="7"), StockItem(sku="pear", quantity="-1"))
    assert (report.report, report.location, report.owner, report.counted_at) == ("B1", "sh", "OWNER", AT)
    assert [(one.sku, one.kind, one.pieces) for one in report.lines] == [("apple", "count", 7), ("pear", "change", -1)]
    assert (report.full, report.by_our_clock) == (False, False)


def test_an_items_batches_are_changes_since_their_totals_are_of_nobody_knows_what() -> None:
    report = count(*(StockItem(sku="apple", quantity=n, total="7", batches=(n,)) for n in ("1", "-3")))
    assert [(one.kind, one.pieces) for one in report.lines] == [("change", 1), ("change", -3)]


def test_defects_are_changes_of_damaged_pieces_and_what_is_in_transit_is_left_out() -> None:
    report = count(StockItem(sku="apple", quantity="2", total="7", type="JS"), StockItem(sku="apple", type="ZT"))
    assert (line(report).condition, line(report).kind, line(report).pieces) == (Condition.DAMAGED, "change", 2)


@pytest.mark.parametrize("full", [True, False])
def test_pages_of_a_count_share_its_number(*, full: bool) -> None:
    report = count(StockItem(sku="apple", total="7"), full=full, page=2, pages=3)
    assert (report.full, report.report, report.page, report.pages) == (full, "CHK1", 2, 3)


@pytest.mark.parametrize("quantity", ["", "x", "1.5", "9223372036854775808", "1e3", "٣"])
def test_a_wrong_quantity_is_its_lines_fault(quantity: str) -> None:
    report = count(StockItem(sku="apple", quantity=quantity), StockItem(sku="pear", quantity="2.0"))
    assert ["number" in one.fault for one in report.lines] == [True, False]
    assert report.lines[1].pieces == 2


def test_an_unknown_kind_of_stock_is_its_lines_fault() -> None:
    assert "inventory type 'XX'" in line(count(StockItem(sku="apple", quantity="1", type="XX"))).fault


@pytest.mark.parametrize(
    ("batches", "wrong"), [((), False), (("-1", "-2"), False), (("-1",), True), (("-3", "x"), True)]
)
def test_batches_must_add_up(batches: tuple[str, ...], *, wrong: bool) -> None:
    (report,) = change(StockItem(sku="apple", quantity="-3", batches=batches))
    assert bool(line(report).fault) is wrong


def test_pieces_that_left_name_their_document_and_pieces_that_came_do_not() -> None:
    (report,) = change(StockItem(sku="apple", quantity="-3"), StockItem(sku="pear", quantity="3"), document="2611-1")
    assert [one.delivery for one in report.lines] == ["2611-1", ""]


def test_changes_are_one_report_for_each_number_and_place() -> None:
    items = b"".join(
        write_change(wanted(StockItem(sku="apple", quantity="1"), out_biz_code=code, warehouse=place), AT)
        .partition(b"<items>")[2]
        .partition(b"</items>")[0]
        for code, place in (("B2", "sh"), ("B1", "sh"), ("B1", "bj"))
    )
    reports = read_change(TABLE, read_xml(b"<request><items>" + items + b"</items></request>")[1], AT)
    assert [(one.location, one.report, line(one).no) for one in reports] == [
        ("bj", "B1", 3),
        ("sh", "B1", 2),
        ("sh", "B2", 1),
    ]


def test_a_report_without_a_time_is_of_when_it_came() -> None:
    body = write_count(wanted(StockItem(sku="apple", total="7")), AT)
    start, _, rest = body.partition(b"<checkTime>")
    contents = read_xml(start + rest.partition(b"</checkTime>")[2])[1]
    report = read_count(TABLE, contents, AT + timedelta(hours=1), full=False)
    assert (report.counted_at, report.by_our_clock) == (AT + timedelta(hours=1), True)


@pytest.mark.parametrize(
    "body", [b"<request/>", b"<request><items/></request>", b"<request><items>x</items></request>"]
)
def test_what_is_no_report_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_count(TABLE, read_xml(body)[1], AT, full=False)
    with pytest.raises(Malformed):
        read_change(TABLE, read_xml(body)[1], AT)
