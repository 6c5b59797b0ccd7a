"""Ask for a return: shipped pieces are to come back, or money alone is to go back for them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.replaced import less_owed
from hub.aftersale.room import pieces_back, rooms_of
from hub.aftersale.status import ReturnKind, ReturnState
from hub.aftersale.wish import Terms, Wish
from hub.audit import plain, record
from hub.database import copy, row, rows
from hub.errors import Conflict, NotFound
from hub.order.change.money import PAID
from hub.order.lock import Locked, lock_order

COLUMNS = (
    *("brand", "version", "created_at", "updated_at", "order_id", "no", "code", "kind", "state", "fault", "reason"),
    *("actor", "freight_back", "location", "connection", "owner", "courier", "tracking_no", "partner_id"),
    *("decided_by", "note", "refunds"),
)


def ask_return(session: Session, order_id: int, wish: Wish, actor: str, terms: Terms, at: datetime) -> int:
    """Write a return down, to be approved or rejected, and give its number within the order.

    Pieces that open returns name are kept for them. Raises: NotFound for an order or a location that there is not;
    Malformed and Conflict as `pieces_back`; Conflict with code nothing_paid when money alone is to go back, and nobody
    has paid.
    """
    order = lock_order(session, order_id)
    goods = wish.kind is ReturnKind.RETURN_REFUND
    rooms = less_owed(session, order_id, rooms_of(session, order_id))
    pieces = pieces_back(rooms, wish.lines, goods=goods)
    if not goods and _is_unpaid(session, order_id):
        raise Conflict(f"nobody has paid order {order_id}: nothing can be refunded", code="nothing_paid")
    return open_return(session, order, pieces, wish, actor, terms, at)


def open_return(
    session: Session, order: Locked, pieces: Mapping[int, int], wish: Wish, actor: str, terms: Terms, at: datetime
) -> int:
    """Write a return of pieces by the hub's lines, which there is room for, and give its number.

    Raises: NotFound and Conflict as `ask_return`.
    """
    order_id, goods = order.id, wish.kind is ReturnKind.RETURN_REFUND
    place = _place(session, order, wish.location or terms.places.get(order.brand, ""), pieces) if goods else None
    [last] = rows(session, "select coalesce(max(no), 0) as no from return_case where order_id = :id", id=order_id)
    no: int = last.no + 1
    at_place = (place.code, place.connection, place.owner) if place else ("", "", "")
    case = (
        *(order.brand, 1, at, at, order_id, no, code_of(order_id, no), wish.kind, ReturnState.REQUESTED, wish.fault),
        *(plain(wish.reason), actor, wish.fault in terms.freight_for, *at_place),
        *(plain_number(wish.sent.courier), plain_number(wish.sent.tracking_no), "", "", "", "[]"),
    )
    copy(session, "return_case", COLUMNS, [case])
    write_lines(session, order_id, no, pieces)
    told = {"no": no, "kind": wish.kind, "fault": wish.fault, "lines": {str(line): n for line, n in pieces.items()}}
    record(session, at, actor, "return.ask", f"order:{order_id}", **told, reason=plain(wish.reason))
    return no


def code_of(order_id: int, no: int) -> str:
    """Name a return as the warehouse keeps it; no delivery and no handover is named so."""
    return f"{order_id}-r{no}"


def plain_number(told: str) -> str:
    """Bring a courier's code or a waybill's number to one line of text."""
    return "".join(char for char in told if char.isprintable()).strip()[:64]


def write_lines(session: Session, order_id: int, no: int, asked: Mapping[int, int]) -> None:
    """Write the lines of a return, of which nothing has arrived."""
    columns = ("order_id", "no", "line_no", "asked", "arrived", "damaged", "refunded")
    copy(session, "return_line", columns, [(order_id, no, line, n, 0, 0, 0) for line, n in sorted(asked.items())])


def find_place(session: Session, brand: str, code: str) -> Row[Any]:
    """Give a location of a brand.

    Raises: NotFound with code unknown_location.
    """
    statement = "select code, connection, owner from location where (brand, code) = (:brand, :code)"
    found = row(session, statement, brand=brand, code=code)
    if found is None:
        raise NotFound(f"{brand} has no location {code}", code="unknown_location", field="location")
    return found


def _place(session: Session, order: Locked, wanted: str, pieces: Mapping[int, int]) -> Row[Any]:
    """Give where goods come back to: as wished, else to the location that shipped most of these lines."""
    if wanted:
        return find_place(session, order.brand, wanted)
    found = row(
        session,
        """select f.location from fulfilment_line l join fulfilment_order f using (order_id, no)
           where l.order_id = :id and l.line_no = any(:lines) and l.shipped > 0
           group by 1 order by sum(l.shipped) desc, 1 limit 1""",
        id=order.id,
        lines=list(pieces),
    )
    if found is None:
        raise Conflict("nothing of this has been shipped by a location", code="nothing_to_send", field="lines")
    return find_place(session, order.brand, found.location)


def _is_unpaid(session: Session, order_id: int) -> bool:
    return (
        row(session, "select 1 from sales_order where id = :id and payment = any(:paid)", id=order_id, paid=list(PAID))
        is None
    )
