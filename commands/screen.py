"""What commands print: progress for people on standard error, results on standard output, in the person's language."""

import json
import sys
from collections.abc import Mapping
from typing import Final, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.language import Words, language

WIDE: Final = 200
"""Columns of what goes into a file or another program: nothing there needs to be cut to fit."""

ERROR: Final = Console(stderr=True, highlight=False)
OUT: Final = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def words(zh: str, en: str) -> str:
    """Choose this person's language."""
    return Words(zh, en).say(language())


def say(zh: str, en: str) -> None:
    """Tell a person something, on standard error."""
    ERROR.print(words(zh, en), soft_wrap=True)


def give(result: object, *, as_json: bool) -> None:
    """Print a result on standard output: one JSON line for machines, plain text for people.

    Figures are a table for people, and the JSON line after it all the same: whoever keeps them reads the last line.
    """
    figures = cast("Mapping[str, object]", result) if isinstance(result, Mapping) else None
    if figures is not None and not as_json:
        table = Table(box=None, show_header=False)
        for name, value in figures.items():
            add_row(table, name, str(value))
        OUT.print(table)
    if figures is not None or as_json:
        print(json.dumps(result, ensure_ascii=False, default=str))  # noqa: T201 # what the command is for
    else:
        OUT.print(result, soft_wrap=True, markup=False)


def add_row(table: Table, *cells: str) -> None:
    """Add a row word for word: what partners and people have written may hold brackets, and is no markup."""
    table.add_row(*(Text(cell) for cell in cells))
