"""Loops: threads that repeat a piece of work, rest when there was none, and are woken by the bell of the database."""

import threading
from collections.abc import Callable
from typing import Final

import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from hub.bell import Ear

OUTAGE_S: Final = 1.0
"""How long a loop waits when the database does not answer."""

LISTEN_S: Final = 1.0

_log = structlog.get_logger()


def _nothing() -> None:
    """Leave a loop to its rest that nobody can wake."""


class Loops:
    """Threads of one process; `poll_s` is how long one rests that found nothing and is not woken."""

    def __init__(self, url: str, poll_s: float) -> None:
        self._url = url
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._bells: list[threading.Event] = []
        self._threads: list[threading.Thread] = [threading.Thread(target=self._listen, name="ear")]
        self.broken = False
        """Whether a bug ended a loop, and with it all of them: half a worker that looks alive would be worse."""

    def add(self, name: str, work: Callable[[], int], *, bell: bool = False) -> Callable[[], None]:
        """Add a loop, and give what ends its rest; `work` gives how much it found to do.

        With `bell` its rest also ends when somebody rings that there is new work.
        """
        woken = threading.Event() if bell else self._stop
        if bell:
            self._bells.append(woken)
        self._threads.append(threading.Thread(target=self._loop, args=(work, woken), name=name))
        return woken.set if bell else _nothing

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all loops to end after what they are doing."""
        self._stop.set()
        for bell in self._bells:
            bell.set()

    def join(self) -> None:
        """Wait until all loops have ended; one that never began has."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def insist(self, work: Callable[[], object]) -> bool:
        """Do a piece of work once, before anything else, as often as the database is away; False when stopped."""
        while not self._stop.is_set():
            try:
                work()
            except OperationalError as error:
                self._rest_outage(error)
            else:
                return True
        return False

    def _loop(self, work: Callable[[], int], woken: threading.Event) -> None:
        asked_to_stop = False
        try:
            while not self._stop.is_set():
                self._round(work, woken)
            asked_to_stop = True
        finally:
            self.broken |= not asked_to_stop
            self.stop()

    def _round(self, work: Callable[[], int], woken: threading.Event) -> None:
        if woken is not self._stop:
            woken.clear()  # before looking: what is rung for after this is heard after it
        try:
            found = work()
        except OperationalError as error:
            self._rest_outage(error)
            return
        if not found:
            woken.wait(self._poll_s)

    def _rest_outage(self, error: OperationalError) -> None:
        _log.warning("worker.database_away", error=type(error.orig).__name__)
        self._stop.wait(OUTAGE_S)

    def _listen(self) -> None:
        """Wake the loops when somebody rings; while nobody can be heard, they look by themselves."""
        with Ear(self._url) as ear:
            while not self._stop.is_set():
                try:
                    rung = ear.wait(LISTEN_S)
                except psycopg.OperationalError:
                    self._stop.wait(OUTAGE_S)
                    continue
                for bell in self._bells if rung else ():
                    bell.set()
