import json
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from typer.testing import CliRunner

from commands.__main__ import app
from hub.database import Database, row
from hub.errors import Conflict, Malformed, NotFound, TryLater
from hub.polls import PROBE, claim_polls, finish_poll, plan_polls
from hub.tokens import find_token
from tests.commands.conftest import Oms

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=3650)
SECRET = "made-up-access"


@pytest.fixture
def probed(database: Database) -> None:
    with database.transaction() as session:
        plan_polls(session, [("wms-sh", PROBE)], LATER, NOW)


class Worker:
    """Takes the test on and ends it as it is told."""

    def __init__(self, database: Database, error: str) -> None:
        self._database = database
        self._error = error
        self._stop = Event()
        self._thread = Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(0.02):
            with self._database.transaction() as session:
                now = datetime.now(UTC)
                for turn in claim_polls(session, [("wms-sh", PROBE)], 1, now, timedelta(seconds=9)):
                    finish_poll(session, turn, now, LATER, error=self._error)


@pytest.fixture
def states(oms: Oms) -> dict[str, str]:
    told = json.loads(oms("connection", "ls", "--json").stdout)
    return {one["connection"]: one["state"] for one in told}


def test_every_configured_connection_is_listed_with_its_state(states: dict[str, str], oms: Oms) -> None:
    assert set(states) == {"mall-pc", "mall-h5", "wms-sh", "wms-bj"}
    assert set(states.values()) == {"silent"}
    assert "warehouses.qimen" in oms("connection", "ls").stdout


def test_a_connection_is_paused_and_goes_on(oms: Oms) -> None:
    assert oms("connection", "pause", "wms-sh", "--reason", "moving house").exit_code == 0
    table = oms("connection", "ls").stdout
    assert "paused" in table
    assert "moving house" in table
    assert isinstance(oms("connection", "pause", "wms-sh", "--reason", "again").exception, Conflict)
    assert oms("connection", "resume", "wms-sh", "--reason", "moved").exit_code == 0
    assert isinstance(oms("connection", "resume", "stranger", "--reason", "x").exception, NotFound)


@pytest.mark.usefixtures("probed")
@pytest.mark.parametrize(("error", "code"), [("", 0), ("http_401: refused", 1)])
def test_a_test_tells_what_the_worker_found(oms: Oms, database: Database, error: str, code: int) -> None:
    with Worker(database, error):
        done = oms("connection", "test", "wms-sh")
    assert (done.exit_code, error in done.stderr) == (code, True)


@pytest.mark.usefixtures("probed")
def test_a_test_that_no_worker_makes_is_not_waited_for_for_ever(oms: Oms) -> None:
    assert isinstance(oms("connection", "test", "wms-sh", "--wait", "0.1").exception, TryLater)


def test_a_partner_without_a_test_says_so(oms: Oms) -> None:
    assert isinstance(oms("connection", "test", "mall-pc").exception, NotFound)


def test_a_token_is_read_from_standard_input_and_shown_nowhere(oms: Oms, database: Database) -> None:
    assert oms
    text = json.dumps({"access": SECRET, "refresh": "made-up", "expires_at": LATER.isoformat()})
    done = CliRunner().invoke(app, ["connection", "token", "mall-pc"], input=text)
    with database.transaction() as session:
        found = find_token(session, "mall-pc")
        audit = row(session, "select detail::text as told from audit_entry where act = 'connection.token'")
    assert found
    assert found.access == SECRET
    assert audit
    assert SECRET not in done.output + audit.told


def test_what_is_no_token_is_refused_without_repeating_it(oms: Oms) -> None:
    assert oms
    done = CliRunner().invoke(app, ["connection", "token", "mall-pc"], input=json.dumps({"access": [SECRET]}))
    assert isinstance(done.exception, Malformed)
    assert SECRET not in str(done.exception)
