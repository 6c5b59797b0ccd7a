"""Processes for tests: forked from one that has imported what they need, for that takes two seconds of a processor."""

from multiprocessing import get_context
from typing import Final

FORKED: Final = get_context("forkserver")
FORKED.set_forkserver_preload(["tests.hub.inventory.racing", "tests.hub.inventory.rushing"])
