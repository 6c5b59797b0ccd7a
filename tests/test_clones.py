from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from hub.database import Database
from hub.migrations import upgrade
from hub.postgres_probe import connect
from tests.clones import Clones
from tests.conftest import RING
from tests.hub.making import stock

FURNISHED = "template_of_clones"
HELD = ("select * from furniture order by id", "select * from drawer order by id", "select last_value from number")


@pytest.fixture(scope="module")
def lender(server: str) -> Iterator[Clones]:
    """Lend clones of a small template, whose one table refers to its other and whose sequence has moved on."""
    with Clones(server) as made:
        with connect(made.make(FURNISHED)) as connection:
            connection.execute("create table furniture (id int primary key, name text)")
            connection.execute("create table drawer (id int primary key, furniture int references furniture)")
            connection.execute("create sequence number")
            connection.execute("insert into furniture values (1, 'desk'), (2, 'shelf')")
            connection.execute("insert into drawer values (1, 1)")
            connection.execute("select nextval('number'), nextval('number')")
        yield made


def held(url: str) -> list[list[tuple[object, ...]]]:
    with connect(url) as connection:
        return [connection.execute(statement.encode()).fetchall() for statement in HELD]


def tell(url: str, *statements: str) -> None:
    with connect(url) as connection:
        for one in statements:
            connection.execute(one.encode())


def number_of(url: str) -> int:
    with connect(url) as connection:
        found = connection.execute("select oid from pg_database where datname = current_database()").fetchone()
    assert found
    return found[0]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into furniture values (3, 'chair')",
        "update furniture set name = 'table' where id = 2",
        "delete from drawer",
        "truncate furniture cascade",
        "select nextval('number')",
        "select setval('number', 2, false)",
    ],
)
def test_what_was_written_is_gone_from_the_next_loan_of_the_same_database(lender: Clones, statement: str) -> None:
    with lender.lend(FURNISHED) as url:
        first, before = number_of(url), held(url)
        tell(url, statement)
    with lender.lend(FURNISHED) as url:
        assert (number_of(url), held(url)) == (first, before)


@pytest.mark.parametrize(
    "statement",
    [
        "create table stray (id int)",
        "drop table drawer",
        "alter table drawer drop constraint drawer_furniture_fkey",
        "alter table furniture alter name set not null",
        "alter table furniture disable trigger all",
        "alter table furniture rename to chattel",
        "alter table furniture set (fillfactor = 50)",
        "create index by_name on furniture (name)",
        "create function one() returns int return 1",
        "do $$ begin execute 'alter database ' || current_database() || ' set work_mem = 64'; end $$",
    ],
)
def test_a_database_whose_tables_are_other_than_they_were_is_not_lent_again(lender: Clones, statement: str) -> None:
    with lender.lend(FURNISHED) as url:
        first, before = number_of(url), held(url)
        tell(url, statement)
    with lender.lend(FURNISHED) as url:
        assert number_of(url) != first
        assert held(url) == before


def test_what_the_planner_has_learnt_is_forgotten(lender: Clones) -> None:
    learnt = "select count(*) from pg_stats where tablename = 'furniture'"
    with lender.lend(FURNISHED) as url:
        tell(url, "insert into furniture select n, n from generate_series(10, 99) n", "analyze furniture")
    with lender.lend(FURNISHED) as url, connect(url) as connection:
        assert connection.execute(learnt).fetchone() == (0,)
        known = connection.execute("select reltuples from pg_class where relname = 'furniture'").fetchone()
        assert known == (-1,)


def test_a_database_that_somebody_still_uses_is_not_lent_again(lender: Clones) -> None:
    with lender.lend(FURNISHED) as url:
        first = number_of(url)
        left = connect(url)
    with lender.lend(FURNISHED) as url, closing(left):
        assert number_of(url) != first
        with pytest.raises(psycopg.OperationalError):
            left.execute("select 1")


def test_whoever_outlives_a_test_finds_no_database_under_the_old_name(lender: Clones) -> None:
    with lender.lend(FURNISHED) as old:
        pass
    with lender.lend(FURNISHED) as url:
        assert url != old
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            connect(old)


def test_two_at_once_have_a_database_each(lender: Clones) -> None:
    with lender.lend(FURNISHED) as one, lender.lend(FURNISHED) as other:
        tell(one, "delete from drawer")
        assert held(one) != held(other)


def test_the_hubs_own_database_is_lent_again(clones: Clones, template: str) -> None:
    with clones.lend(template) as url:
        first = number_of(url)
        with closing(Database(url, RING)) as database, database.transaction() as session:
            stock(session, {"sh": {"apple": 1}})
    with clones.lend(template) as url:
        upgrade(url)  # finds nothing to do
        assert number_of(url) == first
