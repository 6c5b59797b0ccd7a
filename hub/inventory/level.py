"""Stock levels: what is free to promise, and goods coming in."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.condition import Condition
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.table import Reason


def free_pieces(session: Session, skus: Collection[str], *, lock: bool = False) -> Mapping[tuple[str, str], int]:
    """Give the free pieces of each (location, SKU): on hand less promised, saleable, of the place's own owner.

    With `lock` the counters stay as they are until the transaction ends; they are locked in the order of their keys.
    """
    statement = """select level.location, level.sku, level.on_hand - level.allocated - level.soft as free
                   from stock_level level
                   join location on (location.code, location.owner) = (level.location, level.owner)
                   where level.sku = any(:skus) and level.condition = :condition"""
    if lock:
        hold_still(session, skus)
    found = rows(session, statement, skus=sorted(skus), condition=Condition.SALEABLE)
    return {(row.location, row.sku): max(0, row.free) for row in found}


def hold_still(session: Session, skus: Collection[str]) -> None:
    """Lock every counter of some SKUs, in the order of their keys, before a transaction that books more than once.

    Bookings that each lock in order do not deadlock; two bookings in one transaction could, without this.
    """
    statement = """select 1 from stock_level where sku = any(:skus)
                   order by location, sku, owner, condition for update"""
    rows(session, statement, skus=sorted(skus))


def receive(session: Session, brand: str, goods: Sequence[tuple[StockKey, int]], ref: str, at: datetime) -> None:
    """Book goods that came in by one document `ref`; counters that are not there yet are made."""
    make_counters(session, brand, [key for key, _ in goods], at)
    post(session, [Movement(key, Reason.RECEIVE, ref, on_hand=pieces) for key, pieces in goods], at)


def make_counters(session: Session, brand: str, keys: Sequence[StockKey], at: datetime) -> None:
    """Make the counters that are not there yet, with nothing on hand."""
    run(
        session,
        """insert into stock_level (brand, version, created_at, updated_at, location, sku, owner, condition, on_hand,
                                    allocated, soft, safety, incoming, backorder_limit, short, authority)
           select :brand, 1, :at, :at, location, sku, owner, condition, 0, 0, 0, 0, 0, 0, 0, 'hub'
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[])) as new (location, sku, owner, condition)
           order by location, sku, owner, condition
           on conflict do nothing""",
        brand=brand,
        at=at,
        locations=[key.location for key in keys],
        skus=[key.sku for key in keys],
        owners=[key.owner for key in keys],
        conditions=[str(key.condition) for key in keys],
    )
