"""Record that an order was paid: it goes on, unless it was closed before; of the two only one ever happens."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import row, rows, run
from hub.errors import Conflict
from hub.order.change.due import charge, go_on, settle_dues, wait_for
from hub.order.change.money import cancelled_worth, refund_cancelled
from hub.order.change.payments import note_payment
from hub.order.change.table import PaymentKind
from hub.order.lock import Locked, lock_order, open_blockers
from hub.order.rest import source_rest
from hub.order.reviews import close_reviews
from hub.order.rules.hold import HoldType
from hub.order.rules.policy import POLICY, Policy
from hub.order.status import Lifecycle

ENDED: Final = frozenset({Lifecycle.CLOSED, Lifecycle.CANCELLED})

OPEN: Final = frozenset({"unpaid", "authorised", "partial", "deposit_paid"})
"""Payments that an order's total may still follow."""


def pay_deposit(
    session: Session,
    order_id: int,
    actor: str,
    at: datetime,
    amount: int | None = None,
    due_at: datetime | None = None,
    *,
    paid_at: datetime | None = None,
    reference: str = "",
) -> None:
    """Record that the deposit of an order was paid: it waits for its balance, and is not closed as unpaid any more.

    The `amount` may be said later, but not anew; when the balance is due may be. An order that is further already stays
    as it is. Raises: NotFound; Conflict with code order_closed when the order was closed or cancelled before: the money
    has to go back; with wrong_amount for more than the order's total, and for another amount than was said before.
    """
    order = lock_order(session, order_id)
    [head] = rows(session, "select total, payment, deposit from sales_order where id = :id", id=order_id)
    if head.payment not in {"unpaid", "deposit_paid"}:
        return
    if order.lifecycle in ENDED:
        if head.payment == "unpaid":
            raise Conflict(f"order {order_id} was {order.lifecycle} before its deposit was paid", code="order_closed")
        return
    if amount is not None and not 0 < amount <= head.total:
        told = f"a deposit of {amount} is nothing, or more than the total {head.total}"
        raise Conflict(told, code="wrong_amount", field="deposit")
    if amount is not None and head.deposit not in {None, amount}:
        told = f"the deposit was {head.deposit}, and is said to be {amount}"
        raise Conflict(told, code="wrong_amount", field="deposit")
    changed = run(
        session,
        """update sales_order set payment = 'deposit_paid', deposit = coalesce(:amount, deposit),
                  balance_due_at = coalesce(:due_at, balance_due_at), version = version + 1, updated_at = :at
           where id = :id and (payment = 'unpaid' or deposit is distinct from coalesce(:amount, deposit)
                               or balance_due_at is distinct from coalesce(:due_at, balance_due_at))""",
        amount=amount,
        due_at=due_at,
        at=at,
        id=order_id,
    )
    if changed:
        if amount is not None and head.deposit is None:
            note_payment(session, order, PaymentKind.DEPOSIT, amount, paid_at or at, reference, at)
        said = {"amount": amount} if amount is not None else {}
        record(session, at, actor, "order.pay_deposit", f"order:{order_id}", **said)


