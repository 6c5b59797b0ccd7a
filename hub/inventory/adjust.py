"""Corrections by people and programs: pieces found or lost, and how many are kept back; each with who and why."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import row, run
from hub.errors import Malformed, NotFound
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.level import make_counters
from hub.inventory.table import Reason

MOST: Final = 1_000_000_000
"""The most pieces of one correction: more than any shelf has."""


def adjust(
    session: Session, actor: str, brand: str, key: StockKey, delta: int, reason: str, ref: str, at: datetime
) -> None:
    """Book pieces that were found (or lost, below zero) by a document `ref`, once.

    Raises: Malformed for no pieces or beyond reason; NotFound when the brand has no such location or SKU, or nobody of
    that name owns goods there; Shortage when it would leave less than is promised; Conflict when the document was
    booked before (movement_booked).
    """
    if not 0 < abs(delta) <= MOST:
        raise Malformed(f"pieces are a whole number up to {MOST}, and not 0", code="pieces", field="delta")
    _check(session, brand, key)
    make_counters(session, brand, [key], at)
    post(session, [Movement(key, Reason.ADJUST, ref, on_hand=delta)], at)
    detail = {"location": key.location, "condition": str(key.condition), "owner": key.owner}
    record(session, at, actor, "stock.adjust", f"sku:{key.sku}", **detail, delta=delta, ref=ref, reason=plain(reason))


def set_safety(session: Session, actor: str, brand: str, key: StockKey, pieces: int, at: datetime) -> None:
    """Keep pieces of a counter back from what channels are promised; orders that came may have them all the same.

    Raises: Malformed beyond reason; NotFound when the brand has no such location or SKU.
    """
    if not 0 <= pieces <= MOST:
        raise Malformed(f"safety stock is a whole number from 0 to {MOST}", code="pieces", field="safety")
    _check(session, brand, key)
    make_counters(session, brand, [key], at)
    run(
        session,
        """update stock_level set safety = :pieces, version = version + 1, updated_at = :at
           where (location, sku, owner, condition) = (:location, :sku, :owner, :condition)""",
        pieces=pieces,
        at=at,
        **key._asdict(),
    )
    detail = {"location": key.location, "condition": str(key.condition), "owner": key.owner}
    record(session, at, actor, "stock.safety", f"sku:{key.sku}", **detail, pieces=pieces)


def _check(session: Session, brand: str, key: StockKey) -> None:
    found = row(
        session,
        """select exists (select from location where (code, brand) = (:location, :brand)) as placed,
                  exists (select from sku where (code, brand) = (:sku, :brand) and not bundle) as sold,
                  exists (select from location where (code, owner) = (:location, :owner))
                  or exists (select from stock_level where (location, owner) = (:location, :owner)) as owned""",
        location=key.location,
        sku=key.sku,
        owner=key.owner,
        brand=brand,
    )
    if found is None or not found.placed:
        raise NotFound(f"{brand} has no location {key.location}", code="unknown_location", field="location")
    if not found.sold:  # a bundle has no shelf: its parts are counted
        raise NotFound(f"{brand} has no SKU {key.sku} that is counted", code="unknown_sku", field="sku")
    if not found.owned:  # a counter of somebody unknown would be sold by nobody and looked at by nobody
        text, zh = f"nobody called {key.owner} has goods at {key.location}", f"{key.location} 没有货主 {key.owner}"
        raise NotFound(text, code="unknown_owner", field="owner", zh=zh)
