import json
from pathlib import Path

import pytest

from hub.database import Database, rows
from hub.errors import Conflict, Malformed, NotFound
from hub.sourcing.policy import read_policy
from tests.commands.conftest import Oms
from tests.hub.making import order, place_all


@pytest.fixture
def drafted(oms: Oms, tmp_path: Path) -> Oms:
    file = tmp_path / "draft.toml"
    file.write_text(oms("route", "policy", "show").stdout.replace('brand = ""', 'brand = "demo"'))
    assert oms("route", "policy", "draft", str(file)).exit_code == 0
    return oms


def test_the_built_in_policy_is_printed_as_the_beginning_of_ones_own(drafted: Oms) -> None:
    shown = drafted("route", "policy", "show", "my-first", "--brand", "demo").stdout
    assert read_policy(shown).costs.parcel == 500


def test_a_draft_is_published_and_retired_and_the_list_says_by_whom(
    drafted: Oms, tmp_path: Path, database: Database
) -> None:
    with database.transaction() as session:
        place_all(session, order({"apple": 1}))
    named = ("my-first", "--brand", "demo", "--reason", "cheaper")
    assert isinstance(drafted("route", "policy", "publish", *named, "2").exception, Conflict)
    refused = drafted("route", "policy", "publish", *named, "1").exception
    assert isinstance(refused, Conflict)
    assert refused.code == "untried"
    assert drafted("route", "simulate", "--policy", str(tmp_path / "draft.toml"), "--days", "3650").exit_code == 0
    [draft] = json.loads(drafted("route", "policy", "ls", "--json").stdout)
    assert drafted("route", "policy", "publish", *named, str(draft["revision"])).exit_code == 0
    assert "in force" in drafted("route", "policy", "ls").stdout
    assert drafted("route", "policy", "retire", *named).exit_code == 0
    [told] = json.loads(drafted("route", "policy", "ls", "--brand", "demo", "--json").stdout)
    assert (told["state"], told["published_by"], told["retired_by"]) == ("retired", "cli:tester", "cli:tester")


def test_a_policy_that_was_not_tried_is_published_only_for_a_reason_that_is_audited(
    drafted: Oms, database: Database
) -> None:
    named = ("my-first", "1", "--brand", "demo", "--reason", "cheaper")
    assert drafted("route", "policy", "publish", *named, "--untried", "no courier comes").exit_code == 0
    with database.transaction() as session:
        [told] = rows(session, "select detail from audit_entry where act = 'routing_policy.publish'")
    assert (told.detail["reason"], told.detail["untried"]) == ("cheaper", "no courier comes")


def test_what_is_not_there_is_not_found(oms: Oms) -> None:
    assert isinstance(oms("route", "policy", "draft", "nowhere.toml").exception, Malformed)
    assert isinstance(oms("route", "policy", "show", "x", "--brand", "demo").exception, NotFound)


def test_a_file_is_read_only_as_far_as_a_policy_may_go(oms: Oms) -> None:
    endless = Path("/dev/zero")
    for command, code in (
        (("policy", "draft", str(endless)), "malformed_policy"),
        (("simulate", "--policy", str(endless)), "malformed_policy"),
        (("calendar", "load", str(endless)), "malformed_calendar"),
        (("rates", "load", str(endless), "--brand", "demo", "--edition", "r1"), "malformed_rates"),
    ):
        error = oms("route", *command).exception
        assert isinstance(error, Malformed)
        assert (error.code, "too long" in error.message, "过长" in error.say("zh")) == (code, True, True)


def test_a_file_that_cannot_be_read_is_refused_by_the_code_of_its_kind(oms: Oms, tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for command, code in (("calendar", "malformed_calendar"), ("policy", "malformed_policy")):
        for file, why in ((binary, "不是 UTF-8"), (tmp_path / "nowhere", "无法读取")):
            error = oms("route", command, "load" if command == "calendar" else "draft", str(file)).exception
            assert isinstance(error, Malformed)
            assert (error.code, why in error.say("zh")) == (code, True)
