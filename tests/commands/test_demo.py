import json
import os
import subprocess
import sys

import pytest

from hub.settings import ROOT

NEEDED = {"orders", "shipped", "lost", "duplicated", "cases", "seconds", "start_seconds"}


@pytest.mark.timeout(280)
@pytest.mark.parametrize("more", [(), ("--kill-worker",)])
def test_the_demo_checks_itself(more: tuple[str, ...]) -> None:
    words = [sys.executable, "-m", "commands", "demo", "--check", "--orders", "20", "--json", *more]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    done = subprocess.run(words, cwd=ROOT, env=ours, capture_output=True, text=True, check=False, timeout=240)  # noqa: S603 # our own program
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout.splitlines()[-1])
    assert shown.keys() >= NEEDED
    assert (shown["orders"], shown["shipped"], shown["lost"], shown["duplicated"]) == (20, 20, 0, 0)
    assert (shown["worker_kills"] > 0) == bool(more)
