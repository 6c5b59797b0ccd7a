"""The counters of order lines, moved in step with the fulfilment orders that hold their pieces."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from hub.database import run

_NEW: Final = """from unnest(cast(:lines as bigint[]), cast(:pieces as bigint[])) as new (no, pieces)
                 where line.order_id = :id and line.line_no = new.no"""


def give_back(session: Session, order_id: int, pieces: Mapping[int, int]) -> None:
    """Take pieces (by line) out of the allocated ones, after their fulfilment order has ended."""
    _move(session, "set allocated = line.allocated - new.pieces", order_id, pieces)


def mark_shipped(session: Session, order_id: int, pieces: Mapping[int, int]) -> None:
    """Turn allocated pieces (by line) into shipped ones."""
    change = "set allocated = line.allocated - new.pieces, shipped = line.shipped + new.pieces"
    _move(session, change, order_id, pieces)


def _move(session: Session, change: str, order_id: int, pieces: Mapping[int, int]) -> None:
    lines = list(pieces)
    run(session, f"update order_line line {change} {_NEW}", id=order_id, lines=lines, pieces=list(pieces.values()))


def mark_delivered(session: Session, order_id: int, shipment_no: int, parcel_no: int) -> None:
    """Count a parcel's pieces as arrived."""
    run(
        session,
        """update order_line line set delivered = line.delivered + held.quantity from parcel_line held
           where held.order_id = :id and held.shipment_no = :shipment_no and held.parcel_no = :parcel_no
             and line.order_id = :id and line.line_no = held.line_no""",
        id=order_id,
        shipment_no=shipment_no,
        parcel_no=parcel_no,
    )
