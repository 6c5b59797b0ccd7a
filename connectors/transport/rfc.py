"""RFC by pyrfc, which is loaded when the first call needs it: pooled sessions, and failures sorted once, never by text.

Targets pyrfc's documented client surface (pyrfc 3.4, and pyrfcx 0.2, which has no reset_server_context); read 2026-11.
"""

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Lock
from typing import Any, Final, Protocol, cast, final

from connectors.transport.deadline import Deadline
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.exchange import Exchange, note

IDLE_S: Final = 30.0
"""A session that has rested longer is pinged before it is trusted."""

INSTALL: Final = (
    "RFC needs the extra sap-rfc (pip install 'oms[sap-rfc]') and SAP's NW RFC SDK with SAPNWRFC_HOME pointing at it"
)
NOT_SENT: Final = frozenset({"RFC_INVALID_HANDLE", "RFC_CLOSED", "RFC_RETRY"})
UNREADABLE: Final = frozenset({"RFC_INVALID_PARAMETER", "RFC_CONVERSION_FAILURE", "RFC_SERIALIZATION_FAILURE"})
REFUSED_LOGON: Final = frozenset({"RFC_LOGON_FAILURE", "RFC_AUTHORIZATION_FAILURE", "RFC_AUTHENTICATION_FAILURE"})
UNKNOWN_FUNCTION: Final = frozenset({"FU_NOT_FOUND", "RFC_NOT_FOUND"})
LOCKED: Final = frozenset({"FOREIGN_LOCK", "RFC_LOCKING_FAILURE"})


class Connection(Protocol):
    """What is used of pyrfc.Connection; `reset_server_context` is used too where there is one."""

    def call(self, func_name: str, options: dict[str, Any] | None = None, **params: object) -> dict[str, object]: ...

    def ping(self) -> None: ...

    def close(self) -> None: ...


class Library(Protocol):
    """What is used of the module pyrfc."""

    RFCError: type[Exception]
    LogonError: type[Exception]
    CommunicationError: type[Exception]
    ABAPApplicationError: type[Exception]
    ExternalAuthorizationError: type[Exception]

    def Connection(self, config: dict[str, Any] | None, **params: str) -> Connection: ...  # noqa: N802 # pyrfc's name


@final
class RfcPool:
    """The sessions of one system and user; each is lent to one caller at a time, and cleaned before the next."""

    def __init__(self, parameters: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._parameters = dict(parameters)
        self._clock = clock
        self._idle: list[tuple[Connection, float]] = []
        self._lock = Lock()

    @contextmanager
    def session(self, deadline: Deadline) -> Generator["RfcSession"]:
        """Lend a session; it goes back only if every call of the block was answered.

        Raises: Misconfigured for a missing library, a refused logon or wrong parameters; TryLater when SAP is away.
        """
        library = load()
        lent = RfcSession(library, self._take(library), deadline)
        try:
            yield lent
        finally:
            if lent.sound:
                self._give_back(library, lent.connection)
            else:
                _close(library, lent.connection)

    def _take(self, library: Library) -> Connection:
        while True:
            with self._lock:
                connection, since = self._idle.pop() if self._idle else (None, 0.0)
            if connection is None:
                return self._open(library)
            if self._clock() - since < IDLE_S:
                return connection
            try:
                connection.ping()
            except library.RFCError:
                _close(library, connection)
            else:
                return connection

    def _open(self, library: Library) -> Connection:
        try:
            return library.Connection(None, **self._parameters)
        except library.CommunicationError as error:
            raise TryLater("SAP cannot be reached", code=_key(error)) from None  # its text may name people
        except library.RFCError as error:
            text = "SAP refuses the logon: check app_key, the secret and the rfc options"
            raise Misconfigured(text, code=_key(error)) from None  # as above
        except _sdk_missing() as error:
            raise Misconfigured(INSTALL, code="sdk_missing") from error

    def _give_back(self, library: Library, connection: Connection) -> None:
        reset: Callable[[], None] | None = getattr(connection, "reset_server_context", None)
        if reset is None:  # what the session holds in SAP can only be dropped with the session
            return _close(library, connection)
        try:
            reset()
        except library.RFCError:
            return _close(library, connection)
        with self._lock:
            self._idle.append((connection, self._clock()))
        return None


@final
class RfcSession:
    """One session while it is lent; after any failure of the library it is not used again."""

    def __init__(self, library: Library, connection: Connection, deadline: Deadline) -> None:
        self.connection = connection
        self.sound = True
        self._library = library
        self._deadline = deadline

    def call(self, function: str, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """Call a function module.

        Raises: TryLater; OutcomeUnknown; Rejected; Malformed; Misconfigured.
        """
        options, started = {"timeout": self._deadline.left_s()}, time.monotonic()
        try:
            answer = self.connection.call(function, options, **parameters)
        except self._library.RFCError as error:
            self.sound = False
            failure = failure_of(self._library, error)
            _note(function, parameters, None, started, failure.message)
            raise failure from None  # the library's text may name people; it stays out of every log
        _note(function, parameters, answer, started, "")
        return answer


def load() -> Library:
    """Load pyrfc.

    Raises: Misconfigured saying what to install.
    """
    try:
        return cast("Library", import_module("pyrfc"))
    except ImportError as error:
        raise Misconfigured(INSTALL, code="sdk_missing") from error


def failure_of(library: Library, error: Exception) -> HubError:
    """Sort a failed call by the library's class and key."""
    key = _key(error)
    text = f"SAP answered {key}"
    if isinstance(error, (library.LogonError, library.ExternalAuthorizationError)) or key in REFUSED_LOGON:
        return Misconfigured(f"{text}: check app_key, the secret and the user's authorisations", code=key)
    if key in UNKNOWN_FUNCTION:
        return Misconfigured(f"{text}: the function module is not there or not released for RFC", code=key)
    # What has no code was raised by the binding itself, before anything was sent.
    if key in LOCKED | NOT_SENT or not hasattr(error, "code"):
        return TryLater(text, code=key)
    if key in UNREADABLE:
        return Malformed(text, code=key)
    return (
        Rejected(text, code=key) if isinstance(error, library.ABAPApplicationError) else OutcomeUnknown(text, code=key)
    )


def _key(error: Exception) -> str:
    return str(getattr(error, "key", "") or type(error).__name__)[:60]


def _sdk_missing() -> tuple[type[Exception], ...]:
    """Name the error of pyrfcx for an SDK that is not there; it is none of pyrfc's own."""
    try:
        found = getattr(import_module("pyrfcx"), "SdkNotFoundError", None)
    except ImportError:
        return ()
    return (found,) if found else ()


def _close(library: Library, connection: Connection) -> None:
    with suppress(library.RFCError):
        connection.close()


def _note(
    function: str, parameters: Mapping[str, object], answer: Mapping[str, object] | None, started: float, error: str
) -> None:
    """Note a call as the other transports do; RFC has no status, so an answer counts as 200."""
    sent, got = (json.dumps(one, ensure_ascii=False, default=str).encode() for one in (parameters, answer or {}))
    note(
        Exchange(
            request=f"RFC {function}",
            request_body=sent,
            status=None if answer is None else 200,
            answer_body=b"" if answer is None else got,
            seconds=round(time.monotonic() - started, 4),
            error=error,
        )
    )
