"""Decide from an error what happens to a step: the one table from failure to what the engine does next."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tenacity import RetryCallState, Retrying, wait_exponential_jitter

from flows.effect import Claimed
from hub.errors import HubError, Misconfigured, OutcomeUnknown, TryLater
from hub.steps import StepState

BACKOFF: Final = wait_exponential_jitter(multiplier=0.5, max=300, exp_base=2, jitter=0.5)
"""Seconds before the next attempt: half a second doubling up to five minutes, with jitter against thundering herds."""

PATIENCE: Final = 20
"""How many times more often a step is tried that was certainly not executed: a partner may be away for a day."""

WORKER_ENDED: Final = "worker_ended"


class Outcome(NamedTuple):
    """What became of an attempt, and when the step is due again if it is.

    `given_back` says that nothing was tried: the attempt does not count.
    """

    state: StepState
    run_at: datetime
    error: HubError | None = None
    given_back: bool = False

    @property
    def unheard(self) -> bool:
        """Whether a call of this attempt may have been executed; a worker's end was counted by the claim."""
        return isinstance(self.error, OutcomeUnknown) and self.error.code != WORKER_ENDED

    @property
    def ended(self) -> bool:
        return self.state in {StepState.DONE, StepState.DEAD}


def judge(step: Claimed, error: HubError, limit: int, grace: timedelta, now: datetime) -> Outcome:
    """Sort an error: back to pending, unknown until the partner may be asked, or dead.

    `limit` is how many calls may go unheard, `grace` how long one may still land after its answer was missed.
    """
    if isinstance(error, Misconfigured):  # its connection is paused, so this waits for a person
        return Outcome(StepState.PENDING, now, error)
    wait_s = backoff_s(step.attempts)
    if isinstance(error, TryLater) and step.attempts < limit * PATIENCE:
        return Outcome(StepState.PENDING, now + timedelta(seconds=max(wait_s, error.after_s or 0)), error)
    if isinstance(error, OutcomeUnknown):
        # Dead or not, nobody may ask before a late call can no longer land.
        spent = step.unheard + (error.code != WORKER_ENDED) >= limit
        state = StepState.DEAD if spent else StepState.UNKNOWN
        return Outcome(state, now + max(timedelta(seconds=wait_s), grace), error)
    return Outcome(StepState.DEAD, now, error)


def backoff_s(attempts: int) -> float:
    """Give the seconds to wait after so many attempts."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempts
    return BACKOFF(state)


def bug_words(error: Exception) -> str:
    """Name a bug without its text, which may hold what a partner or a buyer said."""
    return f"the hub failed ({type(error).__name__})"
