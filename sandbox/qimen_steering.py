"""Lets a test push a confirm or report of its choice, even a wrong one."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.qimen_books import Books, Entry, Push, Status
from sandbox.qimen_fate import Confirm, Parcel, Pieces, divide
from sandbox.qimen_floor import Floor, confirm_push
from sandbox.qimen_order import DeliveryOrder
from sandbox.qimen_pushes import REPORT, write_confirm, write_report

Kind = Literal["over", "batch_mismatch", "short", "whole", "report"]


class PushOrder(BaseModel):
    """What POST /push takes.

    over: one piece too many on the first line; short: one piece too few in all; batch_mismatch: the batches of the
    first line hold one piece more than its actualQty; whole: as planned; report: orderprocess.report with `status` and
    `note`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    kind: Kind
    connection: str | None = None
    out_biz_code: str | None = Field(default=None, min_length=1)
    final: bool = True
    status: str = "EXCEPTION"
    note: str = ""


def push_chosen(books: Books, floor: Floor, entry: Entry, wanted: PushOrder) -> Push:
    """Send the push once, whatever the owner answers; after a confirm the document's own fate no longer happens."""
    now = datetime.now(UTC)
    if wanted.kind == "report":
        push = Push(REPORT, wanted.status)
        books.steer(entry, push, None)
        floor.send_once(entry, push, write_report(entry.order, wanted.status, wanted.note, now))
        return push
    confirm = Confirm((_chosen(entry.order, wanted.kind),), final=wanted.final)
    out_biz_code = wanted.out_biz_code or books.next_out_biz_code(entry)
    push, before = confirm_push(confirm, out_biz_code), entry.told()
    after: Status = "shipped" if wanted.final else "part_shipped"
    books.steer(entry, push, after)
    surplus = 1 if wanted.kind == "batch_mismatch" else 0
    body = write_confirm(entry.order, confirm, out_biz_code, now, batch_surplus=surplus, before=before)
    floor.send_once(entry, push, body)
    return push


def _chosen(order: DeliveryOrder, kind: Kind) -> Parcel:
    whole = tuple(Pieces(line, line.quantity) for line in order.lines)
    if kind == "over":
        first, *rest = whole
        return (Pieces(first.line, first.quantity + 1), *rest)
    if kind == "short":
        return divide(whole, order.pieces - 1)[0]
    return whole
