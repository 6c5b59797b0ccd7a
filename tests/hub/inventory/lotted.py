"""Lots of apples in Shanghai, one line short in the making, and what of them left or is named."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from hub.database import rows
from hub.fulfilment.lots import name_lots
from hub.fulfilment.model import Batch, ConfirmLine
from hub.inventory.count import Counted, take_report
from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.ledger import StockKey
from hub.inventory.lot import lots_of
from hub.inventory.lot_named import named_of
from hub.order.ship.outbound import read_delivery
from tests.hub.inventory.counting import WMS, after
from tests.hub.making import AT, OWNER

APPLE = StockKey("sh", "apple", OWNER)
DAYS = {lot: date(2027, 5, 1) + timedelta(days=30 * no) for no, lot in enumerate("ABC")}
"""A expires first, then B, then C."""

EXPIRED = {"OLD": date(2026, 1, 1)}


def tell(session: Session, kind: str, lots: dict[str, int], minutes: int = 0, **changes: Any) -> Counted:  # noqa: ANN401 # any field of a line
    """Have the warehouse count or change apples by their lots."""
    parts = tuple(LotLine(lot=lot, pieces=pieces, expires_on=(DAYS | EXPIRED).get(lot)) for lot, pieces in lots.items())
    values: dict[str, Any] = {"no": 1, "sku": "apple", "kind": kind, "pieces": sum(lots.values()), "lots": parts}
    line = ReportLine(**{**values, **changes})
    name = f"{kind}-{minutes}-{changes.get('delivery', '')}"
    page = CountReport(report=name, location="sh", counted_at=after(minutes), lines=(line,))
    return take_report(session, WMS, page, after(max(0, minutes)))


def release(session: Session, order_id: int, no: int = 1) -> list[tuple[str, str, int]]:
    """Name the lots of a delivery as its release does; give its lines as they are sent: reference, lot, pieces."""
    name_lots(session, order_id, no, AT)
    return [(line.ref, line.lot, line.quantity) for line in read_delivery(session, order_id, no, AT).lines]


def of(sku: str, quantity: int, ref: str = "", /, **lots: int) -> ConfirmLine:
    """Make a line of a confirm with the lots it tells."""
    batches = tuple(Batch(batch_code=lot, quantity=pieces) for lot, pieces in lots.items())
    return ConfirmLine(line_ref=ref, sku=sku, quantity=quantity, batches=batches)


def on_hand(session: Session) -> dict[str, int]:
    return {one.lot: one.on_hand for one in lots_of(session, APPLE)}


def named(session: Session) -> dict[str, int]:
    return dict(named_of(session, APPLE))


def left(session: Session) -> list[tuple[str, int, int]]:
    """Give of which lots apples left, in the order they did: lot, pieces, and how many of them were assumed."""
    found = rows(session, "select lot, quantity, assumed from shipped_lot order by order_id, shipment_no, line_no, lot")
    return [(one.lot, one.quantity, one.assumed) for one in found]
