"""What can be sold at a location: the one definition, which orders, carts, flash sales and promises have in common.

It is of saleable goods of the place's own owner, at a place that is active: on hand, less pieces of lots that are
blocked, or that expire on the day or did before, less what is allocated and what carts hold; beyond that, as many as
may be back-ordered. Pieces of such lots that a delivery was told to take before are allocated, and not taken off twice.
`short` belongs to it: what a count found missing under the promises is covered by it, so that nothing new can be
promised, and who gives a promise back for another of the same pieces can have them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.asks import Ask, Asks, told
from hub.database import rows
from hub.inventory.condition import Condition
from hub.inventory.ledger import Shortage, StockKey
from hub.inventory.lot import KEPT

_UNSOLD: Final = f"""
    select location, sku, owner, sum(on_hand - kept)::bigint as pieces from (
        select location, sku, owner, condition, lot, on_hand from stock_lot
        where sku = any({{skus}}) and condition = '{Condition.SALEABLE}' and on_hand > 0
          and expires_on > '-infinity' and expires_on <= :today
        union
        select lot.location, lot.sku, lot.owner, lot.condition, lot.lot, lot.on_hand
        from lot_block block join stock_lot lot on (lot.sku, lot.lot) = (block.sku, block.lot)
                                                and block.location in ('', lot.location)
        where block.sku = any({{skus}}) and lot.condition = '{Condition.SALEABLE}' and lot.on_hand > 0) lot {KEPT}
    group by 1, 2, 3"""

_LEVELS: Final = f"""
    stock_level level
    left join ({{unsold}}) unsold
        on (unsold.location, unsold.sku, unsold.owner) = (level.location, level.sku, level.owner)
           and level.condition = '{Condition.SALEABLE}'
    cross join lateral (select greatest(0, level.on_hand - coalesce(unsold.pieces, 0)) as pieces) good
    cross join lateral (select good.pieces - level.soft - level.allocated as unpromised) own"""

UNSOLD: Final = _UNSOLD.format(skus=":skus")
"""Pieces on hand that are not sold, by counter, without those that deliveries keep, which are allocated.

A lot that is blocked and has expired too counts once, by `union`. Days have a lower bound so that the planner expects
few rows between both, as there are: with one bound alone it expects a third of all lots, and plans each call anew.
"""


def levels_of(skus: str) -> str:
    """Give `level`, whose SKU is to be of an array, with `good.pieces` that are sold and what of it is `unpromised`."""
    return _LEVELS.format(unsold=_UNSOLD.format(skus=skus))


FREE: Final = f"""
    select level.location, level.sku, level.owner, level.authority, level.backorder_limit, level.incoming,
           level.brand, level.safety, own.unpromised, coalesce(unsold.pieces, 0) as unsold,
           good.pieces + level.short - level.allocated - level.soft as there,
           own.unpromised + level.backorder_limit - level.safety as promised
    from {levels_of(":skus")}
    join location on (location.code, location.owner) = (level.location, level.owner)
    where level.sku = any(:skus) and level.condition = '{Condition.SALEABLE}' and location.active
      and (:brand = '' or location.brand = :brand)"""


class Free(NamedTuple):
    """What can be sold of a SKU at a location, which is below nothing where more is promised than can be.

    `there` is of what is on hand; `backorder_limit` comes on top of it. `promised` is what shops are told together:
    less safety stock. `unsold` are of lots that have expired or are blocked.
    """

    location: str
    sku: str
    owner: str
    authority: str
    backorder_limit: int
    incoming: int
    there: int
    promised: int
    unsold: int

    @property
    def key(self) -> StockKey:
        return StockKey(self.location, self.sku, self.owner)

    @property
    def pieces(self) -> int:
        return self.there + self.backorder_limit


def read_free(session: Session, skus: Collection[str], today: date, *, brand: str = "") -> list[Free]:
    """Give what can be sold of some SKUs at each location, of one brand or of all, by one statement.

    `today` is the day of the business zone.
    """
    return told(session, ask_free(skus, today, brand=brand))


def ask_free(skus: Collection[str], today: date, *, brand: str = "") -> Asks[list[Free]]:
    """Ask what can be sold, as `read_free`."""
    statement = f"select {', '.join(Free._fields)} from ({FREE}) free"
    [found] = yield [Ask(statement, {"skus": sorted(skus), "today": today, "brand": brand})]
    return list(map(Free._make, found.rows))


def read_unpromised(session: Session, skus: Collection[str], today: date) -> Mapping[StockKey, int]:
    """Give what nobody has been promised of every counter of some SKUs, those too that nothing is sold of."""
    found = rows(
        session,
        f"""select level.location, level.sku, level.owner, level.condition, own.unpromised
            from {levels_of(":skus")} where level.sku = any(:skus)""",
        skus=sorted(skus),
        today=today,
    )
    return {StockKey(one.location, one.sku, one.owner, one.condition): one.unpromised for one in found}


def ask_good(keys: Collection[StockKey], today: date) -> Asks[None]:
    """Ask whether what was just promised of counters, which are locked by it, is not of lots that are not sold.

    Raises: Shortage: somebody else has taken the last good pieces meanwhile.
    """
    statement = f"select distinct sku from ({UNSOLD}) unsold where pieces > 0"
    [unsold] = yield [Ask(statement, {"skus": sorted({key.sku for key in keys}), "today": today})]
    if unsold.rows:
        found = yield from ask_free([one.sku for one in unsold.rows], today)
        lacking: Sequence[StockKey] = [one.key for one in found if one.pieces < 0 and one.key in keys]
        if lacking:
            raise Shortage(lacking)
