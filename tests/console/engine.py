"""The engine of the world: what its workers do every so often, what partners are asked for, and gates that hold."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.breakers import Called, Tolerance, note_calls
from hub.database import run
from hub.polls import HINTS, ORDERS, PROBE, TOKEN, claim_polls, finish_poll, plan_polls
from hub.schedules import finish_slot, plan_schedules, slot_of, take_slot

CHORES: Final = {
    "audit.seal": 1,
    "steps.history": 2,
    "steps.parked": 5,
    "clients.forget": 60,
    "parcels.ask": 600,
    "visits.forget": 3600,
    "partitions.make": 3600,
    "schedule.forget": 600,
}
LEASE: Final = timedelta(minutes=5)
TOLERANCE: Final = Tolerance(failures=3, cool_s=3_600, longest_cool_s=7_200)


def keep_schedule(session: Session, now: datetime) -> None:
    """Let most chores be on time, one fail, one be overdue and one be paused; ask partners; open a breaker."""
    plan_schedules(session, {name: timedelta(seconds=every) for name, every in CHORES.items()})
    for name, every_s in CHORES.items():
        every = timedelta(seconds=every_s)
        for back in range(3, 0, -1):
            at = now - (timedelta(hours=7) if name == "partitions.make" else timedelta()) - every * (back - 1)
            slot = take_slot(session, name, slot_of(every, at), at, LEASE, LEASE)
            if slot is not None:
                failed = name == "parcels.ask" and back == 1
                finish_slot(session, slot, at + timedelta(milliseconds=340), "DeadlockDetected" if failed else "")
    run(
        session,
        """update schedule set paused_at = :at, paused_by = 'supervisor', reason = 'the disk is nearly full'
           where name = 'visits.forget'""",
        at=now - timedelta(minutes=14),
    )
    asked = [("mall-pc", ORDERS), ("mall-pc", HINTS), ("mall-pc", TOKEN), ("mall-pc", PROBE)]
    plan_polls(session, asked, now - timedelta(seconds=2), now - timedelta(minutes=3))
    run(session, "update poll set run_at = :at where name = 'probe'", at=now + timedelta(days=3650))
    for turn in claim_polls(session, asked, 9, now, LEASE):
        failed = turn.name == HINTS
        finish_poll(session, turn, now, now + timedelta(hours=1), error="http_502: bad gateway" if failed else "")
    note_calls(session, [Called("wms-bj", 0, 0, failed=True)] * 3, TOLERANCE, now - timedelta(minutes=9))
