"""Keep the garbage collector from looking at what stays for good: it was a fifth of the time of placing orders."""

import gc
from typing import Final

YOUNG: Final = 50_000
"""Objects made before it looks at them: a batch of orders makes so many, and nearly all of them go by themselves."""

ROUNDS: Final = (20, 100)


def calm_collector() -> None:
    """Leave all that is there now out of every collection, and collect less often; for a process that is warm."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *ROUNDS)
