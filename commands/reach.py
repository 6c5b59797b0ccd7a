"""How a command reaches its station: settings, secrets, and a database that is started if it is ours and asleep."""

import os
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import ArgumentError

from commands.station import Station
from hub.database import Database
from hub.errors import Malformed, NeedsOperator
from hub.keyring import Keyring
from hub.language import Words
from hub.postgres import default_folder
from hub.roles import Actor, Role
from hub.settings import ROOT, Settings
from hub.unfit import malformed

MISSING: Final = Words("文件不存在", "there is no such file")


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
    return _read()


def _read() -> Settings:
    """Read the settings from their files and the environment.

    Raises: NeedsOperator with code settings for a file that is not there or cannot be read, and for what is wrong.
    """
    over = os.environ.get("OMS_SETTINGS")
    for file in (ROOT / "settings.toml", *([Path(over)] if over else [])):
        _check(file)
    try:
        return Settings()
    except ValidationError as error:
        told = malformed(error, of=Words("设置 ", "the settings: "))
    except SettingsError as error:  # a variable of more than one value that is no JSON
        told = Malformed(str(error), zh=f"环境变量无法读取：{error}")
    raise NeedsOperator(told.message, code="settings", zh=told.say("zh"))


def _check(file: Path) -> None:
    """Make sure that a file of settings is there and is TOML.

    Raises: NeedsOperator.
    """
    try:
        tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        cause = MISSING if isinstance(error, FileNotFoundError) else Words(error.strerror or "", error.strerror or "")
        told, zh = f"the settings {file} cannot be read: {cause.en}", f"设置文件 {file} 无法读取：{cause.zh}"
        raise NeedsOperator(told, code="settings", zh=zh) from error
    except ValueError as error:  # bytes that are no UTF-8, or text that is no TOML
        told, zh = f"the settings {file} are no TOML: {error}", f"设置文件 {file} 不是有效的 TOML：{error}"
        raise NeedsOperator(told, code="settings", zh=zh) from error


@contextmanager
def reached() -> Generator[Reach]:
    """Connect to the configured database, or to the local station's, which is started for the while if it sleeps."""
    settings = configured()
    keyring = Keyring.read(settings.secret("keyring"))  # before anything is started that would have to be stopped
    threads = settings.worker.threads  # each call needs a connection, and the loops beside them
    postgres = None if settings.database_url else local_station().postgres()
    url = postgres.start() if postgres else settings.database_url
    try:
        database = open_database(url, keyring, threads + 8)
        try:
            yield Reach(settings, database, url)
        finally:
            database.close()
    finally:
        if postgres:
            postgres.stop()


def open_database(url: str, keyring: Keyring, connections: int) -> Database:
    """Open the database of an address.

    Raises: NeedsOperator for what is no address; it is not shown, for a password may stand in it.
    """
    try:
        return Database(url, keyring, connections=connections)
    except (ArgumentError, ValueError) as error:  # a port that is no number is a ValueError to SQLAlchemy
        raise NeedsOperator(
            "OMS_DATABASE_URL is no address of a database: postgresql://USER@HOST:PORT/NAME",
            code="settings",
            zh="OMS_DATABASE_URL 不是数据库地址，应为 postgresql://用户@主机:端口/库名",
        ) from error


def operator() -> Actor:
    """The person at this terminal, as the audit log will name them: OMS_ACTOR, else the account's name."""
    name = os.environ.get("OMS_ACTOR") or os.environ.get("USER") or "operator"
    return Actor(f"cli:{name}", frozenset({Role.ADMIN}))
