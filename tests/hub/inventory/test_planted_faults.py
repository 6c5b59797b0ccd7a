"""The machine and the race find what they are there to find: each planted fault is reported."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.database import Database, run
from hub.errors import Conflict, NoStock
from hub.inventory import ledger, soft
from hub.inventory.ledger import Movement
from hub.inventory.table import Reason
from tests.hub.inventory.racing import SKUS, hold_carts
from tests.hub.inventory.shelf import Shelf
from tests.hub.making import stock

THREADS: Final = 8
ROUNDS: Final = 10

Plant = Callable[[pytest.MonkeyPatch, Database], None]


def _drop_check(patch: pytest.MonkeyPatch, database: Database) -> None:
    _say_that_all_fits(patch, database)
    with database.transaction() as session:
        run(session, "alter table stock_level drop constraint ck_stock_level_never_oversold")


def _say_that_all_fits(patch: pytest.MonkeyPatch, _database: Database) -> None:
    def generous(session: Session, statement: str, **values: object) -> Sequence[Any]:
        return LEDGER_ROWS(session, statement.replace(" as fits", " or true as fits"), **values)

    patch.setattr(ledger, "rows", generous)


def _miss_releases(patch: pytest.MonkeyPatch, _database: Database) -> None:
    patch.setattr(soft, "post", _leaving_out(soft.post, Reason.UNHOLD))


def _miss_expiries(patch: pytest.MonkeyPatch, _database: Database) -> None:
    patch.setattr(soft, "post", _leaving_out(soft.post, Reason.EXPIRE))


def _consume_twice(patch: pytest.MonkeyPatch, _database: Database) -> None:
    def guard_nothing(_session: Session, _records: Sequence[tuple[object, ...]]) -> None:
        return

    patch.setattr(ledger, "_claim_keys", guard_nothing)


def _take_after_the_end(patch: pytest.MonkeyPatch, _database: Database) -> None:
    patch.setattr(
        soft,
        "rows",
        _with_statements(
            soft.rows, {"r.state = 'held'": "true", "and reservation.state = 'held' returning": "returning"}
        ),
    )


def _book_without_counter(patch: pytest.MonkeyPatch, _database: Database) -> None:
    kept = ledger.run

    def lazy(session: Session, statement: str, **values: object) -> int:
        return 0 if "update stock_level" in statement else kept(session, statement, **values)

    patch.setattr(ledger, "run", lazy)


def _count_without_ledger(patch: pytest.MonkeyPatch, _database: Database) -> None:
    kept = ledger.copy

    def lazy(session: Session, table: str, columns: Sequence[str], records: Sequence[Sequence[object]]) -> None:
        if table != "stock_movement":
            kept(session, table, columns, records)

    patch.setattr(ledger, "copy", lazy)


FAULTS: Final[dict[str, Plant]] = {
    "a table without its check, and a booking that trusts it": _drop_check,
    "a booking that leaves it to the table's check": _say_that_all_fits,
    "a release that gives nothing back": _miss_releases,
    "an expiry that gives nothing back": _miss_expiries,
    "pieces that are consumed twice": _consume_twice,
    "a payment that takes what has expired": _take_after_the_end,
    "a ledger without its counter": _book_without_counter,
    "a counter without its ledger": _count_without_ledger,
}
LEDGER_ROWS: Final = ledger.rows


def _leaving_out(kept: Callable[..., None], reason: Reason) -> Callable[..., None]:
    def lazy(session: Session, movements: Sequence[Movement], *rest: Any, **named: Any) -> None:  # noqa: ANN401 # as post's
        kept(session, [one for one in movements if one.reason is not reason], *rest, **named)

    return lazy


def _with_statements(kept: Callable[..., Any], changes: dict[str, str]) -> Callable[..., Any]:
    def changed(session: Session, statement: str, **values: object) -> Any:  # noqa: ANN401 # as rows'
        if "order_id = wanted.order_id" in statement:
            for old, new in changes.items():
                assert old in statement
                statement = statement.replace(old, new)
        return kept(session, statement, **values)

    return changed


@pytest.mark.parametrize("plant", FAULTS.values(), ids=FAULTS.keys())
def test_the_machine_reports_a_planted_fault(plant: Plant, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, database)
    Shelf.database = database
    unshrunk = settings(
        max_examples=200,
        stateful_step_count=30,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    with pytest.raises((AssertionError, NoStock, Conflict, IntegrityError)):
        run_state_machine_as_test(Shelf, settings=unshrunk)


def test_counters_locked_in_no_order_are_reported_as_a_deadlock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        stock(session, {location: dict.fromkeys(SKUS, 10_000) for location in ("sh", "bj")})

    def unsorted_locks(session: Session, statement: str, **values: object) -> Any:  # noqa: ANN401 # as rows'
        order = "order by location, sku, owner, condition for update of level"
        return LEDGER_ROWS(session, statement.replace(order, "order by random() for update of level"), **values)

    monkeypatch.setattr(ledger, "rows", unsorted_locks)
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = [one for found in pool.map(partial(hold_carts, database, ROUNDS), range(THREADS)) for one in found]
    assert "DeadlockDetected" in wrong
