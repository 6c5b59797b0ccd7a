"""Open fulfilment orders: the rows, and the step that releases each to its location."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from hub.database import copy, row, run
from hub.errors import Malformed, NotFound
from hub.fulfilment.status import ENDED, Execution, Negotiation
from hub.fulfilment.table import Method
from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim
from hub.steps import NewStep, add

RELEASE: Final = "release_fulfilment"
CANCEL: Final = "cancel_fulfilment"


class NewLine(msgspec.Struct, frozen=True):
    line_no: int
    sku: str
    quantity: int


class Wait(msgspec.Struct, frozen=True):
    """Until when a fulfilment order waits for others of its recipient, whose `key` is a blind index (hub/merge)."""

    until: datetime
    key: bytes


class NewFulfilment(msgspec.Struct, frozen=True):
    """Lines that one location will ship as one attempt; `promise` is the day of arrival, if a rate card said one."""

    brand: str
    order_id: int
    no: int
    location: str
    connection: str
    owner: str
    courier: str
    attempt: int
    replaces_no: int | None
    decision_no: int
    lines: tuple[NewLine, ...]
    promise: str = ""
    wait: Wait | None = None

    @property
    def execution(self) -> Execution:
        """How it is written: scheduled while it waits."""
        return Execution.SCHEDULED if self.wait else Execution.OPEN

    def claims(self) -> list[Claim]:
        """Give what must be reserved for it."""
        code = code_of(self.order_id, self.no)
        return [
            Claim(f"fo:{code}:{line.line_no}", StockKey(self.location, line.sku, self.owner), line.quantity)
            for line in self.lines
        ]


def code_of(order_id: int, no: int) -> str:
    """The number of a fulfilment order at its location."""
    return f"{order_id}-{no}"


def parse_code(code: str) -> tuple[int, int]:
    """Read order id and number from a fulfilment order's code.

    Raises: Malformed.
    """
    order_id, _, no = code.partition("-")
    if not (order_id.isascii() and order_id.isdigit() and no.isascii() and no.isdigit()) or len(code) > 24:  # noqa: PLR2004 # sixteen digits, a dash and a small number
        raise Malformed("this is not a number of ours", code="unknown_document")
    return int(order_id), int(no)


def lane_of(code: str, connection: str) -> str:
    return f"fo:{code}:{connection}"


def open_fulfilments(session: Session, new: Sequence[NewFulfilment], at: datetime) -> None:
    """Write fulfilment orders with lines, and the release steps of those that do not wait; stock must be reserved."""
    columns = [
        "brand",
        "version",
        "created_at",
        "updated_at",
        "order_id",
        "no",
        "code",
        "location",
        "connection",
        "owner",
        "method",
        "courier",
        "attempt",
        "replaces_no",
        "decision_no",
        "execution",
        "negotiation",
        "partner_id",
        "reason",
    ]
    records = [
        (
            *(f.brand, 1, at, at, f.order_id, f.no, code_of(f.order_id, f.no), f.location, f.connection, f.owner),
            *(Method.PARCEL, f.courier, f.attempt, f.replaces_no, f.decision_no, f.execution),
            *(Negotiation.UNSUBMITTED, "", ""),
        )
        for f in new
    ]
    copy(session, "fulfilment_order", columns, records)
    lines = [(f.order_id, f.no, line.line_no, line.sku, line.quantity, 0, 0) for f in new for line in f.lines]
    copy(session, "fulfilment_line", ["order_id", "no", "line_no", "sku", "quantity", "shipped", "released"], lines)
    add(
        session,
        [release_step(f.order_id, f.no, f.connection, f.attempt) for f in new if not f.wait],
        at,
        fresh_lanes=True,
    )


def has_ended(session: Session, order_id: int, no: int) -> bool:
    """Say whether nothing of a fulfilment order can be shipped any more."""
    statement = "select execution from fulfilment_order where order_id = :order_id and no = :no"
    found = row(session, statement, order_id=order_id, no=no)
    return found is not None and Execution(found.execution) in ENDED


def check_connection(session: Session, code: str, connection: str) -> None:
    """Make sure that a document belongs to the connection that speaks of it: numbers can be guessed.

    Raises: Malformed for what is no number of ours; NotFound for another connection's document.
    """
    order_id, no = parse_code(code)
    statement = "select connection from fulfilment_order where order_id = :order_id and no = :no"
    found = row(session, statement, order_id=order_id, no=no)
    if found is None or found.connection != connection:
        raise NotFound(f"{connection} has no document {code}", code="unknown_document")


def mark_submitted(session: Session, order_id: int, no: int, partner_id: str, at: datetime) -> None:
    """Record that the location has taken the document; a report that overtook this answer stays what it said."""
    run(
        session,
        """update fulfilment_order
           set negotiation = case when negotiation = 'unsubmitted' then 'submitted' else negotiation end,
               execution = case when execution = 'open' then 'scheduled' else execution end,
               partner_id = :partner_id, version = version + 1, updated_at = :at
           where order_id = :order_id and no = :no""",
        partner_id=partner_id,
        at=at,
        order_id=order_id,
        no=no,
    )


def release_step(order_id: int, no: int, connection: str, attempt: int) -> NewStep:
    """The step that has a location ship a fulfilment order."""
    code = code_of(order_id, no)
    return NewStep(
        flow=RELEASE,
        lane=lane_of(code, connection),
        connection=connection,
        idempotency_key=f"fo:{code}:{attempt}",
        order_id=order_id,
        subject={"order_id": order_id, "no": no},
    )
