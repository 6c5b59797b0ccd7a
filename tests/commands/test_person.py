import json

import pytest
from typer.testing import CliRunner

from commands.__main__ import app
from hub.database import Database, row, rows
from hub.people import find_hash, find_person, fits
from hub.settings import Settings
from hub.visits import begin_visit, find_visit
from tests.commands.conftest import Oms
from tests.hub.making import AT


def test_a_password_that_was_made_is_printed_once_and_works(oms: Oms, database: Database) -> None:
    done = oms("person", "add", "wang", "--role", "operator", "--brand", "demo", "--display", "王敏")
    assert done.exit_code == 0
    with database.transaction() as session:
        right = fits(find_hash(session, "wang"), done.stdout.strip())
        found = find_person(session, "wang") if right else None
    assert found is not None
    assert (found.display, found.roles, found.brands) == ("王敏", ("operator",), ("demo",))


def test_a_password_from_standard_input_is_not_printed(station: Settings, database: Database) -> None:
    assert station
    words = ["person", "add", "li", "--role", "viewer", "--role", "analyst", "--password-stdin"]
    done = CliRunner().invoke(app, words, input="a-made-up-password\n")
    assert "a-made-up-password" not in done.output
    with database.transaction() as session:
        assert fits(find_hash(session, "li"), "a-made-up-password")


def test_people_are_listed_without_their_passwords(oms: Oms) -> None:
    oms("person", "add", "wang", "--role", "operator")
    listed = json.loads(oms("person", "ls", "--json").stdout)
    assert [(one["name"], one["active"]) for one in listed] == [("wang", True)]
    assert "password" not in listed[0]
    assert "wang" in oms("person", "ls").stdout


@pytest.mark.parametrize("command", ["revoke", "password"])
def test_who_is_shut_out_or_gets_another_password_is_out_at_once(oms: Oms, database: Database, command: str) -> None:
    oms("person", "add", "wang", "--role", "operator")
    with database.transaction() as session:
        token = begin_visit(session, "wang", AT)
    assert oms("person", command, "wang").exit_code == 0
    with database.transaction() as session:
        assert find_visit(session, token, AT) is None
        audited = rows(session, "select actor, act from audit_entry where subject = 'person:wang' order by id")
    assert [(one.actor, one.act) for one in audited][-1] == ("cli:tester", f"person.{command}")


def test_an_unknown_role_or_name_changes_nothing(oms: Oms, database: Database) -> None:
    assert oms("person", "add", "wang", "--role", "king").exit_code == 2
    assert oms("person", "revoke", "nobody").exit_code != 0
    with database.transaction() as session:
        assert row(session, "select 1 from person") is None
