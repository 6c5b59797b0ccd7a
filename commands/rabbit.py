"""A RabbitMQ of our own on loopback, in one folder, that can be started, killed and wiped without touching another."""

import hashlib
import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from commands.screen import words
from hub.errors import NeedsOperator
from hub.postgres_probe import HOST, choose_port

PROGRAM: Final = "rabbitmq-server"
INSTALL: Final = f"apt-get install {PROGRAM}"
FOLDERS: Final = (
    "/usr/lib/rabbitmq/bin",  # Debian's own; what it puts on the path changes the user and needs /var/lib/rabbitmq
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/sbin",
    "/usr/local/sbin",
    "/usr/sbin",
)
USER: Final = "oms"
READY_S: Final = 60
STOP_S: Final = 15
GONE_S: Final = 10
POLL_S: Final = 0.02
NOBODY: Final = 1
LAUNCHES: Final = 3
PORT_TAKEN: Final = "eaddrinuse"
"""A port where no port mapper listens, so that Erlang reaches none."""
TAIL_BYTES: Final = 2_000
LIGHT: Final = "+S 1:1 +SDcpu 1:1 +SDio 2 +A 2"
CONFIG: Final = """[{{rabbit, [
  {{tcp_listeners, [{{"{host}", {port}}}]}},
  {{default_user, <<"{user}">>}},
  {{default_pass, <<"{password}">>}},
  {{disk_free_limit, 1000000}},
  {{vm_memory_high_watermark, {{absolute, "2GB"}}}}
]}}].
"""


def find_server() -> Path | None:
    """Find the program that runs a broker as whoever calls it."""
    found = shutil.which(PROGRAM, path=os.pathsep.join([*FOLDERS, os.environ.get("PATH", "")]))
    return Path(found).resolve() if found else None


