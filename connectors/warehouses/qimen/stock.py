"""What Qimen warehouses say of stock: inventory.report and stockchange.report, as our reports.

A count (盘点) says of each item by how many pieces it differed from the warehouse's books and, from many warehouses,
how many there are now. The latter is taken as the count only of good pieces (ZP) that stand in one line: with several,
one a batch, nothing says whether each total is of its batch or of the item, and defects are of three kinds (CC, JS,
XS) that are one condition here. Those lines are changes. What is in transit (ZT) is not on hand and is left out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from connectors.reading import make_as, read_as
from hub.document import Document, Moment
from hub.inventory.condition import Condition
from hub.inventory.counted import CountReport, ReportLine
from mappings.table import Table

GOOD: Final = "ZP"
IN_TRANSIT: Final = "ZT"
CONDITIONS: Final = {
    GOOD: Condition.SALEABLE,
    **dict.fromkeys(("CC", "JS", "XS"), Condition.DAMAGED),
}
WHOLE: Final = re.compile(r"[+-]?\d{1,18}(\.0{1,6})?", re.ASCII)


class CountItem(Document):
    """An item of a count as the mapping table reads it."""

    sku: str
    type: str = GOOD
    quantity: str = ""
    total: str = ""


class CountMessage(Document):
    """A page of a count as the mapping table reads it."""

    report: str
    check: str
    location: str
    owner: str
    counted_at: Moment | None = None
    page: int
    pages: int
    items: tuple[CountItem, ...] = ()


class ChangeBatch(Document):
    """Some of a change's pieces."""

    quantity: str = ""


class ChangeItem(Document):
    """An item of a change as the mapping table reads it."""

    report: str
    location: str
    owner: str
    document: str
    counted_at: Moment | None = None
    sku: str
    type: str = GOOD
    quantity: str = ""
    batches: tuple[ChangeBatch, ...] = ()


class ChangeMessage(Document):
    """Changes as the mapping table reads them."""

    items: tuple[ChangeItem, ...]


def read_count(table: Table, contents: Mapping[str, object], received_at: datetime, *, full: bool) -> CountReport:
    """Read a page of a count; a full one is known by the count's own number, which all its pages share.

    Raises: Malformed.
    """
    message = read_as(CountMessage, table, "count", contents)
    lines_of = Counter((item.sku, item.type) for item in message.items)
    lines = [
        _count_line(no, item, alone=lines_of[item.sku, item.type] == 1)
        for no, item in enumerate(message.items, 1)
        if item.type != IN_TRANSIT
    ]
    values = {
        "report": message.check if full else message.report,
        "location": message.location,
        "owner": message.owner,
        "counted_at": message.counted_at or received_at,
        "page": message.page,
        "pages": message.pages,
        "full": full,
        "lines": lines,
    }
    return make_as(CountReport, "inventory.report", values)


def read_change(table: Table, contents: Mapping[str, object], received_at: datetime) -> Sequence[CountReport]:
    """Read changes: one report for each message number, place and time in it, in the order of places.

    Raises: Malformed.
    """
    message = read_as(ChangeMessage, table, "change", contents)
    groups: defaultdict[tuple[str, str, str, datetime], list[ReportLine]] = defaultdict(list)
    for no, item in enumerate(message.items, 1):
        if item.type != IN_TRANSIT:
            key = (item.location, item.owner, item.report, item.counted_at or received_at)
            groups[key].append(_change_line(no, item))
    return [
        make_as(
            CountReport,
            "stockchange.report",
            {"report": report, "location": location, "owner": owner, "counted_at": counted_at, "lines": lines},
        )
        for (location, owner, report, counted_at), lines in sorted(groups.items(), key=lambda group: group[0])
    ]


def _count_line(no: int, item: CountItem, *, alone: bool) -> ReportLine:
    condition = CONDITIONS.get(item.type)
    kind = "count" if item.total and alone and item.type == GOOD else "change"
    pieces = _whole(item.total if kind == "count" else item.quantity)
    return ReportLine(
        no=no,
        sku=item.sku,
        condition=condition or Condition.SALEABLE,
        kind=kind,
        pieces=pieces or 0,
        fault=_fault(item.type, pieces),
    )


def _change_line(no: int, item: ChangeItem) -> ReportLine:
    pieces = _whole(item.quantity)
    parts = [_whole(batch.quantity) for batch in item.batches]
    fault = _fault(item.type, pieces)
    if not fault and parts and (None in parts or sum(part or 0 for part in parts) != pieces):
        fault = "its batches add up to something else"
    return ReportLine(
        no=no,
        sku=item.sku,
        condition=CONDITIONS.get(item.type, Condition.SALEABLE),
        kind="change",
        pieces=pieces or 0,
        fault=fault,
        delivery=item.document if (pieces or 0) < 0 else "",
    )


def _fault(kind: str, pieces: int | None) -> str:
    if kind not in CONDITIONS:
        return f"there is no inventory type {kind[:10]!a}"
    return "its quantity is no whole number of pieces" if pieces is None else ""


def _whole(written: str) -> int | None:
    found = WHOLE.fullmatch(written.strip())
    return int(found[0].partition(".")[0]) if found else None
