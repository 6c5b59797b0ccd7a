"""What every endpoint works with: database, partners, settings, and who is calling with which bytes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, cast
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from api.room import Room
from connectors.registry import Registry
from hub.database import Database
from hub.errors import HubError, Malformed
from hub.settings import Settings


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

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.business_zone)

    def now(self) -> datetime:
        return datetime.now(UTC)


def hub_of(request: Request) -> Hub:
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
