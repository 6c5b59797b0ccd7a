"""Named points at which a run may be made to die: `reach` costs one look at an empty dictionary while none is armed.

Chaos runs arm one by the environment: OMS_FAILPOINT="settle.written:3" kills the process at the third time it gets
there. The simulation arms them with an action of its own.
"""

import os
import signal
from collections.abc import Callable
from typing import Final

from hub.errors import Malformed

POINTS: Final = (
    "intake.kept",  # a message is written into the inbox, not committed
    "intake.claimed",  # a batch of messages is locked
    "intake.handled",  # what came of them is written, not committed
    "claim.claimed",  # steps are claimed, not committed
    "claim.committed",  # steps are in flight, nothing was prepared
    "call.before",  # the next thing is the partner
    "call.after",  # the partner has answered, nobody wrote it down
    "settle.written",  # the outcome is written, not committed
    "settle.committed",  # the outcome is committed, nothing followed yet
)

_armed: dict[str, Callable[[], object]] = {}


def reach(point: str) -> None:
    """Say that a point was reached."""
    if _armed and (act := _armed.get(point)) is not None:
        act()


def arm(point: str, act: Callable[[], object]) -> None:
    """Do something whenever a point is reached.

    Raises: Malformed for a point that is not there.
    """
    if point not in POINTS:
        raise Malformed(f"there is no failpoint {point}: {', '.join(POINTS)}", code="unknown_failpoint")
    _armed[point] = act


def disarm() -> None:
    """Let every point be passed again."""
    _armed.clear()


def arm_from_environment() -> None:
    """Arm the point that OMS_FAILPOINT names, if it does: this process is killed there.

    Raises: Malformed.
    """
    point, _, turn = os.environ.get("OMS_FAILPOINT", "").partition(":")
    if not point:
        return
    left = int(turn or "1")

    def die() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    arm(point, die)
