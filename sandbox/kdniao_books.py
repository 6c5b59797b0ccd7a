"""The aggregator's books: which parcels it follows for whom, how far they are, and what it has told how often."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from sandbox.kdniao_accounts import Customer
from sandbox.kdniao_journey import Leg, Stop
from sandbox.kdniao_wire import write_time


@dataclass(slots=True)
class Page:
    """One parcel of one customer; `receipts` counts subscriptions, `effects` those that began something."""

    customer: Customer
    shipper: str
    number: str
    legs: Sequence[Leg]
    receipts: int = 1
    effects: int = 1
    queries: int = 0
    passed: list[tuple[Stop, datetime]] = field(default_factory=list[tuple[Stop, datetime]])
    sent: int = 0
    acknowledged: int = 0
    heard: int = 0
    """How many stops the longest list had that the customer acknowledged."""

    @property
    def parcel(self) -> str:
        return f"{self.shipper}/{self.number}"


@final
class Books:
    """All pages, by connection and parcel; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[tuple[str, str], Page] = {}

    def subscribe(self, page: Page) -> tuple[Page, bool]:
        """The parcel's page and whether it is new; the same parcel again is counted and begins nothing."""
        with self._lock:
            known = self._pages.setdefault((page.customer.connection, page.parcel), page)
            if known is not page:
                known.receipts += 1
            return known, known is page

    def query(self, connection: str, parcel: str) -> Mapping[str, object] | None:
        """All that is known of a parcel, as an answer tells it; None for one that nobody subscribed to."""
        with self._lock:
            page = self._pages.get((connection, parcel))
            if page is None or not page.passed:
                return None
            page.queries += 1
            return _told(page, len(page.passed))

    def pass_by(self, page: Page, stop: Stop, at: datetime) -> int:
        """Write a stop into the parcel's log; gives how long the log is now."""
        with self._lock:
            page.passed.append((stop, at))
            return len(page.passed)

    def told(self, page: Page, stops: int) -> Mapping[str, object]:
        """The parcel's whole list as it was after so many stops."""
        with self._lock:
            return _told(page, stops)

    def count_sent(self, page: Page, stops: int, *, acknowledged: bool) -> None:
        with self._lock:
            page.sent += 1
            if acknowledged:
                page.acknowledged += 1
                page.heard = max(page.heard, stops)

    def shown(self, connections: Sequence[str]) -> dict[str, dict[str, object]]:
        """Everything, as JSON can carry it."""
        with self._lock:
            found: dict[str, dict[str, object]] = {connection: {} for connection in connections}
            for (connection, parcel), page in self._pages.items():
                found[connection][parcel] = _shown(page)
            return found


def _told(page: Page, stops: int) -> Mapping[str, object]:
    last, _ = page.passed[stops - 1]
    return {
        "ShipperCode": page.shipper,
        "LogisticCode": page.number,
        "State": last.state,
        "StateEx": last.state_ex,
        "Location": last.place,
        "Traces": [
            {
                "AcceptTime": write_time(at),
                "AcceptStation": stop.station,
                "Location": stop.place,
                "Action": stop.state_ex,
                "Remark": "",
            }
            for stop, at in page.passed[:stops]
        ],
    }


def _shown(page: Page) -> dict[str, object]:
    return {
        "receipts": page.receipts,
        "effects": page.effects,
        "queries": page.queries,
        "state": page.passed[-1][0].name if page.passed else "",
        "pushed": page.passed[page.heard - 1][0].name if page.heard else "",
        "sent": page.sent,
        "acknowledged": page.acknowledged,
    }
