import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from commands.trouble import SCENARIOS
from hub.settings import ROOT

NEEDED = {
    *("orders", "shipped", "delivered", "lost", "duplicated", "cases", "seconds", "start_seconds"),
    *("sap_orders", "sap_duplicates", "courier_subscriptions", "channel_notices", "stock_numbers"),
}


def check_itself(orders: int, *more: str) -> dict[str, Any]:
    """Run the demo's check, and give what it counted."""
    words = [sys.executable, "-m", "commands", "demo", "--check", "--orders", str(orders), "--json", *more]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    done = subprocess.run(words, cwd=ROOT, env=ours, capture_output=True, text=True, check=False, timeout=540)  # noqa: S603 # our own program
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.timeout(560)
@pytest.mark.parametrize("more", [(), ("--kill-worker",), ("--sap-down",), ("--sap-trouble",)], ids=" ".join)
def test_the_demo_checks_itself(more: Sequence[str]) -> None:
    shown = check_itself(20, *more)
    assert shown.keys() >= NEEDED
    assert (shown["orders"], shown["shipped"], shown["delivered"]) == (20, 20, 20)
    assert (shown["lost"], shown["duplicated"], shown["sap_duplicates"]) == (0, 0, 0)
    assert shown["sap_orders"] == shown["posted"] > 0
    assert shown["courier_subscriptions"] == shown["parcels"] > 0
    assert shown["marketplace_orders"] > 0
    assert shown["stock_numbers"] > 0
    assert (shown["worker_kills"] > 0) == ("--kill-worker" in more)
    assert shown["sap_scenarios"] == (list(SCENARIOS) if "--sap-trouble" in more else [])
