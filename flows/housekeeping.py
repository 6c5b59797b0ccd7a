"""What keeps the tables small and whole, by the schedule: partitions, history, the audit chain, what was missed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from flows import push_stock
from flows.notify_closures import unpaid_terms
from flows.relief import watch_backlogs, watch_fullness
from hub import audit, clients, partitions, replay_work, replays, schedules, steps, visits
from hub.database import Database
from hub.inventory import count
from hub.inventory.ended import prune
from hub.inventory.lot_block import make_room
from hub.inventory.presale import add_up
from hub.inventory.quota_unset import forget_unset
from hub.inventory.reconcile import reconcile
from hub.inventory.soft import expire_due
from hub.merge.close import close_windows
from hub.order.change.expire import expire
from hub.order.change.lapse import lapse
from hub.order.holds.expiry import expire_holds
from hub.order.holds.restocked import START, source_restocked
from hub.order.holds.unended import call_unended, unpaid_limit
from hub.order.holds.unpaid import hold_unpaid
from hub.order.posting import sale
from hub.order.relocate import TURN_S, relocate
from hub.order.ship.track import ask_silent
from hub.schedules import Slot, finish_slot, last_slots, plan_schedules, slot_of, take_slot
from hub.settings import Settings

KEEP_KEYS: Final = timedelta(days=7)
"""How long an Idempotency-Key protects its request."""

KEEP_RESERVATIONS: Final = timedelta(days=7)
"""How long a reservation that ended says so to whoever sends it again."""

EXPIRED_AT_ONCE: Final = 2_000
"""How many reservations give their pieces back in one transaction, which holds their counters meanwhile."""

KEEP_REPORTS: Final = timedelta(days=90)
"""How long a partner's stock reports can be looked up; what they counted stays known."""

LEASE: Final = timedelta(minutes=5)
"""How long a slot belongs to whoever took it on."""

PLAN: Final = timedelta(minutes=1)

AGAIN: Final = timedelta(seconds=30)
"""How soon a slot that failed is tried again."""

