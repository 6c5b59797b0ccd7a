"""What becomes of money that is to be given back: its payer is asked, and somebody says whether it was paid."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases, resolve
from hub.database import row, run
from hub.errors import Conflict, NotFound
from hub.order.change.paid_back import note_paid_back
from hub.order.change.table import RefundState
from hub.order.lock import Locked, lock_order


def mark_asked(session: Session, order_id: int, no: int, at: datetime) -> None:
    """Note that who holds the money was told of a refund; what somebody has marked meanwhile stands."""
    lock_order(session, order_id)
    run(
        session,
        """update refund_due set state = 'asked', version = version + 1, updated_at = :at
           where order_id = :id and no = :no and state = 'due'""",
        at=at,
        id=order_id,
        no=no,
    )


def mark_refund(
    session: Session, order_id: int, no: int, state: RefundState, reference: str, actor: str, at: datetime
) -> RefundState:
    """Mark a refund as done, with the payer's own number of it, or as failed, which calls a person; give its state.

    The same again changes nothing; one that failed may be done yet. Raises: NotFound; Conflict with code refund_state
    for one that was done under another number, or of which nothing has to be moved.
    """
    order = lock_order(session, order_id)
    found = row(
        session, "select state, reference from refund_due where order_id = :id and no = :no", id=order_id, no=no
    )
    if found is None:
        raise NotFound(f"order {order_id} has no refund {no}", code="unknown_refund")
    told = plain(reference)
    if (found.state, found.reference) == (state, told):
        return state
    if found.state in {RefundState.DONE, RefundState.SET_OFF}:
        raise Conflict(f"refund {no} of order {order_id} is {found.state} already", code="refund_state")
    run(
        session,
        """update refund_due set state = :state, reference = :reference, settled_by = :actor, settled_at = :at,
                                 version = version + 1, updated_at = :at where order_id = :id and no = :no""",
        state=state,
        reference=told,
        actor=actor,
        at=at,
        id=order_id,
        no=no,
    )
    record(session, at, actor, f"refund.{state}", f"order:{order_id}", refund=no, reference=told)
    if state is RefundState.DONE:
        note_paid_back(session, order_id, at)
    _call(session, order, no, state, told, actor, at)
    return state


def _call(session: Session, order: Locked, no: int, state: RefundState, told: str, actor: str, at: datetime) -> None:
    """Call a person to a refund that failed; of it, not of the order, whose cases end with it."""
    subject = f"refund:{order.id}-{no}"
    if state is RefundState.FAILED:
        case = NewCase("refund_failed", subject, order.brand, told or "it was not said why", order.id)
        open_cases(session, [case], at)
    else:
        resolve(session, subject, at, actor, told or "done")
