"""The warehouse's books: every document it was given, what it did with it, and what it told whom how often."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, final

from sandbox.qimen_order import DeliveryOrder
from sandbox.qimen_wire import Refused

Status = Literal["created", "accepted", "picked", "part_shipped", "shipped", "rejected", "cancelled"]

# Which states a document may come from: a cancel and the picker can meet, and only one of them wins.
_FROM: Final[dict[Status, frozenset[Status]]] = {
    "created": frozenset(),
    "accepted": frozenset({"created"}),
    "rejected": frozenset({"created"}),
    "picked": frozenset({"accepted"}),
    "part_shipped": frozenset({"picked", "part_shipped"}),
    "shipped": frozenset({"picked", "part_shipped"}),
    "cancelled": frozenset({"created", "accepted"}),
}
_NOTHING_TO_CANCEL: frozenset[Status] = frozenset({"cancelled", "rejected"})


@dataclass(slots=True)
class Push:
    """One report or confirm, however often it was sent."""

    method: str
    status: str
    out_biz_code: str | None = None
    final: bool | None = None
    quantities: dict[str, int] = field(default_factory=dict[str, int])
    sent: int = 0
    acknowledged: bool = False
    answer: str = ""


@dataclass(slots=True)
class Entry:
    """One document's page in the books."""

    order: DeliveryOrder
    status: Status = "created"
    creates: int = 1
    cancels: int = 0
    steered: bool = False
    pushes: list[Push] = field(default_factory=list[Push])
    confirms: int = 0

    def told(self) -> Counter[str]:
        """Pieces of each line that confirms were told of."""
        total = Counter[str]()
        for push in self.pushes:
            total.update(push.quantities)
        return total


@final
class Books:
    """All pages, by connection and document code; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: dict[str, dict[str, Entry]] = {}
        self._refusals: Counter[tuple[str, str, str]] = Counter()

    def create(self, order: DeliveryOrder) -> tuple[Entry, bool]:
        """The document's page and whether it is new. Raises: Refused when the code is taken by other content."""
        with self._lock:
            pages = self._pages.setdefault(order.connection, {})
            entry = pages.get(order.code)
            if entry is None:
                entry = pages[order.code] = Entry(order)
                return entry, True
            if entry.order.fingerprint != order.fingerprint:
                raise Refused("duplicate-order", f"{order.code} exists with other content")
            entry.creates += 1
            return entry, False

    def cancel(self, connection: str, code: str) -> str:
        """Cancel unless picked; gives the message of the success. Raises: Refused."""
        with self._lock:
            entry = self._pages.get(connection, {}).get(code)
            if entry is None:
                raise Refused("order-not-found", f"{code} is unknown")
            entry.cancels += 1
            if entry.status in _NOTHING_TO_CANCEL:
                return f"already {entry.status}"
            if entry.status not in _FROM["cancelled"]:
                raise Refused("cancel-refused", f"{code} is {entry.status}")
            entry.status = "cancelled"
            return "cancelled"

    def advance(self, entry: Entry, status: Status) -> bool:
        """Move the document on; False when it is no longer where it could come from."""
        with self._lock:
            if entry.status not in _FROM[status]:
                return False
            entry.status = status
            return True

    def next_out_biz_code(self, entry: Entry) -> str:
        with self._lock:
            entry.confirms += 1
            return f"{entry.order.wms_id}-{entry.confirms}"

    def steer(self, entry: Entry, push: Push, status: Status | None) -> None:
        """Note a push that a test chose; with a status, the document is no longer worked by its fate."""
        with self._lock:
            entry.pushes.append(push)
            if status is not None:
                entry.steered = True
                entry.status = status

    def note(self, entry: Entry, push: Push) -> None:
        with self._lock:
            entry.pushes.append(push)

    def count_sent(self, push: Push, *, acknowledged: bool, answer: str) -> None:
        with self._lock:
            push.sent += 1
            push.acknowledged = push.acknowledged or acknowledged
            push.answer = answer

    def count_refusal(self, connection: str, method: str, code: str) -> None:
        with self._lock:
            self._refusals[connection, method, code] += 1

    def find(self, code: str, connection: str | None = None) -> Entry | None:
        """The document's page, at the connection or else at the first that has the code."""
        with self._lock:
            places = self._pages.values() if connection is None else [self._pages.get(connection, {})]
            return next((pages[code] for pages in places if code in pages), None)

    def shown(self) -> dict[str, object]:
        """Everything, as JSON can carry it."""
        with self._lock:
            return {
                "documents": {
                    connection: {code: _shown(entry) for code, entry in pages.items()}
                    for connection, pages in self._pages.items()
                },
                "refusals": [
                    {"connection": connection, "method": method, "code": code, "count": count}
                    for (connection, method, code), count in sorted(self._refusals.items())
                ],
            }


def _shown(entry: Entry) -> dict[str, object]:
    order = entry.order
    return {
        "code": order.code,
        "site": order.connection,
        "warehouse": order.warehouse,
        "delivery_order_id": order.wms_id,
        "logistics_code": order.logistics_code,
        "attempt": order.attempt,
        "lines": [asdict(line) for line in order.lines],
        "status": entry.status,
        "creates": entry.creates,
        "documents": 1,
        "cancels": entry.cancels,
        "pushes": [asdict(push) for push in entry.pushes],
    }
