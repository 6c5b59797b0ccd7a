"""Book results whatever is wrong with one: a bug, or a row that somebody else holds, harms no other answer."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import final

import structlog
from sqlalchemy.exc import OperationalError

from flows.effect import Claimed
from flows.settle import Claim, Result, book, bury_alone, claim_of
from flows.verdict import Outcome, bug_words
from hub.breakers import Tolerance
from hub.database import Database
from hub.errors import HubError, OutcomeUnknown
from hub.failpoints import reach
from hub.steps import StepState

_log = structlog.get_logger()


@final
class Booking:
    """Books in as few transactions as may be; `sort` says what an error makes of a step."""

    def __init__(
        self,
        database: Database,
        brands: Mapping[str, str],
        tolerance: Tolerance,
        now: Callable[[], datetime],
        sort: Callable[[Claimed, HubError], Outcome],
    ) -> None:
        self._database = database
        self._brands = brands
        self._tolerance = tolerance
        self._now = now
        self._sort = sort

    def book(self, results: Sequence[Result], held: list[Result]) -> dict[Claim, StepState]:
        """Book in one transaction; a batch that fails is halved until what is to blame is alone.

        Give the states of the claims that were still ours: there may be two of one step, of which one is.
        What others hold too long is put into `held`.
        Raises: OperationalError when the database is away.
        """
        try:
            with self._database.transaction() as session:
                ours = book(session, results, self._brands, self._tolerance, self._now())
        except OperationalError:
            if not self._is_there():
                raise
            if len(results) == 1:
                held.append(results[0])
                return {}
        except Exception as error:  # noqa: BLE001 # a bug in one flow's booking must not lose its neighbours' answers
            if len(results) == 1:
                _log.exception("step.bug", step=results[0].step.id, flow=results[0].step.flow, where="settle")
                return self._book_broken(results[0], error)
        else:
            reach("settle.committed")
            return {claim_of(one): one.outcome.state for one in results if claim_of(one) in ours}
        half = len(results) // 2
        return self.book(results[:half], held) | self.book(results[half:], held)

    def _book_broken(self, result: Result, error: Exception) -> dict[Claim, StepState]:
        """Book that an answer could not be booked: the call may have been executed; dead when attempts are spent."""
        fault = OutcomeUnknown(bug_words(error), code="our_fault")
        outcome = self._sort(result.step, fault)
        if result.outcome.state is StepState.DEAD:  # giving up is what failed
            outcome = outcome._replace(state=StepState.DEAD)
        try:
            ours = self._write_broken(result._replace(outcome=outcome, answer=None), fault)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 # not even that: its lease runs out, and the claims that follow count it
            _log.exception("step.bug", step=result.step.id, flow=result.step.flow, where="bury")
            return {}
        return {claim_of(result): outcome.state} if ours else {}

    def _write_broken(self, broken: Result, fault: HubError) -> bool:
        brand = self._brands.get(broken.step.connection, "")
        with self._database.transaction() as session:
            if broken.outcome.state is StepState.DEAD:
                return bury_alone(session, broken, fault, brand, self._now())
            return bool(book(session, [broken], self._brands, self._tolerance, self._now()))

    def _is_there(self) -> bool:
        """Say whether the database answers: a deadlock or a lock that took too long is not an outage."""
        with suppress(OperationalError), self._database.transaction() as session:
            session.connection().exec_driver_sql("select 1")
            return True
        return False
