"""A real PostgreSQL carried by a wheel, started by the program itself, that heals what a crash leaves behind."""

import errno
import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import psycopg

from hub import postgres_files as files
from hub import postgres_probe as probe
from hub import postgres_process as processes
from hub.errors import NeedsOperator
from hub.language import Words

ROOT_FOLDER: Final = Path("/var/lib/oms")
LOG_BYTES: Final = 16 * 1024 * 1024
TAIL_BYTES: Final = 2_000
LAUNCHES: Final = 3
SETTINGS: Final = {
    "listen_addresses": probe.HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",  # pragma: allowlist secret - a method's name
    "max_connections": "100",
    "shared_buffers": "512MB",  # the indexes of a million waiting steps; less made a claim wait for the disk
    "max_wal_size": "4GB",  # a checkpoint makes each page whole in the log again: rather seldom
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",  # compiling costs more than our short statements
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_checkpoints": "off",
    "log_lock_waits": "on",
    "log_error_verbosity": "terse",  # a DETAIL quotes the row, and rows are personal
    "log_min_error_statement": "panic",  # so are statements
}
CARELESS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What `oms db status` shows; `silent` is a server that runs but does not answer."""

    folder: Path
    state: Literal["absent", "stopped", "running", "silent"]
    log: Path
    pid: int | None = None
    port: int | None = None


def default_folder(root: Path) -> Path:
    """Give the database's folder for a source tree: inside it, or as root (whose trees may be private) outside."""
    if os.geteuid() != 0:
        return root / ".oms"
    return ROOT_FOLDER / hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:10]


def status(folder: Path) -> ServerStatus:
    """Look at the server of a folder without changing anything."""
    folder = folder.resolve()
    cluster, log = folder / "cluster", folder / "server.log"
    server = processes.find_server(cluster)
    if server is None:
        return ServerStatus(folder, "stopped" if cluster.exists() else "absent", log)
    try:
        probe.connect(probe.url(files.read_password(folder), server.port)).close()
    except (psycopg.OperationalError, OSError):
        return ServerStatus(folder, "silent", log, server.pid, server.port)
    return ServerStatus(folder, "running", log, server.pid, server.port)


