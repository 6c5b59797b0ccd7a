"""A set of SAP's entities that is longer than one answer, read without missing what was there all the time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from connectors.sap_gateway import Rows
from hub.errors import OutcomeUnknown, Rejected, TryLater

MOST_ROWS: Final = 1_000_000
"""Rows of one listing that are read; no storage location has more."""

Page = Callable[[int, int], tuple[Rows, int]]
"""Gives the rows behind the first so many, at most so many of them, and how many there are in all."""


def read_all(page: Page, keys: Sequence[str], size: int) -> Rows:
    """Read a listing that is ordered by its keys, two rows a page or more.

    Pages are counted off by rows, so what comes or goes in front of one shifts it, and a row would be missed. Each page
    therefore begins with the last row of the one before, which does not stand there when something has shifted.

    Raises: TryLater when the listing has shifted; OutcomeUnknown for pages that end early or repeat themselves;
    Rejected for a listing that is too long.
    """
    first, total = page(0, size)
    rows = list(first)
    while len(rows) < total:
        if total > MOST_ROWS:
            raise Rejected(f"SAP lists {total} rows, of which {MOST_ROWS} would be read", code="listing_too_long")
        more, total = page(len(rows) - 1, size) if rows else ((), total)
        if rows and (not more or _key(more[0], keys) != _key(rows[-1], keys)):
            raise TryLater("SAP's listing has changed while it was read", code="listing_changed")
        if len(more) <= 1 and len(rows) < total:
            raise OutcomeUnknown("SAP's pages end before all is listed", code="garbled_answer")
        rows += more[1:]
    if len({_key(row, keys) for row in rows}) < len(rows):
        raise OutcomeUnknown("SAP lists the same thing twice", code="garbled_answer")
    return rows


def _key(row: Mapping[str, object], keys: Sequence[str]) -> Sequence[str]:
    return tuple(str(row.get(key)) for key in keys)
