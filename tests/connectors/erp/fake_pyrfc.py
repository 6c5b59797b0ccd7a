"""pyrfc's documented client surface over a small SAP in memory, where nothing stays that is not committed.

As the library does, it cuts CHAR values that are too long without a word, wants digit strings for NUMC and exact dates,
reports every failure by class, code and key, and names the user in texts that nobody should show.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import Any, Final, cast

from tests.connectors.exemplars import CANARY, SECRET

WIDTHS: Final = {"PURCH_NO_C": 35, "MATERIAL": 18, "PLANT": 4, "PARTN_NUMB": 10, "REF_DOC": 10}
CONDITION: Final = re.compile(r"(?:AND )?([A-Z]+) = '((?:[^']|'')*)'")
Rows = Sequence[Mapping[str, str]]


class RFCError(Exception): ...


class RFCLibError(RFCError):
    def __init__(
        self, message: str = "", code: int = 0, key: str = "", msg_class: str = "", msg_number: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.key = message, code, key
        self.msg_class, self.msg_number = msg_class, msg_number


class ABAPApplicationError(RFCLibError): ...


class ABAPRuntimeError(RFCLibError): ...


class LogonError(RFCLibError): ...


class CommunicationError(RFCLibError): ...


class ExternalRuntimeError(RFCLibError): ...


class ExternalAuthorizationError(RFCLibError): ...


class SdkNotFoundError(Exception):
    """What pyrfcx raises, and derives from none of pyrfc's errors."""


@dataclass
class Order:
    number: str
    sold_to: str
    code: str
    items: dict[str, Decimal]
    amounts: dict[str, Decimal]


@dataclass
class DeliveryRow:
    number: str
    sale: str
    item: str
    quantity: Decimal


@dataclass
class Books:
    orders: list[Order] = field(default_factory=list[Order])
    deliveries: list[DeliveryRow] = field(default_factory=list[DeliveryRow])


@dataclass
class FakeSap:
    """One client of a SAP system, with its troubles."""

    url: str = ""
    books: Books = field(default_factory=Books)
    returns: Rows = ()
    down: RFCLibError | None = None
    lost: bool = False
    raises: deque[Exception] = field(default_factory=deque[Exception])
    opened: list["Unresettable"] = field(default_factory=list["Unresettable"])
    split: bool = False
    numberless: bool = False
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])

    def refuse(self) -> None:
        self.returns = [{"TYPE": "E", "ID": "V1", "NUMBER": "849", "MESSAGE": f"credit limit of {CANARY}", "FIELD": ""}]

    def be_busy(self) -> None:
        self.down = CommunicationError(f"{CANARY}: no answer", 1, "RFC_COMMUNICATION_FAILURE")
        for connection in self.opened:
            connection.close()

    def lock(self) -> None:
        self.returns = [{"TYPE": "E", "ID": "V1", "NUMBER": "042", "MESSAGE": f"held by {CANARY}"}]

    def lose_answers(self) -> None:
        self.lost = True

    def recover(self) -> None:
        self.returns, self.down, self.lost = (), None, False

    def orders(self, code: str) -> int:
        return sum(order.code == code for order in self.books.orders)

    def amount(self, code: str) -> Decimal:
        return sum((sum(one.amounts.values(), Decimal(0)) for one in self.books.orders if one.code == code), Decimal(0))

    def _rows(self, code: str) -> list[DeliveryRow]:
        sales = {order.number for order in self.books.orders if order.code == code}
        return [row for row in self.books.deliveries if row.sale in sales]

    def deliveries(self, code: str) -> int:
        return len({row.number for row in self._rows(code)})

    def pieces(self, code: str) -> Decimal:
        return sum((row.quantity for row in self._rows(code)), Decimal(0))

    def library(self, *, resettable: bool = True) -> ModuleType:
        """Give the module pyrfc as it is with this system at the other end."""
        module: Any = ModuleType("pyrfc")
        for kind in (RFCError, RFCLibError, ABAPApplicationError, ABAPRuntimeError, LogonError, CommunicationError):
            setattr(module, kind.__name__, kind)
        module.ExternalRuntimeError, module.ExternalAuthorizationError = (
            ExternalRuntimeError,
            ExternalAuthorizationError,
        )

        def connect(config: dict[str, Any] | None = None, **params: str) -> Unresettable:
            del config
            kind = Connection if resettable else Unresettable
            return kind(self, params)

        module.Connection = connect
        return module


