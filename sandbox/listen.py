"""Serves a partner's application on loopback, in a way that lets a fault cut the connection."""

import argparse
import asyncio
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HOST = "127.0.0.1"
_START_WITHIN_S = 10.0
_POLL_S = 0.01
_LET_GO_S = 2


@final
class Cuttable(HttpToolsProtocol):
    """uvicorn's protocol, which also shows its transport to the application as `request.state.transport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _server(app: FastAPI, port: int) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=HOST,
            port=port,
            http=Cuttable,
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_LET_GO_S,
        )
    )


@contextmanager
def serving(app: FastAPI) -> Generator[str]:
    """Serve the application in a thread on a free port; gives its base URL."""
    server = _server(app, 0)
    thread = threading.Thread(target=server.run, name="sandbox-server")
    thread.start()
    try:
        yield f"http://{HOST}:{_port(server)}"
    finally:
        server.should_exit = True
        thread.join()


def _port(server: uvicorn.Server) -> int:
    deadline = time.monotonic() + _START_WITHIN_S
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the sandbox server did not start")
        time.sleep(_POLL_S)
    return int(server.servers[0].sockets[0].getsockname()[1])


def run(open_app: Callable[[Path], FastAPI], description: str) -> None:
    """Serve the application of the configuration file named on the command line until interrupted."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args()
    _server(open_app(arguments.config), arguments.port).run()
