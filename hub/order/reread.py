"""Read an order back into the shape that rules judge, and write where it goes to anew."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.address.match import match
from hub.catalogue.find import find_products
from hub.database import keyring_of, row, rows, run
from hub.errors import NeedsOperator, NotFound
from hub.keyring import SubjectKey
from hub.merge.policy import policies_of
from hub.merge.window import key_of
from hub.order.model import Adjustment, Buyer, Order, OrderLine, OrderType, Receiver, ShopOrder
from hub.order.place.gift_main import GIFT_MAIN
from hub.order.place.mates import recipient_of
from hub.order.place.record import order_record, place_of
from hub.order.rules.normalise import NormalLine, NormalOrder
from hub.subject import REFERENCE, open_key

SHIPPING: Final = (
    *("receiver_name", "receiver_phone", "receiver_street", "receiver_token", "phone_index", "phone_tail_index"),
    *("division", "province", "city", "county", "town", "postcode", "address_confidence", "remark"),
)
"""The columns of an order that say where it goes to; all else is the commercial fact, and stays."""


def reread(session: Session, order_id: int) -> NormalOrder:
    """Give an order as it stands now, as the rules see it.

    Raises: NotFound; NeedsOperator when the buyer was erased.
    """
    found = row(
        session,
        """select o.*, s.reference from sales_order o join subject s on s.id = o.subject_id where o.id = :id""",
        id=order_id,
    )
    if found is None:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    key = open_key(session, found.subject_id)
    if key is None:
        raise NeedsOperator("the buyer's personal data was erased: nothing can be changed", code="subject_erased")
    lines = rows(
        session,
        f"""select *, case when gift then ({GIFT_MAIN}) end as main_no
            from order_line one where order_id = :id order by line_no""",
        id=order_id,
    )
    order = Order.model_construct(
        external_id=found.external_id,
        source_revision=found.source_revision,
        type=OrderType(found.type),
        placed_at=found.placed_at,
        placed_at_raw=found.placed_at_raw,
        paid_at=found.paid_at,
        currency=found.currency,
        buyer=Buyer(ref=keyring_of(session).open(bytes(found.reference), REFERENCE).decode()),
        receiver=_receiver(found, key),
        lines=tuple(_sold(one) for one in lines if one.kind != "component"),
        adjustments=tuple(_adjustments(session, order_id)),
        freight=found.freight,
        total=found.total,
        remark=_open(found, key, "remark"),
        seller_note=_open(found, key, "seller_note"),
    )
    shop_order = ShopOrder(
        brand=found.brand, shop=found.shop, channel=found.channel, platform=found.platform, order=order
    )
    to = order.receiver
    place = match(to.province, to.city, to.county, to.street)
    return NormalOrder(shop_order, tuple(_lines(session, lines)), (), place)


def write_shipping(session: Session, order_id: int, one: NormalOrder, kinds: Sequence[str], at: datetime) -> None:
    """Write where an order goes to, and its remark, over what stood there; each only if it is of these kinds."""
    _, record = record_of(session, order_id, one, at)
    wanted = [name for name in SHIPPING if ("remark" if name == "remark" else "address") in kinds]
    run(
        session,
        f"""update sales_order set {", ".join(f"{name} = :{name}" for name in wanted)}, version = version + 1,
                                   updated_at = :at where id = :id""",
        id=order_id,
        at=at,
        **{name: record[name] for name in wanted},
    )


def write_note(session: Session, order_id: int, one: NormalOrder, at: datetime) -> None:
    """Write what the shop's people note of an order over what stood there."""
    _, record = record_of(session, order_id, one, at)
    run(
        session,
        "update sales_order set seller_note = :note, version = version + 1, updated_at = :at where id = :id",
        note=record["seller_note"],
        at=at,
        id=order_id,
    )


def record_of(session: Session, order_id: int, one: NormalOrder, at: datetime) -> tuple[int, dict[str, Any]]:
    """Give whose an order is, and the row that it would have if it were placed now.

    Raises: NeedsOperator when the buyer was erased.
    """
    found = row(session, "select subject_id from sales_order where id = :id", id=order_id)
    key = open_key(session, found.subject_id) if found else None
    if found is None or key is None:
        raise NeedsOperator("the buyer's personal data was erased: nothing can be changed", code="subject_erased")
    subject = (found.subject_id, key)
    return found.subject_id, order_record(order_id, one, b"", subject, keyring_of(session), at, ZoneInfo("UTC"))


def write_recipient(session: Session, order_id: int, one: NormalOrder) -> None:
    """Have an order that may travel with others travel with those of its new recipient; with nobody while none may."""
    policy = policies_of(session).get(one.shop_order.shop)
    if policy is None:
        run(session, "delete from merge_recipient where order_id = :id", id=order_id)
        return
    run(
        session,
        "update merge_recipient set key = :key where order_id = :id",
        key=key_of(session, policy, recipient_of(one)),
        id=order_id,
    )


def _receiver(found: Row[Any], key: SubjectKey) -> Receiver:
    return Receiver.model_construct(
        name=_open(found, key, "receiver_name"),
        phone=_open(found, key, "receiver_phone"),
        token=_open(found, key, "receiver_token"),
        province=found.province,
        city=found.city,
        county=found.county,
        town=found.town,
        street=_open(found, key, "receiver_street"),
        postcode=found.postcode,
    )


def _open(found: Row[Any], key: SubjectKey, column: str) -> str:
    sealed = getattr(found, column)
    return key.open(bytes(sealed), place_of(column, found.id)) if sealed is not None else ""


def _sold(line: Row[Any]) -> OrderLine:
    return OrderLine.model_construct(
        external_line_id=line.external_line_id,
        channel_sku=line.channel_sku,
        title=line.title,
        quantity=line.ordered,
        unit_price=line.unit_price,
        gift=line.gift,
        refund_requested=line.refund_requested,
    )


def _adjustments(session: Session, order_id: int) -> list[Adjustment]:
    found = rows(
        session,
        """select distinct on (no) no, source, code, source_amount, funder from price_adjustment
           where order_id = :id order by no""",
        id=order_id,
    )
    return [Adjustment(source=one.source, code=one.code, amount=one.source_amount, funder=one.funder) for one in found]


def _lines(session: Session, lines: Sequence[Row[Any]]) -> list[NormalLine]:
    products: Mapping[str, Any] = find_products(session, {one.sku for one in lines})
    return [
        NormalLine(
            line_no=one.line_no,
            external_line_id=one.external_line_id,
            kind=one.kind,
            parent_no=one.parent_no,
            channel_sku=one.channel_sku,
            product=products[one.sku],
            gift=one.gift,
            unit_price=one.unit_price,
            amount=one.amount,
            discount=one.discount,
            ordered=one.ordered,
            main_no=one.main_no or 0,
            refund_requested=one.refund_requested,
        )
        for one in lines
    ]
