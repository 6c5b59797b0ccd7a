import json
from datetime import UTC, datetime, timedelta

import pytest

from hub.database import Database
from hub.errors import Conflict, Malformed, NotFound
from hub.replay_work import work_off
from hub.settings import Settings
from tests.commands.conftest import Oms
from tests.hub.trouble import dead_step, parked, state_of

NOW = datetime.now(UTC)
FILTER = ("replay", "--filter", "connection=wms-sh,error=http_400")


@pytest.fixture
def dead(oms: Oms, database: Database) -> list[int]:
    assert oms
    with database.transaction() as session:
        return [dead_step(session, NOW, f"T{no}") for no in range(2)]


def start(oms: Oms, *words: str) -> str:
    done = oms(*FILTER, "--reason", "SAP is back", *words)
    assert done.exit_code == 0, done.exception
    return done.stdout.strip()


def test_a_filter_is_counted_and_nothing_is_changed(oms: Oms, dead: list[int], database: Database) -> None:
    assert json.loads(oms(*FILTER, "--dry-run", "--json").stdout)["eligible"] == 2
    shown = oms(*FILTER, "--dry-run")
    assert ("release_fulfilment" in shown.stdout, "--reason" in shown.stderr) == (True, True)
    with database.transaction() as session:
        assert state_of(session, dead[0]) == "dead"


def test_a_job_is_started_and_followed_to_its_end(oms: Oms, dead: list[int], database: Database) -> None:
    job = start(oms, "--rate", "100", "--confirm", "2")
    with database.transaction() as session:
        assert work_off(session, datetime.now(UTC) + timedelta(minutes=1), Settings()) == 2
    shown = json.loads(oms("replay", "show", job, "--json").stdout)
    assert (shown["state"], shown["done"], shown["actor"]) == ("done", 2, "cli:tester")
    assert [one["thing_id"] for one in shown["items"]] == dead
    assert [str(one["id"]) for one in json.loads(oms("replay", "ls", "--json").stdout)] == [job]
    assert "unknown" in oms("replay", "show", job).stdout
    assert "SAP is back" in oms("replay", "ls").stdout


def test_a_job_is_paused_slowed_resumed_and_stopped(oms: Oms, dead: list[int]) -> None:
    assert dead
    job = start(oms)
    assert "is paused" in oms("replay", "pause", job, "--reason", "SAP is busy").stderr
    assert "0.5 a second" in oms("replay", "rate", job, "0.5").stderr
    assert "is running" in oms("replay", "resume", job, "--reason", "SAP rests").stderr
    assert "is stopped" in oms("replay", "stop", job, "--reason", "enough").stderr
    assert isinstance(oms("replay", "pause", job, "--reason", "why").exception, Conflict)


def test_messages_are_replayed_by_a_job(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        inbox_id = parked(session, NOW)
    words = ("replay", "--what", "message", "--filter", f"id={inbox_id}")
    assert json.loads(oms(*words, "--reason", "bound", "--json").stdout)["act"] == "replay"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("replay",), Malformed),
        (("replay", "--filter", "colour=red", "--dry-run"), Malformed),
        (("replay", "--filter", "flow=none", "--reason", "why"), Conflict),
        ((*FILTER, "--act", "discard", "--dry-run"), Malformed),
        (FILTER, Malformed),
        (("replay", "show", "999"), NotFound),
        (("replay", "stop", "999", "--reason", "why"), NotFound),
    ],
)
def test_what_will_not_do_is_told(oms: Oms, dead: list[int], words: tuple[str, ...], kind: type[Exception]) -> None:
    assert dead
    assert isinstance(oms(*words).exception, kind)


def test_a_reason_with_brackets_is_shown_word_for_word(oms: Oms, dead: list[int]) -> None:
    assert dead
    assert oms(*FILTER, "--reason", "as [/asked]").exit_code == 0
    assert "as [/asked]" in oms("replay", "ls").stdout


@pytest.mark.parametrize("nothing", ["", ",", " , "])
def test_a_filter_that_says_nothing_acts_on_nothing(oms: Oms, dead: list[int], nothing: str) -> None:
    assert dead
    done = oms("replay", "--filter", nothing, "--reason", "why")
    assert isinstance(done.exception, Malformed)
    assert "say which" in done.exception.message
