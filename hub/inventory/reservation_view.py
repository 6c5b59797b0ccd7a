"""A soft reservation as its shop looks it up, in whatever state it is."""

from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import records
from hub.document import Document


class HeldLine(Document):
    """Pieces that a reservation holds at one location; of a bundle, its parts."""

    location: str
    sku: str
    quantity: int


class ReservationView(Document):
    """A soft reservation; `order_id` is the order that took it."""

    ref: str
    state: str
    expires_at: datetime
    order_id: int | None
    lines: tuple[HeldLine, ...]


def find_reservation(session: Session, shop: str, ref: str) -> ReservationView | None:
    """Give a shop's soft reservation by its own reference, in whatever state it is."""
    found = records(
        session,
        """select r.ref, r.state, r.expires_at, r.order_id,
                  coalesce(jsonb_agg(jsonb_build_object('location', line.location, 'sku', line.sku,
                                                        'quantity', line.quantity) order by line.no)
                           filter (where line.no is not null), '[]') as lines
           from reservation r left join reservation_line line on line.reservation_id = r.id
           where (r.shop, r.ref) = (:shop, :ref) group by r.id""",
        shop=shop,
        ref=ref,
    )
    return ReservationView.model_validate(found[0]) if found else None
