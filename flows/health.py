"""How calls end, kept per connection in memory and written down once a second: no row is hot."""

from dataclasses import replace
from datetime import datetime
from threading import Lock

from sqlalchemy.orm import Session

from hub.connections import Outcomes, note_outcomes
from hub.errors import HubError, Rejected


class Pulse:
    """Hears of every call that this process makes."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcomes] = {}
        self._lock = Lock()

    def hear(self, connection: str, error: HubError | None, at: datetime) -> None:
        """Note how a call ended; a partner that refuses a request is well."""
        with self._lock:
            known = self._outcomes.get(connection, Outcomes())
            if error is None or isinstance(error, Rejected):
                self._outcomes[connection] = replace(known, last_success_at=at)
            else:
                self._outcomes[connection] = replace(
                    known, last_failure_at=at, error_code=error.code, error=error.message
                )

    def write(self, session: Session, _at: datetime) -> None:
        """Write down what was heard since; if that fails, the next call tells more anyway."""
        with self._lock:
            heard, self._outcomes = self._outcomes, {}
        note_outcomes(session, heard)
