from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.database import Database, run
from hub.roles import Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.dashboards.troubles import dead

HOME = "/console/dead-letters"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made


@pytest.fixture
def groups(database: Database) -> None:
    """Let two calls be dead of one error, one of another, and one of an error without a code."""
    with database.transaction() as session:
        for number, error in (("T1", "http_400"), ("T2", "http_400"), ("T3", "http_500"), ("T4", "")):
            dead(session, NOW - timedelta(hours=1), number, error)


def test_nothing_dead_says_what_would_stand_here(desk: Desk) -> None:
    assert "No call is dead." in plain(desk.sit("eye", Role.VIEWER).see(HOME))


@pytest.mark.usefixtures("groups")
def test_dead_calls_stand_in_groups_the_largest_first(desk: Desk) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(HOME))
    assert text.index("http_400 refused 2") < text.index("http_500 refused 1")
    assert "4 dead calls" in text
    assert "Retry…" not in text


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize(("query", "there"), [("q=HTTP_500", True), ("q=nothing", False), ("connection=sap", False)])
def test_the_dead_are_searched(desk: Desk, query: str, *, there: bool) -> None:
    text = plain(desk.sit("eye", Role.VIEWER).see(f"{HOME}?{query}"))
    assert ("http_500" in text) is there or "No dead call matches." in text
    assert "http_400 refused" not in text


@pytest.mark.usefixtures("groups")
def test_each_group_leads_to_its_runs_and_to_the_acts_on_all_of_it(desk: Desk) -> None:
    seat = desk.sit("boss", Role.SUPERVISOR)
    page = seat.see(HOME)
    assert "/console/runs?connection=wms-sh&amp;flow=release_fulfilment&amp;state=dead&amp;error=http_400" in page
    for act in ("retry", "skip", "cancel"):
        assert f"act={act}" in page
    assert "/console/exceptions/alike?connection=wms-sh&amp;flow=release_fulfilment" in page
    runs = plain(seat.see("/console/runs?connection=wms-sh&flow=release_fulfilment&state=dead&error=http_400"))
    assert "T1" in runs
    assert "T3" not in runs


@pytest.mark.usefixtures("groups")
def test_the_dead_of_another_brand_are_not_there(desk: Desk) -> None:
    assert "No call is dead." in plain(desk.sit("stranger", Role.SUPERVISOR, "other").see(HOME))


@pytest.mark.usefixtures("groups")
def test_a_group_that_goes_on_leaves_the_list(desk: Desk, database: Database) -> None:
    with database.transaction() as session:
        run(session, "update case_file set state = 'resolved'")
    assert "No call is dead." in plain(desk.sit("eye", Role.VIEWER).see(f"{HOME}/list"))
