"""Sessions of requests that end when they should: whole answers in one time limit, and no redirect even looked at."""

import io
import socket
import time
from collections.abc import Mapping
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final, final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse as Answered

READS: Final = 2
"""Read limits that a whole answer may take; connect_s + 2 x read_s is what the settings keep free of every lease."""


def open_session() -> requests.Session:
    """Make a session for one thread."""
    session = _Session()
    session.trust_env = False  # a machine's proxy variables must not decide where personal data goes
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


@final
class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 # requests' shape
        """Know of no redirect: requests would read its body to the end, and its address, before it lets us refuse."""
        return None


@final
class _Reads(io.RawIOBase):
    """A socket's bytes until a moment: a byte now and then does not prolong it."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        super().__init__()
        self._connection = connection
        self._raw = connection.makefile("rb", buffering=0)
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 # any buffer
        """Raises: TimeoutError."""
        usual, left = self._connection.gettimeout(), self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer came too slowly")
        self._connection.settimeout(left if usual is None else min(usual, left))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._connection.settimeout(usual)  # the connection may be used again

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


@final
class _TimedResponse(HTTPResponse):
    """An answer, from its first line to its last byte, before a moment."""

    def __init__(self, sock: socket.socket, *parts: Any, end: float, **named: Any) -> None:  # noqa: ANN401 # http.client's
        super().__init__(sock, *parts, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Reads(sock, end))


class _Timed(HTTPConnection):
    """A connection whose answers must be whole in time; the limits are those of the call it is just used for."""

    _began_s: float = 0.0
    _connect_s: float = 0.0

    def request(self, *parts: Any, **named: Any) -> None:  # noqa: ANN401 # urllib3's
        self._began_s, self._connect_s = time.monotonic(), _seconds(self.timeout)
        super().request(*parts, **named)

    def getresponse(self) -> "Answered":
        end = self._began_s + self._connect_s + READS * _seconds(self.timeout)
        made = partial(_TimedResponse, end=end)
        self.response_class = made  # pyright: ignore[reportAttributeAccessIssue] # http.client only calls it
        return super().getresponse()


@final
class _TimedTls(_Timed, HTTPSConnection):
    """The same over TLS."""


@final
class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed  # pyright: ignore[reportAssignmentType] # urllib3's protocol is stricter than its class


@final
class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls  # pyright: ignore[reportAssignmentType] # urllib3's protocol is stricter than its class


POOLS: Final[Mapping[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}


@final
class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *parts: Any, **named: Any) -> None:  # noqa: ANN401 # requests'
        super().init_poolmanager(*parts, **named)
        self.poolmanager.pool_classes_by_scheme = dict(POOLS)


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, (int, float)) else float("inf")
