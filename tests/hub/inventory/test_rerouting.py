"""Shortfalls that a count finds are sourced again, whatever orders and locations do in between."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from hub.database import Database
from tests.hub.inventory.machine.rerouting import Rerouting
from tests.scale import count


@pytest.mark.timeout(3_600)
def test_what_a_count_finds_missing_is_sourced_again_or_calls_a_person(scratch: Database) -> None:
    Rerouting.database = scratch
    tried = settings(
        max_examples=count(6, 200, quick=3),
        stateful_step_count=count(20, 30),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Rerouting, settings=tried)
