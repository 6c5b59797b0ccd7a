"""Record what a location has handed over: shipment, parcels, stock consumed, and what it could not ship."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import copy, row, rows, run
from hub.errors import Conflict
from hub.fulfilment.lots import Filled, add_up, ship_lots
from hub.fulfilment.model import Confirm, ConfirmedParcel, ConfirmLine
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

    Raises: Conflict with code over_confirm or batch_mismatch when it contradicts what was asked, or
    fulfilment_ended when nothing is open here any more.
    """
    key = {"order_id": standing.order_id, "no": standing.no, "confirm": confirm.confirm_key}
    known = """select 1 from shipment where order_id = :order_id and fulfilment_no = :no and confirm_key = :confirm"""
    if row(session, known, **key):
        return None
    if standing.ended:
        raise Conflict(f"fulfilment order {standing.code} has ended as {standing.execution}", code="fulfilment_ended")
    asked = standing.open_lines()
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


def fill(lines: Sequence[ConfirmLine], asked: Sequence[NewLine]) -> Filled:
    """Bring a confirm's lines to ours: by line number, else by SKU, filling our lines in order; zero pieces vanish.

    Raises: Conflict with code batch_mismatch or over_confirm.
    """
    room = {line.line_no: line.quantity for line in asked}
    filled: list[tuple[ConfirmLine, list[tuple[int, int]]]] = []
    for line in lines:
        if line.batches and sum(batch.quantity for batch in line.batches) != line.quantity:
            raise Conflict(
                f"line {line.line_ref or line.sku}: batches hold {sum(b.quantity for b in line.batches)} pieces, "
                f"the line says {line.quantity}",
                code="batch_mismatch",
            )
        filled.append((line, _fill(line, asked, room)))
    return filled


def _fill(line: ConfirmLine, asked: Sequence[NewLine], room: dict[int, int]) -> list[tuple[int, int]]:
    """Put a confirmed line's pieces where they were asked for, using `room` up."""
    of_sku = [ours for ours in asked if ours.sku == line.sku]
    # Some warehouses repeat the item's code where our line number belongs: then the SKU alone decides.
    fitting = [ours for ours in of_sku if str(ours.line_no) == line.line_ref] or of_sku
    if line.quantity and not fitting:
        raise Conflict(f"nothing of {line.sku} is open here", code="over_confirm")
    rest = line.quantity
    taken: list[tuple[int, int]] = []
    for ours in fitting:
        quantity = min(rest, room[ours.line_no])
        if quantity:
            room[ours.line_no] -= quantity
            rest -= quantity
            taken.append((ours.line_no, quantity))
    if rest:
        raise Conflict(f"{line.sku}: {line.quantity} confirmed, {line.quantity - rest} open", code="over_confirm")
    return taken


def read_parcels(
    parcels: Sequence[ConfirmedParcel], asked: Sequence[NewLine], pieces: Mapping[int, int]
) -> list[tuple[ConfirmedParcel, dict[int, int]]]:
    """Say which pieces each parcel holds; where none is told with contents, the first holds everything.

    Others without contents come last, for their waybills: what is in them is told with another.
    Raises: Conflict with code batch_mismatch when the parcels together do not hold what the lines say.
    """
    if not pieces:
        return []
    filled = [parcel for parcel in parcels if parcel.lines]
    bare = _bare(parcels)
    if not filled:
        first = (bare or [*parcels, ConfirmedParcel()])[0]
        return [(first, dict(pieces)), *((parcel, {}) for parcel in bare[1:])]
    room = [NewLine(line.line_no, line.sku, pieces.get(line.line_no, 0)) for line in asked]
    left = {line.line_no: line.quantity for line in room}
    held: list[tuple[ConfirmedParcel, dict[int, int]]] = []
    try:
        for parcel in filled:
            contents: defaultdict[int, int] = defaultdict(int)
            for line in parcel.lines:
                for line_no, quantity in _fill(line, room, left):
                    contents[line_no] += quantity
            held.append((parcel, dict(contents)))
    except Conflict as error:
        raise Conflict(f"the parcels hold more than the lines say: {error.message}", code="batch_mismatch") from error
    if any(left.values()):
        raise Conflict("the parcels hold less than the lines say", code="batch_mismatch")
    return [*held, *((parcel, {}) for parcel in bare)]


def _bare(parcels: Sequence[ConfirmedParcel]) -> list[ConfirmedParcel]:
    """Give the parcels without contents whose waybills stand at no other, each once."""
    known = {(parcel.courier_code, parcel.tracking_no) for parcel in parcels if parcel.lines}
    bare = {(parcel.courier_code, parcel.tracking_no): parcel for parcel in parcels if parcel.tracking_no}
    return [parcel for waybill, parcel in bare.items() if waybill not in known]


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
