"""What a partner's module is made from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from hub.access import Token
from hub.errors import Misconfigured
from hub.settings import Connection, Http


def utc_now() -> datetime:
    return datetime.now(UTC)


def no_token() -> NoReturn:
    raise Misconfigured("this process holds no tokens", code="token_missing")


@dataclass(frozen=True, slots=True)
class Partner:
    """One configured connection with its secret; the clock is handed in so that signatures can be tested.

    `token` gives what the platform lets us call it with, for those that give tokens.
    """

    name: str
    connection: Connection
    secret: bytes = field(repr=False)
    http: Http = field(default_factory=Http)
    now: Callable[[], datetime] = utc_now
    token: Callable[[], Token] = no_token
