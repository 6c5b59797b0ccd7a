"""Lots that open deliveries are to take: chosen so that no two of them name the same pieces."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import copy, rows, run
from hub.inventory.ledger import StockKey
from hub.inventory.lot import AMONG, BLOCKED, Lot, columns_of, lot_of, pick
from hub.turns import take_turns

SPACE: Final = 7006
"""The advisory locks of those that name lots: one for each counter, and the counter itself is free for others."""

COLUMNS: Final = ("order_id", "no", "line_no", *StockKey._fields, "lot", "produced_on", "expires_on", "quantity", "due")

FREE: Final = f"""
    select stock_lot.*, stock_lot.on_hand - coalesce(others.due, 0) as free, {BLOCKED} as blocked
    from stock_lot left join (
        select location, sku, owner, condition, lot, sum(due)::bigint as due from named_lot
        where {AMONG} and (order_id, no) <> (:order_id, :no) group by 1, 2, 3, 4, 5) others
        using (location, sku, owner, condition, lot)
    where {AMONG}"""
"""Lots and what others are to take of them, in one statement: a delivery that leaves meanwhile changes both or none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pieces of a delivery's line that should leave of the lots that expire first."""

    line_no: int
    key: StockKey
    quantity: int


@dataclass(frozen=True, slots=True)
class Expected:
    """Pieces of a line that a location says it takes of a lot, before it confirms that they have left."""

    line_no: int
    lot: str
    pieces: int
    produced_on: date | None
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Shelved:
    """A lot of a counter, and how many of its pieces no other delivery is to take."""

    lot: Lot
    free: int


def name_lots(session: Session, order_id: int, no: int, wanted: Sequence[Wanted], today: date) -> None:
    """Choose the lots of a delivery's lines and remember them, instead of those that were chosen for it before.

    Whoever names lots of the same counters waits until this transaction ends. What no lot covers is of none.
    """
    keys = sorted({one.key for one in wanted})
    wait_for_namers(session, keys)
    let_go(session, order_id, no)
    free = {
        key: {code: one.lot.model_copy(update={"on_hand": max(0, one.free)}) for code, one in lots.items()}
        for key, lots in shelves(session, keys, order_id, no).items()
    }
    found: list[tuple[object, ...]] = []
    for one in wanted:
        lots = free.get(one.key, {})
        for code, pieces in pick(lots.values(), one.quantity, today):
            lot = lots[code]
            lots[code] = lot.model_copy(update={"on_hand": lot.on_hand - pieces})
            found.append((order_id, no, one.line_no, *one.key, code, lot.produced_on, lot.expires_on, pieces, pieces))
    copy(session, "named_lot", COLUMNS, found)


def wait_for_namers(session: Session, keys: Sequence[StockKey]) -> None:
    """Wait for whoever names lots of these counters; others wait from now on until this transaction ends.

    Whoever locks counters as well does so before, and asks for all that it needs at once: then none waits in a circle.
    """
    take_turns(session, SPACE, ["\n".join(key) for key in keys])


def let_go(session: Session, order_id: int, no: int) -> None:
    """Forget which lots a delivery was to take."""
    run(session, "delete from named_lot where (order_id, no) = (:order_id, :no)", order_id=order_id, no=no)


def shelves(
    session: Session, keys: Sequence[StockKey], order_id: int, no: int
) -> Mapping[StockKey, dict[str, Shelved]]:
    """Give the lots of some counters, with what is free of them for one delivery."""
    found: defaultdict[StockKey, dict[str, Shelved]] = defaultdict(dict)
    for one in rows(session, FREE, **columns_of(keys), order_id=order_id, no=no):
        key = StockKey(one.location, one.sku, one.owner, one.condition)
        found[key][one.lot] = Shelved(lot_of(one), one.free)
    return found


def named_of(session: Session, key: StockKey) -> Mapping[str, int]:
    """Give how many pieces of a counter's lots open deliveries are to take."""
    found = rows(
        session,
        f"select lot, sum(due)::bigint as due from named_lot where {AMONG} and due > 0 group by lot",
        **columns_of([key]),
    )
    return {one.lot: one.due for one in found}


def due_of(session: Session, order_id: int, no: int) -> Mapping[int, dict[str, int]]:
    """Give which lots a delivery is still to take, line by line, the first to expire first."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    statement = """select line_no, lot, due from named_lot where (order_id, no) = (:order_id, :no) and due > 0
                   order by line_no, expires_on nulls last, produced_on nulls last, lot"""
    for one in rows(session, statement, order_id=order_id, no=no):
        found[one.line_no][one.lot] = one.due
    return found


def put_due(session: Session, order_id: int, no: int, due: Mapping[tuple[int, str], int]) -> None:
    """Write how many pieces of lots that were named for a delivery have still to leave."""
    keys = sorted(due)
    values: dict[str, Any] = {
        "lines": [line_no for line_no, _ in keys],
        "lots": [lot for _, lot in keys],
        "pieces": [due[key] for key in keys],
    }
    run(
        session,
        """update named_lot named set due = new.due
           from unnest(cast(:lines as bigint[]), cast(:lots as text[]), cast(:pieces as bigint[])) as new (no, lot, due)
           where (named.order_id, named.no, named.line_no, named.lot) = (:order_id, :no, new.no, new.lot)""",
        order_id=order_id,
        no=no,
        **values,
    )


def expect_lots(session: Session, order_id: int, no: int, key: StockKey, expected: Sequence[Expected]) -> None:
    """Write of which lots a delivery's pieces of a SKU will leave, instead of what it was to take.

    What its location was told stays as it was told: a call that is repeated must say the same.
    """
    values = {"order_id": order_id, "no": no, **key._asdict()}
    run(
        session,
        "update named_lot set due = 0 where (order_id, no, sku) = (:order_id, :no, :sku)",
        order_id=order_id,
        no=no,
        sku=key.sku,
    )
    for one in expected:
        run(
            session,
            """insert into named_lot (order_id, no, line_no, lot, location, sku, owner, condition, produced_on,
                                      expires_on, quantity, due)
               values (:order_id, :no, :line_no, :lot, :location, :sku, :owner, :condition, :produced_on, :expires_on,
                       0, :pieces)
               on conflict (order_id, no, line_no, lot) do update set due = excluded.due""",
            **values,
            line_no=one.line_no,
            lot=one.lot,
            pieces=one.pieces,
            produced_on=one.produced_on,
            expires_on=one.expires_on,
        )