Place = TypeVar("Place")

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so often; doing it twice is harmless.

    `local` chores are of this process alone (what it has heard itself): they have no row, and every process does them.
    """

    name: str
    every_s: int
    do: Callable[[Session, datetime], object]
    local: bool = False


class Sweep(Generic[Place]):
    """Goes round things that are many, some thousands each time: the end of one look is where the next begins."""

    def __init__(self, look: Callable[[Session, datetime, Place], Place], start: Place) -> None:
        self._look = look
        self._after = start

    def go(self, session: Session, at: datetime) -> None:
        self._after = self._look(session, at, self._after)


def chores(settings: Settings) -> list[Chore]:
    """List the chores, each in a transaction of its own."""
    skew = timedelta(seconds=settings.limits.clock_skew_s)
    zone = ZoneInfo(settings.business_zone)
    due = timedelta(minutes=settings.orders.due_min)

    def restocked(session: Session, at: datetime, after: int) -> int:
        return source_restocked(session, at.astimezone(zone), after)

    def held(session: Session, at: datetime) -> int:
        limits = {channel: one.limit for channel, one in unpaid_terms(settings).items()}
        return hold_unpaid(session, limits, at.astimezone(zone))

    closing = [name for name in settings.connections if unpaid_limit(settings, name)]
    wished = [Chore("orders.hold_unpaid", 1, held)] if settings.orders.hold_unpaid else []
    return [
        *wished,
        Chore("audit.seal", 1, lambda session, _at: audit.seal(session)),
        Chore("steps.history", 2, steps.move_finished),
        Chore("steps.parked", 5, Sweep(steps.wake_parked, "").go),
        Chore("clients.forget", 60, lambda session, at: clients.forget_old(session, at - skew, at - KEEP_KEYS)),
        Chore("visits.forget", 3600, visits.forget_visits),
        Chore("parcels.ask", 600, lambda session, at: ask_silent(session, at, settings.limits.backlog_shed)),
        Chore("postings.missed", 60, Sweep(sale.post_missed, sale.START).go),
        Chore("steps.backlog", 30, lambda session, at: watch_backlogs(session, settings, at)),
        Chore("hub.fullness", 10, lambda session, at: watch_fullness(session, settings, at)),
        Chore("partitions.make", 3600, partitions.make_partitions),
        Chore("partitions.drop", 3600, lambda session, at: partitions.drop_partitions(session, at, settings.retention)),
        Chore("replays.work", 1, lambda session, at: replay_work.work_off(session, at, settings)),
        Chore("replays.forget", 600, lambda session, at: replays.forget_jobs(session, at, settings.retention)),
        Chore("merge.windows", 2, close_windows),
        Chore("stock.look", 1, lambda session, at: push_stock.look(session, settings, at)),
        Chore("stock.sweep", 5, lambda session, at: push_stock.sweep(session, settings, at)),
        Chore("stock.blocked", 5, lambda session, at: make_room(session, at.astimezone(zone))),
        Chore("stock.short", TURN_S, lambda session, at: relocate(session, at.astimezone(zone))),
        Chore("stock.quotas", 60, forget_unset),
        Chore("stock.presold", 10, lambda session, _at: add_up(session)),
        Chore("stock.reports", 3600, lambda session, at: count.prune(session, at - KEEP_REPORTS)),
        Chore("stock.reconcile", 86_400, reconcile),
        Chore("orders.expire", 5, lambda session, at: expire(session, unpaid_terms(settings), at)),
        Chore("orders.unended", 60, lambda session, at: call_unended(session, closing, at)),
        Chore("orders.lapse", 2, lambda session, at: lapse(session, due, at.astimezone(zone))),
        Chore("holds.expire", 5, lambda session, at: expire_holds(session, at.astimezone(zone))),
        Chore("holds.restocked", 2, Sweep(restocked, START).go),
        Chore("reservations.expire", 5, lambda session, at: expire_due(session, at, EXPIRED_AT_ONCE)),
        Chore("reservations.prune", 600, lambda session, at: prune(session, at - KEEP_RESERVATIONS)),
        Chore("schedule.forget", 600, schedules.forget_runs),
    ]


class Rounds:
    """Does each chore once in each of its periods, whoever else keeps the same schedule."""

    def __init__(self, database: Database, every: Sequence[Chore], now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._chores = every
        self._done: dict[str, datetime] = {}
        self._put_off: dict[str, datetime] = {}
        self._plan_at: datetime | None = None

    def go(self) -> int:
        """Do what is due, and give 0: there is never a reason to come back at once.

        Raises: OperationalError when the database is away.
        """
        self._plan()
        for chore in self._chores:
            now = self._now()
            slot = slot_of(timedelta(seconds=chore.every_s), now)
            if self._done.get(chore.name) != slot and self._put_off.get(chore.name, now) <= now:
                # Put off first: one that cannot get through must not keep those behind it from their turn.
                self._put_off[chore.name] = now + AGAIN
                if self._do(chore, slot):
                    self._done[chore.name] = slot
                    del self._put_off[chore.name]
        return 0

    def _plan(self) -> None:
        """Write which chores there are, and learn which slots have been done."""
        now = self._now()
        if self._plan_at is not None and now < self._plan_at:
            return
        shared = {chore.name: timedelta(seconds=chore.every_s) for chore in self._chores if not chore.local}
        with self._database.transaction() as session:
            plan_schedules(session, shared)
            self._done = last_slots(session, list(shared)) | {
                name: slot for name, slot in self._done.items() if name not in shared
            }
        self._plan_at = now + PLAN

    def _do(self, chore: Chore, at: datetime) -> bool:
        """Do a chore unless somebody else does; False when it failed."""
        if chore.local:
            with self._database.transaction() as session:
                chore.do(session, self._now())
            return True
        with self._database.transaction() as session:
            slot = take_slot(session, chore.name, at, self._now(), LEASE, AGAIN)
        return slot is None or self._work(chore, slot)

    def _work(self, chore: Chore, slot: Slot) -> bool:
        """Do a slot; one that fails by a fault of ours is told of and does not keep the others from their turn."""
        error = ""
        try:
            with self._database.transaction() as session:
                chore.do(session, self._now())
        except OperationalError as failure:
            error = type(failure.orig).__name__
        except Exception as failure:  # noqa: BLE001 # a bug in one chore must not keep the others from their turn
            error = type(failure).__name__
            _log.exception("schedule.failed", chore=chore.name)
        with self._database.transaction() as session:
            finish_slot(session, slot, self._now(), error)
        return not error
