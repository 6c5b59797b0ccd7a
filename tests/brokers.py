"""Where a test may do without RabbitMQ: on a person's machine that has none, and never in CI."""

import os
from typing import Final

import pytest

from commands.rabbit import INSTALL, PROGRAM, find_server

IN_CI: Final = bool(os.environ.get("OMS_CI"))
"""Set by .ci/run, which installs the program: where it is missing then, the tests fail and say so."""

NEEDS_RABBIT: Final = pytest.mark.skipif(
    find_server() is None and not IN_CI, reason=f"{PROGRAM} is not installed: {INSTALL}"
)