def pay(
    session: Session,
    order_id: int,
    actor: str,
    paid_at: datetime,
    at: datetime,
    policy: Policy = POLICY,
    *,
    less: bool = False,
    amount: int | None = None,
    owed: int = 0,
    reference: str = "",
) -> Lifecycle:
    """Record the payment of an order, or of what is due for goods added to it; it goes on unless something holds it.

    What pieces bear that were cancelled before is to be refunded as far as it was paid: `amount` is what was, all that
    is left of the order's total if it is left out: the balance, where its deposit is known. With `less` the payer has
    paid for what is left, at prices of its own. Of the amount `owed` was not paid: it is still due.
    `at` is in the business zone. Raises: NotFound; Conflict with code order_closed when the order was closed or
    cancelled first: the money has to go back; with wrong_amount for one that is neither the total, nor what is left of
    it, nor between them, nor what is due; with due_lapsed for one that comes after what was added was taken back.
    """
    order = lock_order(session, order_id)  # whoever closes it has committed, or will find it paid
    if order.lifecycle in ENDED:
        raise Conflict(f"order {order_id} was {order.lifecycle} before it was paid", code="order_closed")
    unpaid = cancelled_worth(session, order_id) if less else _unpaid(session, order, amount)
    [head] = rows(session, "select total, deposit from sales_order where id = :id", id=order_id)
    changed = run(
        session,
        """update sales_order set payment = 'paid', paid_at = :paid_at, payment_reference = :reference,
                                  version = version + 1, updated_at = :at
           where id = :id and payment = any(:open)""",
        open=sorted(OPEN),
        paid_at=paid_at,
        reference=plain(reference) or None,
        at=at,
        id=order_id,
    )
    if not changed:
        if settle_dues(session, order, actor, amount, reference, at):
            _go_on(session, order, policy, at)
        return lock_order(session, order_id).lifecycle
    record(session, at, actor, "order.pay", f"order:{order_id}", **({"amount": amount} if amount is not None else {}))
    kind = PaymentKind.FULL if head.deposit is None else PaymentKind.BALANCE
    brought = max(head.total - (head.deposit or 0) - unpaid - owed, 0)
    note_payment(session, order, kind, brought, paid_at, reference, at)
    if not less:
        refund_cancelled(session, order, at, unpaid)
    _let_go(session, order, policy, at)
    return lock_order(session, order_id).lifecycle


def _go_on(session: Session, order: Locked, policy: Policy, at: datetime) -> None:
    """Let what was added to an order go on, now that it is paid for."""
    if go_on(session, order.id, "paid", at) and not open_blockers(session, order.id):
        source_rest(session, order, policy, at)


def _let_go(session: Session, order: Locked, policy: Policy, at: datetime) -> None:
    """End the hold of an order that was not paid, and source it unless something else holds it."""
    ended = run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = 'paid'
           where order_id = :id and type = :finance and rule = 'unpaid' and released_at is null""",
        at=at,
        id=order.id,
        finance=HoldType.FINANCE,
    )
    if not ended:
        return
    close_reviews(session, [order.id], at, "system", "paid")
    if not open_blockers(session, order.id):
        source_rest(session, order, policy, at)


def pay_part(
    session: Session, order_id: int, actor: str, paid_at: datetime, amount: int, at: datetime, policy: Policy = POLICY
) -> None:
    """Record a payment by who does not know what the hub has changed of the order: what is missing is still due.

    `amount` is all that was paid, with the deposit. Raises: as `pay`, but for the amount.
    """
    order = lock_order(session, order_id)
    [head] = rows(session, "select total, payment, deposit from sales_order where id = :id", id=order_id)
    deposit = head.deposit or 0
    amount, left = max(amount, deposit), head.total - cancelled_worth(session, order_id)
    due, said = max(left - amount, 0), max(left, min(amount, head.total)) - deposit
    pay(session, order_id, actor, paid_at, at, policy, amount=said, owed=due)
    if due and head.payment in OPEN:
        charge(session, order, 0, due, at)
        wait_for(session, order, due, policy, at)


def _unpaid(session: Session, order: Locked, amount: int | None) -> int:
    """Say how much of an order's total a payment leaves unpaid: no more than what was cancelled bears.

    Raises: Conflict with code wrong_amount.
    """
    head = row(session, "select total, payment, deposit from sales_order where id = :id", id=order.id)
    if amount is None or head is None or head.payment not in OPEN:
        return 0
    most = head.total - (head.deposit or 0)
    left = max(most - cancelled_worth(session, order.id), 0)
    if not left <= amount <= most:
        told = f"{left} minor units are to be paid, not {amount}"
        raise Conflict(told, code="wrong_amount", field="amount")
    return most - amount
