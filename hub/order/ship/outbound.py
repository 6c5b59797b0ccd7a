"""What is said of an order to the outside: the delivery to its location, and the shipment notice to its channel."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.address.division import Level, ancestry
from hub.database import row, rows
from hub.errors import NeedsOperator, NotFound
from hub.fulfilment.model import (
    CancelWish,
    ClosureNotice,
    Delivery,
    DeliveryLine,
    Party,
    ShipmentNotice,
    ShippedLine,
    ShippedParcel,
)
from hub.keyring import SubjectKey
from hub.order.place.record import place_of
from hub.order.posting.sold import RIDES, SoldLine, sold_pieces
from hub.subject import open_key


def read_delivery(session: Session, order_id: int, no: int, at: datetime) -> Delivery:
    """Gather what a location needs to ship a fulfilment order; personal fields are opened here.

    Raises: NotFound; NeedsOperator when the buyer was erased.
    """
    found = row(
        session,
        """select f.code, f.attempt, f.location, f.owner, f.courier, f.created_at as released_at, o.*,
                  l.contact, l.phone as sender_phone, l.street as sender_street, l.division as sender_division
           from fulfilment_order f join sales_order o on o.id = f.order_id join location l on l.code = f.location
           where f.order_id = :order_id and f.no = :no""",
        order_id=order_id,
        no=no,
    )
    if found is None:
        raise NotFound(f"there is no fulfilment order {order_id}-{no}", code="unknown_document")
    lines = _delivery_lines(session, order_id, no, found.external_id)
    return Delivery(
        code=found.code,
        attempt=found.attempt,
        order_type=found.type,
        warehouse_code=found.location,
        owner_code=found.owner,
        created_at=found.released_at,
        placed_at=found.placed_at,
        paid_at=found.paid_at,
        operated_at=at,
        shop_name=found.shop,
        buyer_nick="",
        courier_code=found.courier,
        platform_code=found.platform,
        total=found.total,
        goods=found.goods,
        discount=found.discount,
        freight=found.freight,
        sender=sender_of(found),
        receiver=receiver_of(session, found),
        remark="",
        lines=lines,
    )


def read_cancel_wish(session: Session, order_id: int, no: int) -> CancelWish:
    """Gather what a location needs to stop a document.

    Raises: NotFound.
    """
    found = row(
        session,
        """select f.code, f.location, f.owner, o.type from fulfilment_order f join sales_order o on o.id = f.order_id
           where f.order_id = :order_id and f.no = :no""",
        order_id=order_id,
        no=no,
    )
    if found is None:
        raise NotFound(f"there is no fulfilment order {order_id}-{no}", code="unknown_document")
    return CancelWish(code=found.code, warehouse_code=found.location, owner_code=found.owner, order_type=found.type)


def read_shipment(session: Session, order_id: int, shipment_no: int) -> ShipmentNotice:
    """Gather what a channel is told of a shipment, in the channel's own line ids and codes.

    A bundle is told by its own line, with as many pieces as its parts make whole.
    Raises: NotFound.
    """
    head = row(
        session,
        """select o.external_id, s.shipped_at from shipment s join sales_order o on o.id = s.order_id
           where s.order_id = :order_id and s.no = :no""",
        order_id=order_id,
        no=shipment_no,
    )
    if head is None:
        raise NotFound(f"there is no shipment {order_id}-{shipment_no}", code="unknown_shipment")
    return ShipmentNotice(
        key=f"shipment:{order_id}-{shipment_no}",
        order_id=str(order_id),
        external_id=head.external_id,
        shipped_at=head.shipped_at,
        parcels=tuple(_parcels(session, order_id, shipment_no)),
    )


def read_closure(session: Session, order_id: int) -> ClosureNotice:
    """Gather what a channel is told of an order that was closed unpaid.

    Raises: NotFound.
    """
    found = row(session, "select external_id, updated_at from sales_order where id = :id", id=order_id)
    if found is None:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    return ClosureNotice(
        key=f"closed:{order_id}", order_id=str(order_id), external_id=found.external_id, closed_at=found.updated_at
    )


def _parcels(session: Session, order_id: int, shipment_no: int) -> Iterator[ShippedParcel]:
    sold = {line.line_no: line for line in _sold_lines(session, order_id)}
    found = rows(
        session,
        """select p.shipment_no, p.no, p.courier, p.tracking_no,
                  jsonb_object_agg(held.line_no, held.quantity) as pieces
           from parcel p join parcel_line held on (held.order_id, held.shipment_no, held.parcel_no)
                                                = (p.order_id, p.shipment_no, p.no)
           where p.order_id = :order_id and p.shipment_no <= :no group by 1, 2, 3, 4 order by 1, 2""",
        order_id=order_id,
        no=shipment_no,
    )
    contents = [{int(no): quantity for no, quantity in one.pieces.items()} for one in found]
    for parcel, pieces in zip(found, sold_pieces(contents, list(sold.values())), strict=True):
        if parcel.shipment_no == shipment_no:
            lines = [
                ShippedLine(
                    external_line_id=sold[no].external_line_id, channel_sku=sold[no].channel_sku, quantity=quantity
                )
                for no, quantity in pieces.items()
            ]
            yield ShippedParcel(courier=parcel.courier, tracking_no=parcel.tracking_no, lines=tuple(lines))


def _sold_lines(session: Session, order_id: int) -> list[SoldLine]:
    found = rows(
        session,
        f"""select line_no, external_line_id, channel_sku, parent_no, ordered from order_line line
            where order_id = :id and kind <> 'gift' and not ({RIDES}) order by line_no""",
        id=order_id,
    )
    return [SoldLine(*one) for one in found]


def _delivery_lines(session: Session, order_id: int, no: int, external_id: str) -> tuple[DeliveryLine, ...]:
    """Give a delivery's lines; one whose lots are named is cut into them, and what is of none comes last."""
    found = rows(
        session,
        """select f.line_no, f.sku, f.quantity, o.title, (o.amount - o.discount) / o.ordered as price,
                  named.lot, named.quantity as of_lot, named.produced_on, named.expires_on
           from fulfilment_line f join order_line o on (o.order_id, o.line_no) = (f.order_id, f.line_no)
           left join named_lot named on (named.order_id, named.no, named.line_no) = (f.order_id, f.no, f.line_no)
                                     and named.quantity > 0
           where f.order_id = :order_id and f.no = :no
           order by f.line_no, named.expires_on nulls last, named.produced_on nulls last, named.lot""",
        order_id=order_id,
        no=no,
    )
    lines: list[DeliveryLine] = []
    for _, group in groupby(found, key=attrgetter("line_no")):
        named = list(group)
        whole = DeliveryLine(
            line_no=named[0].line_no,
            source_order_code=external_id,
            sku=named[0].sku,
            title=named[0].title,
            quantity=named[0].quantity,
            unit_price=max(0, named[0].price),
        )
        lines += _cut(whole, [one for one in named if one.lot is not None])
    return tuple(lines)


