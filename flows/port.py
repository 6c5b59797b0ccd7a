"""The worker's own address on this machine, where Prometheus reads what its processes have counted."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from hub.errors import NeedsOperator

HOST: Final = "127.0.0.1"

TOGETHER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names, for processes that are started with it, the folder in which they count together."""


@contextmanager
def exposed(port: int) -> Generator[None]:
    """Tell this process's figures at a port while the block runs; 0 is off.

    Raises: NeedsOperator when the port is taken.
    """
    if not port:
        yield
        return
    with _serving(port, REGISTRY):
        yield


@contextmanager
def exposed_together(port: int) -> Generator[None]:
    """Tell at a port the figures of the processes that are started while the block runs; 0 is off.

    Raises: NeedsOperator when the port is taken.
    """
    if not port:
        yield
        return
    registry = CollectorRegistry()
    with TemporaryDirectory(prefix="oms-figures-") as folder:
        MultiProcessCollector(registry, folder)
        os.environ[TOGETHER] = folder
        try:
            with _serving(port, registry):
                yield
        finally:
            del os.environ[TOGETHER]


@contextmanager
def _serving(port: int, registry: CollectorRegistry) -> Generator[None]:
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        raise NeedsOperator(f"port {port} is taken: choose another worker.metrics_port", code="port_taken") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
