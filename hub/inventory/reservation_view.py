"""A soft reservation as its shop looks it up, in whatever state it is."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import records, rows
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


def known_refs(session: Session, asked: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give which of some (shop, ref) there is a soft reservation of, in whatever state."""
    found = rows(
        session,
        """select r.shop, r.ref from unnest(cast(:shops as text[]), cast(:refs as text[])) as asked (shop, ref)
           join reservation r on (r.shop, r.ref) = (asked.shop, asked.ref)""",
        shops=[shop for shop, _ in asked],
        refs=[ref for _, ref in asked],
    )
    return {(one.shop, one.ref) for one in found}
