"""Statements that are sent together: each sees what the one before did, and a fault is of their transaction alone."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import abc, waiting
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from hub import wire
from hub.asks import Ask, Asks, inserting, keep_plans, told, told_at_once
from hub.database import Database, copy, row, rows, run
from hub.inventory.hot_sale import COLUMNS
from hub.wire import OFTEN

COUNT = Ask("select count(*) as n from goods")


def _asking(*rounds: Ask) -> Asks[list[list[tuple[object, ...]]]]:
    """Ask one statement a round, and give all answers."""
    found: list[list[tuple[object, ...]]] = []
    for one in rounds:
        [answer] = yield [one]
        found.append([tuple(row) for row in answer.rows])
    return found


def _put(*numbers: int) -> Ask:
    return Ask("insert into goods (no) select unnest(cast(:numbers as bigint[]))", {"numbers": list(numbers)})


@pytest.fixture
def goods(database: Database) -> Database:
    with database.transaction() as session:
        run(session, "create table goods (no bigint primary key, name text)")
    return database


def test_each_statement_sees_those_before_it_and_answers_go_to_who_asked(goods: Database) -> None:
    for _ in range(2 * OFTEN):  # also when they are prepared
        with goods.transaction() as session:
            run(session, "delete from goods")
            first, second, nothing = told_at_once(session, _asking(COUNT, _put(3), COUNT), _asking(_put(1, 2)), _none())
        assert (first, second, nothing) == ([[(0,)], [], [(3,)]], [[]], 0)


def _none() -> Asks[int]:
    yield []
    return 0


def test_they_begin_a_transaction_and_are_undone_with_it(goods: Database) -> None:
    with suppress(ZeroDivisionError), goods.transaction() as session:
        assert told(session, _asking(_put(1), COUNT))[1] == [(1,)]
        raise ZeroDivisionError
    with goods.transaction() as session:
        assert told(session, _asking(COUNT)) == [[(0,)]]


def test_the_first_fault_is_told_and_nothing_behind_it_is_done(goods: Database) -> None:
    for _ in range(2 * OFTEN):
        with pytest.raises(IntegrityError, match="goods_pkey"), goods.transaction() as session:
            told_at_once(session, _asking(_put(1)), _asking(_put(1)), _asking(Ask("select 1 / 0")))
        with goods.transaction() as session:
            assert told(session, _asking(COUNT)) == [[(0,)]]


def test_a_fault_inside_a_savepoint_leaves_the_rest(goods: Database) -> None:
    with goods.transaction() as session:
        told(session, _asking(_put(1)))
        with pytest.raises(IntegrityError), session.begin_nested():
            told_at_once(session, _asking(_put(2)), _asking(_put(1)))
        assert told(session, _asking(COUNT)) == [[(1,)]]


def test_more_than_fits_into_buffers_goes_both_ways(goods: Database) -> None:
    names = ["中文" * 5_000] * 100
    with goods.transaction() as session:
        copy(session, "goods", ("no", "name"), list(enumerate(names)))
        asks = [_asking(Ask("select no, name, cast(:more as text) from goods", {"more": name})) for name in names[:20]]
        for [found] in told_at_once(session, *asks):
            assert len(found) == len(names)


@pytest.mark.timeout(60)
def test_more_than_the_network_takes_at_once_is_sent_to_its_end(goods: Database) -> None:
    length = Ask("select length(cast(:text as text)) as n", {"text": "x" * 30_000_000})
    with goods.transaction() as session:
        assert told_at_once(session, _asking(COUNT), _asking(length)) == [[[(0,)]], [[(30_000_000,)]]]


@pytest.mark.parametrize("asks", ["several", "one with what waits", "only the commit"])
def test_who_is_interrupted_while_all_is_sent_hears_of_nothing_else(
    goods: Database, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(wire, "_talk", _interrupted)
        with pytest.raises(KeyboardInterrupt), goods.transaction() as session:
            _write_one(session, asks)
    with goods.transaction() as session:
        assert told(session, _asking(COUNT)) == [[(0,)]]


def _write_one(session: Session, asks: str) -> None:
    if asks == "several":
        told_at_once(session, _asking(_put(1)), _asking(COUNT))
    copy(session, "goods", ("no",), [(1,)])
    if asks == "one with what waits":
        told(session, _asking(COUNT))


def _interrupted(_: object, queue: deque[Callable[[], None]]) -> abc.PQGen[None]:
    """Send one statement, and be interrupted before anything is heard."""
    yield waiting.WAIT_W
    queue.popleft()()
    raise KeyboardInterrupt


def test_who_keeps_plans_has_none_made_again_and_the_next_transaction_does(goods: Database) -> None:
    few = "select no from goods where no = any(cast(:few as bigint[]))"
    made = "select generic_plans, custom_plans from pg_prepared_statements where statement like '%any(cast($1%'"

    def asked(session: Session, times: int) -> list[tuple[int, int]]:
        for _ in range(times):
            told(session, _asking(Ask(few, {"few": [1]})))
        return [tuple(one) for one in rows(session, made)]

    with goods.transaction() as session:
        told(session, keep_plans())
        assert asked(session, 2 * OFTEN) == [(OFTEN + 1, 0)]
    with goods.transaction() as session:
        [(kept, again)] = asked(session, OFTEN)
        assert (kept, again) == (OFTEN + 1, OFTEN)


def test_a_connection_that_is_lost_meanwhile_is_not_used_again(goods: Database) -> None:
    with pytest.raises(DBAPIError):
        _ask_of_one_that_is_lost(goods)
    with goods.transaction() as session:
        assert told(session, _asking(COUNT)) == [[(0,)]]


def _ask_of_one_that_is_lost(goods: Database) -> None:
    with goods.transaction() as session:
        pid = row(session, "select pg_backend_pid() as pid")
        assert pid is not None
        with psycopg.connect(goods.url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", [pid.pid])
        told_at_once(session, _asking(_put(1)), _asking(COUNT))


def test_what_is_prepared_is_prepared_anew_when_its_table_has_a_further_column(goods: Database) -> None:
    every = Ask("select * from goods")
    with goods.transaction() as session:
        for _ in range(OFTEN):
            told(session, _asking(_put(), every))
    with goods.transaction() as session:
        run(session, "alter table goods add column weight bigint")
        run(session, "insert into goods (no) values (1)")
    with suppress(DBAPIError), goods.transaction() as session:
        told(session, _asking(every))
    with goods.transaction() as session:
        assert told(session, _asking(every)) == [[(1, None, None)]]


def test_rows_are_inserted_with_the_types_of_their_table(database: Database) -> None:
    at = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
    columns = ("brand", "version", "created_at", "updated_at", "id", "shop", "ref", "state", "expires_at")
    with database.transaction() as session:
        lines = [("b", 1, at, at, no, 'a "shop"', f"r\\{no}", "held", at) for no in range(3)]
        told(session, _asking(inserting("reservation", columns, lines)))
        buyers = [(no, bytes([no, 255]), 1) for no in range(3)]
        told(session, _asking(inserting("hot_buyer", COLUMNS, buyers, sku="a", sale="s")))
        assert rows(session, f"select {', '.join(columns)} from reservation order by id") == lines
        found = rows(session, "select * from hot_buyer order by reservation_id")
        assert [(one.reservation_id, bytes(one.buyer_index), one.pieces) for one in found] == buyers
        assert {(one.sku, one.sale) for one in found} == {("a", "s")}