class Rabbit:
    """The broker of one folder, with one owner; what a dead owner has left running there ends at the next start.

    A queue survives a kill from half a second after its declaration on: until then Ra's register of queues (names.dets)
    is in memory alone, and a queue missing there comes back empty, without a leader, and refuses what is published.
    It does without Erlang's port mapper (epmd): the machine's own is neither asked nor started.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._beam: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address, the same from the first start to the last."""
        return f"amqp://{USER}:{self._password}@{HOST}:{self._port}//"

    @property
    def pid(self) -> int | None:
        """The process of the broker itself, while it runs."""
        return self._beam.pid if self._beam is not None else None

    def start(self) -> str:
        """Start the broker unless it runs, wait until it takes a connection, and give its address.

        Raises: NeedsOperator when the program is missing, or with the end of its log when it does not start.
        """
        if self._beam is not None and self._beam.poll() is None:
            return self.url
        program = find_server()
        if program is None:
            message = words(f"没有 {PROGRAM}：请执行 {INSTALL}", f"there is no {PROGRAM}: {INSTALL}")
            raise NeedsOperator(message, code="rabbitmq_missing")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end_left_over()
        known = self._mnesia.exists()
        for _ in range(LAUNCHES - 1):
            try:
                return self._launch(program)
            except NeedsOperator as error:
                if known or PORT_TAKEN not in str(error):
                    raise
                del self._port  # another program was quicker, and nobody has been told this address yet
        return self._launch(program)

    def kill(self) -> None:
        """End the broker as a power cut would, and wait until nothing of it runs."""
        self._end(gently=False)

    def wipe(self) -> None:
        """Kill the broker and lose its disk: queues, messages and all."""
        self.kill()
        shutil.rmtree(self._mnesia, ignore_errors=True)

    def stop(self) -> None:
        """Shut the broker down, and wait until nothing of it runs."""
        self._end(gently=True)

    @cached_property
    def _port(self) -> int:
        return self._remembered_port("port")

    @cached_property
    def _password(self) -> str:
        kept = self.folder / "password"
        if not kept.exists():
            self._write("password", secrets.token_urlsafe(24))
        return kept.read_text(encoding="ascii")

    @property
    def _node(self) -> str:
        """The node's name is part of what lies in the folder, so it follows from the folder."""
        return f"oms-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]}@localhost"

    @property
    def _mnesia(self) -> Path:
        return self.folder / "mnesia"

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _remembered_port(self, name: str) -> int:
        port = choose_port(self.folder / name, None)
        self._write(name, str(port))
        return port

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")

    def _launch(self, program: Path) -> str:
        """Start the program and wait until it takes a connection.

        Raises: NeedsOperator.
        """
        self._prepare(program)
        with self._log.open("ab") as log:
            self._beam = subprocess.Popen(  # noqa: S603 # the broker's own script, which becomes the virtual machine
                [str(program)], cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, umask=0o077, start_new_session=True,
            )  # fmt: skip
        self._await_connection(self._beam)
        return self.url

    def _prepare(self, program: Path) -> None:
        """Write the broker's files, and a home with the few plug-ins it needs: Erlang looks for code in each folder."""
        self._write("rabbitmq.config", CONFIG.format(host=HOST, port=self._port, user=USER, password=self._password))
        self._write("enabled_plugins", "[].\n")
        self._write("environment", "")
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            self._write(cookie.name, secrets.token_hex(20))
            cookie.chmod(0o400)
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        (home / "plugins").mkdir(parents=True)
        (home / "sbin").symlink_to(program.parent)
        for plugin in (program.parent.parent / "plugins").iterdir():
            if not plugin.name.startswith("rabbitmq_") or plugin.name.startswith("rabbitmq_prelaunch"):
                (home / "plugins" / plugin.name).symlink_to(plugin)

    def _environment(self) -> dict[str, str]:
        nodes = self._remembered_port("nodes-port")
        return {
            "PATH": os.environ.get("PATH") or os.defpath,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",  # without it each line of the log asks for the machine's zone
            "RUNNING_UNDER_SYSTEMD": "true",  # so that the script becomes the virtual machine and stays no parent
            "RABBITMQ_SCRIPTS_DIR": str(self.folder / "home" / "sbin"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(nodes),
            "RABBITMQ_MNESIA_BASE": str(self._mnesia),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.config"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{LIGHT} -sname {self._node}",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(NOBODY),
            "ERL_FLAGS": f"-start_epmd false -erl_epmd_port {nodes} -kernel inet_dist_use_interface {{127,0,0,1}}",
        }

    def _await_connection(self, beam: subprocess.Popen[bytes]) -> None:
        def refused(error: Exception, _interval: float) -> None:
            if beam.poll() is not None:
                raise self._failure("it ends at once") from error

        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.ensure_connection(  # pyright: ignore[reportUnknownMemberType] - kombu is without types
                    errback=refused, interval_start=POLL_S, interval_step=0, interval_max=POLL_S, timeout=READY_S
                )
        except OperationalError as error:
            raise self._failure("it takes no connection") from error
        except NeedsOperator:
            self.kill()
            raise

    def _end(self, *, gently: bool) -> None:
        if self._beam is None:
            return
        family = _family(self._beam.pid)
        if gently:
            self._beam.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._beam.wait(STOP_S)
        self._beam.kill()
        self._beam.wait()
        self._beam = None
        _finish(family)

    def _end_left_over(self) -> None:
        """End what a killed owner has left; the node's name in the command tells it from a process that got its id."""
        written = self.folder / "pid"
        text = written.read_text(encoding="ascii").strip() if written.exists() else ""
        family = _family(int(text)) if text.isdecimal() else []
        if family and self._node in _command(family[0]):
            _finish(family)

    def _failure(self, what: str) -> NeedsOperator:
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - TAIL_BYTES))
            tail = log.read().decode(errors="replace").strip()
        said = words(f"{self.folder} 里的 RabbitMQ 没有启动", f"the RabbitMQ in {self.folder} does not start: {what}")
        return NeedsOperator(f"{said}\n{tail}", code="rabbitmq_failed")


def _family(pid: int) -> list[psutil.Process]:
    """Give a process and what it has started, which Erlang puts into sessions of their own."""
    try:
        beam = psutil.Process(pid)
        return [beam, *beam.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def _finish(family: list[psutil.Process]) -> None:
    """End Erlang's own small programs, which notice only after a second that they are alone."""
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=GONE_S)
