import json
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.inbox import InboxState, keep, message_id_of, read, settle
from hub.replay_edit import diff_of, edit_message, open_message
from hub.roles import Actor
from tests.hub.making import AT
from tests.hub.trouble import NEIGHBOUR, OPERATOR, STRANGER, SUPERVISOR, audited, parked

CANARY, CANARY_NAME = "10000000042", "金丝雀"
TEXT = json.dumps(
    {"receiver": {"name": CANARY_NAME, "mobile": CANARY}, "sku": "aple", "remark": "fragile"}, ensure_ascii=False
)


def stuck(session: Session, at: datetime, body: bytes = TEXT.encode(), key: str = "m1") -> int:
    inbox_id, _ = keep(session, "mall-pc", "order", key, body, at)
    settle(session, read(session, inbox_id), InboxState.PARKED, at, code="unknown_sku", error="x")
    return inbox_id


def test_an_edited_message_is_a_new_one_that_names_its_origin(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at)
    new_id = edit_message(session, SUPERVISOR, inbox_id, TEXT.replace("aple", "apple"), "a slip", at)
    old, new = read(session, inbox_id), read(session, new_id)
    assert (old.state, new.state, new.kind, new.connection) == ("superseded", "received", "order", "mall-pc")
    assert (old.body, json.loads(new.body)["sku"]) == (TEXT.encode(), "apple")
    origin = row(session, "select origin_id from inbox where id = :id", id=new_id)
    assert origin == (inbox_id,)
    assert audited(session, "inbox.edit") == [
        {"reason": "a slip", "was": message_id_of(old.body), "is": message_id_of(new.body), "new": new_id}
    ]


def test_the_case_of_an_edited_message_is_closed(session: Session, at: datetime) -> None:
    edit_message(session, SUPERVISOR, parked(session, at), '{"a": 1}', "a slip", at)
    assert [one.state for one in rows(session, "select state from case_file")] == ["resolved"]


def test_the_original_stays_known_when_it_is_sent_once_more(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at)
    new_id = edit_message(session, SUPERVISOR, inbox_id, TEXT.replace("aple", "apple"), "a slip", at)
    assert keep(session, "mall-pc", "order", "m1", TEXT.encode(), at) == (inbox_id, False)
    edited = read(session, new_id).body
    assert keep(session, "mall-pc", "order", message_id_of(edited), edited, at) == (new_id, False)


def test_bytes_that_have_come_before_are_not_taken_in_twice(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at)
    other, _ = keep(session, "mall-pc", "order", message_id_of(b'{"a": 1}'), b'{"a": 1}', at)
    with pytest.raises(Conflict, match=f"message {other}"):
        edit_message(session, SUPERVISOR, inbox_id, '{"a": 1}', "a slip", at)
    assert read(session, inbox_id).state == "parked"


def test_a_diff_shows_what_changed_and_nobody(session: Session, at: datetime) -> None:
    change = diff_of(session, SUPERVISOR, stuck(session, at), TEXT.replace("aple", "apple"))
    assert '-  "sku": "aple",' in change.diff
    assert '+  "sku": "apple",' in change.diff
    assert CANARY not in change.diff
    assert CANARY_NAME not in change.diff


def test_a_changed_person_shows_as_a_changed_line_and_not_as_who(session: Session, at: datetime) -> None:
    change = diff_of(session, SUPERVISOR, stuck(session, at), TEXT.replace(CANARY, "10000000043"))
    assert sum(line.startswith(("-", "+")) for line in change.diff.splitlines()) == 2
    assert "10000000043" not in change.diff
    assert not change.hidden


def test_xml_is_compared_masked_and_says_when_what_changed_is_hidden(session: Session, at: datetime) -> None:
    xml = f"<r><mobile>{CANARY}</mobile><sku>aple</sku></r>"
    inbox_id = stuck(session, at, xml.encode())
    seen = diff_of(session, SUPERVISOR, inbox_id, xml.replace("aple", "apple"))
    assert ("+  <sku>apple</sku>" in seen.diff, CANARY in seen.diff, seen.hidden) == (True, False, False)
    unseen = diff_of(session, SUPERVISOR, inbox_id, xml.replace(CANARY, "10012340042"))
    assert (unseen.diff, unseen.hidden) == ("", True)


