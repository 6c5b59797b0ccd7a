"""The machine, the daily check and the race find what they are there to find: each planted fault is reported."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RULE_MARKER, run_state_machine_as_test

from hub.database import Database, run
from hub.inventory import ledger
from hub.inventory.reconcile import PROMISED, QUOTAS, check_books
from tests.hub.inventory.planting import FAULTS, Fault
from tests.hub.inventory.racing import SKUS, hold_carts
from tests.hub.inventory.shelf import Shelf
from tests.hub.making import stock

THREADS: Final = 8
ROUNDS: Final = 10
TURNS: Final = 10

UNSHRUNK: Final = settings(
    max_examples=200,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def machine_for(fault: Fault, database: Database) -> type[Shelf]:
    """Give the machine with those of its acts that meet a fault: it is found in a few examples, not in hundreds."""
    others = {name for name in dir(Shelf) if hasattr(getattr(Shelf, name), RULE_MARKER)} - set(fault.acts)
    return type("Planted", (Shelf,), {"database": database, "cuts": fault.cuts, **dict.fromkeys(others)})


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_machine_reports_a_planted_fault(fault: Fault, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fault.plant(monkeypatch, database)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine_for(fault, database), settings=UNSHRUNK)
    with database.transaction() as session:  # as the failing run left it
        broken = check_books(session, besides={PROMISED, QUOTAS})
    assert not fault.breaks or fault.breaks in {one.partition(":")[0] for one in broken}


def test_counters_locked_in_no_order_are_reported_as_a_deadlock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        stock(session, {location: dict.fromkeys(SKUS, 10_000) for location in ("sh", "bj")})
        run(session, f"alter database {database.engine.url.database} set deadlock_timeout = '20ms'")
    order = "order by location, sku, owner, condition for update of level"
    for name in ("FITTING", "CHANGE"):
        statement = getattr(ledger, name)
        assert order in statement, "the statement has changed: plant this fault anew"
        monkeypatch.setattr(ledger, name, statement.replace(order, "order by random() for update of level"))
    database.engine.dispose()  # so that all connections look for deadlocks as often as this
    wrong: list[str] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, TURNS * THREADS, THREADS):  # on a busy machine they may miss each other for a whole turn
            racers = range(first, first + THREADS)
            wrong = [one for found in pool.map(partial(hold_carts, database, ROUNDS), racers) for one in found]
            if wrong:
                break
    assert "DeadlockDetected" in wrong
