import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.database import Database, keyring_of, run
from hub.errors import Conflict, Malformed, NotFound
from hub.exchange import Exchange, place, write_exchanges
from tests.commands.conftest import Oms
from tests.hub.trouble import dead_step, state_of
from tests.staging import CANARY

NOW = datetime.now(UTC)


@pytest.fixture
def dead(oms: Oms, database: Database) -> list[int]:
    """Let two notices be dead."""
    assert oms
    with database.transaction() as session:
        steps = [dead_step(session, NOW, f"T{no}") for no in range(2)]
        run(session, "update step set flow = 'notify_shipment', created_at = :now", now=NOW)
    return steps


def state(database: Database, step_id: int) -> str:
    with database.transaction() as session:
        return state_of(session, step_id)


def told(oms: Oms, *words: str) -> Any:  # noqa: ANN401 # JSON
    return json.loads(oms(*words, "--json").stdout)


def test_runs_are_listed_by_state_order_and_time(oms: Oms, dead: list[int]) -> None:
    assert [one["id"] for one in told(oms, "runs", "ls", "--state", "dead", "--since", "2h")] == dead[::-1]
    assert [one["id"] for one in told(oms, "runs", "ls", "--order", "T1")] == [dead[1]]
    assert told(oms, "runs", "ls", "--flow", "none", "--connection", "wms-sh") == []
    assert "notify_shipment" in oms("runs", "ls").stdout
    assert "raise --limit" in oms("runs", "ls", "--limit", "1").stderr
    assert "no call matches" in oms("runs", "ls", "--state", "done").stderr


def test_a_state_that_there_is_not_is_told_with_those_that_there_are(oms: Oms) -> None:
    assert "'in_flight'" in oms("runs", "ls", "--state", "deadd").stderr


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("runs", "ls", "--order", "nobody"), NotFound),
        (("runs", "ls", "--since", "soon"), Malformed),
        (("runs", "show", "999"), NotFound),
        (("runs", "lane", "999"), NotFound),
        (("runs", "skip", "999", "--reason", "why"), NotFound),
    ],
)
def test_what_is_not_there_or_not_read_is_told(oms: Oms, words: tuple[str, ...], kind: type[Exception]) -> None:
    assert isinstance(oms(*words).exception, kind)


def test_a_run_is_shown_with_its_attempts_and_without_the_person(oms: Oms, dead: list[int], database: Database) -> None:
    body = f'{{"mobile": "{CANARY}", "code": "C1"}}'.encode()
    said = Exchange(request="POST http://shop", request_body=body, status=400, answer_body=b"no", seconds=0)
    with database.transaction() as session:
        sealed = keyring_of(session).seal_body(write_exchanges([said]), place(dead[0], 1))
        run(session, "update attempt set exchanges = :sealed where step_id = :id", sealed=sealed, id=dead[0])
    shown, as_json = oms("runs", "show", str(dead[0])).stdout, oms("runs", "show", str(dead[0]), "--json").stdout
    assert "POST http://shop" in shown
    assert json.loads(as_json)["attempts"][0]["exchanges"][0]["status"] == 400
    assert CANARY not in shown + as_json


def test_the_lane_of_a_run_is_listed(oms: Oms, dead: list[int]) -> None:
    assert [one["id"] for one in told(oms, "runs", "lane", str(dead[0]))] == [dead[0]]


def test_a_dead_run_is_skipped_with_a_reason(oms: Oms, dead: list[int], database: Database) -> None:
    assert oms("runs", "skip", str(dead[0])).exit_code == 2
    assert oms("runs", "skip", str(dead[0]), "--reason", "told by phone").exit_code == 0
    assert [state(database, one) for one in dead] == ["cancelled", "dead"]


def test_a_run_in_doubt_is_skipped_only_in_so_many_words(oms: Oms, dead: list[int], database: Database) -> None:
    with database.transaction() as session:
        run(session, "update step set doubt = true")
    words = ("runs", "skip", str(dead[0]), "--reason", "the shop has it")
    assert isinstance(oms(*words).exception, Conflict)
    assert "may have been executed" in oms("runs", "ls").stdout
    assert oms(*words, "--although-it-may-have-been-executed").exit_code == 0
    assert state(database, dead[0]) == "cancelled"


def test_a_run_that_was_never_executed_is_cancelled(oms: Oms, dead: list[int], database: Database) -> None:
    assert oms("runs", "cancel", str(dead[1]), "--reason", "not needed").exit_code == 0
    assert isinstance(oms("runs", "cancel", str(dead[1]), "--reason", "again").exception, Conflict)
    assert state(database, dead[1]) == "cancelled"


def test_an_error_with_brackets_is_shown_word_for_word(oms: Oms, dead: list[int], database: Database) -> None:
    with database.transaction() as session:
        run(session, "update step set last_error = 'no [/red] here' where id = :id", id=dead[0])
    shown = oms("runs", "ls")
    assert (shown.exception, "no [/red] here" in shown.stdout) == (None, True)
