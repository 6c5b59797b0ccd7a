"""Pieces of lots that have come back: their lots have them again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.counted import LotLine
from hub.inventory.ledger import StockKey
from hub.inventory.lot import columns_of


def put_back(session: Session, lots: Sequence[tuple[StockKey, LotLine]], at: datetime) -> None:
    """Add pieces to lots, of which no two are the same; one that was not known is known since, one's days stay.

    Their counters are locked.
    """
    if not lots:
        return
    told = [line for _, line in lots]
    run(
        session,
        """insert into stock_lot (location, sku, owner, condition, lot, produced_on, expires_on, on_hand, counted_at)
           select location, sku, owner, condition, lot, produced_on, expires_on, pieces, :at
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[]), cast(:lots as text[]), cast(:produced as date[]),
                       cast(:expires as date[]), cast(:pieces as bigint[]))
                as new (location, sku, owner, condition, lot, produced_on, expires_on, pieces)
           on conflict (location, sku, owner, condition, lot) do update
           set on_hand = stock_lot.on_hand + excluded.on_hand,
               produced_on = coalesce(stock_lot.produced_on, excluded.produced_on),
               expires_on = coalesce(stock_lot.expires_on, excluded.expires_on)""",
        at=at,
        **columns_of([key for key, _ in lots]),
        lots=[line.lot for line in told],
        produced=[line.produced_on for line in told],
        expires=[line.expires_on for line in told],
        pieces=[line.pieces for line in told],
    )
