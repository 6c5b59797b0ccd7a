"""Compile requirements/*.txt from pyproject.toml: every version and checksum, and no address of any registry."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SETS: Final = {
    "base": ("pyproject.toml",),
    "demo": ("pyproject.toml", "--extra", "demo"),
    "dev": ("pyproject.toml", "--extra", "dev"),
    "node": ("--group", "node"),
}
OPTIONS: Final = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
)


def lock() -> int:
    """Compile the sets with uv, and give the first exit status that is not 0, or 2 without uv."""
    uv = shutil.which("uv")
    if uv is None:
        sys.stderr.write("oms lock needs uv: pip install uv / 缺少 uv，请先 pip install uv\n")
        return 2
    for name, source in SETS.items():
        words = [uv, "pip", "compile", *source, *OPTIONS, "--quiet", "-o", f"requirements/{name}.txt"]
        sys.stderr.write(f"oms lock: requirements/{name}.txt\n")
        if status := subprocess.run(words, cwd=ROOT, check=False).returncode:  # noqa: S603 - constant words
            return status
    return 0
