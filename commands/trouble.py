"""Trouble with SAP on purpose, as a check of the demo wants it: orders come while each of its scenarios is on."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from commands.scenery import ERP
from commands.sending import post
from commands.stage import Stage
from hub.connections import resume
from hub.database import row
from sandbox.baskets import StorefrontOrder
from sandbox.sap_books import LATE_S, switch

SCENARIOS: Final = ("timeout", "slow", "error", "busy", "csrf", "lock", "auth")
"""What SAP's stand-in can do to a call; what takes longest to be over comes first."""

PATIENCE_S: Final = LATE_S + 5
"""How long the hub waits before it asks SAP for what it has not heard of: until what is late is there for certain."""

WITHIN_S: Final = 60
MET: Final = """select count(*) as n from attempt a join step s on s.id = a.step_id
                where s.connection = :connection and a.outcome <> 'done' and a.started_at >= :since"""
PAUSED: Final = """select count(*) as n from connection_health
                   where connection = :connection and paused_at >= :since"""
"""A refused logon is met when it has paused the connection: a call of the scenario before may have failed late."""


def trouble_sap(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    """Send the orders in as many parts as there are scenarios, each on until a call has met it.

    When SAP has refused our logon, the connection is let go on as an operator would.
    """
    address = stage.address("sap")
    for no, scenario in enumerate(SCENARIOS):
        since = datetime.now(UTC)
        switch(address, scenario)
        post(stage, goods[no :: len(SCENARIOS)])
        if _wait_for_trouble(stage, MET if scenario != "auth" else PAUSED, since):
            stage.scenarios.append(scenario)
        switch(address, None)
        with stage.database.transaction() as session:
            resume(session, ERP, "demo", f"the scenario {scenario} is over", datetime.now(UTC))


def _wait_for_trouble(stage: Stage, statement: str, since: datetime) -> bool:
    """Wait until a call to SAP has met what `statement` counts; False when none did."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        with stage.database.transaction() as session:
            found = row(session, statement, connection=ERP, since=since)
        if found and found.n:
            return True
        time.sleep(0.2)
    return False
