"""What the address of a list asks for: its words read, and written again for the next page."""

from datetime import datetime
from typing import Annotated, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy.orm import Session
from starlette.convertors import Convertor, register_url_convertor

from hub.order.search.page import find_numbered
from hub.roles import Actor

EARLIEST: Final = datetime(2000, 1, 1)  # noqa: DTZ001 # read as a local time
LATEST: Final = datetime(2089, 1, 1)  # noqa: DTZ001 # as above
Place = Annotated[int, Field(ge=0, lt=2**63)]
"""An id in a query: what is beyond a bigint is none."""


class IdConvertor(Convertor[int]):
    """An id in a path, `{case_id:id}`: longer digits name nothing."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("id", IdConvertor())


def address(path: str, **asked: object) -> str:
    """Write an address; what is empty is left out."""
    told = urlencode({name.rstrip("_"): value for name, value in asked.items() if value not in {None, ""}})
    return f"{path}?{told}" if told else path


def segment(name: str) -> str:
    """Write a name as one part of a path."""
    return quote(name, safe="")


def moment_in(text: str, zone: ZoneInfo) -> datetime | None:
    """Read a local time as browsers send it; what cannot be read is left out, and far ages are brought near."""
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=None) if text else None
        return min(max(found, EARLIEST), LATEST).replace(tzinfo=zone) if found else None
    except ValueError:
        return None


def orders_of(session: Session, actor: Actor, number: str) -> list[int] | None:
    """Give the orders of the hub's number or of a shop's own, as far as they are seen; None when none is asked for."""
    term = number.strip()
    if not term:
        return None
    return list(find_numbered(session, actor, term))
