"""Make room for a count that is below what is promised: carts let go first, the rest is `short`."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.ledger import Movement, StockKey
from hub.inventory.table import Authority, Reason


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
