"""A door of its own for each process that serves, so that callers are dealt out between them."""

import socket
import sys
from contextlib import suppress

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

LINUX = sys.platform == "linux"


class Door(socket.socket):
    """A bound socket that a process it is handed to opens for itself at the same address.

    Processes that share one socket take callers as they wake: of 64 that came together one was seen to take them all,
    and keeps them as long as they stay. Linux deals new connections out between the sockets of SO_REUSEPORT (socket(7),
    read 2026-11); elsewhere the last one opened would have them all. What that costs: callers who were dealt to a
    process that is killed before it took them are reset, unless net.ipv4.tcp_migrate_req is 1; and who runs as the same
    user may bind there, too.
    """

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        host, port = self.getsockname()[:2]
        return open_door, (host, port)


def open_door(host: str, port: int) -> Door:
    """Bind to an address that others of ours may be bound to as well."""
    door = Door(socket.AF_INET6 if ":" in host else socket.AF_INET)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    door.bind((host, port))
    return door


def serve(config: uvicorn.Config) -> None:
    """Serve in as many processes as the configuration names until told to stop; an address that is taken ends this."""
    if config.workers == 1:
        _serve_alone(uvicorn.Server(config))
        return
    taken = config.bind_socket()  # by itself: whoever else is there would go unnoticed between doors
    if not LINUX:
        Multiprocess(config, [taken]).run()
        return
    taken.close()
    with open_door(config.host, config.port) as door:
        Multiprocess(config, [door]).run()


def _serve_alone(server: uvicorn.Server) -> None:
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
