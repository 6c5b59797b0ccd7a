"""How a command reaches its station: settings, secrets, and a database that is started if it is ours and asleep."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commands.station import Station
from hub.database import Database
from hub.keyring import Keyring
from hub.postgres import default_folder
from hub.roles import Actor, Role
from hub.settings import ROOT, Settings


@dataclass(frozen=True, slots=True)
class Reach:
    """What a command works with."""

    settings: Settings
    database: Database
    url: str


def local_station() -> Station:
    """The station that is used when nothing else is configured: OMS_DATA_FOLDER, or the default folder."""
    folder = os.environ.get("OMS_DATA_FOLDER")
    return Station(Path(folder) if folder else default_folder(ROOT))


def configured() -> Settings:
    """Read the settings, those of the local station where the environment names no others.

    A station's secrets stand in its own folder; where none was ever made there is nothing to read.
    """
    station = local_station()
    if "OMS_SETTINGS" not in os.environ and station.settings_file.exists():
        os.environ["OMS_SETTINGS"] = str(station.settings_file)
    if "OMS_SECRETS_FOLDER" not in os.environ and station.secrets_folder.exists():
        os.environ["OMS_SECRETS_FOLDER"] = str(station.secrets_folder)
    return Settings()


@contextmanager
def reached() -> Generator[Reach]:
    """Connect to the configured database, or to the local station's, which is started for the while if it sleeps."""
    settings = configured()
    keyring = Keyring.read(settings.secret("keyring"))  # before anything is started that would have to be stopped
    threads = settings.worker.threads  # each call needs a connection, and the loops beside them
    postgres = None if settings.database_url else local_station().postgres()
    url = postgres.start() if postgres else settings.database_url
    try:
        database = Database(url, keyring, connections=threads + 8)
        try:
            yield Reach(settings, database, url)
        finally:
            database.close()
    finally:
        if postgres:
            postgres.stop()


def operator() -> Actor:
    """The person at this terminal, as the audit log will name them: OMS_ACTOR, else the account's name."""
    name = os.environ.get("OMS_ACTOR") or os.environ.get("USER") or "operator"
    return Actor(f"cli:{name}", frozenset({Role.ADMIN}))
