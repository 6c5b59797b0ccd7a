"""The bell: tells sleeping workers that there is new work, at most once every few milliseconds for all of a process.

A NOTIFY in each commit would make commits wait for each other, so that this process rings once for many of them, on a
connection of its own. A ring that is lost costs time and nothing else: workers look by themselves as well.
"""

import threading
from contextlib import suppress
from typing import Final, Self

import psycopg

CHANNEL: Final = "oms_work"
GATHER_S: Final = 0.004
"""How long a ring waits for others to join it."""


class Bell:
    """Rings for this process; its thread and connection are made when it is first rung."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rung = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._making = threading.Lock()

    def ring(self) -> None:
        """Say that work was committed; returns at once."""
        self._rung.set()
        if self._thread is None:
            with self._making:
                if self._thread is None and not self._closed.is_set():
                    self._thread = threading.Thread(target=self._work, name="bell", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Ring for the last time if need be, and end."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            self._rung.set()
            thread.join(timeout=5)

    def _work(self) -> None:
        connection: psycopg.Connection | None = None
        while not self._closed.is_set() or self._rung.is_set():
            self._rung.wait()
            self._closed.wait(GATHER_S)
            self._rung.clear()
            try:
                connection = connection or psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                connection.execute(f"notify {CHANNEL}".encode())
            except psycopg.Error:  # the database is away: whoever waits will look by himself
                with suppress(psycopg.Error):
                    if connection is not None:
                        connection.close()
                connection = None
                self._closed.wait(1)
        if connection is not None:
            connection.close()


class Ear:
    """Hears the bell, on a connection of its own; use it from one thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def wait(self, seconds: float) -> bool:
        """Wait for a ring at most so long, and say whether there was one; having just begun to listen counts as one.

        Raises: psycopg.OperationalError when the database is away.
        """
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                self._connection.execute(f"listen {CHANNEL}".encode())
                return True
            return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        except psycopg.OperationalError:
            self._drop()
            raise

    def _drop(self) -> None:
        with suppress(psycopg.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None