def test_what_comes_to_the_same_json_is_said_to_be_hidden(session: Session, at: datetime) -> None:
    change = diff_of(session, SUPERVISOR, stuck(session, at, b'{"a": 1, "a": 2}'), '{"a": 5, "a": 2}')
    assert (change.diff, change.hidden) == ("", True)


def test_a_change_far_down_stands_at_its_own_lines(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at, json.dumps([f"{no}" for no in range(40)]).encode())
    change = diff_of(session, SUPERVISOR, inbox_id, json.dumps([f"{no}" if no != 30 else "x" for no in range(40)]))
    near = [f'   "{no}",' for no in range(27, 34)]
    assert change.diff.splitlines() == ["@@ -29,7 +29,7 @@", *near[:3], '-  "30",', '+  "x",', *near[4:]]


def test_a_long_message_of_equal_lines_is_compared_too(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at, json.dumps({"a": [1, *[0] * 20_000, 1]}).encode())
    change = diff_of(session, SUPERVISOR, inbox_id, json.dumps({"a": [2, *[0] * 20_000, 2]}))
    assert {"-    1,", "+    2,", "-    1", "+    2"} <= set(change.diff.splitlines())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text("甲乙丙丁戊", min_size=2, max_size=4), sku=st.text("abc\n\"'<{", max_size=8))
def test_no_edit_shows_the_person(session: Session, name: str, sku: str) -> None:
    was = json.dumps({"receiver": {"name": name, "mobile": CANARY}, "sku": "x"}, ensure_ascii=False)
    edited = json.dumps({"receiver": {"name": name, "mobile": CANARY}, "sku": sku}, ensure_ascii=False)
    inbox_id = stuck(session, AT, was.encode(), was + edited)
    shown = diff_of(session, SUPERVISOR, inbox_id, edited) if edited != was else None
    assert shown is None or (CANARY not in shown.diff and name not in shown.diff)


def test_opening_shows_everything_and_is_audited(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at)
    assert open_message(session, SUPERVISOR, inbox_id, "a slip", at) == TEXT
    assert audited(session, "inbox.reveal") == [{"reason": "a slip"}]


@pytest.mark.parametrize("actor", [OPERATOR, STRANGER, NEIGHBOUR])
def test_who_may_not_unmask_opens_compares_and_edits_nothing(session: Session, at: datetime, actor: Actor) -> None:
    inbox_id = stuck(session, at)
    for act in (
        lambda: open_message(session, actor, inbox_id, "why", at),
        lambda: diff_of(session, actor, inbox_id, "{}"),
        lambda: edit_message(session, actor, inbox_id, "{}", "why", at),
    ):
        with pytest.raises((Unauthorised, NotFound)):
            act()
    assert audited(session, "inbox.reveal") == []


@pytest.mark.parametrize(
    "edited",
    [TEXT, "", " ", '{"a": ', "[" * 50_000, f"[{'1' * 5_000}]", '"' + "x" * 1_100_000 + '"', "\ud800"],
)
def test_a_text_that_will_not_do_is_refused(session: Session, at: datetime, edited: str) -> None:
    inbox_id = stuck(session, at)
    with pytest.raises(Malformed) as caught:
        edit_message(session, SUPERVISOR, inbox_id, edited, "why", at)
    assert (caught.value.field, read(session, inbox_id).state) == ("body", "parked")


@pytest.mark.parametrize("state", ["received", "done", "superseded"])
def test_only_what_is_stuck_is_edited(session: Session, at: datetime, state: str) -> None:
    inbox_id = stuck(session, at)
    run(session, f"update inbox set state = '{state}'")
    with pytest.raises(Conflict):
        edit_message(session, SUPERVISOR, inbox_id, "{}", "why", at)


def test_an_older_encoding_is_kept(session: Session, at: datetime) -> None:
    inbox_id = stuck(session, at, "<r><city>上海</city></r>".encode("gb18030"))
    new_id = edit_message(session, SUPERVISOR, inbox_id, "<r><city>北京</city></r>", "why", at)
    assert read(session, new_id).body.decode("gb18030") == "<r><city>北京</city></r>"


def test_what_is_no_text_is_not_edited(session: Session, at: datetime) -> None:
    with pytest.raises(Conflict, match="no text"):
        open_message(session, SUPERVISOR, stuck(session, at, b"\xff\xff\xff"), "why", at)
