"""What SAP says when it is asked for its stock (API_MATERIAL_STOCK_SRV), as one of our reports.

SAP lists a plant's storage location, one row a material, batch and stock type, and says neither whose location that is
nor when: so an answer is kept with what was asked and when asking began. A material that is asked about and not listed
has no stock; one that nobody counts there yet is asked about if it is listed. Special stock is left out: it is a
customer's, a supplier's or an order's. Batches come without the days of their lots and are added up.

Sources: the service's metadata and the values of its stock type; checked 2026-11.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from connectors.reading import make_as, read_as, read_json
from connectors.sap_gateway import Rows
from connectors.sap_options import SapOptions
from connectors.sap_values import external
from hub.document import Document, Moment
from hub.errors import Malformed, OutcomeUnknown, Rejected
from hub.inbox import message_id_of
from hub.inventory.condition import Condition
from hub.inventory.counted import CountReport, ReportLine
from hub.ports import Fetched
from mappings import MappingError
from mappings.table import Table

STOCK: Final = "A_MatlStkInAcctMod"
SECTION: Final = "stock"

KEYS: Final = (
    *("Material", "Plant", "StorageLocation", "Batch", "Supplier", "Customer", "WBSElementInternalID", "SDDocument"),
    *("SDDocumentItem", "InventorySpecialStockType", "InventoryStockType"),
)
FIELDS: Final = (*KEYS, "MaterialBaseUnit", "MatlWrhsStkQtyInMatlBaseUnit")

ELSEWHERE: Final = "elsewhere"
"""In the table of stock types: what is on its way, and so not on hand."""

SKUS: Final = 2_000
"""How many SKUs' stock is kept as one message, for a message is booked in one transaction."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: about which SKUs, at which plant and storage location, and when asking began.

    Those that are `fresh` there are asked about if they are listed.
    """

    location: str
    owner: str
    place: tuple[str, str]
    began: datetime
    skus: Sequence[str]
    fresh: Sequence[str] = ()


class Asked(Document):
    """A SKU that was asked about, and the material that it is as SAP shows it."""

    sku: str
    material: str


class StockRow(Document):
    """A row of stock as the mapping table reads it."""

    material: str
    special: str = ""
    type: str = ""
    unit: str = ""
    quantity: Decimal


class StockAnswer(Document):
    """A kept answer as the mapping table reads it."""

    location: str
    owner: str = ""
    counted_at: Moment
    asked: tuple[Asked, ...]
    rows: tuple[StockRow, ...] = ()


def keep_answers(table: Table, question: Question, rows: Rows) -> Iterator[Fetched]:
    """Give an answer as it is kept: every row that is of a SKU asked about, as it came, some SKUs a message.

    Raises: Rejected when nothing that was asked about is listed, which is more likely a wrong place than an empty one,
    or when two SKUs are one material; OutcomeUnknown for an answer that cannot be read.
    """
    asked_about = _materials(question.skus)
    sku_of = _new_materials(question.fresh) | asked_about
    own: defaultdict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in rows:
        material = row.get("Material")
        if not isinstance(material, str):
            raise OutcomeUnknown("SAP's answer has stock of no material", code="garbled_answer")
        if (shown := external(material)) in sku_of:
            own[shown].append(row)
    if asked_about and not own.keys() & asked_about.keys():
        raise Rejected(
            f"SAP lists none of {len(asked_about)} SKUs of {question.location} at {'/'.join(question.place)}: look at "
            f"options.stock_at.{question.location}, or count by hand if all of it is gone",
            code="nothing_listed",
        )
    materials = [*asked_about, *sorted(own.keys() - asked_about.keys())]
    for start in range(0, len(materials), SKUS):
        some = materials[start : start + SKUS]
        asked = [{"sku": sku_of[material], "material": material} for material in some]
        yield _kept(table, question, asked, [row for material in some for row in own[material]])


def read_answer(table: Table, options: SapOptions, connection: str, body: bytes) -> CountReport:
    """Read a kept answer: a count of each SKU's good pieces and of those that may not be sold, if any.

    The report's name begins with the connection's, for the location may stand behind another.

    Raises: Malformed.
    """
    answer = read_as(StockAnswer, table, SECTION, read_json(body))
    own: defaultdict[str, list[StockRow]] = defaultdict(list)
    for row in answer.rows:
        if not row.special:
            own[external(row.material)].append(row)
    counts = [line for one in answer.asked for line in _counts(table, options, one.sku, own[external(one.material)])]
    values = {
        "report": f"{connection} {STOCK}:{message_id_of(body)}",
        "location": answer.location,
        "owner": answer.owner,
        "counted_at": answer.counted_at,
        "by_our_clock": True,
        "lines": [line.model_copy(update={"no": no}) for no, line in enumerate(counts, 1)],
    }
    return make_as(CountReport, STOCK, values)


def _materials(skus: Sequence[str]) -> dict[str, str]:
    """Give the SKU of each material, as SAP shows material numbers."""
    found = {external(sku): sku for sku in skus}
    if len(found) < len(skus):
        twice = next(sku for sku in skus if found[external(sku)] != sku)
        raise Rejected(f"{twice} and {found[external(twice)]} are one material in SAP", code="one_material")
    return found


def _new_materials(skus: Sequence[str]) -> dict[str, str]:
    """Give the SKU of each material that nobody counts yet; several that are one material are left alone."""
    times = Counter(map(external, skus))
    return {external(sku): sku for sku in skus if times[external(sku)] == 1}


def _kept(table: Table, question: Question, asked: Sequence[Mapping[str, str]], rows: Rows) -> Fetched:
    plant, storage_location = question.place
    contents = {
        "location": question.location,
        "owner": question.owner,
        "plant": plant,
        "storageLocation": storage_location,
        "askedAt": question.began.isoformat(),
        "asked": asked,
        "results": rows,
    }
    try:
        read_as(StockAnswer, table, SECTION, contents)
    except Malformed as error:
        raise OutcomeUnknown(f"the answer cannot be read: {error.message}", code="garbled_answer") from error
    body = json.dumps(contents, default=str).encode()
    return Fetched(kind="stock_count", message_id=message_id_of(body), body=body)


def _counts(table: Table, options: SapOptions, sku: str, rows: Sequence[StockRow]) -> Iterator[ReportLine]:
    """Count one SKU; a row that cannot be counted is the fault of all that is said of it.

    What is not listed is counted as none, and called silent: of what may not be sold, too.
    """
    found: defaultdict[str, list[StockRow]] = defaultdict(list)
    faults: list[str] = []
    for row in rows:
        condition = _condition(table, row)
        found[condition].append(row)
        if condition != ELSEWHERE and (fault := _fault(options, condition, row)):
            faults.append(fault)
    for condition in Condition:
        if found[condition] or condition is Condition.SALEABLE or not faults:
            pieces = sum((row.quantity for row in found[condition]), Decimal(0))
            yield ReportLine(
                no=1,
                sku=sku,
                condition=condition,
                kind="count",
                pieces=int(pieces),
                fault=faults[0] if faults else "",
                silent=not found[condition] and not faults,
            )


def _condition(table: Table, row: StockRow) -> str:
    """Give the condition of a row, or `elsewhere`; empty for a stock type that is not listed."""
    try:
        return table.code("stock_type", row.type)
    except MappingError:
        return ""


def _fault(options: SapOptions, condition: str, row: StockRow) -> str:
    if not condition:
        return f"there is no stock type {row.type[:10]!a}"
    if not options.is_piece(row.unit):
        return f"it is counted in {row.unit[:10]!a}, which is no piece"
    return "" if row.quantity == row.quantity.to_integral_value() else "its quantity is no whole number of pieces"
