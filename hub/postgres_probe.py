"""The embedded PostgreSQL's address: a port that is free, and the first answer from it."""

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from hub.errors import NeedsOperator

HOST: Final = "127.0.0.1"
USER: Final = "oms"
READY_LIMIT_S: Final = 120
PORTS: Final = range(20_000, 32_000)
"""Below the ports that systems hand out by themselves (from 32768), so that ours stays free between two starts."""


def url(password: str, port: int, database: str = USER) -> str:
    return f"postgresql://{USER}:{password}@{HOST}:{port}/{database}"


def connect(address: str) -> psycopg.Connection:
    return psycopg.connect(address, connect_timeout=3, autocommit=True)


def wait_for(address: str, alive: Callable[[], bool]) -> psycopg.Connection:
    """Connect as soon as the server answers.

    Raises: OperationalError when it is gone, stays silent or refuses our password.
    """
    in_time = stop_after_delay(READY_LIMIT_S)

    def stop(state: RetryCallState) -> bool:
        return in_time(state) or not alive()

    attempts = Retrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential(multiplier=0.02, max=0.25),
        stop=stop,
        reraise=True,
    )
    return attempts(connect, address)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and "password authentication failed" not in str(error)


def choose_port(remembered: Path, wish: int | None) -> int:
    """Choose the wished port, or the one of last time while it is free, or any.

    Raises: NeedsOperator when the wished one is taken.
    """
    if wish is not None:
        if not is_free(wish):
            told, zh = f"port {wish} is taken: free it or choose another", f"端口 {wish} 已被占用，请释放或换用其他端口"
            raise NeedsOperator(told, code="port_taken", zh=zh)
        return wish
    if remembered.exists() and (text := remembered.read_text(encoding="ascii")).isdecimal() and is_free(int(text)):
        return int(text)
    return next(port for port in iter(lambda: secrets.choice(PORTS), None) if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as asked:
        # As PostgreSQL does: connections of an earlier server that still fade out do not count.
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((HOST, port))
        except OSError:
            return False
    return True
