"""Have parcels that have left stopped on their way: no courier of ours takes that by wire, so a person asks for it."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.cases import NewCase, open_cases
from hub.database import rows
from hub.errors import Conflict
from hub.order.lock import lock_order


def ask_intercept(session: Session, order_id: int, actor: str, reason: str, at: datetime) -> int:
    """Call a person to stop the parcels of an order that are under way; give how many those are.

    Raises: NotFound; Conflict with code nothing_to_intercept when all have arrived.
    """
    order = lock_order(session, order_id)
    parcels = rows(
        session,
        """select p.courier, p.tracking_no from parcel p
           left join parcel_track t on (t.order_id, t.shipment_no, t.parcel_no) = (p.order_id, p.shipment_no, p.no)
           where p.order_id = :id and coalesce(t.status, '') not in ('delivered', 'returned')
           order by p.shipment_no, p.no""",
        id=order_id,
    )
    if not parcels:
        raise Conflict("no parcel of this order is under way", code="nothing_to_intercept")
    told = ", ".join(f"{one.courier} {one.tracking_no}" for one in parcels)
    open_cases(session, [NewCase("intercept", f"order:{order_id}", order.brand, told, order_id)], at)
    record(session, at, actor, "order.intercept", f"order:{order_id}", parcels=len(parcels), reason=plain(reason))
    return len(parcels)
