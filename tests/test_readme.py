import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import typer
from starlette.testclient import TestClient
from typer.core import TyperGroup
from typer.testing import CliRunner

from api.app import build
from commands.__main__ import app
from commands.check import CHECKS
from commands.reach import configured
from connectors.registry import Registry
from hub.database import Database
from hub.keyring import Keyring
from hub.partitions import make_partitions
from tests.hub.making import stock

ROOT: Final = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS: Final = (ENGLISH, CHINESE, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
DECISIONS: Final = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SHELL: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:)([^)#]+)")
QUOTED: Final = re.compile(r"`([^`]+)`")
MARK: Final = re.compile(r"#+|[-|]|\d+\.")
RUNNABLE: Final = ("--help", "order --help", "doctor", "db status", "keys new")
CONNECTION: Final = '[connections.mall-pc]\nkind = "channels.storefront"\nbrand = "demo"\nshop = "pc"\n'


def commands_in(path: Path) -> list[str]:
    return [line for block in SHELL.findall(path.read_text("utf-8")) for line in block.splitlines() if line]


def words_in(line: str) -> list[str]:
    """Cut a line as a shell would; brackets, pipes and redirections are words of their own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    return list(lexer)


def calls_in(line: str) -> list[list[str]]:
    """Give the arguments of every ./oms in a line."""
    words = words_in(line)
    starts = [no for no, word in enumerate(words, 1) if word == "./oms"]
    return [list(takewhile(lambda word: not set(word) <= set("();<>|&"), words[start:])) for start in starts]


CALLS: Final = sorted({tuple(call) for path in DOCUMENTS for line in commands_in(path) for call in calls_in(line)})


def shape_of(path: Path) -> list[str]:
    """Give what each line outside of code is: a heading of a level, an item, a row, or text."""
    lines = FENCED.sub("```", path.read_text("utf-8")).splitlines()
    return [found[0] if (found := MARK.match(line)) else "text" for line in lines if line]


def steps_in(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if re.match(r"\d+\. ", line)]


def rows_in(path: Path) -> list[list[str]]:
    """Give the cells of a document's table rows, without heads."""
    lines = FENCED.sub("", path.read_text("utf-8")).splitlines()
    body = [line for no, line in enumerate(lines) if line.startswith("|") and lines[no - 1].startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body if set(line) - set("|- ")]


def parse(words: Sequence[str]) -> None:
    """Read arguments as the command line would, short of doing anything."""
    command, rest = typer.main.get_command(app), list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        command = command.commands[rest.pop(0)]
    with suppress(typer.Exit):  # --help
        command.make_context("oms", rest)


@dataclass(frozen=True)
class Front:
    """The API as curl would meet it, and the terminal beside it."""

    http: TestClient

    def curl(self, line: str) -> int:
        """Do what a line of curl would do, and give the status of the answer."""
        headers: dict[str, str] = {}
        body, words = b"", words_in(line)
        for call in calls_in(line):
            signed = CliRunner().invoke(app, call, catch_exceptions=False).stdout.split()
            headers |= dict(word.split(":", 1) for word in signed if word != "-H")
        if "--data-binary" in words:
            body = Path(words[words.index("--data-binary") + 1].removeprefix("@")).read_bytes()
        [url] = (urlsplit(word) for word in words if word.startswith("http://127.0.0.1:8000/"))
        target = f"{url.path}?{url.query}" if url.query else url.path
        return self.http.request("POST" if body else "GET", target, content=body, headers=headers).status_code


@pytest.fixture
def front(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """Serve the API over some stock, with one shop, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("settings.toml").write_text(CONNECTION, encoding="utf-8")
    for name, value in {
        "OMS_SETTINGS": "settings.toml",
        "OMS_DATA_FOLDER": str(tmp_path),
        "OMS_DATABASE_URL": database_url,
        "OMS_SECRET_KEYRING": Keyring.generate(),
        "OMS_SECRET_MALL_PC": "secret-of-a-shop",
    }.items():
        monkeypatch.setenv(name, value)
    settings = configured()
    database = Database(database_url, Keyring.read(settings.secret("keyring")))
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 10}})
    with TestClient(build(settings, database, Registry(settings))) as http:
        yield Front(http)


def test_both_readmes_name_the_same_commands() -> None:
    assert commands_in(ENGLISH)
    assert commands_in(ENGLISH) == commands_in(CHINESE)


def test_both_readmes_have_one_shape() -> None:
    assert shape_of(ENGLISH) == shape_of(CHINESE)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_command_exists_with_its_options(call: Sequence[str]) -> None:
    parse(call)


@pytest.mark.parametrize("wrong", ["demo --chekc", "ordr trace 1", "order trace", "inbox replay one"])
def test_a_wrong_command_would_be_noticed(wrong: str) -> None:
    with pytest.raises((KeyError, typer.TyperException)):
        parse(wrong.split())


@pytest.mark.parametrize("command", RUNNABLE)
def test_what_can_be_run_runs(command: str, tmp_path: Path) -> None:
    assert f"./oms {command}" in " ".join(commands_in(ENGLISH))
    ours = {"OMS_DATA_FOLDER": str(tmp_path), "OMS_SECRET_KEYRING": Keyring.generate(), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-P", "-m", "commands", *command.split()]
    done = subprocess.run(words, env=os.environ | ours, check=False, capture_output=True, text=True)  # noqa: S603 # our own program
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr


@pytest.mark.parametrize("line", [line for line in commands_in(ENGLISH) if line.startswith("curl ")])
def test_every_curl_command_is_answered(line: str, front: Front) -> None:
    assert front.curl(line) in {200, 201}


def test_named_checks_exist() -> None:
    named = {word for call in CALLS if call[0] == "check" for word in call[1:]}
    assert named <= {check.name for check in CHECKS}


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_the_life_of_an_order_has_twelve_lines_and_each_names_files(path: Path) -> None:
    named = [[word for word in QUOTED.findall(line) if "/" in word] for line in steps_in(path)]
    assert len(named) == 12
    assert all(named)
    assert [word for files in named for word in files if not (ROOT / word).is_file()] == []


def test_both_lives_of_an_order_name_the_same_files() -> None:
    english, chinese = ([QUOTED.findall(line) for line in steps_in(path)] for path in (ENGLISH, CHINESE))
    assert english == chinese


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = LINK.findall(path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_python_file_that_is_named_exists(path: Path) -> None:
    named = [word for word in QUOTED.findall(path.read_text("utf-8")) if re.fullmatch(r"[\w/]+/\w+\.(py|toml)", word)]
    assert [word for word in named if "lotus" not in word and not (ROOT / word).is_file()] == []


def test_glossary_words_are_unique_sorted_and_their_files_exist() -> None:
    rows = rows_in(ROOT / "docs" / "glossary.md")
    words = [row[0].lower() for row in rows]
    assert {len(row) for row in rows} == {5}
    assert words == sorted(set(words))
    assert [row[4] for row in rows if not (ROOT / row[4].strip("`")).is_file()] == []


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    sets = {"base": project["dependencies"], **project["optional-dependencies"]}
    declared = {(re.split(r"[<>=\[]", one)[0], name) for name, some in sets.items() for one in some}
    package = json.loads((ROOT / "dashboards" / "assets" / "package.json").read_text("utf-8"))
    for kind, name in {"dependencies": "console", "devDependencies": "console-dev"}.items():
        declared |= {(one, name) for one in package[kind]}
    told = {(row[0], row[1]) for row in rows_in(ROOT / "docs" / "decisions" / "0002-dependencies.md")}
    assert told == declared - {("oms", "dev")}


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_every_decision_has_its_four_headings_and_is_listed(path: Path) -> None:
    headings = [line.removeprefix("## ") for line in path.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[:4] == ["Context", "Decision", "Consequences", "Alternatives"]
    assert path == DECISIONS[0] or f"({path.name})" in DECISIONS[0].read_text("utf-8")
