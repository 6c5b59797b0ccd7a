"""Run claimed steps: prepare, check the time left, call, and settle; at most once in effect, through any crash.

Preparing and settling are done for a batch in one transaction each; calling is done for one step and knows no
database, so that any number of threads may call at once. A bug in one flow harms no other flow's step.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from flows.booking import Booking
from flows.claim import Fenced, Terms, claim, prolong
from flows.effect import Claimed, Effect, is_idempotent
from flows.settle import Claim, Result, claim_of
from flows.verdict import Outcome, bug_words, judge
from flows.watch import tell, watched
from hub.breakers import Tolerance
from hub.database import Database
from hub.errors import HubError, Malformed, OutcomeUnknown, Rejected, TryLater
from hub.exchange import listening
from hub.failpoints import reach
from hub.gates import limits_of
from hub.ports import Connectors
from hub.settings import Settings
from hub.steps import ONE_HEAD, StepState, line_up

MARGIN_S: Final = 0.5
"""What must remain of the lease beyond the call's own time limit."""

_log = structlog.get_logger()

Heard = Callable[[str, HubError | None, datetime], None]
"""Is told how a call of a connection ended."""


def _unheard(_connection: str, _error: HubError | None, _at: datetime) -> None:
    """Nobody keeps count."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the engine sees it: `now` for rows, `monotonic` for leases."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


AWAKE_OR_NOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The clock of leases: they run while the machine sleeps, which Linux's monotonic clock does not count."""

WALL: Final = Clock(lambda: datetime.now(UTC), lambda: time.clock_gettime(AWAKE_OR_NOT))
"""The time of this machine."""


class Job(NamedTuple):
    """A claimed step and what is to be sent for it; with an error, or without a request, nothing is."""

    step: Claimed
    effect: Effect | None
    partner: object
    request: Any
    error: HubError | None = None


