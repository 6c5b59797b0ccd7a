"""A terminal whose environment leads to a fresh database, with the settings and secrets of a small company."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from commands.__main__ import app
from commands.bench_trade import secrets_of_bench
from hub.database import Database
from hub.keyring import Keyring
from hub.partitions import make_partitions
from hub.settings import Settings
from tests.hub.making import stock
from tests.staging import settings_in

Oms = Callable[..., Result]


@pytest.fixture
def station(
    tmp_path: Path, database_url: str, database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Point the environment at a database with stock, and give the settings that a command will read."""
    with database.transaction() as session:
        make_partitions(session, datetime.now(UTC))
        stock(session, {"sh": {"apple": 100}, "bj": {"apple": 100}})
    settings = settings_in(tmp_path)
    (tmp_path / "keyring").write_text(_written(keyring))
    lines: list[str] = []
    for name, one in settings.connections.items():
        lines += [f"[connections.{name}]", *(f'{key} = "{value}"' for key, value in one if isinstance(value, str))]
    (tmp_path / "over.toml").write_text("\n".join(lines))
    for name, value in {
        "OMS_DATABASE_URL": database_url,
        "OMS_SETTINGS": str(tmp_path / "over.toml"),
        "OMS_SECRETS_FOLDER": str(tmp_path),
        "OMS_DATA_FOLDER": str(tmp_path / "station"),
        "OMS_LANGUAGE": "en",
        "OMS_ACTOR": "tester",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Settings()


@pytest.fixture
def oms(station: Settings) -> Oms:
    """Run a command in this process."""
    assert station
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def secrets_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what a benchmark hands to its children: the secrets of its channels."""
    for name, secret in secrets_of_bench().items():
        monkeypatch.setenv(name, secret)


def _written(ring: Keyring) -> str:
    keys = {name: base64.b64encode(key).decode() for name, key in ring.keys.items()}
    index, audit = (base64.b64encode(key).decode() for key in (ring.index_key, ring.audit_key))
    return json.dumps({"active": ring.active, "keys": keys, "index": index, "audit": audit})
