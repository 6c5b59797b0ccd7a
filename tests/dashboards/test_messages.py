import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.database import Database, row
from hub.inbox import keep, read
from hub.roles import Role
from tests.dashboards.desk import DRAWER, NOW, SAME_ORIGIN, Desk, opened, plain
from tests.dashboards.troubles import parked
from tests.staging import CANARY, CANARY_NAME

HOME = "/console/messages"
REASON = "the shop mistyped the code"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


@pytest.fixture
def letter(database: Database) -> int:
    with database.transaction() as session:
        return parked(session, NOW, "m1")


def state(database: Database, inbox_id: int) -> str:
    with database.transaction() as session:
        return read(session, inbox_id).state


def body_of(database: Database, inbox_id: int) -> str:
    with database.transaction() as session:
        return read(session, inbox_id).body.decode()


def test_without_messages_the_list_says_what_comes_here(desk: Desk) -> None:
    assert "No message came in the last 7 days." in plain(desk.sit("eye", Role.VIEWER).see(HOME))


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("", True),
        ("state=parked", True),
        ("state=done", False),
        ("connection=mall-pc", True),
        ("connection=mall-h5", False),
        ("kind=order", True),
        ("kind=track", False),
        ("error=unknown_sku", True),
        ("error=other", False),
        ("from=2000-01-01T00:00", True),
        ("to=2000-01-01T00:00", False),
        ("cursor=1", False),
    ],
)
def test_messages_are_narrowed_by_their_address(desk: Desk, letter: int, query: str, *, there: bool) -> None:
    assert (f'href="{HOME}/{letter}' in desk.sit("eye", Role.VIEWER).see(f"{HOME}?{query}")) is there


def test_pages_follow_each_other_by_cursor(desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.messages.PAGE", 1)
    with database.transaction() as session:
        old, new = (keep(session, "mall-pc", "order", name, b"{}", NOW)[0] for name in ("a", "b"))
    seat = desk.sit("eye", Role.VIEWER)
    assert f"{HOME}?cursor={new}" in seat.see(HOME)
    assert f'href="{HOME}/{old}' in seat.see(f"{HOME}?cursor={new}")


def test_a_message_shows_what_it_was_and_nobody(desk: Desk, letter: int) -> None:
    text = desk.sit("boss", Role.SUPERVISOR).drawer(f"{HOME}/{letter}")
    assert "nothing in the catalogue is bound to new" in text
    assert "Edit and replay…" in text
    assert CANARY not in text
    assert CANARY_NAME not in text


def test_a_stuck_message_is_replayed_and_who_did_it_stands_there(desk: Desk, letter: int, database: Database) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    assert seat.act(f"{HOME}/{letter}/replay", reason="bound") == f"{HOME}/{letter}"
    assert state(database, letter) == "received"
    assert "op inbox.replay" in plain(seat.see(f"{HOME}/{letter}"))
    assert seat.post(f"{HOME}/{letter}/replay", reason="again").status_code == 409


def test_a_message_is_set_aside_with_a_reason(desk: Desk, letter: int, database: Database) -> None:
    seat = desk.sit("op", Role.OPERATOR)
    assert seat.post(f"{HOME}/{letter}/discard").status_code == 422
    seat.act(f"{HOME}/{letter}/discard", reason=REASON)
    assert state(database, letter) == "superseded"


def test_opening_a_message_for_editing_is_audited_and_needs_a_reason(desk: Desk, letter: int) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert CANARY not in seat.drawer(f"{HOME}/{letter}/edit")
    assert seat.post(f"{HOME}/{letter}/open").status_code == 422
    opened_up = seat.client.post(f"{HOME}/{letter}/open", data={"reason": REASON}, headers={**SAME_ORIGIN, **DRAWER})
    assert CANARY in opened_up.text
    assert seat.audited("inbox.reveal") == [("boss", f"inbox:{letter}")]


def test_an_edited_message_is_compared_and_taken_in_as_a_new_one(desk: Desk, letter: int, database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    body = json.loads(body_of(database, letter))
    body["lines"][0]["sku"] = "apple"
    edited = json.dumps(body, ensure_ascii=False)
    preview = seat.post(f"{HOME}/{letter}/preview", body=edited).text
    diff = plain(preview.partition('class="diff"')[2].partition("</pre>")[0])
    assert "apple" in diff
    assert CANARY not in diff
    where = seat.act(f"{HOME}/{letter}/edit", body=edited, reason=REASON)
    assert state(database, letter) == "superseded"
    assert f"Edited by a person from message {letter}" in plain(seat.see(where))
    assert where.rpartition("/")[2] in plain(seat.see(f"{HOME}/{letter}"))


def test_line_ends_of_a_browser_change_nothing(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        inbox_id, _ = keep(session, "mall-pc", "order", "x", b'{\n"a": 1}', NOW)
        assert row(session, "update inbox set state = 'parked' where id = :id returning 1", id=inbox_id)
    seat = desk.sit("boss", Role.SUPERVISOR)
    answer = seat.post(f"{HOME}/{inbox_id}/edit", body='{\r\n"a": 1}', reason=REASON)
    assert answer.status_code == 422


@pytest.mark.parametrize("role", list(Role))
def test_editing_is_for_who_may_see_personal_data(desk: Desk, letter: int, role: Role) -> None:
    seat = desk.sit("me", role)
    allowed = role in {Role.SUPERVISOR, Role.ADMIN}
    assert seat.get(f"{HOME}/{letter}/edit").status_code == (200 if allowed else 403)
    assert seat.post(f"{HOME}/{letter}/open", reason=REASON).status_code == (200 if allowed else 403)


def test_messages_of_another_shop_are_not_there(desk: Desk, letter: int, database: Database) -> None:
    seat = desk.sit("neighbour", Role.SUPERVISOR, "demo", "h5")
    assert f'href="{HOME}/{letter}' not in seat.see(HOME)
    assert seat.get(f"{HOME}/{letter}").status_code == 404
    for act in ("replay", "discard", "open", "preview", "edit"):
        answer = seat.post(f"{HOME}/{letter}/{act}", reason=REASON, body="{}")
        assert answer.status_code == 404, act
    assert state(database, letter) == "parked"
