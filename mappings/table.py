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
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar, cast

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from mappings import MappingError
from mappings.converters import CONVERTERS, Converter, coder, shown

Target: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^./\s\[\]]+(\.[^./\s\[\]]+)*$")]
Source: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/?[^./\s]+(\.[^./\s]+)*$")]
Read: TypeAlias = Callable[[object, object], object]  # from the item at hand and the whole payload; None when absent
Steps: TypeAlias = Sequence[tuple[Sequence[str], str, Read]]  # the parents and the leaf of a target, and its value
T = TypeVar("T")

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
        rows, steps = self._rows[sections[-1]], list[tuple[Sequence[str], str, Read]]()
        for target, row in rows.items():
            source = "" if isinstance(row, Constant) else row.source
            words = f"{target}.{source.removeprefix('/')}".lower().split(".")
            personal = hidden or any(word.startswith(PERSONAL) for word in words)
            place = Place(f"{self.name}[{sections[0]}]", target, source, personal)
            if any(other.startswith(f"{target}.") for other in rows):
                raise place.fault("this target is also filled in parts")
            *parents, leaf = target.split(".")
            steps.append((parents, leaf, self._read(place, row, sections)))
        return steps

    def _read(self, place: "Place", row: Value | Constant | Each, sections: Sequence[str]) -> Read:
        if isinstance(row, Constant):
            return lambda _item, _root: row.const
        if isinstance(row, Value):
            if row.via not in self._converters:
                raise place.fault(f"there is no converter {row.via}")
            return place.value(row, self._converters[row.via])
        if row.table not in self._rows or row.table in sections:
            raise place.fault(f"section {row.table} {'contains itself' if row.table in sections else 'does not exist'}")
        return place.each(row, self._compile((*sections, row.table), hidden=place.personal))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value goes to and comes from, as its section names it; a personal one stays out of messages."""

    table: str
    target: str
    source: str
    personal: bool

    def fault(self, cause: str) -> MappingError:
        return MappingError(self.table, self.target, self.source, cause)

    def value(self, row: Value, converter: Converter) -> Read:
        default = None if row.default is None else self._converted(converter, row.default)
        find, optional = self.find(optional=row.optional or default is not None), row.optional or default is not None
        key = self.source if "." not in self.source and not self.source.startswith("/") else ""

        def read(item: object, root: object) -> object:
            found = find(item, root)
            return default if found is None else self._converted(converter, found)

        def read_plainly(item: object, root: object) -> object:  # noqa: ARG001 # one key of the item at hand: most are
            try:
                found = cast("Mapping[str, object]", item).get(key)
            except AttributeError:
                raise self._not_an_object(key) from None
            if found is None or (type(found) is str and (not found or found.isspace())):
                if optional:
                    return default
                raise self.fault("is missing")
            try:
                return converter(found)
            except ValueError as error:
                raise self._refused(found, error) from None

        return read_plainly if key else read

    def _converted(self, converter: Converter, value: object) -> object:
        try:
            return converter(value)
        except ValueError as error:
            raise self._refused(value, error) from None

    def _refused(self, value: object, error: ValueError) -> MappingError:
        """Say what is wrong with a value; not chained to the error, for a traceback would show what this keeps out."""
        return self.fault(f"{'the value' if self.personal else shown(value)} {error}")

    def _not_an_object(self, key: str) -> MappingError:
        return self.fault(f"{key} is looked for in what is not an object")

    def each(self, row: Each, steps: Steps) -> Read:
        find = self.find(optional=row.optional)

        def read(item: object, root: object) -> list[dict[str, object]]:
            found, trees = find(item, root), list[dict[str, object]]()
            # A list is what it nearly always is, and asking for a Mapping costs more than all the rest.
            only_child = type(found) is not list and isinstance(found, Mapping)  # in XML it is no list
            if not only_child and not isinstance(found, list | tuple | None):
                raise self.fault("is not a list")
            for index, part in enumerate(cast("Sequence[object]", [found] if only_child else found or ())):
                try:
                    trees.append(_run(steps, part, root))
                except MappingError as error:
                    raise error.within(f"{self.target}[{index}]", f"{self.source}[{index}]") from None
            return trees

        return read

    def find(self, *, optional: bool) -> Read:
        from_root, keys = self.source.startswith("/"), self.source.removeprefix("/").split(".")

        def find(item: object, root: object) -> object:
            node = root if from_root else item
            for key in keys:
                try:
                    node = cast("Mapping[str, object]", node).get(key)
                except AttributeError:
                    raise self._not_an_object(key) from None
                if node is None or (isinstance(node, str) and not node.strip()):
                    if optional:
                        return None
                    raise self.fault("is missing")
            return node

        return find


def _run(steps: Steps, item: object, root: object) -> dict[str, object]:
    tree: dict[str, Any] = {}
    for parents, leaf, read in steps:
        if (value := read(item, root)) is not None:
            node = tree
            for parent in parents:
                node = node.setdefault(parent, {})
            node[leaf] = value
    return tree


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
