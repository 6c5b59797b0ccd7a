"""Documents open at locations that may have only so many: whoever opens more counts in turn, and last."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy.orm import Session

from hub.database import rows
from hub.turns import take_turns

SPACE: Final = 7_106
"""The space of turns at locations, by their codes."""


class LocationFull(Exception):
    """Others opened the last documents that a location may have since they were counted."""


def count_open(session: Session, codes: Collection[str], *, lock: bool) -> Counter[str]:
    """Give how many documents are open at some locations; with `lock` nobody else can open one until this ends.

    They are counted in a statement of its own, behind the lock: it sees what those opened who had it before.
    """
    if not codes:
        return Counter()
    if lock:
        take_turns(session, SPACE, codes)
    found = rows(
        session,
        """select location, count(*) as n from fulfilment_order
           where location = any(:codes) and execution in ('open', 'scheduled', 'on_hold', 'in_progress')
           group by location""",
        codes=sorted(codes),
    )
    return Counter({one.location: one.n for one in found})


def take_open(session: Session, most: Mapping[str, int]) -> None:
    """Make sure that no location at which documents were just opened has more than its `most`; each stays held.

    Raises: LocationFull.
    """
    there = count_open(session, most, lock=True)
    if any(there[code] > limit for code, limit in most.items()):
        raise LocationFull