def _cut(whole: DeliveryLine, named: Sequence[Row[Any]]) -> list[DeliveryLine]:
    """Cut a line into the lots that are named for its pieces."""
    parts = [
        whole.model_copy(
            update={
                "quantity": one.of_lot,
                "lot": one.lot,
                "produced_on": one.produced_on,
                "expires_on": one.expires_on,
            }
        )
        for one in named
    ]
    if rest := whole.quantity - sum(one.quantity for one in parts):
        parts.append(whole.model_copy(update={"quantity": rest}))
    if len(parts) == 1:
        return parts
    return [one.model_copy(update={"part": part}) for part, one in enumerate(parts, 1)]


def sender_of(found: Row[Any]) -> Party:
    """Give the contact of a location, by a row with its columns."""
    names = {one.level: one.name for one in ancestry(found.sender_division)}
    return Party(
        name=found.contact,
        phone=found.sender_phone,
        province=names[Level.PROVINCE],
        city=names.get(Level.CITY, names[Level.PROVINCE]),
        county=names.get(Level.COUNTY, ""),
        street=found.sender_street,
    )


def receiver_of(session: Session, found: Row[Any]) -> Party:
    """Open to whom an order goes, by its row.

    Raises: NeedsOperator when the buyer was erased.
    """
    key: SubjectKey | None = open_key(session, found.subject_id)
    if key is None:
        raise NeedsOperator("the buyer's personal data was erased: nothing can be sent", code="subject_erased")
    opened = {
        column: key.open(bytes(getattr(found, column)), place_of(column, found.id))
        for column in ("receiver_name", "receiver_phone", "receiver_street", "receiver_token")
        if getattr(found, column) is not None
    }
    return Party(
        name=opened["receiver_name"],
        phone=opened["receiver_phone"],
        province=found.province,
        city=found.city or found.province,
        county=found.county,
        town=found.town,
        street=opened["receiver_street"],
        postcode=found.postcode,
        token=opened.get("receiver_token", ""),
    )
