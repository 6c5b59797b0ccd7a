"""Run the tests, setting up what they need."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from commands.assets import ensure_assets
from hub.settings import ROOT

OURS: Final = ("OMS_SETTINGS", "OMS_SECRETS_FOLDER", "OMS_DATABASE_URL", "OMS_DATA_FOLDER")


def run_tests(arguments: Sequence[str], *, full: bool = False, quick: bool = False) -> int:
    """Run pytest over the tree, three processes at once; `full` asks for the large counts, `quick` for small ones."""
    ensure_assets()
    scale = {"OMS_FULL": "1" if full else "", "OMS_QUICK": "1" if quick else ""}
    environment = {**os.environ, **scale, "PYTHONPATH": str(ROOT)}
    # Bytecode is written: hundreds of processes are started by tests, and each would compile the tree anew.
    for name in (*OURS, "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    # Three, for on two processors two of them waited four tenths of their time: for a browser, a database, a partner.
    # tests/conftest.py says which files are begun first.
    chosen = list(arguments) or ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
    done = subprocess.run(  # noqa: S603 # our own tests
        [sys.executable, "-m", "pytest", *chosen], cwd=ROOT, env=environment, check=False
    )
    return 0 if done.returncode == 0 else 1
