"""Keep fulfilment orders here while a hold blocks their release: stock stays reserved, and the location is not told."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import ring_after, run
from hub.fulfilment.release import RELEASE

LATER: Final = datetime.fromisoformat("2099-01-01T00:00:00+00:00")
"""When a step would run that waits for a hold to end: its end brings that forward."""

KEPT: Final = """order_id = any(:ids) and {these} exists (
    select 1 from order_hold h where h.order_id = step.order_id and h.released_at is null
    and 'release' = any(h.blocks))"""


def keep_back(session: Session, order_ids: Collection[int]) -> None:
    """Have the release of these orders wait where a hold blocks it; whoever adds such steps asks this after it."""
    run(
        session,
        f"""update step set run_at = :later
            where flow = :flow and state = 'pending' and {KEPT.format(these="")}""",
        later=LATER,
        flow=RELEASE,
        ids=sorted(order_ids),
    )


def let_out(session: Session, order_ids: Collection[int], at: datetime) -> int:
    """Release now what was kept back and nothing blocks any more; give how many."""
    gone = run(
        session,
        f"""update step set run_at = :at
            where flow = :flow and state = 'pending' and run_at = :later and {KEPT.format(these="not")}""",
        at=at,
        later=LATER,
        flow=RELEASE,
        ids=sorted(order_ids),
    )
    if gone:
        ring_after(session)
    return gone
