"""Stock alerts on their way to the partner that is told of them: a step carries none, it reads them when it is sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.ids import new_ids
from hub.inventory.telling import Alarm
from hub.steps import NewStep, add
from hub.stock_told import Listener

FLOW: Final = "alert_stock"

BATCH: Final = 100


_OF: Final = "due and (brand = any(:brands)) <> :others"
"""Which alerts a listener is told of."""


def add_alarm_step(session: Session, connection: str, listener: Listener, at: datetime) -> bool:
    """Add a step when a connection is to be told of alerts and none is open, and say whether one was added."""
    lane = f"stock_alert:0:{connection}"
    found = row(
        session,
        f"""select 1 where exists (select 1 from stock_alert where {_OF})
           and not exists (
               select 1 from step where lane = :lane
                                    and state in ('waiting', 'pending', 'in_flight', 'unknown', 'dead'))""",
        lane=lane,
        brands=list(listener.brands),
        others=listener.others,
    )
    if found is None:
        return False
    key = f"{lane}:{new_ids(session, 1, at)[0]}"
    add(session, [NewStep(FLOW, lane, connection, key, None, {})], at)
    return True


def read_alarms(session: Session, listener: Listener) -> list[Alarm]:
    """Give the alerts that one is to be told of, the oldest first; each version of one has a key of its own."""
    found = rows(
        session,
        f"""select id, version, kind, state, brand, sku, location, pieces, threshold, cover_days, updated_at
            from stock_alert where {_OF} order by id limit :limit""",
        limit=BATCH,
        brands=list(listener.brands),
        others=listener.others,
    )
    return [
        Alarm(
            key=f"stock-alert-{one.id}-{one.state}",
            kind=one.kind,
            state=one.state,
            brand=one.brand,
            sku=one.sku,
            location=one.location,
            pieces=max(0, one.pieces),
            threshold=one.threshold,
            cover_days="" if one.cover_days is None else f"{one.cover_days:.1f}",
            changed_at=one.updated_at,
        )
        for one in found
    ]


def book_alarms(session: Session, alarms: Sequence[Alarm]) -> None:
    """Write down that alerts were told as they stood; one that was closed meanwhile is told of once more."""
    keys = sorted(one.key for one in alarms)
    rows(
        session,
        """select 1 from stock_alert where due and 'stock-alert-' || id || '-' || state = any(:keys)
           order by id for update""",
        keys=keys,
    )
    run(
        session,
        "update stock_alert set due = false where due and 'stock-alert-' || id || '-' || state = any(:keys)",
        keys=keys,
    )
