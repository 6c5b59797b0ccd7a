"""What a Qimen warehouse answers when it is asked for its stock (inventory.query), as one of our reports.

Their schema tells no owner and no time in the answer, so a page is kept with both: who was asked about, and when asking
began. `quantity` is what is not frozen and `lockQuantity` what is, for documents of ours as well: both are on hand.
An item that is not answered is not counted: nothing says that there is none of it. All types are asked about, so of an
item that is answered there is none of a condition that is not, and without a line in transit (ZT) nothing on its way.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from connectors.reading import make_as, read_as
from connectors.transport.xml import write_xml
from connectors.warehouses.qimen.stock import CONDITIONS, IN_TRANSIT, NO_DAY, Told, fault_of, lots_of, whole
from hub.document import Document, Moment
from hub.errors import Malformed, OutcomeUnknown
from hub.inbox import message_id_of
from hub.inventory.condition import Condition
from hub.inventory.counted import Coming, CountReport, ReportLine
from hub.ports import Fetched
from mappings.converters import china_time_text
from mappings.table import Table

METHOD: Final = "inventory.query"
ROOT: Final = "asked"
"""The root of a kept answer; what warehouses push has another."""

UNREAD: Final = -1

PAGE: Final = 50
"""How many items one question names; their schema sets no limit, and a question must be answered in time."""


class StockItem(Told):
    """A line of the answer as the mapping table reads it."""

    location: str
    sku: str
    type: str
    locked: str = ""


class StockAnswer(Document):
    """A kept answer as the mapping table reads it."""

    location: str
    owner: str
    counted_at: Moment
    items: tuple[StockItem, ...] = ()


def write_question(location: str, owner: str, skus: Sequence[str]) -> dict[str, object]:
    """Ask about every type of these SKUs' stock."""
    criteria = [{"warehouseCode": location, "ownerCode": owner, "itemCode": sku} for sku in skus]
    return {"criteriaList": {"criteria": criteria}}


def keep_answer(
    table: Table, question: tuple[str, str, Sequence[str]], answer: Mapping[str, object], asked_at: datetime
) -> Fetched | None:
    """Give an answer as it is kept; None when it names nothing.

    Raises: OutcomeUnknown for one that cannot be read, or that is not of what was asked.
    """
    location, owner, skus = question
    items = answer.get("items")
    if not items:
        return None
    contents = {"askedAt": china_time_text(asked_at), "warehouseCode": location, "ownerCode": owner, "items": items}
    try:
        read = read_as(StockAnswer, table, "stock", contents)
    except Malformed as error:
        raise OutcomeUnknown(f"the answer cannot be read: {error.message}", code="garbled_answer") from error
    if any(item.location != location or item.sku not in skus for item in read.items):
        raise OutcomeUnknown("the answer is of other stock than was asked for", code="garbled_answer")
    body = write_xml(ROOT, contents)
    return Fetched(kind="stock_count", message_id=message_id_of(body), body=body)


def read_answer(table: Table, contents: Mapping[str, object], body: bytes) -> CountReport:
    """Read a kept answer: all lines of a SKU in one condition are one count, for they are its batches and kinds.

    A condition of it that is not listed is counted as none, and called silent; not beside a line that cannot be read.

    Raises: Malformed.
    """
    answer = read_as(StockAnswer, table, "stock", contents)
    groups: defaultdict[tuple[str, Condition], list[StockItem]] = defaultdict(list)
    coming: dict[str, int] = {}
    for item in answer.items:
        coming.setdefault(item.sku, 0)
        if item.type == IN_TRANSIT:
            coming[item.sku] = _more(coming[item.sku], _pieces(item))
        else:
            groups[item.sku, CONDITIONS.get(item.type, Condition.SALEABLE)].append(item)
    lines = [_line(no, key, items) for no, (key, items) in enumerate(groups.items(), 1)]
    unread = {one.sku for one in lines if one.fault}
    unlisted = ((sku, condition) for sku in coming for condition in Condition if sku not in unread)
    silent = (key for key in unlisted if key not in groups)
    lines += [_line(no, key, (), silent=True) for no, key in enumerate(silent, len(lines) + 1)]
    values = {
        "report": f"{METHOD}:{message_id_of(body)}",
        "location": answer.location,
        "owner": answer.owner,
        "counted_at": answer.counted_at,
        "by_our_clock": True,
        "with_locked": True,
        "lines": lines,
        "coming": [Coming(sku=sku, pieces=pieces) for sku, pieces in coming.items()],
    }
    return make_as(CountReport, METHOD, values)


def _line(no: int, key: tuple[str, Condition], items: Sequence[StockItem], *, silent: bool = False) -> ReportLine:
    sku, condition = key
    parts = [_pieces(item) for item in items]
    faults = [fault for item, part in zip(items, parts, strict=True) if (fault := fault_of(item.type, part))]
    lots = lots_of(list(zip(items, parts, strict=True)))
    return ReportLine(
        no=no,
        sku=sku,
        condition=condition,
        kind="count",
        pieces=sum(part or 0 for part in parts),
        fault=faults[0] if faults else "" if lots is not None else NO_DAY,
        silent=silent,
        lots=lots or (),
    )


def _more(known: int, pieces: int | None) -> int:
    """Add pieces in transit; what is none of them makes the sum unreadable."""
    return UNREAD if known < 0 or pieces is None or pieces < 0 else known + pieces


def _pieces(item: StockItem) -> int | None:
    free, locked = whole(item.quantity), whole(item.locked or "0")
    return None if free is None or locked is None else free + locked
