"""Lots under everybody at once: releases, confirms, rejections, changes and counts, in whatever order they come."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from commands.conservation import RULES
from hub.database import Database, rows
from hub.errors import Conflict
from hub.fulfilment.lots import name_lots
from hub.inventory.ledger import drift
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.inventory.counting import level
from tests.hub.inventory.lotted import left, of, on_hand, tell
from tests.hub.making import AT, confirm, order, placed, rejection, stock
from tests.hub.waiting import until_it_waits

ORDERS = 12
LOT_RULES = [rule for rule in RULES if "lots" in rule]
LATER = AT + timedelta(hours=1)


def acts(database: Database, order_id: int, chance: random.Random) -> list[Callable[[], None]]:
    """Give what happens to one order, each in a transaction of its own: it may be refused, and never goes wrong."""
    lot, key = chance.choice("ABX"), str(order_id)

    def name() -> None:
        with database.transaction() as session:
            name_lots(session, order_id, 1, LATER)

    def ship() -> None:
        with database.transaction() as session:
            lots = chance.choice([{}, {lot: 1}, {"A": 1, "B": 1}])
            pieces = max(1, sum(lots.values()))
            line = of("apple", pieces, **lots)
            record_confirm(session, confirm(order_id, 1, {}, key, lines=(line,), final=chance.random() < 0.5), LATER)

    def reject() -> None:
        with database.transaction() as session:
            record_report(session, rejection(order_id, 1), LATER)

    def change() -> None:
        with database.transaction() as session:
            tell(session, "change", {lot: -1}, 1, delivery=f"{order_id}-1")

    return [name, name, ship, change, chance.choice([ship, reject])]


def quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except Conflict as error:  # news that contradicts what has happened is refused whole
        if error.code not in {"confirm_differs", "fulfilment_ended", "over_confirm", "fulfilment_state"}:
            raise


@pytest.mark.parametrize("seed", range(4))
def test_whatever_meets_no_lot_falls_below_nothing_and_no_piece_is_counted_twice(database: Database, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 # the order of a test's acts, not a secret
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 60}})
        tell(session, "count", {"A": 15, "B": 15, "C": 30}, -5)
        orders = [placed(session, order({"apple": 2}, f"T{no}")) for no in range(ORDERS)]
    jobs = [act for one in orders for act in acts(database, one, chance)]
    chance.shuffle(jobs)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(quietly, jobs))
    with database.transaction() as session:
        gone = 60 - level(session, "apple")[0]
        assert [one.what for rule in LOT_RULES for one in rows(session, RULES[rule])] == []
        assert sum(pieces for _, pieces, _ in left(session)) == gone
        unknown = sum(pieces for lot, pieces, _ in left(session) if lot == "X")
        assert (60 - sum(on_hand(session).values()) + unknown, drift(session)) == (gone, [])


def test_who_names_lots_behind_a_confirm_sees_what_it_has_shipped(database: Database) -> None:
    line = of("apple", 2, A=2)

    def ship(session: Session, order_id: int) -> None:
        record_confirm(session, confirm(order_id, 1, {}, "first", lines=(line,), final=False), LATER)

    assert named_behind(database, ship) == 1


def test_who_names_lots_behind_a_report_of_the_same_delivery_names_them_anew(database: Database) -> None:
    def report(session: Session, order_id: int) -> None:
        tell(session, "change", {"A": -2}, 1, delivery=f"{order_id}-1")

    assert named_behind(database, report) == 3


def named_behind(database: Database, first: Callable[[Session, int], None]) -> int:
    """Name the lots of a delivery of three while somebody else does something `first`; give the pieces named."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9}})
        tell(session, "count", {"A": 9}, -5)
        order_id = placed(session, order({"apple": 3}))

    def name() -> None:
        with database.transaction() as session:
            name_lots(session, order_id, 1, LATER)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            first(session, order_id)
            naming = pool.submit(name)
            until_it_waits(database, naming)
        naming.result()
    with database.transaction() as session:
        [named] = rows(session, "select sum(due)::int as due from named_lot where order_id = :id", id=order_id)
        return named.due
