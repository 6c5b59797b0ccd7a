"""The embedded PostgreSQL's processes: which are really ours, how they end, and what a crash leaves behind."""

import hashlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from hub.errors import NeedsOperator

PID_FILE: Final = "postmaster.pid"
PORT_LINE: Final = 3
ORPHANS_LIMIT_S: Final = 10
ENDINGS: Final = ((signal.SIGINT, 20), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
"""Fast shutdown, immediate shutdown, no shutdown; each with its patience in seconds."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running postmaster of a cluster."""

    pid: int
    port: int


def cluster_name(cluster: Path) -> str:
    """Name the cluster as PostgreSQL shows it in the title of each of its processes."""
    return f"oms-{hashlib.sha256(str(cluster).encode()).hexdigest()[:10]}"


def find_server(cluster: Path) -> Server | None:
    """Find the postmaster that the cluster's pid file names, if that pid is alive and not another program's."""
    try:
        lines = (cluster / PID_FILE).read_text(encoding="utf-8").splitlines()
        server = Server(pid=int(lines[0]), port=int(lines[PORT_LINE]))
        ours = _is_ours(psutil.Process(server.pid), cluster)
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError, psutil.Error):
        return None
    return server if ours else None


def _is_ours(process: psutil.Process, cluster: Path) -> bool:
    """Ask the title first: a container's root may not read another user's working folder."""
    if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
        return False
    if any(cluster_name(cluster) in word for word in process.cmdline()):
        return True
    try:
        return process.cwd() == str(cluster)
    except psutil.AccessDenied:
        return False


def find_processes(cluster: Path) -> Iterator[psutil.Process]:
    """Find every process of the cluster, the postmaster and its children."""
    for process in psutil.process_iter():
        try:
            if _is_ours(process, cluster):
                yield process
        except psutil.Error:  # it ended while we looked
            continue


def clear_remains(cluster: Path) -> None:
    """Make the cluster of a killed server startable: wait for its orphans, then drop its pid file."""
    _wait_for_orphans(cluster)
    (cluster / PID_FILE).unlink(missing_ok=True)


def _wait_for_orphans(cluster: Path) -> None:
    """Orphans may still write to the cluster, and one that is deep in a query does not notice for minutes."""
    deadline = time.monotonic() + ORPHANS_LIMIT_S
    while orphans := list(find_processes(cluster)):
        if time.monotonic() > deadline:
            for orphan in orphans:
                orphan.kill()
        psutil.wait_procs(orphans, timeout=0.2)


def _has_ended(process: psutil.Process, patience_s: float) -> bool:
    """Wait for a process to end; a zombie has ended, though only its parent can bury it."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def end(server: Server) -> None:
    """Stop a server, politely first.

    Raises: NeedsOperator when it is another user's.
    """
    try:
        process = psutil.Process(server.pid)
        for number, patience_s in ENDINGS:
            process.send_signal(number)
            if _has_ended(process, patience_s):
                return
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        told, zh = (
            f"process {server.pid} is another user's: stop it as that user",
            f"进程 {server.pid} 属于其他用户，请由该用户停止",
        )
        raise NeedsOperator(told, zh=zh) from error


def kill(server: Server, cluster: Path) -> None:
    """Kill the postmaster without warning, and wait until its children have noticed."""
    try:
        process = psutil.Process(server.pid)
        process.kill()
        _has_ended(process, ORPHANS_LIMIT_S)
    except psutil.NoSuchProcess:  # it was quicker
        pass
    _wait_for_orphans(cluster)
