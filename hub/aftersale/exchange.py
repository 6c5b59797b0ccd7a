"""Send other goods in exchange for those of a return: what was exchanged is not paid back as well."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.decide import lock_return
from hub.aftersale.replaced import counts_of, exchanged
from hub.aftersale.room import Room, pieces_of, rooms_of
from hub.aftersale.status import ReturnKind, ReturnState
from hub.aftersale.view import ReturnView, returns_of
from hub.errors import Conflict
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.revision import Author
from hub.order.model import OrderType

ALIVE = frozenset({ReturnState.REQUESTED, ReturnState.APPROVED, ReturnState.SENT, ReturnState.RECEIVED})


def exchange_for(
    session: Session, order_id: int, no: int, wanted: Sequence[Again], author: Author, at: datetime, zone: ZoneInfo
) -> int:
    """Place an exchange order for pieces of a return, and give its id; `at` is in the business zone.

    Raises: as `follow_up`; NotFound for no such return; Conflict with code return_state when no goods come back by it,
    with not_of_return for more pieces than it names, less those that were paid back and those exchanged before. Pieces
    that came without money may have been paid by money alone since: such refunds count against them first.
    """
    _, case = lock_return(session, order_id, no)
    if case.kind != ReturnKind.RETURN_REFUND or case.state not in ALIVE:
        raise Conflict("by this return no goods come back to be exchanged", code="return_state")
    rooms, counts = rooms_of(session, order_id), counts_of(session, case)
    sent = exchanged(session, case, rooms)
    left = {
        one.line_no: one.named - one.arrived + max(0, one.arrived - one.refunded - one.alone) - sent.get(one.line_no, 0)
        for one in counts
    }
    for one in wanted:
        _, beyond = pieces_of(rooms, one.line_id, one.pieces, lambda room: left.get(room.line_no, 0))
        if beyond:
            told = f"line {one.line_id}: {one.pieces - beyond} pieces of this return can be exchanged, not {one.pieces}"
            zh = f"订单行 {one.line_id}：该退货单可换的只有 {one.pieces - beyond} 件，不足 {one.pieces} 件"
            raise Conflict(told, code="not_of_return", field="lines", zh=zh)
    return follow_up(session, order_id, OrderType.EXCHANGE, wanted, author, at, zone, return_no=no)


def exchangeable(session: Session, order_id: int) -> list[ReturnView]:
    """Give the returns of an order whose goods something may be sent in exchange for."""
    found = returns_of(session, order_id).returns
    return [one for one in found if one.kind == ReturnKind.RETURN_REFUND and one.state in ALIVE]


def unpaid(session: Session, case: Row[object], rooms: Sequence[Room], arrived: Mapping[int, int]) -> dict[int, int]:
    """Give what of pieces that just arrived, by line, goes without money, as others were sent in exchange for them.

    They are not counted in the return's lines yet.
    """
    sent = exchanged(session, case, rooms)
    if not sent:
        return {}
    before = {one.line_no: one.arrived - one.refunded for one in counts_of(session, case)}
    return {line: min(n, max(0, sent.get(line, 0) - before.get(line, 0))) for line, n in arrived.items()}
