"""The stock ledger: every change of a counter is a movement, booked once, and never beyond what the counter allows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.asks import Ask, Asks, told_at_once
from hub.database import copy, later, rows, run
from hub.errors import Conflict, NoStock
from hub.ids import PER_MONTH, month_of, new_ids
from hub.inventory.condition import Condition
from hub.inventory.table import Reason


class StockKey(NamedTuple):
    """One counter: a SKU of an owner, in a condition, at a location."""

    location: str
    sku: str
    owner: str
    condition: str = Condition.SALEABLE


class Movement(msgspec.Struct, frozen=True):
    """A change to book: `ref` names its cause (an order line, a parcel, a document), so that it is booked once."""

    key: StockKey
    reason: Reason
    ref: str
    on_hand: int = 0
    allocated: int = 0
    soft: int = 0


class Shortage(NoStock):
    """Some counters cannot give what was asked; `keys` says which."""

    def __init__(self, keys: Collection[StockKey]) -> None:
        super().__init__(f"not enough stock of {', '.join(f'{key.sku} at {key.location}' for key in sorted(keys))}")
        self.keys = frozenset(keys)


KEY_COLUMNS: Final = ("reason", "ref", "location", "sku", "owner", "condition", "movement_id")
FEW: Final = 20
"""So many movements are written by one statement faster than by two COPYs."""

KEY_JOIN: Final = """unnest(cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                            cast(:conditions as text[]), cast(:on_hands as bigint[]), cast(:allocateds as bigint[]),
                            cast(:softs as bigint[]))
                     as wish (location, sku, owner, condition, on_hand, allocated, soft)"""


def post(
    session: Session,
    movements: Sequence[Movement],
    at: datetime,
    *,
    fresh: bool = False,
    then: Asks[None] | None = None,
) -> None:
    """Book movements, all or none. Counters are locked in the order of their keys, so that two batches never deadlock.

    `fresh` promises that what the movements are for was made by this transaction, so none was booked before, and that
    the caller undoes all of it when there is too little: then they are written before the counters are locked.
    What is to be asked `then`, with the counters as they are booked, is sent along if it can be.
    Raises: Shortage when a counter would promise more than there is; Conflict when a movement was booked before.
    """
    if not movements:
        return
    asks = [then] if then else []
    if fresh and len(movements) <= FEW:
        told_at_once(session, ask_to_post(movements, at), *asks)
        return
    keys, columns = _columns(movements)
    if fresh:
        _write(session, movements, at, fresh=True)
    else:
        later(session, STILL, **columns)
    changed = rows(session, CHANGE, at=at, least=0 if fresh else len(keys), **columns)
    if len(changed) < len(keys):
        raise _lacking(keys, changed if fresh else rows(session, FITTING, **columns))
    if not fresh:
        _write(session, movements, at, fresh=False)
    told_at_once(session, *asks)


def ask_to_post(movements: Sequence[Movement], at: datetime) -> Asks[None]:
    """Ask to have a few movements booked, as `post` when they are fresh."""
    keys, columns = _columns(movements)
    written, changed = yield [_inserting(movements, at), Ask(CHANGE, {"at": at, "least": 0, **columns})]
    _check(movements, written.changed)
    if len(changed.rows) < len(keys):
        raise _lacking(keys, changed.rows)


def _lacking(keys: Iterable[StockKey], found: Iterable[Row[Any]]) -> Shortage:
    return Shortage(set(keys) - {StockKey(row.location, row.sku, row.owner, row.condition) for row in found})


STILL: Final = f"""
    select 1 from stock_level level join {KEY_JOIN} using (location, sku, owner, condition)
    order by location, sku, owner, condition for update of level"""
"""Lock counters in the order of their keys, whether or not they allow what is wished: a statement of its own, for the
next one sees what others did while this one waited."""

FITTING: Final = f"""
    select location, sku, owner, condition, wish.on_hand, wish.allocated, wish.soft
    from stock_level level join {KEY_JOIN} using (location, sku, owner, condition)
    where level.on_hand + wish.on_hand >= 0 and level.allocated + wish.allocated >= 0 and level.soft + wish.soft >= 0
      and level.allocated + wish.allocated + level.soft + wish.soft
          <= level.on_hand + wish.on_hand + level.backorder_limit + level.short
    order by location, sku, owner, condition for update of level"""
"""Lock the counters that allow what is wished, in the order of their keys: an UPDATE that joins a list would lock them
in no order that can be relied on.

