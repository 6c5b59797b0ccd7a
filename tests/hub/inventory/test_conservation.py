"""No order of acts, and no connection that is killed, parts ledger from counters or oversells."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from hub.database import Database
from tests.hub.inventory.shelf import Shelf
from tests.scale import count


@pytest.mark.timeout(3_600)
def test_no_order_of_acts_breaks_the_ledger_or_oversells(database: Database) -> None:
    Shelf.database = database
    tried = settings(
        max_examples=count(20, 200, quick=4),
        stateful_step_count=count(20, 30),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Shelf, settings=tried)
