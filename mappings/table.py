"""A table of fields turns a partner's payload into our document, or ours into a partner's; it is compiled when loaded.

A source path that begins with "/" is read from the whole payload, any other from the item at hand. None, "" and blank
text count as absent (an empty XML element). A default is read when the table is loaded, as if the partner had sent it.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar, cast

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from mappings import MappingError
from mappings.converters import CONVERTERS, LONGEST_TEXT, Converter, coder, shown, text

Target: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^./\s\[\]]+(\.[^./\s\[\]]+)*$")]
Source: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/?[^./\s]+(\.[^./\s]+)*$")]
Read: TypeAlias = Callable[[object, object], object]  # from the item at hand and the whole payload; None when absent
Step: TypeAlias = tuple[str, str, Converter | None, bool, object, Read]
"""A target's leaf, then how it is nearly always filled (the key, its converter, whether it may be absent, what it is
then), and what fills it in every other case, or says what is wrong. Without a converter it is read in this way alone.
"""
Steps: TypeAlias = Sequence[tuple[Sequence[str], Sequence[str], Sequence[Step]]]
"""Rows that follow each other from one object of the item into one of the tree: the ways to both, and the rows."""

T = TypeVar("T")

_ODD: Final = object()  # what no converter takes

# Words of our own documents: whichever side is ours names the field so, and the message then keeps the value out.
PERSONAL: Final = ("receiver", "buyer", "seller", "sender", "remark", "note", "invoice")


class Value(BaseModel, frozen=True, extra="forbid", strict=True):
    source: Source = Field(alias="from")
    via: str = "text"
    optional: bool = False
    default: str | int | bool | None = None


class Constant(BaseModel, frozen=True, extra="forbid", strict=True):
    const: str | int | bool


class Each(BaseModel, frozen=True, extra="forbid", strict=True):
    source: Source = Field(alias="each")
    table: str
    optional: bool = False


class Table:
    """The compiled sections and code tables of one partner."""

    def __init__(self, name: str, content: Mapping[str, object]) -> None:
        sections = _checked(dict[str, dict[Target, str | dict[str, object]]], content, name)
        self.name = name
        self._codes = _checked(dict[str, dict[str, str]], sections.pop("codes", {}), name, "codes")
        self._converters = {**CONVERTERS, **{f"codes.{key}": coder(key, codes) for key, codes in self._codes.items()}}
        self._rows = {key: {to: _row(row, name, key, to) for to, row in rows.items()} for key, rows in sections.items()}
        self._steps = {section: self._compile((section,), hidden=False) for section in sections}

    @classmethod
    def load(cls, path: Path | Traversable) -> Self:
        """Raises: MappingError for an unknown key, section, converter or code table, or a target filled twice."""
        name = path.name.removesuffix(".toml")
        try:
            return cls(name, tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise MappingError(name, "", "", str(error)) from error

    @staticmethod
    @cache
    def named(name: str) -> "Table":
        """Load a table of this package, once: "channels/storefront"."""
        return Table.load(resources.files("mappings").joinpath(f"{name}.toml"))

    def apply(self, section: str, payload: Mapping[str, object]) -> dict[str, object]:
        """Fill the section's targets, nested along their dots. Raises: MappingError for the first wrong value."""
        return _run(self._steps[section], payload, payload)

    write = apply  # our document to a partner's is the same act; the name tells the direction

    def targets(self, section: str) -> frozenset[str]:
        """Name every path that the section can fill, such as "lines[].quantity"."""
        rows, paths = self._rows[section], set[str]()
        for target, row in rows.items():
            paths |= {f"{target}[].{path}" for path in self.targets(row.table)} if isinstance(row, Each) else {target}
        return frozenset(paths)

    def rows(self, section: str) -> Mapping[str, "Value | Constant | Each"]:
        """Give what fills each target of a section, as the table says it; nothing for a section it does not have."""
        return self._rows.get(section, {})

    def code(self, table: str, key: str) -> str:
        """Raises: MappingError for a code that is not listed."""
        if key not in self._codes.get(table, {}):
            raise MappingError(self.name, f"codes.{table}", "", f"{shown(key)} is not listed")
        return self._codes[table][key]

    def _compile(self, sections: Sequence[str], *, hidden: bool) -> Steps:
        """Compile the last of these sections, each of which lies in the one before it."""
        rows, steps = self._rows[sections[-1]], list[tuple[Sequence[str], Sequence[str], Step]]()
        for target, row in rows.items():
            source = "" if isinstance(row, Constant) else row.source
            words = f"{target}.{source.removeprefix('/')}".lower().split(".")
            personal = hidden or any(word.startswith(PERSONAL) for word in words)
            place = Place(f"{self.name}[{sections[0]}]", target, source, personal)
            if any(other.startswith(f"{target}.") for other in rows):
                raise place.fault("this target is also filled in parts")
            *parents, leaf = target.split(".")
            *around, key = source.split(".")
            steps.append((around, parents, (leaf, key, *self._read(place, row, sections))))
        return [(*ways, [step for *_, step in run]) for ways, run in groupby(steps, key=lambda step: step[:2])]

    def _read(
        self, place: "Place", row: Value | Constant | Each, sections: Sequence[str]
    ) -> tuple[Converter | None, bool, object, Read]:
        if isinstance(row, Constant):
            return None, False, None, lambda _item, _root: row.const
        if isinstance(row, Value):
            if row.via not in self._converters:
                raise place.fault(f"there is no converter {row.via}")
            return place.value(row, self._converters[row.via])
        if row.table not in self._rows or row.table in sections:
            raise place.fault(f"section {row.table} {'contains itself' if row.table in sections else 'does not exist'}")
        return None, False, None, place.each(row, self._compile((*sections, row.table), hidden=place.personal))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value goes to and comes from, as its section names it; a personal one stays out of messages."""

    table: str
    target: str
    source: str
    personal: bool

    def fault(self, cause: str) -> MappingError:
        return MappingError(self.table, self.target, self.source, cause)

    def value(self, row: Value, converter: Converter) -> tuple[Converter | None, bool, object, Read]:
        default = None if row.default is None else self._converted(converter, row.default)
        optional = row.optional or default is not None
        find = self.find(optional=optional)

        def read(item: object, root: object) -> object:
            found = find(item, root)
            return default if found is None else self._converted(converter, found)

        return None if self.source.startswith("/") else converter, optional, default, read

    def _converted(self, converter: Converter, value: object) -> object:
        try:
            return converter(value)
        except ValueError as error:
            raise self._refused(value, error) from None

    def _refused(self, value: object, error: ValueError) -> MappingError:
        """Say what is wrong with a value; not chained to the error, for a traceback would show what this keeps out."""
        return self.fault(f"{'the value' if self.personal else shown(value)} {error}")

    def each(self, row: Each, steps: Steps) -> Read:
        find = self.find(optional=row.optional)

        def read(item: object, root: object) -> list[dict[str, object]]:
            trees: list[dict[str, object]] = []
            for part in self._parts(find(item, root)):
                try:
                    trees.append(_run(steps, part, root))
                except MappingError as error:
                    raise error.within(f"{self.target}[{len(trees)}]", f"{self.source}[{len(trees)}]") from None
            return trees

        return read

    def _parts(self, found: object) -> Sequence[object]:
        # A list is what it nearly always is, and asking for a Mapping costs more than all the rest.
        if type(found) is not list and isinstance(found, Mapping):  # in XML an only child is no list
            return [cast("Mapping[str, object]", found)]
        if found is not None and not isinstance(found, list | tuple):
            raise self.fault("is not a list")
        return cast("Sequence[object]", found or ())

    def find(self, *, optional: bool) -> Read:
        from_root, keys = self.source.startswith("/"), self.source.removeprefix("/").split(".")

        def find(item: object, root: object) -> object:
            node = root if from_root else item
            for key in keys:
                try:
                    node = cast("Mapping[str, object]", node).get(key)
                except AttributeError:
                    raise self.fault(f"{key} is looked for in what is not an object") from None
                if node is None or (isinstance(node, str) and not node.strip()):
                    if optional:
                        return None
                    raise self.fault("is missing")
            return node

        return find


def _run(steps: Steps, item: object, root: object) -> dict[str, object]:
    tree: dict[str, Any] = {}
    for around, parents, rows in steps:
        get = _getter(item, around)
        part: dict[str, Any] = {} if parents else tree
        for leaf, key, converter, optional, default, read in rows:
            found = get(key)
            if converter is text and type(found) is str:  # most are; as text() reads it
                value = found.strip()
                if value and value.isprintable() and len(value) <= LONGEST_TEXT:
                    part[leaf] = value
                    continue
            if found is None and optional:
                value = default
            elif converter is None or (type(found) is str and (not found or found.isspace())):
                value = read(item, root)
            else:
                try:
                    value = converter(found)
                except ValueError:
                    value = read(item, root)
            if value is not None:
                part[leaf] = value
        if parents and part:
            _graft(tree, parents, part)
    return tree


def _getter(item: object, around: Sequence[str]) -> Callable[[str], object]:
    """Give what looks up the keys of an object in the item; where it is none, each of them is _ODD."""
    node = item
    for key in around:
        node = cast("dict[str, object]", node).get(key) if type(node) is dict else None
    return cast("dict[str, object]", node).get if type(node) is dict else _odd


def _odd(key: str) -> object:  # noqa: ARG001 # stands in for the look-up of a dict
    return _ODD


def _graft(tree: dict[str, Any], parents: Sequence[str], part: Mapping[str, object]) -> None:
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree.update(part)


def _row(line: str | dict[str, object], name: str, section: str, target: str) -> Value | Constant | Each:
    keys = {"from": line} if isinstance(line, str) else line
    kind = Constant if "const" in keys else Each if "each" in keys else Value
    return _checked(kind, keys, f"{name}[{section}]", target)


def _checked(kind: type[T], raw: object, table: str, target: str = "") -> T:
    try:
        return TypeAdapter(kind).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise MappingError(table, target, "", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
