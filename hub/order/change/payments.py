"""What was paid of an order, payment by payment, and which of them a refund goes back to."""

from datetime import datetime
from typing import Final, NamedTuple, TypedDict

from sqlalchemy.orm import Session

from hub.audit import plain
from hub.database import rows, run
from hub.order.change.table import PaymentKind
from hub.order.lock import Locked

PLACED: Final = 1
"""The payment with which an order was placed: the order itself says it, and it has no row."""

NONE: Final = 0
"""No payment that the hub was told of: a channel that adds goods and takes the money for them says nothing of it."""


class Payment(NamedTuple):
    """One payment; `amount` in minor units, `reference` the payer's own number of it, where it was told."""

    no: int
    kind: str
    amount: int
    paid_at: datetime
    reference: str


class Part(TypedDict):
    """What of a refund goes back to one payment, in minor units."""

    payment: int
    amount: int
    reference: str


def note_payment(
    session: Session, order: Locked, kind: PaymentKind, amount: int, paid_at: datetime, reference: str, at: datetime
) -> None:
    """Write a payment that came after its order was placed; the order's row is locked."""
    run(
        session,
        """insert into order_payment (brand, version, created_at, updated_at, order_id, no, kind, amount, paid_at,
                                      reference)
           select :brand, 1, :at, :at, :id, coalesce(max(no), :placed) + 1, :kind, :amount, :paid_at, :reference
           from order_payment where order_id = :id""",
        brand=order.brand,
        at=at,
        id=order.id,
        placed=PLACED,
        kind=kind,
        amount=amount,
        paid_at=paid_at,
        reference=plain(reference),
    )


def payments_of(session: Session, order_id: int) -> list[Payment]:
    """Give the payments of an order, the first first.

    That with which it was placed brought all that it came to, but for what was due for goods since.
    """
    statement = "select no, kind, amount, paid_at, reference from order_payment where order_id = :id order by no"
    found = [Payment(*one) for one in rows(session, statement, id=order_id)]
    [head] = rows(
        session,
        """select o.paid_at, coalesce(o.payment_reference, '') as reference,
                  o.total - coalesce((select sum(amount) from amount_due where order_id = o.id), 0)::bigint as amount
           from sales_order o where o.id = :id""",
        id=order_id,
    )
    if head.paid_at is None or {PaymentKind.FULL, PaymentKind.BALANCE} & {one.kind for one in found}:
        return found
    first = head.amount - sum(one.amount for one in found if one.kind == PaymentKind.DEPOSIT)
    return [Payment(PLACED, PaymentKind.FULL, first, head.paid_at, head.reference), *found]


def divide(session: Session, order_id: int, amount: int) -> list[Part]:
    """Divide what goes back over the payments that brought it, the latest first, none more than it brought.

    What was added last is given back first, and a deposit last. The order's row is locked.
    """
    payments = payments_of(session, order_id)
    given = _given(session, order_id, payments[0].no if payments else NONE)
    parts: list[Part] = []
    for one in reversed(payments):
        some = min(amount, max(one.amount - given.get(one.no, 0), 0))
        amount -= some
        if some:
            parts.append({"payment": one.no, "amount": some, "reference": one.reference})
    return parts if not amount else [*parts, {"payment": NONE, "amount": amount, "reference": ""}]


def _given(session: Session, order_id: int, first: int) -> dict[int, int]:
    """Say what has gone back of each payment; refunds of before there were parts are of the first."""
    found = rows(
        session,
        """select coalesce(cast(part ->> 'payment' as bigint), :first) as payment,
                  sum(coalesce(cast(part ->> 'amount' as bigint), r.amount - r.set_off))::bigint as amount
           from refund_due r left join lateral jsonb_array_elements(r.parts) part on true
           where r.order_id = :id group by 1""",
        id=order_id,
        first=first,
    )
    return {one.payment: one.amount for one in found}
