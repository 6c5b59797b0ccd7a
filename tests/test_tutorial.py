"""The tutorial's partner, taken from its page into a copy of the tree and run there: no existing file is edited."""

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
import requests

from commands.station import free_ports
from hub import ports
from hub.database import Database
from hub.keyring import Keyring
from hub.partitions import make_partitions

ROOT: Final = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "docs" / "tutorial-connector.md", ROOT / "docs" / "tutorial-connector.zh-CN.md"
BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING: Final = re.compile(r"^(#+|\||- |\d+\.)", re.MULTILINE)
COPIED: Final = ("api", "commands", "connectors", "dashboards", "flows", "hub", "mappings", "sandbox", "tests")
SECRET: Final = "secret-of-lotus"
WITHIN_S: Final = 60.0


def blocks_in(page: Path) -> list[tuple[str, str, str]]:
    """Give language, path and content of every block of code."""
    return BLOCK.findall(page.read_text("utf-8"))


FILES: Final = {path: content for _, path, content in blocks_in(ENGLISH) if path}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tree as it is, and add the tutorial's files to the copy."""
    copy = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("pyproject.toml", "settings.toml"):
        shutil.copy(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(sys.prefix)  # where the type checker looks
    for path, content in FILES.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        with (copy / path).open("x", encoding="utf-8") as file:  # "x": a file that is there already is not touched
            file.write(content)
    return copy


def environment(tree: Path, **more: str) -> dict[str, str]:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("OMS_")}
    return {**bare, "PYTHONPATH": str(tree), "OMS_LANGUAGE": "en", **more}


def run(tree: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in the copy."""
    command = [sys.executable, "-P", "-m", *words]
    return subprocess.run(  # noqa: S603 # our own program
        command, cwd=tree, env=environment(tree, **more), check=False, capture_output=True, text=True
    )


@contextmanager
def running(tree: Path, command: str, **more: str) -> Generator[None]:
    """Keep one of the program's processes running in the copy."""
    words = [sys.executable, "-P", "-m", "commands", command]
    with subprocess.Popen(words, cwd=tree, env=environment(tree, **more), stderr=subprocess.DEVNULL) as process:  # noqa: S603 # as above
        try:
            yield
        finally:
            process.terminate()


def push(url: str, body: bytes) -> requests.Response:
    """Push as Lotus does, as soon as somebody listens."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        second = str(int(time.time()))
        sign = hmac.digest(SECRET.encode(), f"{second}\n".encode() + body, hashlib.sha256).hex()
        try:
            return requests.post(url, body, headers={"x-lotus-time": second, "x-lotus-sign": sign}, timeout=10)
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def cases(tree: Path, settings: dict[str, str]) -> Sequence[dict[str, Any]]:
    """List the open cases as a person would, until there is one."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        found = json.loads(run(tree, "commands", "case", "ls", "--json", **settings).stdout)
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_both_languages_show_the_same_code() -> None:
    assert FILES
    assert blocks_in(ENGLISH) == blocks_in(CHINESE)


def test_both_languages_have_one_shape() -> None:
    english, chinese = (HEADING.findall(BLOCK.sub("", page.read_text("utf-8"))) for page in (ENGLISH, CHINESE))
    assert english == chinese


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=lambda page: page.name)
def test_every_port_is_named(page: Path) -> None:
    named = {name for name, one in vars(ports).items() if isinstance(one, type) and issubclass(one, Protocol)}
    there = {name for name in named if getattr(ports, name).__module__ == ports.__name__} - {"Connectors"}
    assert {name for name in there if f"`{name}`" not in page.read_text("utf-8")} == set()


def test_no_file_of_the_tutorial_is_there_already() -> None:
    assert [path for path in FILES if (ROOT / path).exists()] == []


def test_the_contract_suites_are_green_on_lotus(tree: Path) -> None:
    tests = ("tests/connectors/channels/test_lotus.py", "tests/connectors/test_targets.py")
    done = run(tree, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 70


def test_its_code_is_clean(tree: Path) -> None:
    python = [path for path in FILES if path.endswith(".py")]
    for words in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = run(tree, *words, "--no-cache", *python)
        assert done.returncode == 0, done.stdout
    done = run(tree, "basedpyright", "--warnings", *python)
    assert done.returncode == 0, done.stdout


def test_a_connection_is_all_that_the_program_needs(tree: Path, tmp_path: Path) -> None:
    settings = {"OMS_SETTINGS": "lotus.toml", "OMS_DATA_FOLDER": str(tmp_path), "OMS_SECRET_LOTUS_MALL": SECRET}
    found = json.loads(run(tree, "commands", "doctor", "--json", **settings).stdout)
    assert {"what": "connection lotus-mall", "found": "channels.lotus", "mend": ""} in found


def test_a_pushed_order_ends_as_the_tutorial_says(tree: Path, database_url: str) -> None:
    keyring, [port] = Keyring.generate(), free_ports(1)
    settings = {
        "OMS_SETTINGS": "lotus.toml",
        "OMS_DATABASE_URL": database_url,
        "OMS_API_PORT": str(port),
        "OMS_SECRET_KEYRING": keyring,
        "OMS_SECRET_LOTUS_MALL": SECRET,
    }
    database = Database(database_url, Keyring.read(keyring.encode()))
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
    database.close()
    body = (tree / "tests/samples/lotus/order.json").read_bytes()
    with running(tree, "api", **settings), running(tree, "worker", **settings):
        answer = push(f"http://127.0.0.1:{port}/v1/webhooks/lotus-mall", body)
        [case] = cases(tree, settings)
    assert answer.json() == {"code": 0, "message": ""}
    assert "nothing in the catalogue is bound to apple, pear" in json.dumps(case)
