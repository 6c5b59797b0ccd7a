"""What a channel is told of a change, and who holds an order's money of a refund."""

import json
from typing import Any

from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import NeedsOperator, NotFound
from hub.fulfilment.model import ChangeNotice, Party, RefundNotice, StandingLine
from hub.order.change.money import cancelled_worth
from hub.order.change.revision import Contents, contents_in
from hub.order.change.wanted import portions_of
from hub.order.status import Lifecycle


def keep_stand(session: Session, order_id: int, revision_no: int) -> None:
    """Keep with a revision how the order stands since, so that it is told alike however often it is told."""
    run(
        session,
        "update order_revision set stands = cast(:stands as jsonb) where order_id = :id and no = :no",
        stands=json.dumps(stand_of(session, order_id), ensure_ascii=False),
        id=order_id,
        no=revision_no,
    )


def read_change(session: Session, order_id: int, revision_no: int, key: str) -> ChangeNotice:
    """Gather what a channel is told of a revision, or of a cancellation (0); one of a part only is a change.

    Raises: NotFound; NeedsOperator when the buyer was erased.
    """
    head = row(
        session,
        """select o.external_id, o.currency, o.updated_at, r.stands, r.settled_at, r.kinds, o.lifecycle
           from sales_order o
           left join order_revision r on r.order_id = o.id and r.no = :no where o.id = :id""",
        id=order_id,
        no=revision_no,
    )
    if head is None:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    contents = contents_in(session, order_id, revision_no) if revision_no else Contents()
    if contents == Contents() and {"address", "remark"} & set(head.kinds or ()):
        raise NeedsOperator("the buyer's personal data was erased: the change cannot be told", code="subject_erased")
    stands: dict[str, Any] = head.stands or stand_of(session, order_id)
    return ChangeNotice(
        key=key,
        order_id=str(order_id),
        external_id=head.external_id,
        changed_at=head.settled_at or head.updated_at,
        kind="cancelled" if not revision_no and head.lifecycle == Lifecycle.CANCELLED else "changed",
        currency=head.currency,
        total=stands["total"],
        lines=tuple(StandingLine.model_validate(one) for one in stands["lines"]),
        receiver=_party(contents),
        remark=contents.remark,
    )


def read_refund(session: Session, order_id: int, no: int, key: str, payment: int | None = None) -> RefundNotice | None:
    """Gather what is to be given back of a payment, or of all; None once somebody has said what became of it.

    Raises: NotFound.
    """
    found = row(
        session,
        """select o.external_id, o.currency, o.payment_reference, r.amount - r.set_off as amount, r.created_at, r.state,
                  r.parts
           from refund_due r join sales_order o on o.id = r.order_id where r.order_id = :id and r.no = :no""",
        id=order_id,
        no=no,
    )
    if found is None:
        raise NotFound(f"order {order_id} has no refund {no}", code="unknown_refund")
    if found.state not in {"due", "asked"}:
        return None
    part = next((one for one in found.parts if one["payment"] == payment), None)
    return RefundNotice(
        key=key,
        order_id=str(order_id),
        external_id=found.external_id,
        refund_no=no,
        currency=found.currency,
        amount=part["amount"] if part else found.amount,
        due_at=found.created_at,
        payment_no=part["payment"] or None if part else None,
        payment_reference=part["reference"] or None if part else found.payment_reference,
    )


def stand_of(session: Session, order_id: int) -> dict[str, Any]:
    """Say what is wanted of each line, and what that comes to."""
    [total] = rows(session, "select total from sales_order where id = :id", id=order_id)
    lines: dict[tuple[str, str], int] = {}
    for one in portions_of(session, order_id):
        if one.kind != "gift":
            place = one.line_id, one.channel_sku
            lines[place] = lines.get(place, 0) + one.kept
    told = [
        {"external_line_id": line_id, "channel_sku": sku, "quantity": pieces}
        for (line_id, sku), pieces in lines.items()
    ]
    return {"total": total.total - cancelled_worth(session, order_id), "lines": told}


def _party(contents: Contents) -> Party | None:
    to = contents.receiver
    if to is None:
        return None
    return Party(
        name=to.name,
        phone=to.phone,
        province=to.province,
        city=to.city,
        county=to.county,
        town=to.town,
        street=to.street,
        postcode=to.postcode,
        token=to.token,
    )
