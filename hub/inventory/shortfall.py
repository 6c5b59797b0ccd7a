"""Make room where less is there, or may be sold, than is promised: carts let go first, the rest is orders'."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.condition import Condition
from hub.inventory.free import UNSOLD
from hub.inventory.ledger import Movement, StockKey
from hub.inventory.lot import BLOCKED
from hub.inventory.table import Authority, Reason

SHORT: Final = "stock_short"

TROUBLED: Final = "select sku from stock_level where short > 0 union select sku from lot_block"

LACKING: Final = f"""
    select * from (
        select level.location, level.sku, level.owner, level.condition, level.brand, level.authority, level.allocated,
               level.soft, level.allocated + level.soft - level.backorder_limit
                   - greatest(0, level.on_hand - coalesce(unsold.pieces, 0)) as lacking,
               level.updated_at, level.short > 0 as short, exists (
                   select from stock_lot
                   where (stock_lot.location, stock_lot.sku, stock_lot.owner, stock_lot.condition)
                       = (level.location, level.sku, level.owner, level.condition)
                     and stock_lot.on_hand > 0 and {BLOCKED}) as blocked
        from stock_level level left join ({UNSOLD}) unsold using (location, sku, owner)
        where level.sku = any(:skus) and level.condition = :condition) one
    where lacking > 0 and (short or blocked) order by updated_at desc, location, sku"""


class Lack(NamedTuple):
    """A counter that has promised more than can be sold of it; `blocked` where pieces of it are of a blocked lot."""

    key: StockKey
    brand: str
    authority: str
    allocated: int
    soft: int
    pieces: int
    blocked: bool

    @property
    def subject(self) -> str:
        """Name it as its case does."""
        return f"stock:{self.key.sku} at {self.key.location}"


def read_lacking(session: Session, today: date, skus: Collection[str] | None = None) -> list[Lack]:
    """Give the counters, of some SKUs or all, that a count found short or a blocked lot leaves short: the newest first.

    Lots that have expired by `today`, in the business zone, are no excuse there: only what can be sold is.
    """
    if skus is None:
        skus = [one.sku for one in rows(session, TROUBLED)]
    found = rows(session, LACKING, skus=sorted(skus), today=today, condition=Condition.SALEABLE) if skus else ()
    return [
        Lack(
            StockKey(one.location, one.sku, one.owner, one.condition),
            *(one.brand, one.authority, one.allocated, one.soft, one.lacking, one.blocked),
        )
        for one in found
    ]


def read_levels(session: Session, keys: Sequence[StockKey], *, lock: bool) -> dict[StockKey, Row[Any]]:
    """Give counters by their keys; with `lock` they stay so until the transaction ends, locked in their order."""
    found = rows(
        session,
        f"""select location, sku, owner, condition, on_hand, allocated, soft, backorder_limit, short, authority
            from stock_level where (location, sku, owner, condition) in (
                select * from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                                     cast(:conditions as text[])))
            order by location, sku, owner, condition {"for update" if lock else ""}""",
        locations=[key.location for key in keys],
        skus=[key.sku for key in keys],
        owners=[key.owner for key in keys],
        conditions=[str(key.condition) for key in keys],
    )
    return {StockKey(one.location, one.sku, one.owner, one.condition): one for one in found}


def lacking_of(
    levels: Mapping[StockKey, Row[Any]], on_hand: Mapping[StockKey, int], soft: Mapping[StockKey, int], *, held: bool
) -> dict[StockKey, int]:
    """Give the promised pieces that are not there; with `held` only of counters whose carts are to let go for it."""
    lacking: dict[StockKey, int] = {}
    for key, pieces in on_hand.items():
        level = levels[key]
        missing = level.allocated + level.soft + soft.get(key, 0) - pieces - level.backorder_limit
        if missing > (0 if held else level.short) and (not held or (level.soft and level.authority == Authority.HUB)):
            lacking[key] = missing
    return lacking


def let_carts_go(session: Session, lacking: Mapping[StockKey, int], at: datetime) -> list[Movement]:
    """End the newest soft reservations that hold pieces of counters which lack them; give what lets their pieces go.

    Called before the counters are locked: reservations are locked first, everywhere.
    """
    chosen: set[int] = set()
    left = dict(lacking)
    for key in sorted(lacking):
        held = rows(
            session,
            """select line.reservation_id as id, sum(line.quantity)::bigint as pieces
               from reservation_line line join reservation on reservation.id = line.reservation_id
               where reservation.state = 'held' and (line.location, line.sku, line.owner, line.condition)
                     = (:location, :sku, :owner, :condition)
               group by 1 order by 1 desc limit 10000""",
            **key._asdict(),
        )
        for one in held:
            if left[key] <= 0:
                break
            left[key] -= one.pieces
            chosen.add(one.id)
    return _expire(session, chosen, at)


def _expire(session: Session, ids: Collection[int], at: datetime) -> list[Movement]:
    if not ids:
        return []
    rows(session, "select 1 from reservation where id = any(:ids) order by id for update", ids=sorted(ids))
    ended = rows(
        session,
        """update reservation set state = 'expired', updated_at = :at, version = version + 1
           where id = any(:ids) and state = 'held' returning id""",
        ids=sorted(ids),
        at=at,
    )
    lines = rows(
        session,
        """select reservation_id, no, location, sku, owner, condition, quantity from reservation_line
           where reservation_id = any(:ids) order by reservation_id, no""",
        ids=[one.id for one in ended],
    )
    return [
        Movement(
            StockKey(one.location, one.sku, one.owner, one.condition),
            Reason.EXPIRE,
            f"rs:{one.reservation_id}:{one.no}",
            soft=-one.quantity,
        )
        for one in lines
    ]


def admit_short(session: Session, short: Mapping[StockKey, int]) -> None:
    """Write how many promised pieces a count did not find, before the count is booked; the counters are locked."""
    keys = sorted(short)
    run(
        session,
        """update stock_level level set short = new.short
           from unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                       cast(:conditions as text[]), cast(:shorts as bigint[]))
                as new (location, sku, owner, condition, short)
           where (level.location, level.sku, level.owner, level.condition)
               = (new.location, new.sku, new.owner, new.condition) and level.short < new.short""",
        locations=[key.location for key in keys],
        skus=[key.sku for key in keys],
        owners=[key.owner for key in keys],
        conditions=[str(key.condition) for key in keys],
        shorts=[short[key] for key in keys],
    )


def soft_change(movements: Sequence[Movement]) -> Mapping[StockKey, int]:
    """Add up what movements change of the pieces held for carts."""
    changes: defaultdict[StockKey, int] = defaultdict(int)
    for one in movements:
        changes[one.key] += one.soft
    return changes
