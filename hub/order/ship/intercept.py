"""Have parcels that have left stopped and brought back: their courier is asked by wire, or a person by a case."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audience import audience_of
from hub.audit import plain, record
from hub.cases import NewCase, open_cases, resolve, resolve_steps
from hub.database import row, rows, run
from hub.errors import Conflict, NotFound
from hub.fulfilment.courier import InterceptState, InterceptWish
from hub.order.lock import Locked, lock_order
from hub.order.ship.outbound import sender_of
from hub.order.ship.track import OPEN_LANES, REFUSED, Parcel
from hub.steps import NewStep, add, withdraw

INTERCEPT: Final = "intercept_parcel"

UNDER_WAY: Final = """
    select p.order_id, p.shipment_no, p.no, p.courier, p.tracking_no, i.state, coalesce(i.attempt, 0) as attempt,
           coalesce(i.connection, '') as asked_over,
           exists (select 1 from parcel other where other.tracking_no = p.tracking_no and other.courier = p.courier
                   and (other.order_id, other.shipment_no, other.no) <> (p.order_id, p.shipment_no, p.no)) as shared
    from parcel p
    left join parcel_track t on (t.order_id, t.shipment_no, t.parcel_no) = (p.order_id, p.shipment_no, p.no)
    left join parcel_intercept i on (i.order_id, i.shipment_no, i.parcel_no) = (p.order_id, p.shipment_no, p.no)
    where p.order_id = :id and coalesce(t.status, '') not in ('delivered', 'returned')
    order by p.shipment_no, p.no"""
"""Parcels that have not arrived. One whose waybill stands at others too, of this order or another, is a person's to
stop: it holds their goods as well, and one instruction is for all of it."""


class Asked(NamedTuple):
    """Parcels that are to be stopped: whose courier is asked now, whose was asked before, and those of a case."""

    by_wire: int
    before: int
    by_hand: int


def ask_intercept(session: Session, order_id: int, actor: str, reason: str, at: datetime) -> Asked:
    """Ask for the parcels of an order that are under way to be stopped; who asks twice asks once.

    What a courier has refused, nobody has heard of or a person has cancelled is asked anew. Raises: NotFound; Conflict
    with code nothing_to_intercept when all have arrived.
    """
    order = lock_order(session, order_id)
    parcels = rows(session, UNDER_WAY, id=order_id)
    if not parcels:
        raise Conflict("no parcel of this order is under way", code="nothing_to_intercept")
    stops = audience_of(session, order.brand).stops
    before = _asked_before(session, parcels)
    over = {one: stops.get(one.courier, "") for one in parcels if one.tracking_no and not one.shared}
    by_wire = [one for one in parcels if one not in before and over.get(one)]
    by_hand = [one for one in parcels if one not in before and not over.get(one)]
    for one in by_wire:
        _ask(session, order, one, over[one], actor, at)
    if by_hand:
        told = ", ".join(dict.fromkeys(f"{one.courier} {one.tracking_no}".strip() for one in by_hand))
        open_cases(session, [NewCase("intercept", f"order:{order_id}", order.brand, told, order_id)], at)
    asked = Asked(len(by_wire), len(before), len(by_hand))
    told = {"parcels": len(parcels), "wire": asked.by_wire, "before": asked.before, "reason": plain(reason)}
    record(session, at, actor, "order.intercept", f"order:{order_id}", **told)
    return asked


def read_intercept(session: Session, parcel: Parcel) -> InterceptWish:
    """Gather what a courier needs to bring a parcel back to the location that has sent it.

    Raises: NotFound.
    """
    found = row(
        session,
        """select p.courier, p.tracking_no, i.attempt, l.contact, l.phone as sender_phone, l.street as sender_street,
                  l.division as sender_division
           from parcel p join shipment s on (s.order_id, s.no) = (p.order_id, p.shipment_no)
                join fulfilment_order f on (f.order_id, f.no) = (s.order_id, s.fulfilment_no)
                join location l on l.code = f.location
                join parcel_intercept i on (i.order_id, i.shipment_no, i.parcel_no)
                                         = (p.order_id, p.shipment_no, p.no)
           where (p.order_id, p.shipment_no, p.no) = (:order_id, :shipment_no, :no)""",
        **parcel.subject,
    )
    if found is None:
        raise NotFound(f"nobody asked for parcel {parcel.code} to be stopped", code="unknown_document")
    return InterceptWish(
        key=f"intercept:{parcel.code}:{found.attempt}",
        courier=found.courier,
        tracking_no=found.tracking_no,
        back_to=sender_of(found),
    )


def mark_intercept(
    session: Session,
    parcel: Parcel,
    state: InterceptState,
    at: datetime,
    *,
    instruction: str = "",
    said: str = "",
    code: str = "",
) -> bool:
    """Keep what came of asking, and say whether that is news: a yes stands, whatever an earlier call says later."""
    changed = run(
        session,
        """update parcel_intercept set state = :state, instruction = :instruction, said = :said, code = :code,
                                       updated_at = :at, version = version + 1
           where (order_id, shipment_no, parcel_no) = (:order_id, :shipment_no, :no)
             and state not in ('accepted', 'back')""",
        state=state,
        instruction=instruction,
        said=said,
        code=code,
        at=at,
        **parcel.subject,
    )
    return bool(changed)


def _asked_before(session: Session, parcels: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Give the parcels whose courier has agreed, or is being asked; not those whose call a person has cancelled."""
    lanes = {
        one: _lane(_place(one), one.attempt, one.asked_over) for one in parcels if one.state == InterceptState.ASKED
    }
    open_lanes = {one.lane for one in rows(session, OPEN_LANES, lanes=list(lanes.values()))}
    return [one for one in parcels if one.state == InterceptState.ACCEPTED or lanes.get(one) in open_lanes]


