"""Record that an order was paid: it goes on, unless it was closed before; of the two only one ever happens."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import resolve
from hub.database import run
from hub.errors import Conflict
from hub.order.change.money import refund_cancelled
from hub.order.lock import lock_order, open_blockers
from hub.order.rest import source_rest
from hub.order.rules.hold import HoldType
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle


def pay_deposit(session: Session, order_id: int, actor: str, at: datetime) -> None:
    """Record that the deposit of an order was paid: it waits for its balance, and is not closed as unpaid any more.

    An order that is further already stays as it is. Raises: NotFound.
    """
    lock_order(session, order_id)
    changed = run(
        session,
        """update sales_order set payment = 'deposit_paid', version = version + 1, updated_at = :at
           where id = :id and payment = 'unpaid' and lifecycle in ('received', 'accepted', 'in_fulfilment')""",
        at=at,
        id=order_id,
    )
    if changed:
        record(session, at, actor, "order.pay_deposit", f"order:{order_id}")


def pay(
    session: Session,
    order_id: int,
    actor: str,
    paid_at: datetime,
    at: datetime,
    policy: Policy = POLICY,
    *,
    less: bool = False,
) -> Lifecycle:
    """Record the payment of an order and source it, unless something else holds it; paid before, nothing changes.

    It is the order's total that was paid: what pieces bear that were cancelled before is to be refunded, unless the
    payer has paid less for them (`less`).
    `at` is in the business zone. Raises: NotFound; Conflict with code order_closed when the order was closed or
    cancelled first: the money has to go back.
    """
    order = lock_order(session, order_id)  # whoever closes it has committed, or will find it paid
    if order.lifecycle in {Lifecycle.CLOSED, Lifecycle.CANCELLED}:
        raise Conflict(f"order {order_id} was {order.lifecycle} before it was paid", code="order_closed")
    changed = run(
        session,
        """update sales_order set payment = 'paid', paid_at = :paid_at, version = version + 1, updated_at = :at
           where id = :id and payment in ('unpaid', 'authorised', 'partial', 'deposit_paid')""",
        paid_at=paid_at,
        at=at,
        id=order_id,
    )
    if not changed:
        return order.lifecycle
    record(session, at, actor, "order.pay", f"order:{order_id}")
    if not less:
        refund_cancelled(session, order, at)
    let_go = run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = 'paid'
           where order_id = :id and type = :finance and rule = 'unpaid' and released_at is null""",
        at=at,
        id=order_id,
        finance=HoldType.FINANCE,
    )
    if let_go and not open_blockers(session, order_id):
        resolve(session, f"order:{order_id}", at, "system", "paid", "review")
        source_rest(session, order, None, policy, at)
    return lock_order(session, order_id).lifecycle
