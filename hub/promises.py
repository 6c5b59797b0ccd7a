"""Tell those who wait on an event loop what became of what they asked for together."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def tell(promises: Iterable[asyncio.Future[T]], answers: Sequence[T | BaseException]) -> None:
    """Answer each in its turn; an error is raised where it is awaited, and who has hung up is passed over."""
    for promise, answer in zip(promises, answers, strict=True):
        if promise.done():
            continue
        if isinstance(answer, BaseException):
            promise.set_exception(answer)
        else:
            promise.set_result(answer)
