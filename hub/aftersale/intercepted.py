"""What becomes of a parcel that is brought back: a yes, or its coming, opens the return of it; a no is a case."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.aftersale.ask import open_return
from hub.aftersale.room import Room, rooms_of
from hub.aftersale.status import ReturnKind
from hub.aftersale.wish import Sent, Terms, Wish
from hub.audit import record
from hub.cases import NewCase, open_cases, resolve
from hub.database import row, rows, run
from hub.fulfilment.courier import InterceptAnswer, InterceptState, Track
from hub.masking import mask
from hub.order.lock import Locked, lock_order
from hub.order.reveal import known_values
from hub.order.ship.intercept import mark_intercept
from hub.order.ship.track import REFUSED, Parcel, call_for_delivered, record_tracks

UNCOVERED: Final = "intercept_uncovered"
"""The case of a parcel that comes back with pieces that no return awaits."""

STOPPED: Final = "快递拦截退回"
UNDELIVERED: Final = "快递退回"
"""Why goods come back, as their location is told: as they were stopped, or with nobody's yes."""

HELD: Final = """
    select own.line_no, least(own.quantity, greatest(0, told.n - coalesce(named.n, 0)))::bigint as pieces
    from parcel_line own
    cross join lateral (
        select sum(l.quantity) as n
        from parcel p join parcel_line l on (l.order_id, l.shipment_no, l.parcel_no) = (p.order_id, p.shipment_no, p.no)
        where p.order_id = :order_id and p.tracking_no = :tracking_no and l.line_no = own.line_no) told
    cross join lateral (
        select sum(greatest(back.asked, back.arrived)) as n
        from return_case c join return_line back on (back.order_id, back.no) = (c.order_id, c.no)
        where c.order_id = :order_id and c.tracking_no = :tracking_no and c.kind = 'return_refund'
          and c.state not in ('rejected', 'withdrawn') and back.line_no = own.line_no) named
    where (own.order_id, own.shipment_no, own.parcel_no) = (:order_id, :shipment_no, :no) order by own.line_no"""
"""What is in a parcel, less what returns of its waybill name: those are of these very pieces, taken in or not."""


def book_intercept(
    session: Session, parcel: Parcel, connection: str, answer: InterceptAnswer, terms: Terms, at: datetime
) -> None:
    """Keep a courier's answer: once it agrees, a return of what is in the parcel waits to be approved."""
    order = lock_order(session, parcel.order_id)
    state = InterceptState.ACCEPTED if answer.accepted else InterceptState.REJECTED
    said = mask(answer.words, known_values(session, order.id))[:300]
    if not mark_intercept(session, parcel, state, at, instruction=answer.instruction, said=said):
        return
    number = _tracking(session, parcel)
    told: dict[str, object] = {"parcel": parcel.code, "tracking_no": number[1]}
    if answer.accepted:
        resolve(session, f"parcel:{parcel.code}", at, connection, "its courier brings it back", REFUSED)
        told["return"] = _open_return(session, order, parcel, number, STOPPED, terms, at)
        if _is_delivered(session, parcel):  # the yes was on its way meanwhile
            call_for_delivered(session, order, parcel, number[1], at)
    else:
        told["reason"] = said
        message = f"{' '.join(number)}: {said}"
        open_cases(session, [_case(REFUSED, order, parcel, message)], at)
    record(session, at, connection, f"intercept.{state}", f"order:{order.id}", **told)


def lose_intercept(session: Session, parcel: Parcel, connection: str, code: str, at: datetime, *, doubt: bool) -> None:
    """Keep that the asking was given up: for the parcel a refusal, unless it may have been heard all the same.

    Of the error its `code` alone is kept: shops read it, and its text is for those who mend the call.
    """
    state = InterceptState.UNKNOWN if doubt else InterceptState.REJECTED
    if mark_intercept(session, parcel, state, at, code=code):
        told = {"parcel": parcel.code, "tracking_no": _tracking(session, parcel)[1], "code": code}
        record(session, at, connection, f"intercept.{state}", f"order:{parcel.order_id}", **told)


def take_tracks(
    session: Session, connection: str, tracks: Sequence[Track], terms: Terms, at: datetime
) -> Mapping[str, int]:
    """Keep what a courier says of parcels, as `record_tracks`; what came back unpromised has its return, too.

    Nobody had taken it, or its courier had refused to stop it or was not heard; that answer finds the return open.
    """
    heard = record_tracks(session, connection, tracks, at)
    for parcel in heard.back:
        order = lock_order(session, parcel.order_id)
        _open_return(session, order, parcel, _tracking(session, parcel), UNDELIVERED, terms, at)
    return heard.orders


def _open_return(
    session: Session, order: Locked, parcel: Parcel, number: tuple[str, str], why: str, terms: Terms, at: datetime
) -> int | None:
    """Open the return of what is in a parcel and give its number; a person is called for what none can await."""
    held = {one.line_no: one.pieces for one in rows(session, HELD, tracking_no=number[1], **parcel.subject)}
    rooms = rooms_of(session, order.id)
    pieces, uncovered = _split(held, rooms)
    left = ", ".join(f"{sku} × {n}" for sku, n in uncovered.items())
    if not held and not any(one.coming for one in rooms):
        left = "nobody has said what is in it"
    if left:
        open_cases(session, [_case(UNCOVERED, order, parcel, f"{' '.join(number)}: {left}")], at)
    if not pieces:
        return None
    sender = row(
        session,
        """select f.location
           from shipment s join fulfilment_order f on (f.order_id, f.no) = (s.order_id, s.fulfilment_no)
           where s.order_id = :id and s.no = :no""",
        id=order.id,
        no=parcel.shipment_no,
    )
    wish = Wish(
        ReturnKind.RETURN_REFUND, (), reason=why, location=sender.location if sender else "", sent=Sent(*number)
    )
    no = open_return(session, order, pieces, wish, "courier", terms, at)
    run(
        session,
        """update parcel_intercept set return_no = :return_no
           where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no)""",
        return_no=no,
        **parcel.subject,
    )
    return no


def _split(held: Mapping[int, int], rooms: Sequence[Room]) -> tuple[dict[int, int], dict[str, int]]:
    """Give the pieces by line that a return can be opened of, and by SKU those that none awaits then.

    What has been taken in already is awaited by none: a courier may say so later than the location.
    """
    pieces, uncovered = dict[int, int](), dict[str, int]()
    for one in rooms:
        wanted = min(held.get(one.line_no, 0), one.shipped - one.returned)
        if back := min(wanted, one.goods):
            pieces[one.line_no] = back
        if (left := wanted - back - one.coming) > 0:
            uncovered[one.sku] = uncovered.get(one.sku, 0) + left
    return pieces, uncovered


def _is_delivered(session: Session, parcel: Parcel) -> bool:
    statement = """select 1 from parcel_track where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no)
                   and status = 'delivered'"""
    return row(session, statement, **parcel.subject) is not None


def _tracking(session: Session, parcel: Parcel) -> tuple[str, str]:
    [found] = rows(
        session,
        """select courier, tracking_no from parcel
           where (order_id, shipment_no, no) = (:order_id, :shipment_no, :no)""",
        **parcel.subject,
    )
    return found.courier, found.tracking_no


def _case(cause: str, order: Locked, parcel: Parcel, message: str) -> NewCase:
    return NewCase(cause, f"parcel:{parcel.code}", order.brand, message[:500], order.id, {"subject": str(order.id)})
