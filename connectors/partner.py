"""What a partner's module is made from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.settings import Connection, Http


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Partner:
    """One configured connection with its secret; the clock is handed in so that signatures can be tested."""

    name: str
    connection: Connection
    secret: bytes = field(repr=False)
    http: Http = field(default_factory=Http)
    now: Callable[[], datetime] = utc_now
