"""How much the tests try: enough for every day, or the large counts of `./oms test --full`."""

import os
from typing import Final

from hypothesis import settings

FULL: Final = bool(os.environ.get("OMS_FULL"))


def count(quick: int, full: int) -> int:
    """Choose a count of examples."""
    return full if FULL else quick


def load_profile() -> None:
    """Set hypothesis up: no deadlines (other processes share the cores), counts by the scale."""
    settings.register_profile("scale", max_examples=count(100, 1_000), deadline=None, print_blob=True)
    settings.load_profile("scale")
