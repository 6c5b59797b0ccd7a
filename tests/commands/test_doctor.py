import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands import doctor
from commands.doctor import Finding, examine
from commands.rabbit import Rabbit
from hub.database import Database
from hub.settings import Settings
from tests.brokers import NEEDS_RABBIT
from tests.commands.conftest import Oms


def found(what: str) -> Finding:
    return next(one for one in examine() if one.what.startswith(what))


def test_a_sound_set_up_needs_no_mending(station: Settings) -> None:
    assert station
    assert {one.what: one.mend for one in examine() if one.mend and not one.what.startswith("port")} == {}
    assert found("connection mall-pc").found == "channels.storefront"


def test_a_missing_key_ring_is_told_with_its_cure(station: Settings, tmp_path: Path) -> None:
    assert station
    (tmp_path / "keyring").unlink()
    assert "./oms keys new" in found("key ring").mend


def test_a_broken_key_ring_is_told(station: Settings, tmp_path: Path) -> None:
    assert station
    (tmp_path / "keyring").write_text("{}")
    assert found("key ring").mend


def test_a_connection_without_its_secret_is_told(station: Settings, tmp_path: Path) -> None:
    assert station
    (tmp_path / "wms-sh").unlink()
    assert "OMS_SECRET_WMS_SH" in found("connection wms-sh").found
    assert not found("connection mall-pc").mend


def test_a_database_that_does_not_answer_is_told(station: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert station
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://127.0.0.1:9/none?connect_timeout=1")
    assert "OMS_DATABASE_URL" in found("database").mend


def test_an_old_schema_is_told(station: Settings, database: Database) -> None:
    assert station
    with database.transaction() as session:
        session.connection().exec_driver_sql("delete from alembic_version")
    assert "./oms db upgrade" in found("schema").mend


@pytest.mark.parametrize(("off_s", "wrong"), [(0.0, False), (40.0, True), (-40.0, True)])
def test_a_clock_that_differs_from_the_databases_is_told(
    station: Settings, monkeypatch: pytest.MonkeyPatch, off_s: float, *, wrong: bool
) -> None:
    assert station
    monkeypatch.setattr(doctor, "utc_now", lambda: datetime.now(UTC) + timedelta(seconds=off_s))
    assert ("NTP" in found("clock").mend) is wrong


def test_a_wrong_setting_is_told_by_name(station: Settings, tmp_path: Path) -> None:
    assert station
    (tmp_path / "over.toml").write_text("no_such_setting = 1")
    assert found("settings").mend
    assert found("settings").found == "the settings: no_such_setting: is not known here"


def test_a_machine_without_rabbitmq_is_well_and_told_how_to_get_it(
    station: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert station
    monkeypatch.setattr(doctor, "find_server", lambda: None)
    assert "apt-get install rabbitmq-server" in found("rabbitmq-server").found
    assert not found("rabbitmq-server").mend


def test_where_the_rabbitmq_program_lies_is_told(station: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert station
    monkeypatch.setattr(doctor, "find_server", lambda: Path("/opt/rabbitmq/sbin/rabbitmq-server"))
    assert found("rabbitmq-server").found == "/opt/rabbitmq/sbin/rabbitmq-server"


def test_without_a_broker_in_the_settings_none_is_asked(station: Settings) -> None:
    assert not station.broker_url
    assert not [one for one in examine() if one.what == "broker"]


@pytest.mark.parametrize("url", ["amqp://oms:hidden@127.0.0.1:9//", "amqp://127.0.0.1:port//", "http://127.0.0.1:9/"])
def test_a_broker_that_cannot_be_reached_is_told(station: Settings, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert station
    monkeypatch.setenv("OMS_BROKER_URL", url)
    assert "OMS_BROKER_URL" in found("broker").mend
    assert "hidden" not in found("broker").found


@NEEDS_RABBIT
def test_a_broker_that_answers_is_well(station: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert station
    with Rabbit(tmp_path / "rabbit") as rabbit:
        monkeypatch.setenv("OMS_BROKER_URL", rabbit.url)
        assert found("broker") == Finding("broker", "takes connections")


def test_the_report_is_for_people_and_for_machines(oms: Oms) -> None:
    table, lines = oms("doctor"), oms("doctor", "--json")
    assert "Python" in table.stdout
    assert {"what", "found", "mend"} == json.loads(lines.stdout)[0].keys()
    assert table.exit_code == lines.exit_code


def test_an_address_that_is_none_is_a_finding(station: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert station
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://oms:hidden-word")
    wrong = found("database")
    assert ("is no address of a database" in wrong.found, "hidden-word" in wrong.found) == (True, False)
    assert wrong.mend
