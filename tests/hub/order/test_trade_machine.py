"""Whatever becomes of orders, in any order: every piece and every fen is somewhere, and decisions replay."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RULE_MARKER, run_state_machine_as_test

from hub.aftersale import money as money_back
from hub.aftersale import receive
from hub.database import Database
from hub.merge import close
from hub.order.change import money
from hub.order.place import allocate
from hub.order.ship import progress
from tests.hub.order.trade_machine import Trade
from tests.scale import count

UNSHRUNK: Final = settings(
    max_examples=60,
    stateful_step_count=12,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


Plant = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Gives what stands in for a function of the product's."""


class Fault(NamedTuple):
    """A fault to plant: what is put in whose place, and the acts that meet it."""

    module: Any
    name: str
    plant: Plant
    acts: tuple[str, ...]


def giving(answer: object) -> Plant:
    """Do nothing, and give an answer as if it had been done."""

    def plant(_kept: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *_: answer

    return plant


def one_more(kept: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: kept(*values) + 1


def telling_nobody(kept: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: kept(*values)[:0]


RETURN: Final = ("want_back", "arrive")

FAULTS: Final = {
    "a return that gives no money back": Fault(receive, "refund_pieces", giving(None), RETURN),
    "a return whose goods are on no shelf": Fault(receive, "_take_in", giving(None), RETURN),
    "a return that forgets what its pieces were reduced by": Fault(money_back, "_reductions", giving({}), RETURN),
    "a return that pays a fen too much": Fault(money_back, "share_of_pieces", one_more, RETURN),
    "a cancellation that forgets what its pieces were reduced by": Fault(
        money, "_reductions", giving({}), ("cancel", "cut")
    ),
    "parts of an order that are reserved and not counted": Fault(
        allocate, "_count_allocated", giving(None), ("send", "refuse", "reroute")
    ),
    "a delivery of several orders that no location is told of": Fault(
        close, "_write_groups", telling_nobody, ("place", "merge")
    ),
    "a short pick whose rest nobody looks for": Fault(
        progress, "find_new_source", giving(None), ("place", "send", "ship", "refuse")
    ),
}


def machine_for(fault: Fault, database: Database) -> type[Trade]:
    """Give the machine with those of its acts that meet a fault: it is found in a few examples, not in hundreds."""
    others = {name for name in dir(Trade) if hasattr(getattr(Trade, name), RULE_MARKER)} - set(fault.acts)
    return type("Planted", (Trade,), {"database": database, **dict.fromkeys(others)})


@pytest.mark.timeout(3_600)
def test_merged_split_changed_shipped_and_returned_orders_conserve_pieces_and_money(scratch: Database) -> None:
    Trade.database = scratch
    tried = settings(
        max_examples=count(8, 200, quick=3),
        stateful_step_count=count(40, 60),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Trade, settings=tried)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_machine_reports_a_planted_fault(fault: Fault, scratch: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault.module, fault.name, fault.plant(getattr(fault.module, fault.name)))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine_for(fault, scratch), settings=UNSHRUNK)
