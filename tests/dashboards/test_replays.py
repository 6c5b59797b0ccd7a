from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboards import case_many
from dashboards.pages import new_key
from hub.database import Database, rows, run
from hub.replay_work import work_off
from hub.roles import Role
from hub.settings import Settings
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.dashboards.troubles import dead, parked

HOME = "/console/replays"
AIM = "what=step&act=retry&connection=wms-sh&flow=release_fulfilment&error=http_400&state=dead"
REASON = "the warehouse knows us again"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


@pytest.fixture
def steps(database: Database) -> list[int]:
    with database.transaction() as session:
        return [dead(session, NOW - timedelta(minutes=5), f"T{no}") for no in range(3)]


def states(database: Database) -> list[str]:
    with database.transaction() as session:
        return [one.state for one in rows(session, "select state from step order by id")]


def begin(desk: Desk, query: str = AIM, key: str = "", **fields: object) -> str:
    return desk.act(f"{HOME}?{query}", key=key, reason=REASON, rate_per_s=50, **fields)


def work(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(minutes=10)  # than the console's own clock, however long ago `NOW` was
    with database.transaction() as session:
        work_off(session, later, Settings())


def test_without_jobs_the_list_says_how_one_comes_about(desk: Desk) -> None:
    assert "No job has been started." in plain(desk.sit("eye", Role.VIEWER).see(HOME))


def test_a_dead_group_is_counted_before_anything_is_done(desk: Desk, steps: list[int], database: Database) -> None:
    text = plain(desk.sit("boss", Role.SUPERVISOR).drawer(f"{HOME}/new?{AIM}"))
    assert "Will be acted on 3 In another state 0 Done already 0" in text
    assert "http_400" in text
    assert states(database) == ["dead"] * len(steps)


def test_a_job_has_its_own_page_and_is_worked_off(desk: Desk, steps: list[int], database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    where = begin(seat, confirm=3)
    assert f"0 of {len(steps)}" in plain(seat.see(where))
    work(database)
    text = plain(seat.see(where))
    assert "3 of 3" in text
    assert "Done" in text
    assert states(database) == ["unknown"] * 3
    assert f"by {REASON}" not in text
    assert REASON in text


def test_a_second_press_starts_no_second_job(desk: Desk, steps: list[int]) -> None:
    seat, key = desk.sit("boss", Role.SUPERVISOR), new_key()
    assert begin(seat, key=key) == begin(seat, key=key)
    assert len(seat.audited("replay.start")) == 1
    assert steps


def test_what_has_moved_on_is_left_alone_and_says_why(desk: Desk, steps: list[int], database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    where = begin(seat)
    with database.transaction() as session:
        run(session, "update step set state = 'done' where id = :id", id=steps[0])
    work(database)
    page = seat.see(f"{where}?items=left")
    assert f"{steps[0]} Left alone it was: Done" in plain(page)
    assert f'href="/console/runs/{steps[1]}"' not in page


def test_a_job_is_paused_given_a_rate_resumed_and_stopped(desk: Desk, steps: list[int], database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    where = begin(seat)
    seat.act(f"{where}/pause", reason=REASON)
    work(database)
    assert states(database) == ["dead"] * len(steps)
    seat.act(f"{where}/rate", rate_per_s="0.5")
    assert "at 0.5 a second once it is resumed" in plain(seat.see(where))
    seat.act(f"{where}/resume", reason=REASON)
    seat.act(f"{where}/stop", reason=REASON)
    assert "Stopped" in plain(seat.see(where))
    assert seat.post(f"{where}/resume", reason=REASON).status_code == 409


def test_a_number_that_has_changed_since_it_was_shown_starts_nothing(desk: Desk, steps: list[int]) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert seat.post(f"{HOME}?{AIM}", reason=REASON, confirm=len(steps) + 1).status_code == 422
    assert not seat.audited("replay.start")


@pytest.mark.parametrize("query", ["what=message&act=retry", "flow=" + "x" * 99, "what=step&act=discard", "state=lost"])
def test_what_cannot_be_meant_is_refused(desk: Desk, query: str) -> None:
    assert desk.sit("boss", Role.SUPERVISOR).get(f"{HOME}/new?{query}").status_code == 422


def test_nothing_that_matches_says_so(desk: Desk) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    assert "None of them can be acted on now" in plain(seat.drawer(f"{HOME}/new?{AIM}"))
    assert seat.post(f"{HOME}?{AIM}", reason=REASON).status_code == 409


def test_messages_are_replayed_by_a_job_as_well(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        inbox = parked(session, NOW - timedelta(minutes=5))
    seat = desk.sit("boss", Role.SUPERVISOR)
    where = begin(seat, f"what=message&act=replay&id={inbox}")
    work(database)
    assert f"{inbox} Acted on" in plain(seat.see(where))
    assert "Messages" in plain(seat.see(f"{HOME}?state=done"))


def test_more_than_a_page_of_cases_becomes_a_job(
    desk: Desk, steps: list[int], monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr(case_many, "AT_ONCE", 2)
    seat, things = desk.sit("boss", Role.SUPERVISOR), ",".join(map(str, steps))
    where = seat.act("/console/exceptions/many?type=step_dead", doing="retry", things=things, reason=REASON)
    assert where.startswith(f"{HOME}/")
    assert states(database) == ["dead"] * 3
    assert "It becomes a job" in plain(seat.drawer("/console/exceptions/selected?type=step_dead&every=true"))


def test_jobs_of_others_who_see_more_are_not_there(desk: Desk, steps: list[int]) -> None:
    where = begin(desk.sit("boss", Role.SUPERVISOR))
    seat = desk.sit("part", Role.SUPERVISOR, "other")
    assert seat.get(where).status_code == 404
    assert seat.post(f"{where}/pause", reason=REASON).status_code == 404
    assert steps


def test_progress_is_sent_again_only_when_it_has_changed(desk: Desk, steps: list[int], database: Database) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    where = begin(seat)
    tag = {"if-none-match": seat.get(f"{where}/state").headers["etag"]}
    assert seat.get(f"{where}/state", **tag).status_code == 304
    work(database)
    assert seat.get(f"{where}/state", **tag).status_code == 200
    assert steps
