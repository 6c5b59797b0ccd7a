"""Stock levels: what orders can be given, and goods coming in."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.database import later, rows, run
from hub.inventory.free import read_free
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.table import Reason


class Freed(NamedTuple):
    """What orders can have by (location, SKU).

    `unsold` names by SKU the locations that have pieces of lots that are not sold, `kept` the back-orders by SKU and
    location that are not among the pieces, for enough is there: they are for those out of whose reach it is.
    """

    pieces: Mapping[tuple[str, str], int]
    unsold: Mapping[str, Collection[str]]
    kept: Mapping[str, Mapping[str, int]]


def free_pieces(
    session: Session,
    wanted: Mapping[str, int],
    at: datetime,
    returned: Sequence[Movement] = (),
    *,
    lock: bool = False,
) -> Mapping[tuple[str, str], int]:
    """Give the pieces of each (location, SKU) that orders can have who together want so many.

    What their carts held is theirs as it is `returned`. Goods that are there go first: back-orders are given of SKUs
    alone of which all places together have fewer there than is wanted. It is below nothing where what was promised has
    expired. `at` is in the business zone, whose day it is that lots expire by.
    With `lock` the counters stay as they are until the transaction ends; they are locked in the order of their keys.
    """
    return free_and_unsold(session, wanted, at, returned, lock=lock).pieces


def free_and_unsold(
    session: Session,
    wanted: Mapping[str, int],
    at: datetime,
    returned: Sequence[Movement] = (),
    *,
    lock: bool = False,
) -> Freed:
    """Give `free_pieces`, and what else there is to know of them."""
    skus = {*wanted, *(one.key.sku for one in returned)}
    if lock:
        hold_still(session, skus)
    found = read_free(session, skus, at.date())
    free = {(one.location, one.sku): one.there for one in found}
    for one in returned:
        if (place := (one.key.location, one.key.sku)) in free:
            free[place] -= one.soft
    limits = {(one.location, one.sku): one.backorder_limit for one in found if one.backorder_limit}
    kept: Mapping[str, Mapping[str, int]] = _add_backorders(free, limits, wanted) if limits else {}
    unsold = defaultdict[str, set[str]](set)
    for one in found:
        if one.unsold:
            unsold[one.sku].add(one.location)
    return Freed(free, unsold, kept)


def _add_backorders(
    free: dict[tuple[str, str], int], limits: Mapping[tuple[str, str], int], wanted: Mapping[str, int]
) -> Mapping[str, Mapping[str, int]]:
    """Add back-orders where less is there than is wanted, and give the others, by SKU and location."""
    there, kept = Counter[str](), defaultdict[str, dict[str, int]](dict)
    for (_, sku), pieces in free.items():
        there[sku] += max(0, pieces)
    for (location, sku), limit in limits.items():
        if wanted.get(sku, 0) > there[sku]:
            free[location, sku] += limit
        elif (left := limit + min(0, free[location, sku])) > 0:
            kept[sku][location] = left
    return kept


def hold_still(session: Session, skus: Collection[str]) -> None:
    """Lock every counter of some SKUs, in the order of their keys, before a transaction that books more than once.

    Bookings that each lock in order do not deadlock; two bookings in one transaction could, without this.
    """
    statement = """select 1 from stock_level where sku = any(:skus)
                   order by location, sku, owner, condition for update"""
    later(session, statement, skus=sorted(skus))


def receive(session: Session, brand: str, goods: Sequence[tuple[StockKey, int]], ref: str, at: datetime) -> None:
    """Book goods that came in by one document `ref`; counters that are not there yet are made."""
    make_counters(session, brand, [key for key, _ in goods], at)
    post(session, [Movement(key, Reason.RECEIVE, ref, on_hand=pieces) for key, pieces in goods], at)


def make_counters(session: Session, brand: str, keys: Sequence[StockKey], at: datetime) -> None:
    """Make the counters that are not there yet, with nothing on hand; whose number counts is as their location says."""
    run(
        session,
        """insert into stock_level (brand, version, created_at, updated_at, location, sku, owner, condition, on_hand,
                                    allocated, soft, safety, incoming, backorder_limit, short, authority)
           select :brand, 1, :at, :at, location, sku, new.owner, condition, 0, 0, 0, 0, 0, 0, 0,
                  coalesce(place.authority, 'hub')
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[])) as new (location, sku, owner, condition)
           left join location place on place.code = new.location
           order by location, sku, new.owner, condition
           on conflict do nothing""",
        brand=brand,
        at=at,
        locations=[key.location for key in keys],
        skus=[key.sku for key in keys],
        owners=[key.owner for key in keys],
        conditions=[str(key.condition) for key in keys],
    )


def follow_authority(session: Session, moved: Mapping[str, tuple[str, str]], at: datetime) -> None:
    """Have counters follow their locations, of which another's number counts now (was, is); those set apart stay.

    The locations' rows are locked.
    """
    rows(
        session,
        """select 1 from stock_level where location = any(:locations)
           order by location, sku, owner, condition for update""",
        locations=sorted(moved),
    )
    run(
        session,
        """update stock_level set authority = moved.now, version = version + 1, updated_at = :at
           from unnest(cast(:locations as text[]), cast(:was as text[]), cast(:now as text[]))
                as moved (location, was, now)
           where stock_level.location = moved.location and stock_level.authority = moved.was""",
        at=at,
        locations=list(moved),
        was=[was for was, _ in moved.values()],
        now=[now for _, now in moved.values()],
    )