class Unresettable:
    """A session of pyrfcx 0.2, which cannot be reset."""

    def __init__(self, sap: FakeSap, params: Mapping[str, str]) -> None:
        if sap.raises:
            raise sap.raises.popleft()
        if sap.down is not None:
            raise sap.down
        if params["passwd"] != SECRET.decode():
            raise LogonError(f"user {CANARY} is not known", 2, "RFC_LOGON_FAILURE")
        self.sap, self.open, self.broken = sap, True, False
        self.pending = Books()
        sap.opened.append(self)

    def close(self) -> None:
        self.open = False

    def ping(self) -> None:
        if self.broken or not self.open:
            raise CommunicationError("gone", 1, "RFC_COMMUNICATION_FAILURE")

    def call(self, func_name: str, options: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:  # noqa: ANN401 # as pyrfc
        if not self.open:
            raise RFCError("the connection is closed")
        assert options is not None
        assert options["timeout"] > 0
        self.sap.calls.append((func_name, params))
        if self.sap.raises:
            raise self.sap.raises.popleft()
        if self.broken:
            raise CommunicationError(f"{CANARY}", 1, "RFC_COMMUNICATION_FAILURE")
        function = FUNCTIONS.get(func_name)
        if function is None:
            raise ABAPApplicationError(f"{func_name} is not there", 5, "FU_NOT_FOUND")
        answer = function(self, {name: _stored(name, value) for name, value in params.items()})
        if self.sap.lost and func_name == "BAPI_TRANSACTION_COMMIT":
            raise CommunicationError(f"{CANARY}: cancelled", 7, "RFC_CANCELED")
        return answer


class Connection(Unresettable):
    """A session of pyrfc's own."""

    def reset_server_context(self) -> None:
        self.ping()
        self.pending = Books()


def _stored(name: str, value: Any) -> Any:  # noqa: ANN401 # what RFC carries
    """Give a value as ABAP would have it after RFC has carried it."""
    if name.endswith("INX"):  # marks, one character each
        return value
    if isinstance(value, dict):
        return {key: _stored(key, one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_stored(name, row) for row in cast("list[Any]", value)]
    assert isinstance(value, str)
    if name in {"ITM_NUMBER", "REF_ITEM", "SCHED_LINE"} and not value.isdigit():
        raise TypeError(f"{name} is no digit string")
    if name in {"REQ_DATE", "REQ_DATE_H", "PURCH_DATE", "DUE_DATE"} and not re.fullmatch("[0-9]{8}", value):
        raise TypeError(f"{name} is no date")
    return value[: WIDTHS.get(name, len(value))]


def _sell(session: Unresettable, given: Mapping[str, Any]) -> dict[str, Any]:
    header, sap = given["ORDER_HEADER_IN"], session.sap
    marked = {key for key, mark in given["ORDER_HEADER_INX"].items() if mark == "X"}
    assert marked == header.keys()
    if sap.returns:
        return {"SALESDOCUMENT": "", "RETURN": list(sap.returns)}
    number = "" if sap.numberless else f"{len(sap.books.orders) + len(session.pending.orders) + 4711:010d}"
    sold_to = next(one["PARTN_NUMB"] for one in given["ORDER_PARTNERS"] if one["PARTN_ROLE"] == "AG")
    items = {row["ITM_NUMBER"]: Decimal(row["REQ_QTY"]) for row in given["ORDER_SCHEDULES_IN"]}
    amounts = {
        row["ITM_NUMBER"]: Decimal(row["COND_VALUE"]) * items[row["ITM_NUMBER"]] / Decimal(row["COND_P_UNT"])
        for row in given["ORDER_CONDITIONS_IN"]
        if row["ITM_NUMBER"] in items
    }
    session.pending.orders.append(Order(number, sold_to, header["PURCH_NO_C"], items, amounts))
    return {"SALESDOCUMENT": number, "RETURN": [{"TYPE": "S", "ID": "V1", "NUMBER": "311"}]}


def _deliver(session: Unresettable, given: Mapping[str, Any]) -> dict[str, Any]:
    sap = session.sap
    if sap.returns:
        return {"DELIVERY": "", "RETURN": list(sap.returns)}
    taken = {row.number for row in sap.books.deliveries}
    numbers = [f"{80_000_001 + len(taken) + index:010d}" for index in range(2)]
    rows = [
        DeliveryRow(numbers[index % 2 if sap.split else 0], one["REF_DOC"], one["REF_ITEM"], Decimal(one["DLV_QTY"]))
        for index, one in enumerate(given["SALES_ORDER_ITEMS"])
    ]
    session.pending.deliveries.extend(rows)
    created = [
        {"DELIV_NUMB": row.number, "REF_DOC": row.sale, "REF_ITEM": row.item, "DLV_QTY": row.quantity} for row in rows
    ]
    return {"DELIVERY": rows[0].number, "CREATED_ITEMS": created, "RETURN": []}


def _commit(session: Unresettable, given: Mapping[str, Any]) -> dict[str, Any]:
    assert given["WAIT"] == "X"
    session.sap.books.orders.extend(session.pending.orders)
    session.sap.books.deliveries.extend(session.pending.deliveries)
    session.pending = Books()
    return {"RETURN": {"TYPE": "", "ID": "", "NUMBER": "000"}}


def _roll_back(session: Unresettable, given: Mapping[str, Any]) -> dict[str, Any]:
    assert not given
    session.pending = Books()
    return {"RETURN": {"TYPE": "", "ID": "", "NUMBER": "000"}}


def _read_table(session: Unresettable, given: Mapping[str, Any]) -> dict[str, Any]:
    books = session.sap.books
    tables: dict[str, list[dict[str, str]]] = {
        "VBAK": [{"VBELN": one.number, "KUNNR": one.sold_to, "BSTNK": one.code[:20]} for one in books.orders],
        "VBKD": [{"VBELN": one.number, "POSNR": "000000", "BSTKD": one.code} for one in books.orders],
        "LIPS": [
            {"VBELN": one.number, "VGBEL": one.sale, "VGPOS": one.item, "LFIMG": f"{one.quantity:>17.3f}"}
            for one in books.deliveries
        ],
    }
    lines = [row["TEXT"] for row in given["OPTIONS"]]
    assert all(len(line) <= 72 for line in lines)
    wanted = {found[1]: found[2].replace("''", "'") for line in lines if (found := CONDITION.fullmatch(line))}
    assert len(wanted) == len(lines)
    rows = [row for row in tables[given["QUERY_TABLE"]] if all(row[key] == value for key, value in wanted.items())]
    names = [row["FIELDNAME"] for row in given["FIELDS"]]
    return {"DATA": [{"WA": given["DELIMITER"].join(row[name] for name in names)} for row in rows]}


FUNCTIONS: Final[Mapping[str, Callable[[Unresettable, Mapping[str, Any]], dict[str, Any]]]] = {
    "BAPI_SALESORDER_CREATEFROMDAT2": _sell,
    "BAPI_OUTB_DELIVERY_CREATE_SLS": _deliver,
    "BAPI_TRANSACTION_COMMIT": _commit,
    "BAPI_TRANSACTION_ROLLBACK": _roll_back,
    "RFC_READ_TABLE": _read_table,
    "RFC_PING": lambda _session, _given: {},
}
