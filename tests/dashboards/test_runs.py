from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dashboards import runs
from dashboards.asked import orders_of
from dashboards.pages import new_key
from hub.database import Database, row, run
from hub.live_counts import count_live
from hub.roles import Actor, Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.dashboards.troubles import dead
from tests.staging import CANARY, CANARY_NAME

HOME = "/console/runs"
REASON = "mended"
RANK = [Role.ANALYST, Role.VIEWER, Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


@pytest.fixture
def step(database: Database) -> int:
    with database.transaction() as session:
        made = dead(session, NOW)
        run(session, "update step set flow = 'notify_shipment'")  # a delivery's call may not be cancelled by itself
        return made


def state(database: Database) -> str:
    with database.transaction() as session:
        found = row(session, "select state from step")
    return found.state if found else ""


def test_without_runs_the_list_says_when_there_are_some(desk: Desk) -> None:
    assert "A run is made when an order is placed" in desk.sit("eye", Role.VIEWER).see(HOME)


def test_a_run_is_listed_with_its_words_and_counted(desk: Desk, step: int) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(HOME))
    assert f"{step} Tell the channel Dead wms-sh T1" in text
    assert "Dead 1" in text


def test_of_more_runs_than_are_counted_the_list_says_that_there_are_more(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        for number in ("T1", "T2"):
            dead(session, NOW, number)
    monkeypatch.setattr(runs, "count_live", partial(count_live, looked=1))
    assert "Dead 1+" in plain(desk.sit("eye", Role.VIEWER).see(HOME))


def test_the_drawer_shows_what_was_said_and_nobody(desk: Desk, step: int) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    for text in (seat.see(f"{HOME}/{step}"), seat.drawer(f"{HOME}/{step}"), seat.see(HOME)):
        assert CANARY not in text
        assert CANARY_NAME not in text
    assert "&#34;code&#34;: &#34;C1&#34;" in seat.drawer(f"{HOME}/{step}")


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("state=dead", True),
        ("state=done", False),
        ("flow=post_sale", False),
        ("connection=wms-sh", True),
        ("order=T1", True),
        ("order=nobody", False),
        ("from=2000-01-01T00:00", True),
        ("to=2000-01-01T00:00", False),
        ("from=nonsense", True),
    ],
)
def test_runs_are_narrowed_by_their_address(desk: Desk, step: int, query: str, *, there: bool) -> None:
    assert (f'href="{HOME}/{step}' in desk.sit("eye", Role.VIEWER).see(f"{HOME}?{query}")) is there


def test_a_renewed_list_is_sent_only_when_it_has_changed(desk: Desk, step: int, database: Database) -> None:
    seat = desk.sit("eye", Role.VIEWER)
    first = seat.get(f"{HOME}/list")
    tag = {"if-none-match": first.headers["etag"]}
    assert (first.status_code, seat.get(f"{HOME}/list", **tag).status_code) == (200, 304)
    with database.transaction() as session:
        run(session, "update step set state = 'unknown' where id = :id", id=step)
    assert seat.get(f"{HOME}/list", **tag).status_code == 200


def test_a_filter_answers_with_the_list_alone_under_a_clean_address(desk: Desk, step: int) -> None:
    assert step
    seat = desk.sit("eye", Role.VIEWER)
    headers = {"hx-request": "true", "hx-target": "div#runs"}
    answer = seat.get(f"{HOME}?flow=&connection=wms-sh&order=&from=&to=", **headers)
    assert answer.headers["hx-push-url"] == f"{HOME}?connection=wms-sh"
    assert "<html" not in answer.text


def test_a_dead_run_is_retried_once_however_often_it_is_clicked(desk: Desk, step: int, database: Database) -> None:
    seat, key = desk.sit("op", Role.OPERATOR), new_key()
    assert [seat.post(f"{HOME}/{step}/retry", key=key, reason=REASON).status_code for _ in range(2)] == [303, 303]
    assert (state(database), seat.audited("step.retry")) == ("unknown", [("op", f"step:{step}")])
    assert seat.post(f"{HOME}/{step}/retry", reason=REASON).status_code == 409


def test_a_supervisor_cancels_what_was_certainly_not_executed(desk: Desk, step: int, database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert "Cancel this run" in seat.drawer(f"{HOME}/{step}")
    assert seat.post(f"{HOME}/{step}/cancel").status_code == 422
    assert seat.act(f"{HOME}/{step}/cancel", reason=REASON) == f"{HOME}/{step}"
    assert state(database) == "cancelled"


@pytest.mark.parametrize(("act", "least"), [("retry", Role.OPERATOR), ("cancel", Role.SUPERVISOR)])
@pytest.mark.parametrize("role", list(Role))
def test_each_act_needs_its_role(desk: Desk, step: int, role: Role, act: str, least: Role) -> None:
    allowed = RANK.index(role) >= RANK.index(least)
    seat = desk.sit("me", role)
    assert seat.post(f"{HOME}/{step}/{act}", reason=REASON).status_code == (303 if allowed else 403)


@pytest.mark.parametrize("path", ["", "/list", "/{step}"])
@pytest.mark.parametrize("role", list(Role))
def test_who_sees_no_orders_sees_no_runs(desk: Desk, step: int, role: Role, path: str) -> None:
    status = desk.sit("me", role).get(HOME + path.format(step=step)).status_code
    assert status == (403 if role is Role.ANALYST else 200)


@pytest.mark.parametrize(("brand", "shop"), [("other", ""), ("demo", "h5")])
def test_runs_of_another_brand_or_shop_are_not_there(
    desk: Desk, step: int, database: Database, brand: str, shop: str
) -> None:
    seat = desk.sit("stranger", Role.SUPERVISOR, brand, shop)
    assert f'href="{HOME}/{step}' not in seat.see(HOME)
    assert seat.get(f"{HOME}/{step}").status_code == 404
    for act in ("retry", "cancel"):
        assert seat.post(f"{HOME}/{step}/{act}", reason=REASON).status_code == 404
    assert state(database) == "dead"


def test_an_older_page_is_not_renewed_and_leads_back(desk: Desk, step: int) -> None:
    text = desk.sit("eye", Role.VIEWER).see(f"{HOME}?cursor={step + 1}")
    assert f'data-renew="{HOME}/list' not in text
    assert "First page" in text


def test_an_order_is_named_only_to_who_may_see_it(database: Database, step: int) -> None:
    with database.transaction() as session:
        mine, theirs = (Actor("eye", frozenset({Role.VIEWER}), shops=frozenset({shop})) for shop in ("pc", "h5"))
        known = orders_of(session, mine, "T1")
        assert known == orders_of(session, mine, str(known[0] if known else 0)) != []
        assert orders_of(session, theirs, "T1") == []
        assert orders_of(session, theirs, " ") is None
    assert step