The condition is asked again of a counter that somebody has changed meanwhile. One that did not fit before and just came
to fit is called a shortage, unless it is locked already: who is `fresh` begins again with all counters held still, all
others lock first. As a column instead of a condition it let counters be promised twice in a race.
"""

CHANGE: Final = f"""
    with wish as materialized ({FITTING})
    update stock_level level
    set on_hand = level.on_hand + wish.on_hand, allocated = level.allocated + wish.allocated,
        soft = level.soft + wish.soft,
        short = greatest(0, least(level.short, level.allocated + wish.allocated + level.soft + wish.soft
                                               - level.on_hand - wish.on_hand - level.backorder_limit)),
        version = level.version + 1, updated_at = :at
    from wish
    where (level.location, level.sku, level.owner, level.condition)
        = (wish.location, wish.sku, wish.owner, wish.condition)
      and (select count(*) from wish) >= :least
    returning level.location, level.sku, level.owner, level.condition"""


INSERT: Final = """
    with line as materialized (
        select cast(:month as bigint) + nextval('id_serial') as id, wish.*
        from unnest(cast(:places as bigint[]), cast(:reasons as text[]), cast(:refs as text[]),
                    cast(:locations as text[]), cast(:skus as text[]), cast(:owners as text[]),
                    cast(:conditions as text[]), cast(:on_hands as bigint[]), cast(:allocateds as bigint[]),
                    cast(:softs as bigint[]))
             as wish (place, reason, ref, location, sku, owner, condition, on_hand, allocated, soft)),
    booked as (
        insert into stock_movement_key (reason, ref, location, sku, owner, condition, movement_id)
        select reason, ref, location, sku, owner, condition, id from line order by place
        on conflict do nothing returning movement_id)
    insert into stock_movement (id, at, reason, ref, location, sku, owner, condition, on_hand, allocated, soft)
    select id, :at, reason, ref, location, sku, owner, condition, on_hand, allocated, soft
    from line where id in (select movement_id from booked)"""


def _columns(movements: Iterable[Movement]) -> tuple[Sequence[StockKey], Mapping[str, object]]:
    """Give the counters of some movements in their order, and what is wished of each, as `KEY_JOIN` reads it."""
    wishes: defaultdict[StockKey, list[int]] = defaultdict(lambda: [0, 0, 0])
    for movement in movements:
        wishes[movement.key][0] += movement.on_hand
        wishes[movement.key][1] += movement.allocated
        wishes[movement.key][2] += movement.soft
    keys = sorted(wishes)
    return keys, {
        "locations": [key.location for key in keys],
        "skus": [key.sku for key in keys],
        "owners": [key.owner for key in keys],
        "conditions": [key.condition for key in keys],
        "on_hands": [wishes[key][0] for key in keys],
        "allocateds": [wishes[key][1] for key in keys],
        "softs": [wishes[key][2] for key in keys],
    }


def _write(session: Session, movements: Sequence[Movement], at: datetime, *, fresh: bool) -> None:
    if not fresh or len(movements) <= FEW:
        asked = _inserting(movements, at)
        _check(movements, run(session, asked.statement, **asked.values))
        return
    ids = new_ids(session, len(movements), at)
    keys = sorted((m.reason, m.ref, *m.key, movement_id) for m, movement_id in zip(movements, ids, strict=True))
    copy(session, "stock_movement_key", KEY_COLUMNS, keys)
    columns = ("id", "at", "reason", "ref", "location", "sku", "owner", "condition", "on_hand", "allocated", "soft")
    lines = [
        (i, at, m.reason, m.ref, *m.key, m.on_hand, m.allocated, m.soft) for m, i in zip(movements, ids, strict=True)
    ]
    copy(session, "stock_movement", columns, lines)


def _inserting(movements: Sequence[Movement], at: datetime) -> Ask:
    """Ask to have movements written, and that they are booked, in one statement; it may find that some were before."""
    causes = [(m.reason, m.ref, *m.key) for m in movements]
    places = {no: place for place, no in enumerate(sorted(range(len(causes)), key=causes.__getitem__))}
    columns = ("reasons", "refs", "locations", "skus", "owners", "conditions")
    values: dict[str, object] = dict(zip(columns, map(list, zip(*causes, strict=True)), strict=True))
    return Ask(
        INSERT,
        values
        | {
            "places": [places[no] for no in range(len(causes))],
            "on_hands": [m.on_hand for m in movements],
            "allocateds": [m.allocated for m in movements],
            "softs": [m.soft for m in movements],
            "at": at,
            "month": month_of(at) * PER_MONTH,
        },
    )


def _check(movements: Sequence[Movement], written: int) -> None:
    if written < len(movements):
        raise Conflict("a stock movement of this cause was booked before", code="movement_booked")


@dataclass(frozen=True, slots=True)
class Drift:
    """A counter that its movements do not bear out: on hand, allocated and soft, as counted and as booked."""

    key: StockKey
    counted: tuple[int, int, int]
    booked: tuple[int, int, int]

    def __str__(self) -> str:
        counters, ledger = ("/".join(map(str, three)) for three in (self.counted, self.booked))
        return f"{self.key.sku} at {self.key.location}: counters {counters}, ledger {ledger}"


def drift(session: Session) -> list[Drift]:
    """Compare every counter with the sum of its movements; give the counters that differ."""
    return differing(session, "select * from stock_movement")


def differing(session: Session, booked: str, **values: object) -> list[Drift]:
    """Compare every counter with the sum of what is booked, by a query that gives lines; give those that differ."""
    found = rows(
        session,
        f"""select location, sku, owner, condition,
                  coalesce(level.on_hand, 0) as on_hand, coalesce(level.allocated, 0) as allocated,
                  coalesce(level.soft, 0) as soft, coalesce(booked.on_hand, 0) as booked_on_hand,
                  coalesce(booked.allocated, 0) as booked_allocated, coalesce(booked.soft, 0) as booked_soft
           from stock_level level full join (
               select location, sku, owner, condition, sum(on_hand)::bigint as on_hand,
                      sum(allocated)::bigint as allocated, sum(soft)::bigint as soft
               from ({booked}) line group by 1, 2, 3, 4) booked using (location, sku, owner, condition)
           where (coalesce(level.on_hand, 0), coalesce(level.allocated, 0), coalesce(level.soft, 0))
              <> (coalesce(booked.on_hand, 0), coalesce(booked.allocated, 0), coalesce(booked.soft, 0))
           order by 1, 2, 3, 4 limit 100""",
        **values,
    )
    return [
        Drift(
            StockKey(one.location, one.sku, one.owner, one.condition),
            (one.on_hand, one.allocated, one.soft),
            (one.booked_on_hand, one.booked_allocated, one.booked_soft),
        )
        for one in found
    ]
