"""The killed connections of the stock machine are what they are called."""

import pytest

from hub.database import Database, rows, run
from tests.hub.inventory.cutting import Cut, Moment, lose
from tests.hub.making import add_sku


def written(database: Database) -> int:
    with database.transaction() as session:
        return len(rows(session, "select 1 from sku where grams = 500"))


@pytest.mark.parametrize(
    "cut", [Cut(Moment.IN_THE_MIDDLE, 1), Cut(Moment.IN_THE_MIDDLE, 2), Cut(Moment.BEFORE_COMMIT)], ids=str
)
def test_what_is_killed_before_its_commit_has_done_nothing(database: Database, cut: Cut) -> None:
    lose(database, lambda session: [add_sku(session, code) for code in ("a", "b")], cut)
    assert written(database) == 0


def test_what_is_killed_with_its_commit_on_the_way_is_done_whole_or_not_at_all(database: Database) -> None:
    for _ in range(10):
        lose(database, lambda session: [add_sku(session, code) for code in ("a", "b")], Cut(Moment.AFTER_COMMIT))
        assert written(database) in {0, 2}
        with database.transaction() as session:
            run(session, "delete from sku")


def test_an_act_of_fewer_statements_than_the_kill_waits_for_is_done(database: Database) -> None:
    lose(database, lambda session: add_sku(session, "a"), Cut(Moment.IN_THE_MIDDLE, 9))
    assert written(database) == 1
