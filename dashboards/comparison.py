"""A channel's order beside what the hub has made of it: which of its fields went where, and which were not taken."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from xml.etree.ElementTree import Element, ParseError
from zoneinfo import ZoneInfo

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hub.order.trace.head import Head
from mappings import MappingError
from mappings.table import Constant, Each, Table, Value

SECTION: Final = "order"
SEALED: Final = ("buyer", "receiver.name", "receiver.phone", "receiver.street", "receiver.token", "remark", "invoice")
SEALED_TOO: Final = ("seller_note",)
DEEPEST: Final = 5
"""How far down the order itself may lie in what a channel wraps around it."""

MOST: Final = 500
"""Rows that are shown; an order of hundreds of lines says the same of each."""


class Fate(StrEnum):
    """What became of a value: taken as it is, turned into ours, filled in, sealed, or not there."""

    SAME = "same"
    TURNED = "turned"
    FILLED = "filled"
    SEALED = "sealed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Pair:
    """One field of ours, and theirs that fills it by a converter; values as text."""

    target: str
    source: str
    via: str
    theirs: str
    ours: str
    fate: Fate


@dataclass(slots=True)
class Comparison:
    """The pairs in the order of the mapping table, and the fields of theirs that nothing takes."""

    table: str
    pairs: list[Pair] = field(default_factory=list[Pair])
    unused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def compare(kind: str, shown: str, head: Head, zone: ZoneInfo) -> Comparison | None:
    """Compare a masked message with its order, times in a zone; None without a table, or for what cannot be read."""
    name = kind.replace(".", "/")
    payload = read_tree(shown)
    try:
        table = Table.named(name)
    except (FileNotFoundError, MappingError):
        return None
    if payload is None or not table.rows(SECTION):
        return None
    sources = [row.source for row in table.rows(SECTION).values() if not isinstance(row, Constant)]
    found = Comparison(name)
    root, prefix = _order_within(payload, [one for one in sources if not one.startswith("/")])
    taken = set[str]()
    for pair in _pairs(table, SECTION, (root, prefix), payload, _canonical(head, zone), "", taken):
        found.pairs.append(pair)
        if len(found.pairs) >= MOST:
            break
    found.unused = [(path, text) for path, text in leaves(payload) if not _is_taken(path, taken)][:MOST]
    return found


def read_tree(text: str) -> Any | None:  # noqa: ANN401 # whatever JSON or XML holds
    """Read JSON, or XML as nested objects; None for anything else."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return _tree_of(fromstring(text, forbid_dtd=True))
    except (ParseError, DefusedXmlException, ValueError):
        return None


def leaves(tree: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Walk every value with the path to it; the items of a list share theirs."""
    if isinstance(tree, Mapping):
        for key, value in cast("Mapping[str, object]", tree).items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        seen = set[str]()
        for item in cast("list[object]", tree):
            for inner, text in leaves(item, f"{path}[]"):
                if inner not in seen:
                    seen.add(inner)
                    yield inner, text
    elif tree is not None and tree != "":
        yield path, _text(tree)


def _pairs(
    table: Table,
    section: str,
    place: tuple[object, str],
    payload: object,
    ours: object,
    within: str,
    taken: set[str],
) -> Iterator[Pair]:
    """Walk a section's rows; the items of a list are compared one by one."""
    root, prefix = place
    for target, row in table.rows(section).items():
        kept = _at(ours, target)
        if isinstance(row, Constant):
            yield Pair(f"{within}{target}", "", "", "", _text(kept), Fate.FILLED)
            continue
        from_top = row.source.startswith("/")
        source = row.source.removeprefix("/")
        path = source if from_top or not prefix else f"{prefix}.{source}"
        theirs = _at(payload if from_top else root, source)
        taken.add(path)
        if isinstance(row, Each):
            for index, item in enumerate(_items(theirs)):
                mine = _items(kept)[index] if index < len(_items(kept)) else None
                yield from _pairs(
                    table, row.table, (item, f"{path}[]"), payload, mine, f"{within}{target}[{index}].", taken
                )
            continue
        yield _pair(f"{within}{target}", path, row, theirs, kept)


def _pair(target: str, path: str, row: Value, theirs: object, kept: object) -> Pair:
    told, mine = _text(theirs), _text(kept)
    if target.startswith((*SEALED, *SEALED_TOO)):
        fate = Fate.SEALED if told else Fate.ABSENT
    elif not told:
        fate = Fate.FILLED if mine and row.default is not None else Fate.ABSENT
    else:
        fate = Fate.SAME if told == mine else Fate.TURNED
    return Pair(target, path, "" if row.via == "text" else row.via, told, mine, fate)


def _canonical(head: Head, zone: ZoneInfo) -> dict[str, object]:
    """Write an order as the canonical document it was read into, without what is sealed."""
    ids = {line.line_no: line.external_line_id for line in head.lines}
    return {
        **head.model_dump(
            include={
                "external_id",
                "source_revision",
                "type",
                "placed_at_raw",
                "currency",
                "freight",
                "total",
                "platform",
            }
        ),
        "placed_at": _local(head.placed_at, zone),
        "paid_at": _local(head.paid_at, zone) if head.paid_at else None,
        "receiver": {name: getattr(head, name) for name in ("province", "city", "county", "town")},
        "lines": [
            {
                "external_line_id": line.external_line_id,
                "channel_sku": line.channel_sku,
                "title": line.title,
                "quantity": line.ordered,
                "unit_price": f"{line.unit_price.normalize():f}",
                "gift": line.gift,
            }
            for line in head.lines
            if line.kind not in {"component", "gift"}
        ],
        "adjustments": [
            {
                "source": one.source,
                "code": one.code,
                "amount": one.amount,
                "funder": one.funder,
                "external_line_id": ids.get(next(iter(one.shares)), "") if len(one.shares) == 1 else "",
            }
            for one in head.adjustments
            if not one.code.startswith("gift:")  # what the hub took off itself
        ],
    }


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def _order_within(payload: object, sources: Sequence[str]) -> tuple[object, str]:
    """Find the object that holds the most of a table's fields: channels wrap their orders."""
    best, where, most = payload, "", -1
    for tree, path in _objects(payload, "", DEEPEST):
        held = sum(_at(tree, source) is not None for source in sources)
        if held > most:
            best, where, most = tree, path, held
    return best, where


def _objects(tree: object, path: str, depth: int) -> Iterator[tuple[object, str]]:
    if isinstance(tree, Mapping):
        yield cast("Mapping[str, object]", tree), path
        if depth:
            for key, value in cast("Mapping[str, object]", tree).items():
                yield from _objects(value, f"{path}.{key}" if path else key, depth - 1)


def _is_taken(path: str, taken: set[str]) -> bool:
    return path in taken or path.replace("[]", "") in {one.replace("[]", "") for one in taken}


def _at(tree: object, path: str) -> object:
    for key in path.split("."):
        if not isinstance(tree, Mapping):
            return None
        tree = cast("Mapping[str, object]", tree).get(key)
    return tree


def _items(found: object) -> Sequence[object]:
    if isinstance(found, list):
        return cast("list[object]", found)
    return [cast("object", found)] if isinstance(found, Mapping) else []


def _text(value: object) -> str:
    if value is None or isinstance(value, Mapping | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tree_of(element: Element) -> object:
    """Turn an element into nested objects; children of one name become a list."""
    if not len(element):
        return element.text or ""
    tree: dict[str, Any] = {}
    for child in element:
        value = _tree_of(child)
        if child.tag in tree:
            known = tree[child.tag]
            tree[child.tag] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            tree[child.tag] = value
    return tree
