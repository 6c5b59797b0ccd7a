"""Run one claimed step: prepare, check the time left, call, and settle; at most once in effect, through any crash."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, wait_exponential_jitter

from flows.claim import Fenced, Outcome, keep_attempt, prolong, settle
from flows.effect import Claimed, Effect, is_idempotent
from hub.cases import NewCase, open_cases
from hub.connections import heed
from hub.database import Database
from hub.errors import HubError, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.exchange import Exchange, listening
from hub.order.lock import lock_order
from hub.ports import Connectors
from hub.settings import Settings
from hub.steps import StepState

BACKOFF: Final = wait_exponential_jitter(multiplier=0.5, max=300, exp_base=2, jitter=0.5)
"""Seconds before the next attempt: half a second doubling up to five minutes, with jitter against thundering herds."""

PATIENCE: Final = 20
"""How many times more often a step is tried that was certainly not executed: a partner may be away for a day."""

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
        self._lease = timedelta(seconds=settings.worker.lease_s)
        self._grace = timedelta(seconds=settings.worker.grace_s)
        self._attempts = settings.worker.attempts
        self._call_limit_s = settings.http.connect_s + 2 * settings.http.read_s

    def run(self, step: Claimed) -> StepState | None:
        """Run a step and give the state it was left in; None when this worker had no right to it any more."""
        started = self._clock.now()
        answer: Any = None
        with listening() as heard:
            try:
                answer = self._effect(step, started)
                outcome = Outcome(StepState.DONE, started)
            except (_TooLate, Fenced):
                _log.warning("step.too_late", step=step.id, order=step.order_id)
                return None
            except HubError as error:
                outcome = self._sort(step, error)
        if heard:
            self._heard(step.connection, outcome.error, self._clock.now())
        with suppress(Fenced):
            self._book(step, outcome, answer, heard, started)
            _log.info(
                "step", step=step.id, flow=step.flow, order=step.order_id, state=outcome.state, attempt=step.attempts
            )
            return outcome.state
        _log.warning("step.fenced", step=step.id, order=step.order_id)
        return None

    def _effect(self, step: Claimed, at: datetime) -> Any:  # noqa: ANN401 # the flow's own answer
        if step.was == StepState.IN_FLIGHT and step.unheard >= self._attempts:
            raise Rejected("its attempts are spent without an outcome", code="attempts_spent")
        effect = self._effects.get(step.flow)
        if effect is None:
            raise Rejected(f"no flow is called {step.flow}", code="unknown_flow")
        partner = self._connectors.get(step.connection)
        with self._database.transaction() as session:
            request = effect.prepare(session, step, at)
        if request is None:
            return None
        self._check_time(step)
        if step.was == StepState.IN_FLIGHT and not is_idempotent(partner) and self._may_land_late(step.connection):
            raise OutcomeUnknown("a worker ended while the partner was at work", code="worker_ended")
        if step.doubt and not is_idempotent(partner):
            known = effect.ask(partner, request)
            if known is not None:
                return known
            step = self._prolong(step)  # asking may have taken long, and what is not there must be sent all the same
        return effect.call(partner, request)

    def _prolong(self, step: Claimed) -> Claimed:
        """Give the step its whole lease once more."""
        with self._database.transaction() as session:
            prolong(session, step, self._clock.now(), self._lease, self._grace)
        return replace(step, claimed_s=self._clock.monotonic())

    def _check_time(self, step: Claimed) -> None:
        """Stop before a call that could still be under way when somebody else may claim the step."""
        used = self._clock.monotonic() - step.claimed_s
        if used > self._lease.total_seconds() - self._call_limit_s - MARGIN_S:
            raise _TooLate

    def _sort(self, step: Claimed, error: HubError) -> Outcome:
        """Decide from an error what happens to the step."""
        now = self._clock.now()
        if isinstance(error, Misconfigured):  # its connection is paused, so this waits for a person
            return Outcome(StepState.PENDING, now, error)
        wait_s = backoff_s(step.attempts)
        if isinstance(error, TryLater) and step.attempts < self._attempts * PATIENCE:
            return Outcome(StepState.PENDING, now + timedelta(seconds=max(wait_s, error.after_s or 0)), error)
        if isinstance(error, OutcomeUnknown):
            grace = max(self._grace, self._own_grace(step.connection))
            # Dead or not, nobody may ask before a late call can no longer land.
            state = StepState.UNKNOWN if step.unheard + 1 < self._attempts else StepState.DEAD
            return Outcome(state, now + max(timedelta(seconds=wait_s), grace), error)
        return Outcome(StepState.DEAD, now, error)

    def _may_land_late(self, connection: str) -> bool:
        """Say whether a call may still land after the lease of the worker that made it, and the grace behind it."""
        return self._own_grace(connection) > self._grace

    def _own_grace(self, connection: str) -> timedelta:
        """Give how long a partner says that a call of ours may still land after its answer was missed."""
        return timedelta(seconds=getattr(self._connectors.get(connection), "grace_s", 0))

    def _book(
        self,
        step: Claimed,
        outcome: Outcome,
        answer: Any,  # noqa: ANN401 # the flow's own answer
        heard: list[Exchange],
        started: datetime,
    ) -> None:
        """Write outcome, local effects and attempt in one transaction; the order's row is locked before the step's."""
        effect = self._effects.get(step.flow)
        now = self._clock.now()
        with self._database.transaction() as session:
            brand = lock_order(session, step.order_id).brand
            settle(session, step, outcome, now)
            if outcome.state is StepState.DONE and effect and answer is not None:
                effect.settle(session, step, answer, now)
            heed(session, step.connection, brand, outcome.error, now)
            if outcome.state is StepState.DEAD and outcome.error:
                _bury(session, step, outcome.error, brand, now)
                if effect:
                    effect.give_up(session, step, outcome.error, now)
            keep_attempt(session, step, outcome, heard, started, now)


class _TooLate(Exception):
    """The lease does not leave enough time for a call."""


def backoff_s(attempts: int) -> float:
    """Give the seconds to wait after so many attempts."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempts
    return BACKOFF(state)


def _bury(session: Session, step: Claimed, error: HubError, brand: str, at: datetime) -> None:
    message = f"{step.flow} to {step.connection}: {error.message}"
    case = NewCase("step_dead", f"step:{step.id}", brand, message, step.order_id, {"step": step.id})
    open_cases(session, [case], at)
