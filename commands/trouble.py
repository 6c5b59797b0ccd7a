"""Trouble with SAP on purpose, as a check of the demo wants it: its scenarios in turn, or no SAP at all for a while."""

import threading
from datetime import UTC, datetime
from typing import Final

from sandbox.sap_books import switch

from commands.scenery import ERP
from commands.stage import Stage
from hub.connections import resume

SCENARIOS: Final = ("busy", "csrf", "lock", "error", "auth", "slow", "timeout")
"""What mock-sap can do to a call; each lasts a while, with a while of peace behind it."""

WHILE_S: Final = 1.5
LATE_S: Final = 125
"""Seconds: mock-sap's `timeout` carries a request out two minutes late, and only then can it be asked for."""


def trouble_sap(stage: Stage, stop: threading.Event) -> None:
    """Go through SAP's scenarios; when it has refused our logon, let the connection go on as an operator would."""
    address = stage.address("sap")
    try:
        for scenario in SCENARIOS:
            if stop.wait(WHILE_S):
                return
            switch(address, scenario)
            stop.wait(WHILE_S)
            switch(address, None)
            with stage.database.transaction() as session:
                resume(session, ERP, "demo", f"the scenario {scenario} is over", datetime.now(UTC))
            stage.scenarios.append(scenario)
    finally:
        switch(address, None)
