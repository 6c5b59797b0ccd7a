"""What the address of a list asks for: its words read, and written again for the next page."""

from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.database import row
from hub.order.recognise import QUERIES, Reading

NOBODYS: Final = -1
"""An order's id that finds nothing."""


def address(path: str, **asked: object) -> str:
    """Write an address; what is empty is left out."""
    told = urlencode({name.rstrip("_"): value for name, value in asked.items() if value not in {None, ""}})
    return f"{path}?{told}" if told else path


def segment(name: str) -> str:
    """Write a name as one part of a path."""
    return quote(name, safe="")


def moment_in(text: str, zone: ZoneInfo) -> datetime | None:
    """Read a local time as browsers send it; what cannot be read is left out of the question."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone) if text else None
    except ValueError:
        return None


def order_id_of(session: Session, number: str) -> int | None:
    """Give the order of the hub's number or a shop's own; None when none is asked for."""
    term = number.strip()
    if not term:
        return None
    found = row(session, QUERIES[Reading.EXTERNAL], term=term)
    if found is not None and found.id is not None:
        return found.id
    return int(term) if term.isascii() and term.isdigit() and len(term) <= 18 else NOBODYS  # noqa: PLR2004 # a bigint
