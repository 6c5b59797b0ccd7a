"""What was said to a partner while a step ran: transports note it here, the engine keeps it with the attempt."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from hub.document import Document

CAP: Final = 64 * 1024
"""Bytes of a body that are kept; what is longer is cut and says so."""


class Exchange(Document):
    """One request to a partner and its answer; without a status no answer came."""

    request: str
    request_body: bytes
    status: int | None
    answer_body: bytes
    seconds: float
    error: str = ""


_heard: ContextVar[list[Exchange] | None] = ContextVar("heard", default=None)


@contextmanager
def listening() -> Generator[list[Exchange]]:
    """Collect the exchanges of this thread while the block runs."""
    heard: list[Exchange] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def note(exchange: Exchange) -> None:
    """Tell whoever listens of an exchange; nobody has to."""
    heard = _heard.get()
    if heard is not None:
        heard.append(exchange)


def write_exchanges(exchanges: Sequence[Exchange]) -> bytes:
    """Write exchanges as JSON; bytes that are not UTF-8 are escaped, bodies are cut at CAP."""
    return json.dumps([_record(one) for one in exchanges], ensure_ascii=False).encode()


def place(step_id: int, token: int) -> str:
    """Name where the exchanges of a step's attempt belong, for their seal."""
    return f"attempt|exchanges|{step_id}|{token}"


def _record(one: Exchange) -> dict[str, object]:
    bodies = {"request_body": _text(one.request_body), "answer_body": _text(one.answer_body)}
    return {**one.model_dump(exclude={"request_body", "answer_body"}), **bodies}


def _text(body: bytes) -> str:
    text = body[:CAP].decode(errors="backslashreplace")
    return text if len(body) <= CAP else f"{text}… ({len(body)} bytes)"
