"""The processes of a benchmark: all begin at once, and each says how much memory it took."""

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from typing import Any

Work = Callable[..., None]


def together(clients: int, work: Work, *values: Any) -> tuple[float, list[int]]:  # noqa: ANN401 # what the work takes
    """Run the work in so many processes; give the seconds from when all were ready, and the most memory of each.

    They are forked from one that has imported what the work needs: each would else take two seconds to do so.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", work.__module__])
    ready = context.Barrier(clients + 1)
    pipes: list[Any] = []  # a reading end's class differs between systems
    processes: list[ForkServerProcess] = []
    for no in range(clients):
        mine, theirs = context.Pipe(duplex=False)
        one = context.Process(target=_client, args=(dict(os.environ), work, ready, theirs, no, *values))
        one.start()
        pipes.append(mine)
        processes.append(one)
    ready.wait()
    started = time.monotonic()
    for one in processes:
        one.join()
    seconds = time.monotonic() - started
    if any(one.exitcode for one in processes):
        raise RuntimeError("a client of the benchmark failed; its error stands above")
    return seconds, [pipe.recv() for pipe in pipes]


def _client(
    surroundings: Mapping[str, str],
    work: Work,
    ready: Barrier,
    told: Connection,
    no: int,
    *values: Any,  # noqa: ANN401 # as above
) -> None:
    os.environ.update(surroundings)  # what it was forked from has kept those of an earlier time
    try:
        work(ready, no, *values)
    except BaseException:
        ready.abort()
        raise
    told.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
