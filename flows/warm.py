"""Make a process ready that places orders: what it needs for good is read once and left out of every collection."""

import gc
from typing import Final

from hub.address.match import match

YOUNG: Final = 50_000
"""Objects made before the collector looks at them: a batch of orders makes so many, and nearly all go by themselves."""

ROUNDS: Final = (20, 100)


def warm() -> None:
    """Read the map, and let the collector forget all that is there now: it was a fifth of the time of placing."""
    match("上海市", "上海市", "浦东新区", "")
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *ROUNDS)
