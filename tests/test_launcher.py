"""Which Python `./oms` makes its .venv with."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from shutil import copy, copytree
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent

QUICK: Final = '[ "$1" = -c ]'
SLOW: Final = 'case "$2" in *ensurepip*) exit 1 ;; esac; [ "$1" = -c ]'
OLD: Final = "exit 1"
"""What stands in for a Python that was built by its own profile, for one that was not, and for one that is too old."""


def chosen(folder: Path, pythons: Mapping[str, str]) -> str:
    """Start `./oms` in a folder of its own where these are all the Pythons by name, and give the one it takes."""
    copy(ROOT / "oms", folder)
    copytree(ROOT / "requirements", folder / "requirements")
    (folder / "bin").mkdir()
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        stub = folder / "bin" / name
        stub.write_text(f"#!/bin/sh\n{pythons.get(name, OLD)}\n")
        stub.chmod(0o755)
    started = subprocess.run(  # noqa: S603 # our own launcher
        [folder / "oms", "--help"],
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 2  # no stub makes a .venv
    return started.stderr.partition("making .venv with ")[2].partition(" /")[0]


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        ({"python3.13": QUICK, "python3.11": QUICK}, "python3.13"),
        ({"python3.13": SLOW, "python3.11": QUICK}, "python3.11"),
        ({"python3.12": SLOW, "python": QUICK}, "python"),
    ],
)
def test_a_python_built_by_its_own_profile_is_taken_before_a_newer_one(
    tmp_path: Path, pythons: Mapping[str, str], taken: str
) -> None:
    assert chosen(tmp_path, pythons) == taken
