"""Record what a location has handed over: shipment, parcels, stock consumed, and what it could not ship."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import copy, row, rows, run
from hub.errors import Conflict
from hub.fulfilment.confirmed import Booked, Waybill, check_same, fill, read_parcels, waybill_of
from hub.fulfilment.lots import add_up, ship_lots
from hub.fulfilment.model import Confirm, ConfirmedParcel
from hub.fulfilment.reject import Standing, end
from hub.fulfilment.release import NewLine
from hub.fulfilment.status import Execution, Negotiation
from hub.inventory.ledger import StockKey
from hub.inventory.lot_named import let_go
from hub.inventory.reserve import Claim, consume


@dataclass(frozen=True, slots=True)
class Shipped:
    """What left with one confirm, by line, and what the location will not ship any more."""

    shipment_no: int
    pieces: Mapping[int, int]
    left_over: tuple[NewLine, ...]


def ship(session: Session, standing: Standing, confirm: Confirm, at: datetime) -> Shipped | None:
    """Book a confirm; None when it was booked before.

    Raises: Conflict with code over_confirm or batch_mismatch when it contradicts what was asked, confirm_differs when
    something else was booked under its key, or fulfilment_ended when nothing is open here any more.
    """
    key = {"order_id": standing.order_id, "no": standing.no, "confirm": confirm.confirm_key}
    known = """select 1 from shipment where order_id = :order_id and fulfilment_no = :no and confirm_key = :confirm"""
    if row(session, known, **key):
        check_same(confirm, read_booked(session, [standing], confirm.confirm_key, lambda _, line_no: line_no))
        return None
    if standing.ended:
        raise Conflict(f"fulfilment order {standing.code} has ended as {standing.execution}", code="fulfilment_ended")
    asked = standing.lines()
    filled = fill(confirm.lines, asked)
    pieces = dict(sorted(add_up(filled).items()))
    parcels = read_parcels(confirm.parcels, asked, pieces)
    shipment_no = _write_shipment(session, standing, confirm, parcels, at)
    run(
        session,
        """update fulfilment_line line set shipped = line.shipped + new.pieces
           from unnest(cast(:lines as bigint[]), cast(:pieces as bigint[])) as new (line_no, pieces)
           where line.order_id = :order_id and line.no = :no and line.line_no = new.line_no""",
        lines=list(pieces),
        pieces=list(pieces.values()),
        order_id=standing.order_id,
        no=standing.no,
    )
    skus = {line.line_no: line.sku for line in asked}
    claims = [
        Claim(
            f"ship:{standing.order_id}-{shipment_no}:{line_no}",
            StockKey(standing.location, skus[line_no], standing.owner),
            quantity,
        )
        for line_no, quantity in pieces.items()
    ]
    consume(session, claims, at)
    ship_lots(session, standing, shipment_no, filled, asked, at)
    return Shipped(shipment_no, pieces, _settle(standing, confirm, at))


def read_booked(
    session: Session, standings: Sequence[Standing], confirm_key: str, ref: Callable[[int, int], int]
) -> Booked:
    """Give what was booked of a delivery under a confirm's key.

    `ref` numbers a line within the delivery, by the place of its fulfilment order (1, 2, …) and its own number.
    """
    found = rows(
        session,
        """select m.place, s.final, p.courier, p.tracking_no, l.line_no, l.quantity
           from unnest(cast(:orders as bigint[]), cast(:numbers as bigint[])) with ordinality as m (order_id, no, place)
           join shipment s on (s.order_id, s.fulfilment_no) = (m.order_id, m.no)
           left join parcel p on (p.order_id, p.shipment_no) = (s.order_id, s.no)
           left join parcel_line l on (l.order_id, l.shipment_no, l.parcel_no) = (p.order_id, p.shipment_no, p.no)
           where s.order_id = any(:orders) and s.confirm_key = :key""",
        orders=[one.order_id for one in standings],
        numbers=[one.no for one in standings],
        key=confirm_key,
    )
    every = [(ref(place, line.line_no), line) for place, one in enumerate(standings, 1) for line in one.lines()]
    held = defaultdict[Waybill, Counter[int]](Counter)
    for one in found:
        if one.courier is not None:
            of_line = {} if one.line_no is None else {ref(one.place, one.line_no): one.quantity}
            held[waybill_of(one.courier, one.tracking_no)].update(of_line)
    lines = {waybill: [NewLine(no, line.sku, pieces[no]) for no, line in every] for waybill, pieces in held.items()}
    total = sum(held.values(), Counter[int]())
    is_open = any(line.quantity for _, line in every)
    more = is_open and not any(one.final for one in found)
    return Booked([NewLine(no, line.sku, total[no]) for no, line in every], lines, more)


def _write_shipment(
    session: Session,
    standing: Standing,
    confirm: Confirm,
    parcels: Sequence[tuple[ConfirmedParcel, Mapping[int, int]]],
    at: datetime,
) -> int:
    order_id = standing.order_id
    last = rows(session, "select coalesce(max(no), 0) as no from shipment where order_id = :id", id=order_id)
    no: int = last[0].no + 1
    columns = [
        "brand",
        "version",
        "created_at",
        "updated_at",
        "order_id",
        "no",
        "fulfilment_no",
        "confirm_key",
        "final",
        "shipped_at",
    ]
    shipped_at = confirm.confirmed_at or at
    record = (standing.brand, 1, at, at, order_id, no, standing.no, confirm.confirm_key, confirm.final, shipped_at)
    copy(session, "shipment", columns, [record])
    numbered = list(enumerate(parcels, 1))
    heads = [(order_id, no, n, parcel.courier_code, parcel.tracking_no) for n, (parcel, _) in numbered]
    copy(session, "parcel", ["order_id", "shipment_no", "no", "courier", "tracking_no"], heads)
    contents = [(order_id, no, n, line, q) for n, (_, held) in numbered for line, q in held.items()]
    copy(session, "parcel_line", ["order_id", "shipment_no", "parcel_no", "line_no", "quantity"], contents)
    return no


def _settle(standing: Standing, confirm: Confirm, at: datetime) -> tuple[NewLine, ...]:
    """Close the fulfilment order when this was its last confirm, giving back what it did not ship."""
    rest = standing.open_lines()
    if rest and confirm.final:
        return tuple(end(standing, _answered(standing), Execution.INCOMPLETE, "short", at))
    standing.agree(_answered(standing), at, Execution.IN_PROGRESS if rest else Execution.CLOSED)
    if not rest:
        let_go(standing.session, standing.order_id, standing.no)
    return ()


def _answered(standing: Standing) -> Negotiation:
    """Goods that left were accepted; a cancellation that came too late was refused by that."""
    late = {Negotiation.CANCEL_REQUESTED, Negotiation.CANCEL_REJECTED}
    return Negotiation.CANCEL_REJECTED if standing.negotiation in late else Negotiation.ACCEPTED
