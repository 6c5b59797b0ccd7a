"""Everything that `oms check` looks at, short of running the tests."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings
from rich.console import Console
from rich.table import Table

from commands.catalogue import find_untranslated
from hub.errors import NeedsOperator, NotFound
from hub.migrations import upgrade
from hub.migrations.drift import differences
from hub.postgres import EmbeddedPostgres

ROOT: Final = Path(__file__).resolve().parent.parent
BAGS: Final = frozenset(
    ["service", "services", "utils", "util", "helpers", "helper", "common", "base", "manager", "core", "misc"]
)
READMES: Final = ("README.md", "README.zh-CN.md")
REGISTRY: Final = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org")
MACHINE_PATH: Final = re.compile(r"(?<![\w.}])/(?:work|root|tmp)/")
NO_SECRET: Final = {
    ("requirements/*.txt", "*"): "checksums of what is installed",
    ("settings.toml", "Secret Keyword"): "it says where secrets lie",
    ("tests/*", "Secret Keyword"): "passwords made up for a test",
    ("tests/*", "Basic Auth Credentials"): "addresses made up for a test",
    ("tests/*", "* High Entropy String"): "keys, signatures and digests made up for a test",
}
"""File and kind of finding, and why it is no secret. A single line says `pragma: allowlist secret` and its reason."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at; what it finds is a list of lines, empty when all is well."""

    name: str
    find: Callable[[], Sequence[str]]


def check(names: Sequence[str] = ()) -> int:
    """Run the named checks, or all, and give 0 when none finds anything, else 1; findings go to stderr.

    Raises: NotFound for a name that is no check.
    """
    known = {one.name: one for one in CHECKS}
    if unknown := set(names) - known.keys():
        raise NotFound(f"no check is called {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    console = Console(stderr=True)
    table = Table("check", "result", "seconds")
    failed = False
    for one in [known[name] for name in names] or CHECKS:
        started = time.monotonic()
        found = one.find()
        failed = failed or bool(found)
        for line in found:
            console.print(f"{one.name}: {line}", markup=False, highlight=False, soft_wrap=True)
        result = f"[red]{len(found)} lines above" if found else "[green]good"
        table.add_row(one.name, result, f"{time.monotonic() - started:.1f}")
    console.print(table)
    return int(failed)


def tool(*words: str) -> Callable[[], Sequence[str]]:
    """Make a check of a program: what it prints are the findings when it fails."""

    def find() -> Sequence[str]:
        done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - constant words
        said = (done.stdout + done.stderr).splitlines()
        return (said or [f"ended with {done.returncode}"]) if done.returncode else []

    return find


def find_drift() -> Sequence[str]:
    """Migrate an empty database and compare it with the declared tables."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)  # as root the server runs as another user
        with EmbeddedPostgres(Path(made) / "database", durable=False) as server:
            upgrade(server.url)
            return differences(server.url)


def find_secrets() -> Sequence[str]:
    """Scan what git tracks or would track."""
    found = SecretsCollection(root=str(ROOT))
    with default_settings():
        for name in source_files():
            found.scan_file(name)
    return [
        f"{name}:{secret.line_number}: {secret.type}"
        for name, secret in found
        if not any(fnmatch(name, file) and fnmatch(secret.type, kind) for file, kind in NO_SECRET)
    ]


def find_breaches() -> Sequence[str]:
    """Look for breaches of the house rules: registry hosts, machine paths, files named as bags, a missing README."""
    names = source_files()
    bags = [
        f"{name}: a file is named for its one thing"
        for name in names
        if Path(name).suffix == ".py" and Path(name).stem in BAGS
    ]
    missing = [f"{name} is missing" for name in READMES if name not in names]
    return [*bags, *missing, *(breach for name in names for breach in _breaches_in(name))]


def _breaches_in(name: str) -> list[str]:
    found: list[str] = []
    for number, line in enumerate((ROOT / name).read_bytes().decode(errors="replace").splitlines(), start=1):
        if REGISTRY.search(line):
            found.append(f"{name}:{number}: names the host of a package registry")
        if MACHINE_PATH.search(line):
            found.append(f"{name}:{number}: names a path of one machine")
    return found


def source_files() -> list[str]:
    """List the files that git tracks or would track.

    Raises: NeedsOperator outside a git clone.
    """
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - constant words
    if done.returncode != 0:
        raise NeedsOperator(f"git cannot list the files, so they cannot be checked: {done.stderr.strip()}")
    return sorted(name for name in set(done.stdout.split("\0")) if name and (ROOT / name).is_file())


CHECKS: Final = (
    Check("lint", tool("-m", "ruff", "check")),
    Check("format", tool("-m", "ruff", "format", "--check")),
    Check("types", tool("-m", "basedpyright", "--warnings")),
    Check("imports", tool("-P", str(Path(sys.executable).with_name("lint-imports")))),
    Check("drift", find_drift),
    Check("words", find_untranslated),
    Check("secrets", find_secrets),
    Check("house", find_breaches),
)
