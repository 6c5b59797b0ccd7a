"""What stands in a mock-sap's books, and the switches for its faults: for whoever checks the hub against them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypedDict

import requests

LOST: Final = "lost_answer"
"""The message of a rule by which sandbox.sap executes a call and loses its answer."""

LATE: Final = "late_by_s "
"""Before a number of seconds, the message of a rule by which sandbox.sap executes a call only after so long."""

LATE_S: Final = 30
"""Longer than a caller listens and than a worker may keep a step."""

ORDERS: Final = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
DELIVERIES: Final = "/sap/opu/odata/sap/API_OUTBOUND_DELIVERY_SRV"
SCENARIOS: Final[Mapping[str, Mapping[str, object]]] = {
    "auth": {"scenario": "auth"},
    "busy": {"scenario": "busy"},
    "csrf": {"scenario": "csrf", "method": "POST"},
    "error": {"scenario": "error"},
    "lock": {"scenario": "lock", "method": "POST"},
    "slow": {"scenario": "slow"},
    "timeout": {"message": f"{LATE}{LATE_S}", "method": "POST"},
    "lost": {"message": LOST, "method": "POST"},
}
"""Rules for /_mock/faults. Executed: slow (after the delay), and what only sandbox.sap knows: timeout (after LATE_S,
whoever still waits) and lost; not executed: auth, busy, csrf, error, lock."""

SERVED: Final = r"^/sap/"
PATIENCE_S: Final = 10


class Books(TypedDict):
    """By the customer's order number, which is our code: documents, amounts in the orders, and pieces delivered."""

    orders: dict[str, int]
    deliveries: dict[str, int]
    amounts: dict[str, Decimal]
    pieces: dict[str, Decimal]


def read_books(base_url: str, user: str, password: str) -> Books:
    """Read every sales order and delivery from the peer itself."""
    orders = _read(base_url, f"{ORDERS}/A_SalesOrder", user, password)
    items = _read(base_url, f"{DELIVERIES}/A_OutbDeliveryItem", user, password)
    code_of = {row["SalesOrder"]: row["PurchaseOrderByCustomer"] or "" for row in orders}
    books = Books(orders=dict(Counter(code_of.values())), deliveries={}, amounts={}, pieces={})
    for row in orders:
        code = code_of[row["SalesOrder"]]
        books["amounts"][code] = books["amounts"].get(code, Decimal(0)) + Decimal(row["TotalNetAmount"] or 0)
    documents: set[tuple[str, str]] = set()
    for row in items:
        code = code_of.get(row["ReferenceSDDocument"], "")
        documents.add((code, row["DeliveryDocument"]))
        pieces = Decimal(row["ActualDeliveredQtyInOrderQtyUnit"] or 0)
        books["pieces"][code] = books["pieces"].get(code, Decimal(0)) + pieces
    books["deliveries"] = dict(Counter(code for code, _ in documents))
    return books


def empty_books(base_url: str) -> None:
    """Take the peer back to its seed without any documents in it; rules and tokens go too."""
    _post(base_url, "reset", {"orders": 0, "purchaseOrders": 0})


def give_stock(base_url: str, rows: Sequence[Mapping[str, str]], rows_at_once: int = 0) -> None:
    """Make rows all the stock there is, named as OData names it; an answer may hold only so many of them, 0 is all.

    What is delivered from then on is taken off (sandbox/sap_stock.py).
    """
    _post(base_url, "stock", {"rows": list(rows), "rowsAtOnce": rows_at_once})


def switch(base_url: str, scenario: str | None, count: int = 0) -> None:
    """Turn a scenario on for all requests it applies to, or for the next `count` of them; None turns every one off.

    Raises: KeyError for a scenario that is not in SCENARIOS.
    """
    if scenario is None:
        for rules in ("faults", "bapi-behaviour"):
            requests.delete(f"{base_url}/_mock/{rules}", timeout=PATIENCE_S).raise_for_status()
        return
    _post(base_url, "faults", {"match": SERVED, **SCENARIOS[scenario], "count": count})


def refuse(base_url: str, function: str, message: str, count: int = 0, text: str = "refused") -> None:
    """Let a BAPI answer with an error of this message ("V1/849") and do nothing; `switch(…, None)` ends it."""
    name, _, number = message.partition("/")
    rule = {"function": function, "type": "E", "id": name, "number": number, "message": text, "count": count}
    _post(base_url, "bapi-behaviour", rule)


def _post(base_url: str, name: str, body: Mapping[str, object]) -> None:
    requests.post(f"{base_url}/_mock/{name}", json=body, timeout=PATIENCE_S).raise_for_status()


def _read(base_url: str, path: str, user: str, password: str) -> Sequence[dict[str, Any]]:
    answer = requests.get(f"{base_url}{path}", params={"$format": "json"}, auth=(user, password), timeout=PATIENCE_S)
    answer.raise_for_status()
    return answer.json()["d"]["results"]
