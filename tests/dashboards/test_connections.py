import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards.connections import SecretAge, secret_age
from dashboards.pages import new_key
from hub.access import Token
from hub.cases import NewCase, open_cases
from hub.connections import Outcomes, heed, note_outcomes
from hub.database import Database, row
from hub.errors import Misconfigured
from hub.polls import ORDERS, PROBE, claim_polls, finish_poll, plan_polls
from hub.roles import Role
from hub.settings import Settings
from hub.tokens import store_token
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.staging import SHOPS, SITES, secret_of

HOME = "/console/connections"
LATER = NOW + timedelta(days=3650)
SECRET = "made-up-access"
REASON = "a new key"
RANK = [Role.ANALYST, Role.VIEWER, Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            note_outcomes(session, {"mall-pc": Outcomes(NOW), "wms-sh": Outcomes(None, NOW, "timeout", "no answer")})
            heed(session, "wms-bj", "demo", Misconfigured("the key is refused"), NOW, NOW)
            store_token(session, "mall-pc", Token(access=SECRET, expires_at=LATER), NOW)
            plan_polls(session, [("mall-pc", ORDERS), ("mall-pc", PROBE)], LATER, NOW)
        yield made


def paused(database: Database) -> str:
    with database.transaction() as session:
        found = row(
            session, "select string_agg(connection, ' ') as names from connection_health where paused_at is not null"
        )
    return (found.names if found else "") or ""


def test_every_connection_has_a_word_and_those_in_trouble_come_first(desk: Desk) -> None:
    page = desk.sit("eye", Role.VIEWER).see(HOME)
    text = plain(page)
    order = [text.index(word) for word in ("wms-bj Paused", "wms-sh Failing", "mall-h5 No call yet", "mall-pc Working")]
    assert order == sorted(order)
    assert "Its credentials or address are refused" in text
    assert 'title="the key is refused"' in page


@pytest.mark.parametrize("path", ["", "/mall-pc", "/mall-pc/state", "/wms-bj/resume", "/mall-pc/pause"])
def test_no_secret_is_ever_shown(desk: Desk, path: str) -> None:
    text = desk.sit("root", Role.ADMIN).see(HOME + path)
    assert not any(secret_of(name) in text for name in (*SHOPS, *SITES))
    assert SECRET not in text


def test_a_page_tells_credentials_polls_and_what_to_do(desk: Desk) -> None:
    text = plain(desk.sit("boss", Role.SUPERVISOR).see(f"{HOME}/mall-pc"))
    for told in ("a file, as it is since", "Token ends", "Fetch orders", "Known up to", "Pause…", "Ask again from…"):
        assert told in text
    assert "Resume…" in plain(desk.see(f"{HOME}/wms-bj"))
    assert "Test" not in plain(desk.see(f"{HOME}/wms-bj"))


def test_a_connection_is_paused_with_a_reason_once_however_often_it_is_clicked(desk: Desk, database: Database) -> None:
    seat, key = desk.sit("boss", Role.SUPERVISOR), new_key()
    assert seat.post(f"{HOME}/mall-pc/pause").status_code == 422
    assert [seat.post(f"{HOME}/mall-pc/pause", key=key, reason=REASON).status_code for _ in range(2)] == [303, 303]
    assert "mall-pc" in paused(database)
    assert seat.audited("connection.pause")[1:] == [("boss", "connection:mall-pc")]
    assert seat.post(f"{HOME}/mall-pc/pause", reason=REASON).status_code == 409


def test_a_resumed_connection_closes_its_case(desk: Desk, database: Database) -> None:
    assert desk.sit("boss", Role.SUPERVISOR).act(f"{HOME}/wms-bj/resume", reason=REASON) == f"{HOME}/wms-bj"
    assert not paused(database)
    with database.transaction() as session:
        assert not row(session, "select 1 from case_file where state = 'open'")


def test_a_test_shows_that_it_runs_and_how_it_ended(desk: Desk, database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    seat.act(f"{HOME}/mall-pc/test")
    assert "Testing" in plain(seat.see(f"{HOME}/mall-pc"))
    with database.transaction() as session:
        (turn,) = claim_polls(session, [("mall-pc", PROBE)], 1, NOW + timedelta(hours=1), timedelta(seconds=1))
        finish_poll(session, turn, NOW, LATER, error="http_401: refused")
    assert "http_401: refused" in plain(seat.see(f"{HOME}/mall-pc/state"))
    assert seat.post(f"{HOME}/wms-sh/test").status_code == 404


def test_orders_are_asked_for_again_from_a_local_time(desk: Desk, database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert seat.post(f"{HOME}/mall-pc/ask-again", since="soon", reason=REASON).status_code == 422
    assert seat.post(f"{HOME}/mall-pc/ask-again", since="2099-01-01T00:00", reason=REASON).status_code == 409
    seat.act(f"{HOME}/mall-pc/ask-again", since="2020-01-01T08:00", reason=REASON)
    with database.transaction() as session:
        found = row(session, "select watermark from poll where name = 'orders'")
    assert found
    assert f"{found.watermark:%Y-%m-%d %H:%M}" == "2020-01-01 00:00"


def test_the_table_is_sent_again_only_when_it_has_changed(desk: Desk, database: Database) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    tag = seat.get("/console/connections-list").headers["etag"]
    with database.transaction() as session:
        open_cases(session, [NewCase("connection_paused", "connection:x", "demo", "")], NOW)
        note_outcomes(session, {"mall-h5": Outcomes(NOW)})
    assert seat.get("/console/connections-list", **{"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("act", ["pause", "resume", "test", "ask-again"])
@pytest.mark.parametrize("role", list(Role))
def test_each_act_needs_its_role(desk: Desk, role: Role, act: str) -> None:
    name = "wms-bj" if act == "resume" else "mall-pc"
    answer = desk.sit("me", role).post(f"{HOME}/{name}/{act}", reason=REASON, since="2020-01-01T00:00")
    assert answer.status_code == (303 if role in {Role.SUPERVISOR, Role.ADMIN} else 403)


@pytest.mark.parametrize(
    ("path", "least"),
    [
        (HOME, Role.VIEWER),
        ("/console/connections-list", Role.VIEWER),
        (f"{HOME}/mall-pc", Role.VIEWER),
        (f"{HOME}/mall-pc/state", Role.VIEWER),
        (f"{HOME}/mall-pc/pause", Role.SUPERVISOR),
        (f"{HOME}/mall-pc/ask-again", Role.SUPERVISOR),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_each_view_needs_its_role(desk: Desk, role: Role, path: str, least: Role) -> None:
    status = desk.sit("me", role).get(path).status_code
    assert status == (403 if RANK.index(role) < RANK.index(least) else 200)


def test_connections_of_another_brand_or_shop_are_neither_seen_nor_touched(desk: Desk, database: Database) -> None:
    before = paused(database)
    assert "none is yours to see" in desk.sit("stranger", Role.SUPERVISOR, "other").see(HOME)
    text = plain(desk.sit("neighbour", Role.SUPERVISOR, "demo", "h5").see(HOME))
    assert "mall-h5" in text
    assert "mall-pc" not in text
    for act in ("pause", "resume", "test", "ask-again"):
        answer = desk.post(f"{HOME}/mall-pc/{act}", reason=REASON, since="2020-01-01T00:00")
        assert answer.status_code == 404
    assert desk.get(f"{HOME}/mall-pc").status_code == 404
    assert paused(database) == before


def test_a_secret_is_told_by_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_text("x")
    os.utime(tmp_path / "one", (NOW.timestamp(), NOW.timestamp()))
    monkeypatch.setenv("OMS_SECRET_TWO_X", "x")
    settings = Settings(secrets_folder=tmp_path)
    assert secret_age(settings, "two-x") == SecretAge("variable")
    assert secret_age(settings, "three") == SecretAge("missing")
    assert secret_age(settings, "one").source == "file"
