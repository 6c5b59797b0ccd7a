"""Whom an order goes to: opened for one person who says why, masked for everybody else."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import row
from hub.document import Document
from hub.errors import NeedsOperator, NotFound
from hub.masking import GONE, mask_name, mask_phone
from hub.order.model import Invoice
from hub.order.place.record import place_of
from hub.repair import why
from hub.roles import SYSTEM, Actor, Permission
from hub.scope import ORDER_SEEN, scope
from hub.subject import open_key

SEALED: Final = (
    *("receiver_name", "receiver_phone", "receiver_street", "receiver_token", "buyer_nick"),
    *("remark", "seller_note", "invoice"),
)


class Receiver(Document):
    """Whom and where to, as far as it may be seen; `erased` says that nobody can open it any more."""

    name: str = ""
    phone: str = ""
    street: str = ""
    nick: str = ""
    remark: str = ""
    seller_note: str = ""
    invoice: Invoice | None = None
    by_token: bool = False
    erased: bool = False


def reveal(session: Session, order_id: int, actor: Actor, reason: str, at: datetime) -> Receiver:
    """Open an order's personal fields for a person who says why; the audit log keeps who looked.

    Raises: Unauthorised; NotFound; Malformed without a reason; NeedsOperator when the buyer was erased.
    """
    actor.require(Permission.UNMASK)
    said = why(reason)
    opened = _opened(session, order_id, actor)
    if opened is None:
        raise NeedsOperator("the buyer's personal data was erased: nobody can read it any more", code="subject_erased")
    record(session, at, actor.name, "order.reveal", f"order:{order_id}", reason=said)
    invoice = opened.get("invoice")
    return Receiver(
        name=opened["receiver_name"],
        phone=opened["receiver_phone"],
        street=opened["receiver_street"],
        nick=opened.get("buyer_nick", ""),
        remark=opened.get("remark", ""),
        seller_note=opened.get("seller_note", ""),
        invoice=Invoice.model_validate_json(invoice) if invoice else None,
        by_token="receiver_token" in opened,
    )


def masked_receiver(session: Session, order_id: int, actor: Actor) -> Receiver:
    """Give what anybody who may see the order sees of its receiver.

    Raises: NotFound.
    """
    opened = _opened(session, order_id, actor)
    if opened is None:
        return Receiver(erased=True)
    phone = opened["receiver_phone"]
    return Receiver(
        name=mask_name(opened["receiver_name"]),
        phone=phone if "*" in phone else mask_phone(phone),
        street=GONE,
        nick=_veiled(opened, "buyer_nick"),
        remark=_veiled(opened, "remark"),
        seller_note=_veiled(opened, "seller_note"),
        by_token="receiver_token" in opened,
    )


def personal_values(session: Session, order_id: int | None, actor: Actor) -> Sequence[str]:
    """Give an order's personal values, for masking them in messages that are about to be shown.

    Raises: NotFound.
    """
    opened = _opened(session, order_id, actor) if order_id else None
    return [value for column, value in (opened or {}).items() if column != "invoice"]


def known_values(session: Session, order_id: int | None) -> Sequence[str]:
    """Give the same for masking alone, whoever looks; none of an order that is not there."""
    try:
        return personal_values(session, order_id, SYSTEM)
    except NotFound:
        return ()


def _veiled(opened: Mapping[str, str], column: str) -> str:
    return GONE if column in opened else ""


def _opened(session: Session, order_id: int, actor: Actor) -> dict[str, str] | None:
    found: Row[Any] | None = row(
        session,
        f"select o.id, o.subject_id, {', '.join(f'o.{column}' for column in SEALED)} from sales_order o"
        f" where o.id = :id and {ORDER_SEEN}",
        id=order_id,
        **scope(actor),
    )
    if found is None:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    key = open_key(session, found.subject_id)
    if key is None:
        return None
    sealed = {column: getattr(found, column) for column in SEALED}
    return {column: key.open(bytes(one), place_of(column, order_id)) for column, one in sealed.items() if one}
