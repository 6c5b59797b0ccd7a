"""Faults on request: the next calls of a method time out, break off, fail or answer nonsense."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, final

from fastapi import HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["timeout", "reset", "500", "503", "lost_answer", "slow", "garbage", "business"]

EXECUTED: frozenset[Mode] = frozenset({"lost_answer", "slow", "garbage"})
_DEFAULT_SECONDS: dict[Mode, float] = {"timeout": 60.0, "slow": 2.0}
_GARBAGE = b"<html><body>502 upstream \xff\xfe<respon"


class FaultOrder(BaseModel):
    """What POST /faults takes: the next `count` calls of `method` misbehave; a count of 0 takes the faults back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    mode: Mode
    count: int = Field(default=1, ge=0, le=1_000_000)
    seconds: float | None = Field(default=None, ge=0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour of one call."""

    mode: Mode
    seconds: float


@final
class Faults:
    """The faults still to come, in the order they were asked for, per method."""

    def __init__(self, methods: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[tuple[Fault, int]]] = {method: deque() for method in methods}

    def arm(self, order: FaultOrder) -> dict[str, int]:
        """Queue the faults; answers how many calls of the method will misbehave.

        Raises: HTTPException 422 for a method this partner does not have.
        """
        with self._lock:
            queue = self._waiting.get(order.method)
            if queue is None:
                raise HTTPException(422, f"unknown method; one of {sorted(self._waiting)}")
            if order.count == 0:
                queue.clear()
            else:
                seconds = _DEFAULT_SECONDS.get(order.mode, 0.0) if order.seconds is None else order.seconds
                queue.append((Fault(order.mode, seconds), order.count))
            return {"armed": sum(count for _, count in queue)}

    def take(self, method: str) -> Fault | None:
        """The fault of this call, used up by asking."""
        with self._lock:
            queue = self._waiting.get(method)
            if not queue:
                return None
            fault, count = queue.popleft()
            if count > 1:
                queue.appendleft((fault, count - 1))
            return fault


async def misbehave(fault: Fault, request: Request, act: Callable[[], Response], business: Response) -> Response:
    """Answer the call as the fault says: `act` runs it properly, `business` is the partner's refusal.

    The call is executed for lost_answer, slow and garbage, and not for the others: after a read timeout or a reset the
    caller cannot tell, which is the point.
    """
    answer = act() if fault.mode in EXECUTED else None
    acts: dict[Mode, Callable[[], Awaitable[Response]]] = {
        "timeout": lambda: _keep_waiting(request, fault.seconds),
        "reset": lambda: _cut(request, hard=True),
        "lost_answer": lambda: _cut(request, hard=False),
    }
    if (cut := acts.get(fault.mode)) is not None:
        return await cut()
    if fault.mode == "slow" and answer is not None:
        await asyncio.sleep(fault.seconds)
        return answer
    return _plain(fault, business)


def _plain(fault: Fault, business: Response) -> Response:
    if fault.mode == "business":
        return business
    if fault.mode == "garbage":
        return Response(_GARBAGE, media_type="text/html")
    after = {"Retry-After": f"{fault.seconds:.0f}"} if fault.seconds else {}
    return Response("sandbox fault", status_code=int(fault.mode), headers=after)


async def _keep_waiting(request: Request, seconds: float) -> Response:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_gone(request), seconds)
    return await _cut(request, hard=False)


async def _cut(request: Request, *, hard: bool) -> Response:
    transport: asyncio.Transport = request.state.transport
    if hard:
        connection: socket.socket = transport.get_extra_info("socket")
        # Lingering for zero seconds makes closing send a TCP reset instead of an orderly end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(request)
    return Response()  # nobody is left to read it


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