class EmbeddedPostgres:
    """The server of one folder, shared by every process that starts it; the one that started it also stops it."""

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.attached = False
        self._cluster = self.folder / "cluster"
        self._log = self.folder / "server.log"
        self._log_from = 0
        self._port = port
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the running server.

        Raises: NeedsOperator when it does not run.
        """
        server = processes.find_server(self._cluster)
        if server is None:
            told, zh = (
                f"the database in {self.folder} does not run: start it",
                f"{self.folder} 的数据库未运行，请先启动",
            )
            raise NeedsOperator(told, code="database_stopped", zh=zh)
        return probe.url(files.read_password(self.folder), server.port)

    def start(self) -> str:
        """Start the server, or attach to the one that runs, and give its postgresql:// address.

        Raises: NeedsOperator for a disk, a permission, a port or a server that a person has to mend.
        """
        with files.mended(self.folder):
            owner = files.find_owner(self._cluster)
            files.make_folder(self.folder, owner)
            with files.exclusive(self.folder / "lock"):
                password = files.make_password(self.folder)
                port = self._attach(password) or self._launch(password, owner)
        return probe.url(password, port)

    def stop(self, *, force: bool = False) -> None:
        """Shut the server down if this object started it, or whoever did with `force`."""
        if not self.folder.is_dir() or (self._process is None and not force):
            return
        with files.mended(self.folder), files.exclusive(self.folder / "lock"):
            server = processes.find_server(self._cluster)
            if server is not None and (force or self._started(server)):
                processes.end(server)
        self._reap()

    def kill(self) -> None:
        """Kill the server as a crash would, and wait until nothing of it runs."""
        server = processes.find_server(self._cluster)
        if server is not None:
            processes.kill(server, self._cluster)
        self._reap()

    def _started(self, server: processes.Server) -> bool:
        return self._process is not None and self._process.pid == server.pid

    def _reap(self) -> None:
        """Collect the process that we started; one that dies is no server any more and yet not gone."""
        server = processes.find_server(self._cluster)
        if self._process is not None and (server is None or not self._started(server)):
            self._process.wait()
            self._process = None

    def _attach(self, password: str) -> int | None:
        """Join the server that runs; None when there is none, or it was just going down."""
        server = processes.find_server(self._cluster)
        if server is None:
            return None
        try:
            self._settle(password, server.port, lambda: processes.find_server(self._cluster) == server)
        except psycopg.OperationalError as error:
            if processes.find_server(self._cluster) is None:
                return None
            raise self._failure(
                Words(
                    f"进程 {server.pid} 在运行但不应答（{error}）",
                    f"process {server.pid} runs but does not answer ({error})",
                )
            ) from error
        self.attached = not self._started(server)
        return server.port

    def _launch(self, password: str, owner: files.Owner) -> int:
        processes.clear_remains(self._cluster)
        self._reap()
        programs = files.find_programs(self.folder, owner)
        if not self._cluster.exists():
            files.make_cluster(self._cluster, programs, owner, password=password, durable=self._durable)
        for _ in range(LAUNCHES):
            port = probe.choose_port(self.folder / "port", self._port)
            process = self._process = self._spawn(programs, port, owner)
            try:
                self._settle(password, port, lambda process=process: process.poll() is None)
            except psycopg.OperationalError as error:
                self.kill()
                if "Address already in use" not in self._tail():  # else another program was quicker
                    raise self._failure(Words(f"无法启动（{error}）", f"it does not start ({error})")) from error
            else:
                (self.folder / "port").write_text(str(port), encoding="ascii")
                self.attached = False
                return port
        raise self._failure(Words("没有空闲端口", "it finds no free port"))

    def _spawn(self, programs: Path, port: int, owner: files.Owner) -> subprocess.Popen[bytes]:
        chosen = SETTINGS | ({} if self._durable else CARELESS)
        chosen |= {"port": str(port), "cluster_name": processes.cluster_name(self._cluster)}
        words = [str(programs / "postgres"), "-D", str(self._cluster)]
        words += [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._log_from = log.tell()
            return subprocess.Popen(  # noqa: S603 - our own program and settings
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=files.ENVIRONMENT,
                umask=0o077, start_new_session=True, **owner.run_as,
            )  # fmt: skip

    def _settle(self, password: str, port: int, alive: Callable[[], bool]) -> None:
        """Wait for an answer, and make the database if a crash came between it and initdb."""
        with probe.wait_for(probe.url(password, port, "postgres"), alive) as connection:
            if self._durable and connection.execute("select current_setting('fsync')").fetchone() != ("on",):
                raise self._failure(
                    Words(
                        "未启用 fsync，可能丢失订单，请先停止",
                        "it runs without fsync and may lose orders: stop it first",
                    )
                )
            made = connection.execute("select from pg_database where datname = %s", [probe.USER]).fetchone()
            if made is None:
                connection.execute(f"create database {probe.USER}")

    def _tail(self) -> str:
        """Read the end of what the server said since this object started it."""
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(max(self._log_from, self._log.stat().st_size - TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def _failure(self, what: Words) -> NeedsOperator:
        tail = self._tail()
        full = files.REMEDIES[errno.ENOSPC] if "No space left on device" in tail else None
        also = Words(f"{full.zh}；", f"{full.en}; ") if full else Words("", "")
        return NeedsOperator(
            f"database in {self.folder}: {what.en}; {also.en}the log {self._log} ends:\n{tail}",
            code="database_failed",
            zh=f"{self.folder} 的数据库：{what.zh}；{also.zh}日志 {self._log} 末尾：\n{tail}",
        )
