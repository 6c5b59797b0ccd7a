"""What Qimen warehouses say of stock: inventory.report and stockchange.report, as our reports.

A count (盘点) says of each item by how many pieces it differed from the warehouse's books and, from many warehouses,
how many there are now. The latter is taken as the count only of good pieces (ZP) that stand in one line: with several,
one a batch, nothing says whether each total is of its batch or of the item, and defects are of three kinds (CC, JS,
XS) that are one condition here. Those lines are changes. What is in transit (ZT) is not on hand and is left out: it is
told here by how many pieces it differs, and only an answer to inventory.query says how many are on their way.

A line or batch with a batch code or an expiry is of a lot; one that has only an expiry is known by that. A day that
cannot be read is its line's fault: goods that may be too old must not pass for good ones.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from connectors.reading import make_as, read_as
from hub.aftersale.model import CODE
from hub.document import Document, Moment
from hub.inventory.condition import Condition
from hub.inventory.counted import DIFFERING, CountReport, LotLine, ReportLine
from mappings.table import Table

GOOD: Final = "ZP"
IN_TRANSIT: Final = "ZT"
CONDITIONS: Final = {
    GOOD: Condition.SALEABLE,
    **dict.fromkeys(("CC", "JS", "XS"), Condition.DAMAGED),
}
NO_DAY: Final = "its batch is of no day there is"
WHOLE: Final = re.compile(r"[+-]?\d{1,18}(\.0{1,6})?", re.ASCII)


class Told(Document):
    """Pieces and the lot they are of, as the mapping table reads both."""

    quantity: str = ""
    lot: str = ""
    produced: str = ""
    expires: str = ""


class CountItem(Told):
    """An item of a count as the mapping table reads it."""

    sku: str
    type: str = GOOD
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


class ChangeItem(Told):
    """An item of a change as the mapping table reads it."""

    report: str
    location: str
    owner: str
    document: str
    counted_at: Moment | None = None
    sku: str
    type: str = GOOD
    batches: tuple[Told, ...] = ()


class ChangeMessage(Document):
    """Changes as the mapping table reads them."""

    items: tuple[ChangeItem, ...]


def read_count(table: Table, contents: Mapping[str, object], received_at: datetime, *, full: bool) -> CountReport:
    """Read a page of a count; a full one, or one of several pages, is known by its own number, which these share.

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
        "report": message.check if full or message.pages > 1 else message.report,
        "location": message.location,
        "owner": message.owner,
        "counted_at": message.counted_at or received_at,
        "by_our_clock": message.counted_at is None,
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
    pieces = whole(item.total if kind == "count" else item.quantity)
    lots = lots_of([(item, pieces)])
    return ReportLine(
        no=no,
        sku=item.sku,
        condition=condition or Condition.SALEABLE,
        kind=kind,
        pieces=pieces or 0,
        fault=fault_of(item.type, pieces) or ("" if lots is not None else NO_DAY),
        lots=lots or (),
    )


def _change_line(no: int, item: ChangeItem) -> ReportLine:
    pieces = whole(item.quantity)
    parts = [whole(batch.quantity) for batch in item.batches]
    fault = fault_of(item.type, pieces)
    if not fault and parts and (None in parts or sum(part or 0 for part in parts) != pieces):
        fault = DIFFERING
    lots = lots_of(list(zip(item.batches, parts, strict=True)) or [(item, pieces)])
    return ReportLine(
        no=no,
        sku=item.sku,
        condition=CONDITIONS.get(item.type, Condition.SALEABLE),
        kind="change",
        pieces=pieces or 0,
        fault=fault or ("" if lots is not None else NO_DAY),
        delivery=item.document if (pieces or 0) * (1 if CODE.fullmatch(item.document) else -1) > 0 else "",
        lots=lots or (),
    )


def lots_of(told: Sequence[tuple[Told, int | None]]) -> tuple[LotLine, ...] | None:
    """Give the lots that pieces are of, none where none is named; None when a day of theirs cannot be read."""
    if not any(one.lot or one.expires for one, _ in told):
        return ()
    try:
        return tuple(
            LotLine(
                lot=one.lot.strip() or one.expires.strip().partition(" ")[0],
                pieces=pieces or 0,
                produced_on=_day(one.produced),
                expires_on=_day(one.expires),
            )
            for one, pieces in told
        )
    except ValueError:
        return None


def _day(written: str) -> date | None:
    """Read a day, which some warehouses write with a time behind it.

    Raises: ValueError when it is none.
    """
    day, _, _ = written.strip().partition(" ")
    return date.fromisoformat(day) if day else None


def fault_of(kind: str, pieces: int | None) -> str:
    if kind not in CONDITIONS:
        return f"there is no inventory type {kind[:10]!a}"
    return "its quantity is no whole number of pieces" if pieces is None else ""


def whole(written: str) -> int | None:
    found = WHOLE.fullmatch(written.strip())
    return int(found[0].partition(".")[0]) if found else None
