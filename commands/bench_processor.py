"""How much of the processors a benchmark's servers use: unlike time on the clock, it stays true on a busy machine."""

from contextlib import suppress

import psutil
import psycopg


def postmaster_of(url: str) -> int:
    """Give the process that all of a server's others are children of."""
    with psycopg.connect(url, autocommit=True) as connection:
        return psutil.Process(connection.info.backend_pid).ppid()


def used_s(root: int) -> float:
    """Give the seconds of processors that a process has used, with its children, also those that have ended."""
    first = psutil.Process(root)
    ended = first.cpu_times()
    used = ended.children_user + ended.children_system
    for one in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            used += times.user + times.system
    return used
