"""See the returns of an order, and how its aftersale stands."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from hub.aftersale.status import OPEN
from hub.database import records, rows
from hub.document import Document
from hub.errors import NotFound


class Aftersale(StrEnum):
    """How much of what an order sent has come back or was paid back; derived, never moved by hand."""

    NONE = "none"
    UNDER_WAY = "under_way"
    PART = "part"
    WHOLE = "whole"


class ReturnLineView(Document):
    line_no: int
    line_id: str
    sku: str
    title: str
    asked: int
    arrived: int
    damaged: int
    refunded: int


class ReturnView(Document):
    """One return; amounts in minor units; `refunds` are the numbers of the order's refunds that it led to.

    `exchanges` are the numbers of the orders that send other goods in exchange for its own.
    """

    no: int
    code: str
    kind: str
    state: str
    fault: str
    reason: str
    freight_back: bool
    location: str
    courier: str
    tracking_no: str
    note: str
    since: datetime
    amount: int
    refunds: tuple[int, ...]
    exchanges: tuple[str, ...] = ()
    lines: tuple[ReturnLineView, ...]


class Returns(Document):
    """An order's returns, the first first, and how its aftersale stands."""

    aftersale: Aftersale
    returns: tuple[ReturnView, ...]


LINES: Final = """
    select back.no, back.line_no, line.external_line_id as line_id, line.sku, line.title, back.asked, back.arrived,
           back.damaged, back.refunded
    from return_line back join order_line line using (order_id, line_no)
    where back.order_id = :id order by back.no, back.line_no"""


def returns_of(session: Session, order_id: int) -> Returns:
    """Give the returns of an order that the caller may see."""
    cases = records(
        session,
        """select no, code, kind, state, fault, reason, freight_back, location, courier, tracking_no, note, refunds,
                  created_at as since
           from return_case where order_id = :id order by no""",
        id=order_id,
    )
    lines: defaultdict[int, list[ReturnLineView]] = defaultdict(list)
    for no, *values in rows(session, LINES, id=order_id):
        names = ReturnLineView.model_fields
        lines[no].append(ReturnLineView.model_validate(dict(zip(names, values, strict=True))))
    paid = {
        one.no: one.amount
        for one in rows(session, "select no, amount from refund_due where order_id = :id", id=order_id)
    }
    links = "select return_no as no, order_id from order_link where origin_order_id = :id and return_no > 0 order by 2"
    made = defaultdict[int, list[str]](list)
    for link in rows(session, links, id=order_id) if cases else ():
        made[link.no].append(str(link.order_id))
    views = [
        ReturnView(
            **one,
            amount=sum(paid[no] for no in one["refunds"]),
            exchanges=tuple(made[one["no"]]),
            lines=tuple(lines[one["no"]]),
        )
        for one in cases
    ]
    return Returns(aftersale=_stand(session, order_id, views), returns=tuple(views))


def get_return(session: Session, order_id: int, no: int) -> ReturnView:
    """Give one return of an order that the caller may see.

    Raises: NotFound.
    """
    for one in returns_of(session, order_id).returns:
        if one.no == no:
            return one
    raise NotFound(f"order {order_id} has no return {no}", code="unknown_return")


def _stand(session: Session, order_id: int, views: Sequence[ReturnView]) -> Aftersale:
    """Say how the aftersale of an order stands, by its lines and its returns."""
    if any(one.state in OPEN for one in views):
        return Aftersale.UNDER_WAY
    back = sum(max(line.arrived, line.refunded) for one in views for line in one.lines)
    if not back:
        return Aftersale.NONE
    [sums] = rows(
        session,
        """select sum(shipped)::bigint as shipped, sum(ordered - cancelled)::bigint as kept from order_line
           where order_id = :id and kind <> 'bundle'""",
        id=order_id,
    )
    return Aftersale.WHOLE if back >= sums.shipped == sums.kept else Aftersale.PART