class Engine:
    """Runs steps; it knows neither threads nor brokers."""

    def __init__(
        self,
        database: Database,
        connectors: Connectors,
        effects: Mapping[str, Effect],
        settings: Settings,
        clock: Clock,
        heard: Heard = _unheard,
    ) -> None:
        self._database = database
        self._connectors = connectors
        self._effects = effects
        self._clock = clock
        self._heard = heard
        self._terms = Terms(
            timedelta(seconds=settings.worker.lease_s),
            timedelta(seconds=settings.worker.grace_s),
            limits_of(settings.connections),
        )
        self._attempts = settings.worker.attempts
        breaker = settings.breaker
        tolerance = Tolerance(breaker.failures, breaker.cool_s, breaker.longest_cool_s)
        brands = {name: one.brand for name, one in settings.connections.items()}
        self._booking = Booking(database, brands, tolerance, clock.now, self._sort)
        self._call_limit_s = settings.http.connect_s + 2 * settings.http.read_s
        self._subjects = {name: TypeAdapter[Any](effect.subject) for name, effect in effects.items()}

    def take(
        self,
        limit: int,
        *,
        caps: Mapping[str, int] | None = None,
        cap: int | None = None,
        ids: Collection[int] | None = None,
    ) -> list[Claimed]:
        """Claim due steps, at most `limit`: of each connection in `caps` so many at most, of every other `cap`."""
        terms = replace(self._terms, caps=caps or {}, cap=limit if cap is None else cap)
        claimed_s = self._clock.monotonic()  # first: who stands still after it has used up of the lease, not won
        try:
            with self._database.transaction() as session:
                steps = claim(session, limit, self._clock.now(), claimed_s, terms, ids)
                reach("claim.claimed")
        except IntegrityError as error:
            if ONE_HEAD not in str(error.orig):
                raise
            self._line_up()
            return []
        reach("claim.committed")
        return steps

    def prepare(self, steps: Sequence[Claimed]) -> list[Job]:
        """Gather what is sent for each step; a flow that fails by a bug fails alone.

        Raises: OperationalError when the database is away.
        """
        try:
            with self._database.transaction() as session:
                return [self._prepare(session, step) for step in steps]
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 # a bug in one flow, or a row nobody thought of, must stop no other
            if len(steps) > 1:
                return [job for step in steps for job in self.prepare([step])]
            (step,) = steps
            _log.exception("step.bug", step=step.id, flow=step.flow, where="prepare")
            return [self._broken(step, error)]

    def call(self, job: Job) -> Result:
        """Make one call and sort what came of it."""
        return watched(job.step, lambda: self._attempt(job))

    def _attempt(self, job: Job) -> Result:
        step, started = job.step, self._clock.now()  # since it was prepared it may have waited for its turn
        answer: Any = None
        with listening() as heard:
            try:
                answer = self._call(job)
                outcome = Outcome(StepState.DONE, started)
            except _TooLate:
                _log.warning("step.too_late", step=step.id, order=step.order_id)
                outcome = Outcome(StepState.PENDING, self._clock.now(), given_back=True)
            except HubError as error:
                outcome = self._sort(step, error)
            except Fenced:  # books nothing: it is not ours
                outcome = Outcome(StepState.PENDING, self._clock.now(), given_back=True)
            except OperationalError as error:
                outcome = self._sort(step, OutcomeUnknown("the database went away before the call", code="our_fault"))
                _log.warning("step.database_away", step=step.id, error=type(error.orig).__name__)
            except Exception as error:  # noqa: BLE001 # as above; the partner may have been called
                _log.exception("step.bug", step=step.id, flow=step.flow, where="call")
                outcome = self._sort(step, OutcomeUnknown(bug_words(error), code="our_fault"))
        if heard:
            self._heard(step.connection, outcome.error, self._clock.now())
        return Result(step, job.effect, outcome, started, self._clock.now(), answer, heard)

    def book(self, results: Sequence[Result], held: list[Result] | None = None) -> dict[Claim, StepState]:
        """Write results down, in as few transactions as may be, and give the states of the claims that were still ours.

        What must be booked again, because others have held its rows too long, is put into `held`.
        Raises: OperationalError when the database is away, or without `held` when there is any;
        nothing is lost by booking again then.
        """
        waiting: list[Result] = []
        alone = [one for one in results if one.effect is not None and one.effect.alone]
        together = [one for one in results if one.effect is None or not one.effect.alone]
        booked = self._booking.book(together, waiting) if together else {}
        for one in alone:
            booked |= self._booking.book([one], waiting)
        later = {claim_of(one) for one in waiting}
        tell([one for one in results if claim_of(one) not in later], booked)
        if held is not None:
            held += waiting
        elif waiting:
            raise OperationalError("book", None, TimeoutError(f"others hold what {len(waiting)} steps need"))
        return booked

    def run(self, step: Claimed) -> StepState | None:
        """Run a step and give the state it was left in; None when this worker had no right to it any more."""
        (job,) = self.prepare([step])
        return self.book([result := self.call(job)]).get(claim_of(result))

    def _line_up(self) -> None:
        """Mend lanes of which two steps were to be claimed: one such lane must not stop all the others."""
        with self._database.transaction() as session:
            lanes = line_up(session)  # none, if another worker that met them was faster
        _log.error("step.two_heads", lanes=lanes)

    def _prepare(self, session: Session, step: Claimed) -> Job:
        at = self._clock.now()
        effect = self._effects.get(step.flow)
        try:
            if step.was == StepState.IN_FLIGHT and step.unheard >= self._attempts:
                raise Rejected("its attempts are spent without an outcome", code="attempts_spent")
            if effect is None:
                raise Rejected(f"no flow is called {step.flow}", code="unknown_flow")
            partner = self._connectors.get(step.connection)
            self._check_subject(step)
            return Job(step, effect, partner, effect.prepare(session, step, at))
        except HubError as error:
            return Job(step, effect, None, None, error)

    def _check_subject(self, step: Claimed) -> None:
        """Refuse a subject that was written for another release, naming the fields that do not fit."""
        try:
            self._subjects[step.flow].validate_python(step.subject)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
            raise Malformed(f"its subject does not fit {step.flow}: {fields}", code="subject_misfit") from error

    def _call(self, job: Job) -> Any:  # noqa: ANN401 # the flow's own answer
        step, effect, partner = job.step, job.effect, job.partner
        if step.was == StepState.IN_FLIGHT and self._may_land_late(step.connection):  # before anything else ends it
            raise OutcomeUnknown("a worker ended while the partner was at work", code="worker_ended")
        if job.error is not None:
            raise job.error
        if effect is None or job.request is None:
            return None
        self._check_time(step)
        if step.doubt and not is_idempotent(partner):
            known = effect.ask(partner, job.request)
            if known is not None:
                return known
            step = self._prolong(step)  # asking may have taken long, and what is not there must be sent all the same
            self._check_time(step)
        reach("call.before")
        answer = effect.call(partner, job.request)
        reach("call.after")
        return answer

    def _prolong(self, step: Claimed) -> Claimed:
        """Give the step its whole lease once more, which runs while the database takes its time."""
        now_s = self._clock.monotonic()
        with self._database.transaction() as session:
            prolong(session, step, self._clock.now(), self._terms)
        return step._replace(claimed_s=now_s)

    def _check_time(self, step: Claimed) -> None:
        """Stop before a call that could still be under way when somebody else may claim the step."""
        used = self._clock.monotonic() - step.claimed_s
        if used > self._terms.lease.total_seconds() - self._call_limit_s - MARGIN_S:
            raise _TooLate

    def _sort(self, step: Claimed, error: HubError) -> Outcome:
        grace = max(self._terms.grace, self._own_grace(step.connection))
        return judge(step, error, self._attempts, grace, self._clock.now())

    def _broken(self, step: Claimed, error: Exception) -> Job:
        """Let a step whose flow has a bug be tried again as long as an attempt is left: nothing was sent."""
        spent = step.attempts >= self._attempts
        words = bug_words(error)
        fault = Rejected(words, code="our_fault") if spent else TryLater(words, code="our_fault")
        return Job(step, self._effects.get(step.flow), None, None, fault)

    def _may_land_late(self, connection: str) -> bool:
        """Say whether a call may still land, and harm, after its worker's lease and the grace behind it."""
        partner = self._partner_of(connection)
        return not is_idempotent(partner) and self._own_grace(connection) > self._terms.grace

    def _own_grace(self, connection: str) -> timedelta:
        """Give how long a partner says that a call of ours may still land after its answer was missed."""
        return timedelta(seconds=getattr(self._partner_of(connection), "grace_s", 0))

    def _partner_of(self, connection: str) -> object | None:
        """Give a partner, and None for one that cannot be made."""
        try:
            return self._connectors.get(connection)
        except Exception:  # noqa: BLE001 # whatever is wrong with it was told of where it was to be called
            return None


class _TooLate(Exception):
    """The lease does not leave enough time for a call."""
