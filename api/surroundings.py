"""What every endpoint works with: database, partners, settings, and who is calling with which bytes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar, cast
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from api.room import Room
from connectors.registry import Registry
from hub.database import Database
from hub.document import Document
from hub.errors import HubError, Malformed
from hub.inventory.crowd import Crowd
from hub.settings import Settings
from hub.unfit import malformed

Wish = TypeVar("Wish", bound=Document)


class TooLarge(HubError):
    """The body is larger than what is taken."""

    code = "body_too_large"


@dataclass(frozen=True, slots=True)
class Hub:
    """The parts of one API process."""

    database: Database
    connectors: Registry
    settings: Settings
    room: Room
    crowd: Crowd

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.business_zone)

    def now(self) -> datetime:
        return datetime.now(UTC)


async def hub_of(request: Request) -> Hub:  # a coroutine, for else a thread would be asked
    return cast("Hub", request.app.state.hub)


TheHub = Annotated[Hub, Depends(hub_of)]


async def read_body(request: Request, hub: TheHub) -> bytes:
    """Read the raw body up to its limit: signatures are over bytes, and nobody may fill the memory.

    Raises: TooLarge; Malformed when the caller hangs up halfway.
    """
    limit = hub.settings.limits.body_bytes
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise TooLarge(f"the body is larger than {limit} bytes")
    except ClientDisconnect as error:
        raise Malformed("the body ended early", code="body_cut") from error
    if announced.isascii() and announced.isdigit() and 0 < int(announced) != len(body):
        raise Malformed("the body ended early", code="body_cut")
    return bytes(body)


Body = Annotated[bytes, Depends(read_body)]


def read_wish(kind: type[Wish], body: bytes) -> Wish:
    """Read a body as a document; an empty one is {}.

    Raises: Malformed, naming the field.
    """
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise malformed(error, whole="body") from error
