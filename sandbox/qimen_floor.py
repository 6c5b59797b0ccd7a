"""The warehouse floor: works every document by its fate in the background and tells its owner until he listens."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, final
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter

from sandbox.qimen_books import Books, Entry, Push
from sandbox.qimen_fate import Confirm, decide
from sandbox.qimen_pushes import CONFIRM, REPORT, write_confirm, write_report
from sandbox.qimen_sites import Config, Site
from sandbox.qimen_wire import is_success, signed_query
from sandbox.schedule import Schedule, Script

_THREADS: Final = 8
_TIMEOUT_S = (2.0, 10.0)
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0
_GIVE_UP_AFTER_S = 600.0
_HOLD_POLL_S = 0.1
_ANSWER_SHOWN = 200


@final
class Floor:
    """Works documents on a bounded number of threads; one document's pushes keep their order."""

    def __init__(self, config: Config, books: Books) -> None:
        self._behaviour = config.behaviour
        self._sites = {site.connection: site for site in config.sites}
        self._books = books
        self._held = threading.Event()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and loopback
        self._session.mount("http://", HTTPAdapter(pool_maxsize=_THREADS))
        self._schedule = Schedule(_THREADS)

    def take_in(self, entry: Entry) -> None:
        """Begin to work a new document."""
        self._schedule.add(self._work(entry))

    def begin(self, script: Script) -> None:
        """Begin to work something else than a delivery."""
        self._schedule.add(script)

    def hold(self, *, on: bool) -> None:
        """Stop beginning anything new; pushes already begun are still repeated."""
        if on:
            self._held.set()
        else:
            self._held.clear()

    def close(self) -> None:
        self._schedule.close()
        self._session.close()

    def send_once(self, entry: Entry, push: Push, body: bytes) -> bool:
        """Post a push once; whether the owner acknowledged it, noted in the books."""
        acknowledged, shown = self.post(self._sites[entry.order.connection], push.method, body)
        self._books.count_sent(push, acknowledged=acknowledged, answer=shown)
        return acknowledged

    def post(self, site: Site, method: str, body: bytes) -> tuple[bool, str]:
        """Post a push of a site once: whether its owner acknowledged it, and what was answered."""
        try:
            answer = self._session.post(_address(site, method, body), data=body, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            return False, type(error).__name__
        shown = f"{answer.status_code} {answer.content[:_ANSWER_SHOWN].decode(errors='replace')}"
        return is_success(answer.status_code, answer.content), shown

    def _work(self, entry: Entry) -> Script:
        fate = decide(entry.order, self._behaviour)
        accept_s, pick_s, again_s = fate.delays_s
        yield accept_s
        yield from self.while_held()
        if fate.kind == "reject":
            if self._books.advance(entry, "rejected"):
                yield from self._report(entry, "REJECT", "缺货拒单")
            return
        if not self._books.advance(entry, "accepted"):
            return
        yield from self._report(entry, "ACCEPT", "仓库接单")
        yield pick_s
        yield from self.while_held()
        if entry.steered or not self._books.advance(entry, "picked"):
            return
        for n, confirm in enumerate(fate.confirms):
            if n:
                yield again_s
            yield from self._confirm(entry, confirm)

    def while_held(self) -> Iterator[float]:
        while self._held.is_set():
            yield _HOLD_POLL_S

    def _report(self, entry: Entry, status: str, note: str) -> Script:
        push = Push(REPORT, status)
        self._books.note(entry, push)
        yield from self._send(entry, push, write_report(entry.order, status, note, datetime.now(UTC)))

    def _confirm(self, entry: Entry, confirm: Confirm) -> Script:
        if entry.steered or not self._books.advance(entry, "shipped" if confirm.final else "part_shipped"):
            return
        out_biz_code = self._books.next_out_biz_code(entry)
        push = confirm_push(confirm, out_biz_code)
        body = write_confirm(entry.order, confirm, out_biz_code, datetime.now(UTC), before=entry.told())
        self._books.note(entry, push)
        yield from self._send(entry, push, body)

    def _send(self, entry: Entry, push: Push, body: bytes) -> Script:
        give_up = time.monotonic() + _GIVE_UP_AFTER_S
        wait_s = _FIRST_WAIT_S
        while not self.send_once(entry, push, body) and time.monotonic() < give_up:
            yield wait_s
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def confirm_push(confirm: Confirm, out_biz_code: str) -> Push:
    """The line in the books for a confirm."""
    status = "DELIVERED" if confirm.final else "PARTDELIVERED"
    return Push(CONFIRM, status, out_biz_code, confirm.final, confirm.quantities())


def _address(site: Site, method: str, body: bytes) -> str:
    query = signed_query(
        method,
        app_key=site.app_key,
        customer_id=site.customer_id,
        secret=site.secret,
        body=body,
        now=datetime.now(UTC),
    )
    return f"{site.webhook}?{urlencode(query)}"