def _place(found: Row[Any]) -> Parcel:
    return Parcel(found.order_id, found.shipment_no, found.no)


def _ask(session: Session, order: Locked, found: Row[Any], connection: str, actor: str, at: datetime) -> None:
    """Write down that a parcel's courier is asked, and have it asked."""
    parcel = _place(found)
    attempt: int = found.attempt + 1
    if found.attempt:
        _let_go(session, parcel, found, actor, at)
    run(
        session,
        """insert into parcel_intercept (brand, version, created_at, updated_at, order_id, shipment_no, parcel_no,
                                         connection, attempt, state, actor, instruction, said, code)
           values (:brand, 1, :at, :at, :order_id, :shipment_no, :no, :connection, :attempt, 'asked', :actor, '',
                   '', '')
           on conflict (order_id, shipment_no, parcel_no) do update
           set connection = :connection, attempt = :attempt, state = 'asked', actor = :actor, instruction = '',
               said = '', code = '', updated_at = :at, version = parcel_intercept.version + 1""",
        brand=order.brand,
        at=at,
        connection=connection,
        attempt=attempt,
        actor=actor,
        **parcel.subject,
    )
    key = f"intercept:{parcel.code}:{attempt}"
    add(
        session, [NewStep(INTERCEPT, _lane(parcel, attempt, connection), connection, key, order.id, parcel.subject)], at
    )


def _let_go(session: Session, parcel: Parcel, found: Row[Any], actor: str, at: datetime) -> None:
    """Take the call before back where it was certainly not executed, and close the case of its refusal."""
    withdraw(session, _lane(parcel, found.attempt, found.asked_over), INTERCEPT, at)
    resolve_steps(session, parcel.order_id, at)
    resolve(session, f"parcel:{parcel.code}", at, actor, "asked again", REFUSED)


def _lane(parcel: Parcel, attempt: int, connection: str) -> str:
    """Name the lane of one asking: a call that nobody knows the end of must not keep a person from asking again."""
    return f"intercept:{parcel.code}-{attempt}:{connection}"
