"""The road: takes every parcel along its way in the background and tells its customer until he listens."""

import time
from datetime import UTC, datetime
from typing import Final, final

import requests
from requests.adapters import HTTPAdapter

from sandbox.kdniao_books import Books, Page
from sandbox.kdniao_journey import Leg
from sandbox.kdniao_wire import is_success, write_push
from sandbox.schedule import Schedule, Script

_THREADS: Final = 8
_TIMEOUT_S = (2.0, 10.0)
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0
_GIVE_UP_AFTER_S = 600.0
_HEADERS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@final
class Road:
    """Moves parcels on a bounded number of threads; one parcel's pushes keep their order unless it is meant not to."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and loopback
        self._session.mount("http://", HTTPAdapter(pool_maxsize=_THREADS))
        self._schedule = Schedule(_THREADS)

    def take_in(self, page: Page) -> None:
        """Begin to move a new parcel."""
        self._schedule.add(self._travel(page))

    def close(self) -> None:
        self._schedule.close()
        self._session.close()

    def _travel(self, page: Page) -> Script:
        for leg in page.legs:
            yield leg.wait_s
            yield from self._pass(page, leg)

    def _pass(self, page: Page, leg: Leg) -> Script:
        stops = self._books.pass_by(page, leg.stop, datetime.now(UTC))
        body = self._written(page, stops)
        yield from self._push(page, stops, body)
        if leg.repeated:
            yield from self._push(page, stops, body)
        if leg.older_after:
            yield from self._push(page, stops - 1, self._written(page, stops - 1))

    def _push(self, page: Page, stops: int, body: bytes) -> Script:
        give_up = time.monotonic() + _GIVE_UP_AFTER_S
        wait_s = _FIRST_WAIT_S
        while not self._is_heard(page, stops, body) and time.monotonic() < give_up:
            yield wait_s
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _is_heard(self, page: Page, stops: int, body: bytes) -> bool:
        """Post a push once; whether the customer acknowledged it, noted in the books."""
        try:
            answer = self._session.post(page.customer.webhook, data=body, headers=_HEADERS, timeout=_TIMEOUT_S)
        except requests.RequestException:
            heard = False
        else:
            heard = is_success(answer.status_code, answer.content)
        self._books.count_sent(page, stops, acknowledged=heard)
        return heard

    def _written(self, page: Page, stops: int) -> bytes:
        return write_push(page.customer, self._books.told(page, stops), datetime.now(UTC))
