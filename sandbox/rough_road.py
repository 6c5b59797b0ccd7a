"""The road between a caller and a partner, on which anything may happen: a proxy that misbehaves on request.

It carries one request a connection and counts what it passed on, so that a test can say whether the partner executed.
Run it in a `with`; the partner's own address stays good for looking into its books.
"""

import re
import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal, final
from urllib.parse import urlsplit

Trouble = Literal["late", "reset", "reset_unheard", "half", "slow_head", "slow_body", "stall", "forged"]
Forge = Callable[[bytes], bytes]
"""Makes of a partner's whole answer, head and body, what the caller gets instead."""

UNHEARD: Final[frozenset[Trouble]] = frozenset({"reset_unheard"})
"""Troubles that the partner never hears of; with all others it has answered before they begin."""

HOST: Final = "127.0.0.1"
HEAD_END: Final = b"\r\n\r\n"
_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.05
_CHUNK: Final = 65_536
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_KEPT_OPEN: Final = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mishap:
    """What happens to every request that holds certain bytes; `seconds` is how late an answer is."""

    trouble: Trouble
    holding: bytes = b""
    seconds: float = 0.0
    forge: Forge = bytes


@dataclass(slots=True)
class Traffic:
    """What the road has seen: requests it passed on, and callers who gave up before their answer was whole."""

    passed_on: list[bytes] = field(default_factory=list[bytes])
    given_up: int = 0


@final
class RoughRoad:
    """A proxy on a free port of loopback, in front of one partner."""

    def __init__(self, partner: str) -> None:
        place = urlsplit(partner)
        self._partner = (place.hostname or HOST, place.port or 80)
        self._gate = _bound(0)
        self._mishap: Mishap | None = None
        self._over = threading.Event()
        self._walks: list[threading.Thread] = []
        self._watches: list[threading.Thread] = []
        self.traffic = Traffic()
        self.url = f"http://{HOST}:{self._gate.getsockname()[1]}"
        self._open()

    def misbehave(self, trouble: Trouble, holding: bytes = b"", *, seconds: float = 0.0, forge: Forge = bytes) -> None:
        """Let something happen to every request that holds these bytes, until the road heals."""
        self._mishap = Mishap(trouble, holding, seconds, forge)

    def refuse(self) -> None:
        """Take no connection at all until the road heals; nobody else gets the port meanwhile."""
        port = self._gate.getsockname()[1]
        self._shut()
        self._gate = _bound(port)

    def heal(self) -> None:
        """Let everything through again, and open a gate that was shut."""
        self._mishap = None
        if not self._gate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self._open()

    def rest(self) -> Traffic:
        """Wait until nobody is under way, and give what has been seen."""
        for walk in self._walks:
            walk.join()
        return self.traffic

    def close(self) -> None:
        """End everything that is under way, and wait for it."""
        self._over.set()
        self._shut()
        for watch in self._watches:
            watch.join()
        self.rest()

    def _open(self) -> None:
        self._gate.listen()
        watch = threading.Thread(target=self._watch, args=(self._gate,), name="rough-road-gate")
        self._watches.append(watch)
        watch.start()

    def _shut(self) -> None:
        with suppress(OSError):
            self._gate.shutdown(socket.SHUT_RDWR)  # wakes an accept that nobody answered
        self._gate.close()

    def _watch(self, gate: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = gate.accept()
                walk = threading.Thread(target=self._carry, args=(caller,), name="rough-road")
                self._walks.append(walk)
                walk.start()

    def _carry(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            caller.settimeout(_PATIENCE_S)
            request = _read_request(caller)
            if not request:
                return
            mishap = self._mishap
            if mishap is None or mishap.holding not in request:
                caller.sendall(self._fetch(request))
            elif mishap.trouble in UNHEARD:
                _reset(caller)
            else:
                self._answer(caller, self._fetch(request), mishap)

    def _fetch(self, request: bytes) -> bytes:
        """Pass a request on, and give the whole answer."""
        self.traffic.passed_on.append(request)
        with socket.create_connection(self._partner, _PATIENCE_S) as partner:
            partner.sendall(_closing(request))
            chunks: list[bytes] = []
            with suppress(ConnectionResetError):
                while chunk := partner.recv(_CHUNK):
                    chunks.append(chunk)
            return _closing(b"".join(chunks))

    def _answer(self, caller: socket.socket, answer: bytes, mishap: Mishap) -> None:
        head, _, body = answer.partition(HEAD_END)
        match mishap.trouble:
            case "late":
                self._over.wait(mishap.seconds)
                caller.sendall(answer)
            case "half":
                caller.sendall(head + HEAD_END + body[: len(body) // 2] if body else head[: len(head) // 2])
            case "slow_head":
                self._drip(caller, answer)
            case "slow_body":
                # Announced longer than it is, so that dripping outlasts the caller however short the body.
                caller.sendall(_announcing(head, len(body) + 1_000) + HEAD_END)
                self._drip(caller, body + b" " * 1_000)
            case "stall":
                self._outwait(caller)
            case "forged":
                self._forge(caller, mishap.forge(answer))
            case _:
                _reset(caller)

    def _drip(self, caller: socket.socket, answer: bytes) -> None:
        try:
            for byte in answer:
                caller.sendall(bytes([byte]))
                if self._over.wait(_PAUSE_S):
                    return
        except OSError:
            self.traffic.given_up += 1

    def _outwait(self, caller: socket.socket) -> None:
        try:
            gone = not caller.recv(1)
        except ConnectionResetError:
            gone = True
        self.traffic.given_up += gone

    def _forge(self, caller: socket.socket, answer: bytes) -> None:
        try:
            caller.sendall(answer)
        except OSError:
            self.traffic.given_up += 1


@contextmanager
def rough_road(partner: str) -> Generator[RoughRoad]:
    """Lay a road to a partner's address, without trouble until one is asked for."""
    road = RoughRoad(partner)
    try:
        yield road
    finally:
        road.close()


def _bound(port: int) -> socket.socket:
    """Bind without listening yet, which refuses whoever calls and lets nobody else have the port."""
    gate = socket.socket()
    gate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    gate.bind((HOST, port))
    return gate


def _read_request(caller: socket.socket) -> bytes:
    """Read one request as long as its Content-Length says; empty when the caller leaves before it is whole."""
    got = b""
    while HEAD_END not in got or len(got) < _whole(got):
        chunk = caller.recv(_CHUNK)
        if not chunk:
            return b""
        got += chunk
    return got


def _whole(request: bytes) -> int:
    head = request[: request.index(HEAD_END)]
    length = _LENGTH.search(head)
    return len(head) + len(HEAD_END) + (int(length[1]) if length else 0)


def _closing(message: bytes) -> bytes:
    """Say in a head that the connection ends with this message."""
    head, end, body = message.partition(HEAD_END)
    return _KEPT_OPEN.sub(b"", head) + b"\r\nConnection: close" + end + body if end else message


def _announcing(head: bytes, length: int) -> bytes:
    return _LENGTH.sub(b"", head) + b"\r\nContent-Length: %d" % length


def _reset(caller: socket.socket) -> None:
    # Lingering for zero seconds makes closing send a TCP reset instead of an orderly end.
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
