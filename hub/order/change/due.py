"""What is still to be paid for goods that a change has added to a paid order; until then the order waits.

What has to go back pays first for what is still to be paid, so nobody pays and is repaid at once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases
from hub.database import copy, row, rows, run
from hub.errors import Conflict
from hub.fulfilment.keep import keep_back, let_out
from hub.order.change.payments import note_payment
from hub.order.change.table import Charge, DueState, PaymentKind
from hub.order.lock import Locked
from hub.order.place.write_holds import write_holds
from hub.order.reviews import close_reviews
from hub.order.rules.hold import Hold, HoldType
from hub.order.rules.policy import Policy
from hub.review.verdict import Act

RULE: Final = "amount_due"

LAPSED: Final = "not paid in time"
"""Why the hub itself takes back what was added."""

PAID: Final = ("paid", "partially_refunded")


def owed(session: Session, order_id: int) -> int:
    """Say how much is still to be paid for what was added to an order."""
    return sum(one.amount - one.set_off for one in _open(session, order_id))


def charge(session: Session, order: Locked, revision_no: int, amount: int, at: datetime) -> None:
    """Write down that goods are to be paid; those of an order that was not paid are paid with it."""
    head = row(
        session,
        """select payment, coalesce((select max(no) from amount_due d where d.order_id = o.id), 0) + 1 as no
           from sales_order o where o.id = :id""",
        id=order.id,
    )
    if not amount or head is None or head.payment not in PAID:
        return
    columns = (
        *("brand", "version", "created_at", "updated_at", "order_id", "no", "revision_no", "amount", "set_off"),
        *("state", "reference", "settled_by"),
    )
    due = (order.brand, 1, at, at, order.id, head.no, revision_no, amount, 0, DueState.OPEN, "", "")
    copy(session, "amount_due", columns, [due])


def wait_for(session: Session, order: Locked, amount: int, policy: Policy, at: datetime) -> None:
    """Hold an order while an amount is to be paid, and let it go on when nothing is."""
    if amount <= 0:
        go_on(session, order.id, "nothing is due any more", at)
        return
    if _restate(session, order.id, amount):
        return
    both = (Act.ROUTE.value, Act.RELEASE.value)
    hold = Hold(HoldType.FINANCE, RULE, {"due": amount}, blocks=both)
    write_holds(session, {order.id: [hold]}, policy.version, at)
    keep_back(session, [order.id])
    case = NewCase("review", f"order:{order.id}", order.brand, f"{HoldType.FINANCE}: {RULE}", order.id)
    open_cases(session, [case], at)


HELD: Final = "order_id = :id and rule = :rule and released_at is null"


def _restate(session: Session, order_id: int, amount: int) -> bool:
    """Have the hold say what is due by now; say whether there is one."""
    evidence = "update order_hold set evidence = jsonb_build_object('due', cast(:due as bigint))"
    return bool(run(session, f"{evidence} where {HELD}", due=amount, id=order_id, rule=RULE))


def go_on(session: Session, order_id: int, reason: str, at: datetime) -> bool:
    """End the hold for an amount that is due; say whether there was one. Finding a source is the caller's."""
    ended = run(
        session,
        f"update order_hold set released_at = :at, released_by = 'system', reason = :reason where {HELD}",
        at=at,
        reason=reason,
        id=order_id,
        rule=RULE,
    )
    if ended:
        let_out(session, [order_id], at)
        close_reviews(session, [order_id], at, "system", reason)
    return bool(ended)


def set_off(session: Session, order_id: int, amount: int, at: datetime) -> int:
    """Pay what is due, the oldest first, with an amount that would go back; give how much of it that takes."""
    left = amount
    for one in _open(session, order_id):
        some = min(left, one.amount - one.set_off)
        left -= some
        run(
            session,
            """update amount_due set set_off = set_off + :some, version = version + 1, updated_at = :at,
                      state = case when set_off + :some = amount then 'set_off' else state end,
                      settled_at = case when set_off + :some = amount then cast(:at as timestamptz) end
               where order_id = :id and no = :no""",
            some=some,
            at=at,
            id=order_id,
            no=one.no,
        )
    if left < amount:
        if still := owed(session, order_id):
            _restate(session, order_id, still)
        else:
            go_on(session, order_id, "nothing is due any more", at)
    return amount - left


def settle_dues(session: Session, order: Locked, actor: str, amount: int | None, reference: str, at: datetime) -> bool:
    """Record that what is due was paid; say whether anything was. Paid under the same reference before, nothing is.

    `amount` is what was paid; left out, it is what is due. Raises: Conflict with code wrong_amount; with due_lapsed
    when what it was due for has been taken back.
    """
    dues = _open(session, order.id)
    due = sum(one.amount - one.set_off for one in dues)
    if _known(session, order.id, reference):
        return False
    if not dues and (amount is not None or reference) and _has_lapsed(session, order.id):
        told = "what was due was not paid in time, and what was added is taken back: the money has to go back"
        raise Conflict(told, code="due_lapsed")
    if amount is not None and amount != due:
        raise Conflict(f"{due} minor units are due, not {amount}", code="wrong_amount", field="amount")
    if not dues:
        return False
    run(
        session,
        """update amount_due set state = 'paid', reference = :reference, settled_by = :actor, settled_at = :at,
                                 updated_at = :at, version = version + 1
           where order_id = :id and state = 'open'""",
        reference=plain(reference),
        actor=actor,
        at=at,
        id=order.id,
    )
    note_payment(session, order, PaymentKind.DUE, due, at, reference, at)
    record(session, at, actor, "order.pay_due", f"order:{order.id}", amount=due, reference=plain(reference))
    return True


def _has_lapsed(session: Session, order_id: int) -> bool:
    statement = "select 1 from order_revision where order_id = :id and actor = 'system' and reason = :lapsed limit 1"
    return bool(rows(session, statement, id=order_id, lapsed=LAPSED))


def check_charge(wanted: Charge, allowed: Sequence[str]) -> None:
    """Make sure that a change may bear its costs so.

    Raises: Conflict with code charge_not_allowed.
    """
    if wanted not in allowed:
        raise Conflict(f"goods may not be added so that they are {wanted}", code="charge_not_allowed", field="charge")


def _open(session: Session, order_id: int) -> Sequence[Row[Any]]:
    statement = "select no, amount, set_off from amount_due where order_id = :id and state = 'open' order by no"
    return rows(session, statement, id=order_id)


def _known(session: Session, order_id: int, reference: str) -> bool:
    statement = """select 1 from sales_order where id = :id and payment_reference = :reference
                   union all
                   select 1 from amount_due where order_id = :id and state = 'paid' and reference = :reference"""
    return bool(reference and rows(session, statement, id=order_id, reference=plain(reference)))
