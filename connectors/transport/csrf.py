"""Calls to a server that wants a token with every change (SAP Gateway): fetched when needed, and kept per thread.

The token belongs to the session cookie that came with it, and HttpApi keeps a thread's cookies in the thread's session.
"""

from threading import local
from typing import Final, final

from connectors.transport.deadline import Deadline
from connectors.transport.http import Answer, Call, HttpApi, failure_of
from hub.errors import HubError, OutcomeUnknown, TryLater

HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({"GET", "HEAD"})
FORBIDDEN: Final = 403


@final
class CsrfApi:
    """Sends changes with a token, which one GET of `token_url` brings."""

    def __init__(self, api: HttpApi, token_url: str) -> None:
        self._api = api
        self._token_url = token_url
        self._threads = local()

    def exchange(self, call: Call, deadline: Deadline) -> Answer:
        """Send a call and give its answer whatever its status; a token that is refused is fetched anew, once.

        Raises: as `HttpApi.exchange`; TryLater or Misconfigured when no token can be had.
        """
        if call.method in SAFE:
            return self._api.exchange(call, deadline.limits())
        answer = self._send(call, self._token(deadline), deadline)
        if wants_token(answer):
            answer = self._send(call, self._fresh(deadline), deadline)
        return answer

    def fetch(self, deadline: Deadline) -> Answer:
        """Fetch a token, keep it for this thread, and give the answer that brought it; some servers want none.

        Raises: TryLater whenever the outcome is unknown, for nothing has been changed; else as `HttpApi.send`.
        """
        try:
            answer = self._api.send(Call("GET", self._token_url, headers={HEADER: "Fetch"}), deadline.limits())
        except OutcomeUnknown as error:
            raise TryLater(f"no token came: {error.message}", code=error.code) from error
        self._threads.token = answer.headers.get(HEADER, "")
        return answer

    def leave(self) -> None:
        """End this thread's session, and forget its token."""
        self._api.leave()
        if hasattr(self._threads, "token"):
            del self._threads.token

    def _token(self, deadline: Deadline) -> str:
        return self._threads.token if hasattr(self._threads, "token") else self._fresh(deadline)

    def _fresh(self, deadline: Deadline) -> str:
        return self.fetch(deadline).headers.get(HEADER, "")

    def _send(self, call: Call, token: str, deadline: Deadline) -> Answer:
        return self._api.exchange(call.signed(headers={HEADER: token}), deadline.limits())


def wants_token(answer: Answer) -> bool:
    """Say whether a refusal is for want of a valid token, before anything was executed."""
    return answer.status == FORBIDDEN and answer.headers.get(HEADER, "").lower() == "required"


def failure_after(answer: Answer) -> HubError | None:
    """Sort an answer as `failure_of` does; a token refused even when fresh is a reason to come again."""
    if wants_token(answer):
        return TryLater("the server refuses even a fresh token", code="csrf_refused")
    return failure_of(answer)
