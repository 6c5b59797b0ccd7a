"""How much the tests try: little while writing, enough for every day, or the large counts of `./oms test --full`."""

import os
from enum import StrEnum
from typing import Final

from hypothesis import settings


class Scale(StrEnum):
    QUICK = "quick"
    ORDINARY = "ordinary"
    FULL = "full"


FULL: Final = bool(os.environ.get("OMS_FULL"))
SCALE: Final = Scale.FULL if FULL else Scale.QUICK if os.environ.get("OMS_QUICK") else Scale.ORDINARY
EXAMPLES: Final = {Scale.QUICK: 20, Scale.ORDINARY: 100, Scale.FULL: 1_000}


def count(ordinary: int, full: int, quick: int | None = None) -> int:
    """Choose a count of examples; the quick one is the ordinary one unless it is given."""
    return {Scale.QUICK: ordinary if quick is None else quick, Scale.ORDINARY: ordinary, Scale.FULL: full}[SCALE]


def load_profile() -> None:
    """Set hypothesis up: no deadlines (other processes share the cores), counts by the scale."""
    for scale, examples in EXAMPLES.items():
        settings.register_profile(scale, max_examples=examples, deadline=None, print_blob=True)
    settings.load_profile(SCALE)
