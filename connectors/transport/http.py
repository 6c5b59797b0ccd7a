"""The one place that speaks HTTP to partners: signing hook, time limits, and a table from failure to what to do."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import local
from typing import Final
from urllib.parse import urlencode

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from connectors.transport.session import open_session
from hub.errors import Conflict, HubError, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.exchange import Exchange, note
from hub.settings import Http

ANSWER_CAP: Final = 5 * 1024 * 1024
"""Bytes of an answer that are read; a partner that sends more does not answer what was asked."""

LONGEST_WAIT_S: Final = 86_400.0
"""The longest Retry-After that is heeded; what asks for more is as good as a mistake."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request before it is sent; a signer gives it back with what proves where it came from."""

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    def signed(self, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> "Call":
        return replace(self, query={**self.query, **(query or {})}, headers={**self.headers, **(headers or {})})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Heard:
    """As much of an answer as has come: what breaks off is kept for whoever has to find out why."""

    status: int | None = None
    body: bytearray = field(default_factory=bytearray)


Signer = Callable[[Call], Call]

RETRYABLE: Final = frozenset({408, 423, 425, 429, 503})
OUR_FAULT: Final = frozenset({401, 403, 407})
SERVER_ERRORS: Final = 500
CLIENT_ERRORS: Final = 400
CHANGED_MEANWHILE: Final = 412
REDIRECTS: Final = 300
SECRETS: Final = frozenset({"sign", "session", "access_token"})
"""Names in a query that prove who calls; they are kept out of what is noted."""

NO_ADDRESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)


class HttpApi:
    """Sends a partner's calls; one session a thread, for requests' sessions are not thread-safe."""

    def __init__(self, limits: Http, sign: Signer) -> None:
        self._limits = limits
        self._sign = sign
        self._threads = local()

    def send(self, call: Call, limits: Http | None = None) -> Answer:
        """Send a call and give its answer with a status below 300; `limits` may allow it less time than usual.

        Raises: TryLater when it was certainly not executed; OutcomeUnknown when it may have been; Misconfigured for
        credentials and redirects; Conflict for what has changed meanwhile; Rejected for what the partner refuses.
        """
        answer = self.exchange(call, limits)
        failure = failure_of(answer)
        if failure is not None:
            raise failure
        return answer

    def exchange(self, call: Call, limits: Http | None = None) -> Answer:
        """Send a call and give its answer whatever its status, for partners whose refusals need reading.

        Raises: TryLater; OutcomeUnknown; Misconfigured when there is no answer at all.
        """
        ready, heard = self._sign(call), Heard()
        started = time.monotonic()
        try:
            answer = self._speak(ready, limits or self._limits, heard)
        except HubError as error:
            _note(ready, heard, started, error.message)
            raise
        _note(ready, heard, started, "")
        return answer

    def leave(self) -> None:
        """End this thread's session: what a server still holds for it is not met again, and no cookie goes on."""
        if hasattr(self._threads, "session"):
            self._threads.session.close()
            del self._threads.session

    def _speak(self, call: Call, limits: Http, heard: Heard) -> Answer:
        try:
            with self._session().request(
                call.method,
                call.url,
                params=dict(call.query),
                headers=dict(call.headers),
                data=call.body,
                timeout=(limits.connect_s, limits.read_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                heard.status = response.status_code
                _read(response, heard.body)
                return Answer(response.status_code, response.headers, bytes(heard.body))
        except (requests.RequestException, HTTPError) as error:
            raise _translate(error) from error

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = open_session()
        return self._threads.session


def _note(call: Call, heard: Heard, started: float, error: str) -> None:
    shown = {key: value for key, value in call.query.items() if key not in SECRETS}
    note(
        Exchange(
            request=f"{call.method} {call.url}?{urlencode(shown)}".rstrip("?"),
            request_body=call.body,
            status=heard.status,
            answer_body=bytes(heard.body),
            seconds=round(time.monotonic() - started, 4),
            error=error,
        )
    )


def failure_of(answer: Answer) -> HubError | None:
    """Sort an answer's status by what to do next; None when it is a success."""
    status, text = answer.status, f"the partner answered {answer.status}"
    if status in RETRYABLE:
        return TryLater(text, code=f"http_{status}", after_s=_retry_after(answer.headers))
    if status >= SERVER_ERRORS:
        return OutcomeUnknown(text, code=f"http_{status}")
    if status in OUR_FAULT:
        return Misconfigured(f"{text}: check the connection's credentials", code=f"http_{status}")
    if status >= CLIENT_ERRORS:
        kind = Conflict if status == CHANGED_MEANWHILE else Rejected
        return kind(text, code=f"http_{status}")
    if status >= REDIRECTS:
        return Misconfigured(f"{text}: redirects are not followed, check base_url", code=f"http_{status}")
    return None


def _translate(error: requests.RequestException | HTTPError) -> HubError:
    """Tell what never left from what may have arrived."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, (NewConnectionError, ConnectTimeoutError)):
        return TryLater("the partner cannot be reached", code="unreachable")
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return OutcomeUnknown("the partner did not answer in time", code="timeout")
    if isinstance(error, NO_ADDRESS):
        return Misconfigured("the connection's base_url is not an address", code="bad_url")
    return OutcomeUnknown(
        f"the connection broke while the partner was answering ({type(error).__name__})", code="broken"
    )


def _read(response: requests.Response, body: bytearray) -> None:
    """Read an answer up to its cap; the session sees to its time."""
    # read1 gives what has come; iter_content would wait for a whole chunk, and lose it when the rest does not come.
    while chunk := response.raw.read1(65_536, decode_content=True):
        body += chunk
        if len(body) > ANSWER_CAP:
            raise OutcomeUnknown(f"the answer is larger than {ANSWER_CAP} bytes", code="answer_too_large")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, in seconds or as a date (RFC 9110 §10.2.3); one that names no zone is of Greenwich too."""
    wish = headers.get("Retry-After", "")
    if wish.isascii() and wish.isdigit():
        return min(float(wish), LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(wish)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, until.timestamp() - time.time()), LONGEST_WAIT_S)
