"""Every target of every mapping table is a field of the document that it fills.

What the sections of a table fill is listed here, or as FILLS in the partner's own test.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

import msgspec
import pytest
from pydantic import BaseModel

from connectors.warehouses.qimen import ReportMessage
from connectors.warehouses.qimen.delivery import ConfirmMessage
from hub.order.model import Order
from mappings.table import Table

Shape: TypeAlias = type[BaseModel] | type[msgspec.Struct]

INWARD: Mapping[tuple[str, str], Shape] = {
    ("channels/storefront", "order"): Order,
    ("warehouses/qimen", "confirm"): ConfirmMessage,
    ("warehouses/qimen", "report"): ReportMessage,
}

FOLDER = Path(__file__).parent


def filled() -> dict[tuple[str, str], Shape]:
    """Name the document of every section: what is listed above, and what the partners' own tests say of theirs."""
    found = dict(INWARD)
    for path in FOLDER.glob("*/test_*.py"):
        family, name = path.parent.name, path.stem.removeprefix("test_")
        own: Mapping[str, Shape] = getattr(import_module(f"tests.connectors.{family}.{path.stem}"), "FILLS", {})
        found |= {(f"{family}/{name}", section): document for section, document in own.items()}
    return found


FILLED = filled()


def paths(model: Shape, *, needed: bool = False) -> set[str]:
    """Name every leaf of a document, such as lines[].quantity; only those that must be given, if so wished."""
    found: set[str] = set()
    for name, annotation, required in _fields(model):
        if not needed or required:
            inner, suffix = _inner(annotation)
            found |= {f"{name}{suffix}.{path}" for path in paths(inner, needed=needed)} if inner else {name}
    return found


def _fields(model: Shape) -> list[tuple[str, Any, bool]]:
    """Give name, annotation and need of every field of a document or a struct."""
    if issubclass(model, BaseModel):
        return [(name, one.annotation, one.is_required()) for name, one in model.model_fields.items()]
    return [(one.name, one.type, one.required) for one in msgspec.structs.fields(model)]


def _inner(annotation: Any) -> tuple[Shape | None, str]:  # noqa: ANN401 # any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | msgspec.Struct):
        return annotation, ""
    if get_origin(annotation) is tuple:
        return _inner(get_args(annotation)[0])[0], "[]"
    if get_origin(annotation) in {Union, UnionType}:
        return next((pair for one in get_args(annotation) if (pair := _inner(one))[0]), (None, ""))
    return None, ""


@pytest.mark.parametrize(("table", "section"), sorted(FILLED))
def test_every_target_is_a_field(table: str, section: str) -> None:
    assert Table.named(table).targets(section) <= paths(FILLED[table, section])


@pytest.mark.parametrize(("table", "section"), sorted(FILLED))
def test_every_field_that_must_be_given_is_filled(table: str, section: str) -> None:
    assert paths(FILLED[table, section], needed=True) <= Table.named(table).targets(section)


def test_no_table_is_forgotten() -> None:
    folder = Path(__file__).parents[2] / "mappings"
    tables = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.toml")}
    assert tables == {table for table, _ in FILLED}
