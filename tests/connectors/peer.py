"""A partner at the far end of a real socket, for what a stub in the same process cannot do: fall silent, break off."""

import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

Act = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


@contextmanager
def peer(act: Act) -> Generator[str]:
    """Listen on loopback and do `act` with the first connection once its request has come; gives the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, act), name="peer")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/partner"
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # wakes an accept that nobody answered
            thread.join()


def _serve(server: socket.socket, act: Act) -> None:
    with suppress(OSError):
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            connection.recv(65_536)
            act(connection)


def fall_silent(connection: socket.socket) -> None:
    """Wait until the caller has lost patience."""
    while connection.recv(65_536):
        pass


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(_connection: socket.socket) -> None:
    """Close in order, without a word."""


def break_off(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n<response>")


def trickle(connection: socket.socket) -> None:
    """Send a byte at a time, each well within the time allowed between two of them."""
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    connection.settimeout(0.1)
    for _ in range(50):
        connection.sendall(b" ")
        with suppress(TimeoutError):
            if not connection.recv(1):
                return


def flood(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 30000000\r\n\r\n")
    for _ in range(30):
        connection.sendall(b" " * 1_000_000)


def closed_port() -> str:
    """Give an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/partner"
