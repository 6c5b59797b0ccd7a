"""A partner that says yes to whatever it is sent, at once: for measuring what stands in front of it."""

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

from sandbox.listen import HOST

YES: Final = b'{"ok":true}'


async def nod(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Read the request whole and say yes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": YES})


def main() -> None:
    """Serve on a free port of loopback, which is printed, until interrupted."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(nod, http="httptools", lifespan="off", log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
