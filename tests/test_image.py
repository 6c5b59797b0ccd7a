"""The image by its recipe: there is no Docker where tests run, so what it would do is done in a folder."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from packaging.requirements import Requirement

from hub.settings import ROOT, Settings

RECIPE: Final = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSED: Final[Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
PROJECT: Final[Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LET_IN: Final = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
BASE: Final = ROOT / "requirements" / "base.txt"
LOCKED: Final = dict(re.findall(r"^([\w.-]+)==([\w.+-]+)", BASE.read_text("utf-8"), re.MULTILINE))
OURS: Final = [" ".join(one["command"]) for one in COMPOSED["services"].values() if "build" in one]

START: Final = """
import re, sys
from importlib.metadata import packages_distributions
locked = {re.sub(r"[-_.]+", "-", name).lower() for name in sys.argv.pop(1).split()}
found = packages_distributions().items()
barred = {name for name, made in found if not {re.sub(r"[-_.]+", "-", one).lower() for one in made} & locked}
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name in barred:
            raise ModuleNotFoundError(f"{name} is in no image")
sys.meta_path.insert(0, Barred())
import api.app, dashboards.app, flows.worker, commands.pool, commands.serve
from commands.__main__ import app
for command in sys.argv[1:]:
    app([*command.split(), "--help"], standalone_mode=False)
"""
"""Imports what the processes run and calls commands, with nothing from outside but what the image installs."""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Lay out what the recipe copies."""
    for name in LET_IN:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_what_the_recipe_copies_is_let_in_and_there() -> None:
    copied = [source for source in re.findall(r"^COPY (?!--from)(\S+) ", RECIPE, re.MULTILINE) if source != "."]
    assert copied
    assert set(copied) <= set(LET_IN)
    assert [name for name in LET_IN if not (ROOT / name).exists()] == []


def test_every_command_of_the_image_starts_with_what_is_in_it(image: Path) -> None:
    asked = [sys.executable, "-c", START, " ".join(LOCKED), *OURS, "assets", "person add"]
    done = subprocess.run(asked, cwd=image, env={}, capture_output=True, text=True, check=False)  # noqa: S603 # our own program
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Usage:") == len(OURS) + 2


def test_the_images_python_is_the_least_that_the_project_takes() -> None:
    pythons = {f">={one}" for one in re.findall(r"^FROM python:(\S+)-slim", RECIPE, re.MULTILINE)}
    assert pythons == {PROJECT["requires-python"]}


def test_what_the_image_installs_is_what_the_project_asks_for() -> None:
    asked = [Requirement(one) for one in PROJECT["dependencies"]]
    assert [str(one) for one in asked if LOCKED.get(one.name, "0") not in one.specifier] == []


def test_whom_and_where_the_image_serves_is_what_its_neighbours_say() -> None:
    ports = [str(Settings.model_fields[name].default) for name in ("api_port", "console_port")]
    assert re.findall(r"^EXPOSE (.+)$", RECIPE, re.MULTILINE) == [" ".join(ports)]
    assert re.findall(r"127\.0\.0\.1:(\d+)/healthz", RECIPE) == ports[:1]
    published = [COMPOSED["services"][name]["ports"] for name in ("api", "console")]
    assert published == [[f"127.0.0.1:{port}:{port}"] for port in ports]
    (person,) = set(re.findall(r"--[ug]id (\d+)", RECIPE))
    assert f"sudo chown {person} secrets/pgpass secrets/keyring" in (ROOT / "compose.yaml").read_text("utf-8")
