"""A station: one folder with a database, secrets and settings, and the processes that run on it, all on 127.0.0.1."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from hub.database import Database
from hub.errors import NeedsOperator
from hub.keyring import Keyring
from hub.postgres import EmbeddedPostgres
from hub.settings import ROOT, Settings

HOST: Final = "127.0.0.1"
PORTS: Final = {
    "api": 8000,
    "console": 8001,
    "wms": 8101,
    "storefront": 8102,
    "taobao": 8103,
    "sap": 8104,
    "kdniao": 8105,
    "sf": 8106,
}
READY_S: Final = 60
STOP_S: Final = 15


@dataclass
class Station:
    """Paths and processes; nothing is written before `prepare`."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])

    @property
    def settings_file(self) -> Path:
        return self.folder / "settings.toml"

    @property
    def secrets_folder(self) -> Path:
        return self.folder / "secrets"

    def secret(self, name: str) -> str:
        """Give a secret of this station, made when it is first asked for."""
        path = self.secrets_folder / name
        if not path.exists():
            self.secrets_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            text = Keyring.generate() if name == "keyring" else secrets.token_urlsafe(32)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 # the mode from the start
                file.write(text)
        return path.read_text(encoding="utf-8").strip()

    def prepare(self, settings_toml: str) -> None:
        """Write the station's settings over settings.toml."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings_file.write_text(settings_toml, encoding="utf-8")
        self.secret("keyring")

    def environment(self, database_url: str) -> dict[str, str]:
        """Give the environment in which commands work on this station."""
        ours = {
            "OMS_SETTINGS": str(self.settings_file),
            "OMS_SECRETS_FOLDER": str(self.secrets_folder),
            "OMS_DATABASE_URL": database_url,
        }
        return {**os.environ, **ours, "PYTHONPATH": str(ROOT)}

    def settings(self, database_url: str) -> Settings:
        """Read this station's settings as its processes will."""
        os.environ["OMS_SETTINGS"] = str(self.settings_file)
        return Settings(database_url=database_url, secrets_folder=self.secrets_folder)

    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder / "postgres")

    def database(self, url: str, connections: int = 5) -> Database:
        return Database(url, Keyring.read(self.secret("keyring").encode()), connections=connections)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process of this station; what it prints goes to a file of its name."""
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603 # our own program
                [sys.executable, "-P", *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> None:
        """End all processes in the order they were started, first by asking."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait_for(self, name: str, url: str) -> None:
        """Wait until a process answers.

        Raises: NeedsOperator with the end of its log when it does not.
        """
        opener = build_opener(ProxyHandler({}))
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.processes[name].poll() is None:
            with suppress(URLError, OSError), opener.open(url, timeout=2):
                return
            time.sleep(0.05)
        log = self.folder / "logs" / f"{name}.log"
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
        raise NeedsOperator(f"{name} did not start; the end of {log}:\n{tail}", code="not_started")


def fetch_json(url: str) -> dict[str, Any]:
    """Get a JSON document from a process of this machine."""
    with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
        return json.load(answer)


def free_ports(count: int) -> list[int]:
    """Find free ports; all are held open until the last is found, so that they differ."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind((HOST, 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def write_json(path: Path, document: object) -> Path:
    """Write a configuration that holds secrets: for this user's eyes only."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return path
