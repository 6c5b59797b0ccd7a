"""Grant a return or not, hear that its goods are under way, and let it go."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.announce import announce
from hub.aftersale.ask import find_place, plain_number
from hub.aftersale.money import refund_pieces
from hub.aftersale.room import rooms_of
from hub.aftersale.status import ReturnKind, ReturnState
from hub.aftersale.wish import Sent
from hub.audit import plain, record
from hub.database import row, rows, run
from hub.errors import Conflict, NotFound
from hub.order.change.onward import go_on_paid, hold_owing
from hub.order.lock import Locked, lock_order

_S = ReturnState


def approve_return(
    session: Session, order_id: int, no: int, actor: str, at: datetime, location: str = "", reason: str = ""
) -> ReturnState:
    """Grant a return: the location that is to receive it is told, or where no goods come back, the money goes back.

    `location` is another one than was said. Approving twice is no error. `at` is in the business zone.
    Raises: NotFound; Conflict with code return_state for one that was rejected or withdrawn.
    """
    order, case = lock_return(session, order_id, no)
    if case.state in {_S.APPROVED, _S.SENT, _S.RECEIVED, _S.CLOSED}:
        return ReturnState(case.state)
    _check(case, {_S.REQUESTED}, "approved")
    if location and case.kind == ReturnKind.RETURN_REFUND:
        place = find_place(session, order.brand, location)
        run(
            session,
            """update return_case set location = :code, connection = :connection, owner = :owner
               where (order_id, no) = (:id, :no)""",
            code=place.code,
            connection=place.connection,
            owner=place.owner,
            id=order_id,
            no=no,
        )
        case = _read(session, order_id, no)
    refund_no, owing = None, False
    if case.kind == ReturnKind.REFUND_ONLY:
        owing = hold_owing(session, order)
        state, refund_no = _S.CLOSED, _refund_asked(session, order, no, at)
    else:
        state = _S.APPROVED
        announce(session, case, at)
    _decide(session, case, state, actor, reason, at)
    told = {"no": no, "location": case.location, "refund": refund_no, "reason": plain(reason)}
    record(session, at, actor, "return.approve", f"order:{order_id}", **told)
    if owing:
        go_on_paid(session, order, at)
    return state


def reject_return(session: Session, order_id: int, no: int, actor: str, reason: str, at: datetime) -> ReturnState:
    """Refuse a return; its pieces can be asked for again. Twice is no error.

    Raises: NotFound; Conflict with code return_state once it was approved, or while others are sent in exchange for it.
    """
    return _end(session, (order_id, no), _S.REJECTED, {_S.REQUESTED}, actor, reason, at)


def withdraw_return(session: Session, order_id: int, no: int, actor: str, reason: str, at: datetime) -> ReturnState:
    """Let a return go of which nothing came, or came any more; twice is no error.

    What arrives all the same is taken in, and a person decides about its money.
    Raises: NotFound; Conflict with code return_state once it has ended, or while others are sent in exchange for it.
    """
    return _end(session, (order_id, no), _S.WITHDRAWN, {_S.REQUESTED, _S.APPROVED, _S.SENT}, actor, reason, at)


def send_back(session: Session, order_id: int, no: int, sent: Sent, actor: str, at: datetime) -> ReturnState:
    """Note with whom the goods of an approved return are on their way; a further waybill takes the place of the first.

    Raises: NotFound; Conflict with code return_state when it is not approved, or no goods are to come.
    """
    order, case = lock_return(session, order_id, no)
    _check(case, {_S.APPROVED, _S.SENT}, "sent")
    courier, tracking_no = plain_number(sent.courier), plain_number(sent.tracking_no)
    run(
        session,
        """update return_case set state = 'sent', courier = :courier, tracking_no = :tracking_no,
                                  version = version + 1, updated_at = :at where (order_id, no) = (:id, :no)""",
        courier=courier,
        tracking_no=tracking_no,
        at=at,
        id=order_id,
        no=no,
    )
    record(session, at, actor, "return.send", f"order:{order.id}", no=no, courier=courier)
    return _S.SENT


def lock_return(session: Session, order_id: int, no: int) -> tuple[Locked, Row[Any]]:
    """Lock an order and give it with its return.

    Raises: NotFound.
    """
    order = lock_order(session, order_id)
    return order, _read(session, order_id, no)


def _read(session: Session, order_id: int, no: int) -> Row[Any]:
    found = row(session, "select * from return_case where (order_id, no) = (:id, :no)", id=order_id, no=no)
    if found is None:
        raise NotFound(f"order {order_id} has no return {no}", code="unknown_return")
    return found


def _check(case: Row[Any], allowed: Collection[ReturnState], wish: str) -> None:
    if case.state not in allowed:
        raise Conflict(f"a return that is {case.state} cannot be {wish}", code="return_state")


def _refund_asked(session: Session, order: Locked, no: int, at: datetime) -> int | None:
    """Give the money back for what a return names."""
    asked = rows(
        session, "select line_no, asked from return_line where (order_id, no) = (:id, :no)", id=order.id, no=no
    )
    pieces, rooms = {one.line_no: one.asked for one in asked}, rooms_of(session, order.id)
    if any(one.refunded + pieces.get(one.line_no, 0) > one.shipped for one in rooms):
        raise Conflict("more has come back since than was to: nothing is left to refund", code="more_than_shipped")
    refund_no = refund_pieces(session, order, no, rooms, pieces, at)
    if refund_no is None:
        raise Conflict(f"nobody has paid order {order.id}: nothing can be refunded", code="nothing_paid")
    return refund_no


def _end(
    session: Session,
    key: tuple[int, int],
    state: ReturnState,
    allowed: Collection[ReturnState],
    actor: str,
    reason: str,
    at: datetime,
) -> ReturnState:
    order, case = lock_return(session, *key)
    if case.state == state:
        return state
    _check(case, allowed, state)
    _check_not_exchanged(session, case)
    _decide(session, case, state, actor, reason, at)
    act = {_S.REJECTED: "return.reject", _S.WITHDRAWN: "return.withdraw"}[state]
    record(session, at, actor, act, f"order:{order.id}", no=case.no, reason=plain(reason))
    return state


def _check_not_exchanged(session: Session, case: Row[Any]) -> None:
    """Make sure that nothing is sent in exchange for a return: its pieces would be free to be paid back by another.

    Raises: Conflict.
    """
    sent = row(
        session,
        """select l.order_id from order_link l join order_line line on line.order_id = l.order_id
           where (l.origin_order_id, l.return_no) = (:id, :no) and line.kind in ('item', 'bundle')
             and line.ordered > line.cancelled order by 1 limit 1""",
        id=case.order_id,
        no=case.no,
    )
    if sent is not None:
        told = f"order {sent.order_id} is sent in exchange for this return: cancel it first"
        raise Conflict(told, code="return_state", zh=f"订单 {sent.order_id} 正为该退货单换货，请先取消")


def _decide(session: Session, case: Row[Any], state: ReturnState, actor: str, note: str, at: datetime) -> None:
    run(
        session,
        """update return_case set state = :state, decided_by = :actor, decided_at = :at, note = :note,
                                  version = version + 1, updated_at = :at where (order_id, no) = (:id, :no)""",
        state=state,
        actor=actor,
        at=at,
        note=plain(note),
        id=case.order_id,
        no=case.no,
    )
