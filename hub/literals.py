"""Values as PostgreSQL reads them in text: array literals for statements, columns for COPY.

Whole lists are written at once, for the driver asks every single value for its type, which takes several times as long.
Source: PostgreSQL manual, "Array Input and Output Syntax" and COPY, "Text Format".
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final


def array_of(values: list[Any]) -> str | list[Any]:
    """Give the array literal of a list of one kind; lists of what is none of the plain kinds stay as they are."""
    kinds = set(map(type, values))
    gaps = type(None) in kinds  # asked of the kinds: looking for None among the values compares it with each
    kinds.discard(type(None))
    if not kinds <= _WRITERS.keys():
        plain = all(issubclass(kind, str) for kind in kinds)
        kinds = {str} if plain else kinds
    if len(kinds) > 1 or not kinds <= _WRITERS.keys():
        return values
    write = _WRITERS[kinds.pop()] if kinds else str
    given = [one for one in values if one is not None] if gaps else values
    if write is str and given and not -(2**63) <= min(given) <= max(given) < 2**63:
        return values  # the driver makes it a numeric, and nothing is found by it
    if gaps:
        return "{" + ",".join(["NULL" if one is None else write(one) for one in values]) + "}"
    if write is _quoted and '"' not in (together := "".join(values)) and "\\" not in together:
        return '{"' + '","'.join(values) + '"}' if values else "{}"
    if write is _hex:
        return "{" + ",".join([f'"\\\\x{one.hex()}"' for one in values]) + "}"
    return "{" + ",".join(map(write, values)) + "}"


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(r"\\\g<0>", text) + '"'


def _hex(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


_ESCAPED: Final = re.compile(r'["\\]')
_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = {
    int: str,
    bool: str,
    str: _quoted,
    bytes: _hex,
    datetime: lambda value: f'"{value.isoformat()}"',
}


def copied(records: Iterable[Sequence[Any]]) -> bytes:
    """Give rows as COPY's text format has them, in UTF-8.

    Raises: TypeError for a value of a kind that no column of ours has.
    """
    columns = [_column(values) for values in zip(*records, strict=True)]
    # Each row is encoded by itself: all of them as one text are more than the processor has at hand.
    return b"".join([("\t".join(cells) + "\n").encode() for cells in zip(*columns, strict=True)])


def plain(value: object) -> str | None:
    """Give a value as the text that its column reads by itself.

    Raises: TypeError for a value of a kind that no column of ours has.
    """
    write = _PLAIN.get(type(value))
    if write is not None:
        return write(value)
    if value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value)  # a word of an enumeration
    raise TypeError(f"no column of ours holds a {type(value).__name__}")


def _column(values: Sequence[Any]) -> Iterable[str]:
    first, kinds = values[0], set(map(type, values))
    # Most columns say one thing only, and most of the others end with another value than they begin with.
    if len(kinds) == 1 and values[-1] == first and values.count(first) == len(values):
        return [_cell(first)] * len(values)
    gaps = type(None) in kinds
    kinds.discard(type(None))
    if not gaps and all(issubclass(kind, str) for kind in kinds):
        together = "".join(values)  # looked through for one character at a time: a pattern takes ten times as long
        return map(_escaped, values) if any(special in together for special in _ESCAPES) else values
    if kinds == {bytes}:
        return [r"\N" if value is None else r"\\x" + value.hex() for value in values]
    if gaps or len(kinds) > 1:
        return map(_cell, values)
    return map(_CELLS.get(kinds.pop(), _cell), values)


def _cell(value: object) -> str:
    write = _CELLS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, str):
        return _escaped(value)
    raise TypeError(f"no column of ours holds a {type(value).__name__}")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]


def _array(values: list[Any]) -> str:
    written = array_of(values)
    if isinstance(written, list):
        raise TypeError("no column of ours holds a list of such values")
    return written


_SPECIAL: Final = re.compile(r"[\\\t\n\r]")
_ESCAPES: Final = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_PLAIN: Final[Mapping[type, Callable[[Any], str]]] = {
    str: lambda value: value,
    int: str,
    bool: lambda value: "t" if value else "f",
    bytes: lambda value: "\\x" + value.hex(),
    datetime: datetime.isoformat,
    date: date.isoformat,
    Decimal: str,
    list: _array,
}
_CELLS: Final[Mapping[type, Callable[[Any], str]]] = {
    **_PLAIN,
    type(None): lambda _value: r"\N",
    str: _escaped,
    bytes: lambda value: r"\\x" + value.hex(),
    list: lambda values: _escaped(_array(values)),  # a backslash of the literal is escaped once more
}
