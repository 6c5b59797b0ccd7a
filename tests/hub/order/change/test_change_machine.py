"""Whatever is changed, shipped and refused: every piece and every fen is somewhere, and nothing is stranded."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from hub.database import Database
from tests.hub.order.change.change_machine import Changing
from tests.scale import count


@pytest.mark.timeout(3_600)
def test_changed_orders_conserve_pieces_and_money(scratch: Database) -> None:
    Changing.database = scratch
    tried = settings(
        max_examples=count(8, 200, quick=3),
        stateful_step_count=count(20, 30),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Changing, settings=tried)
