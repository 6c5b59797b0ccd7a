"""Statements sent by libpq itself, on a connection of the driver's: its cursors cost as much again as the server does.

What comes often is prepared, by each connection for itself. The driver must prepare nothing of its own: with a
roll-back it gives up everything that its connection has prepared.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from psycopg import Connection, abc, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import (
    Error,
    FeatureNotSupported,
    InvalidSavepointSpecification,
    NoActiveSqlTransaction,
    error_from_result,
)
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

OFTEN: Final = 5
"""From so many times on a statement is prepared."""

MOST: Final = 200
"""So many statements stay prepared by one connection; beyond that, what was not asked for longest goes."""

ONE_MESSAGE: Final = 8_000
"""So many bytes are kept by libpq until they are sent as one."""

Key = tuple[bytes, tuple[int, ...]]
"""A statement and the types of its values, which are part of what is prepared."""


class Statements:
    """What a connection was asked: how often what is not prepared yet, the names of what is, and what waits to be."""

    def __init__(self) -> None:
        self._times: dict[Key, int] = {}
        self._names: OrderedDict[Key, bytes] = OrderedDict()
        self._made = 0
        self._waiting: list[_Bound] = []
        self._parts = 0

    def wait(self, driver: Connection[Any], query: bytes, values: Sequence[object]) -> None:
        """Have a statement go along with the next one, because nobody needs its answer.

        Raises: psycopg.Error for a value that cannot be sent.
        """
        self._waiting.append(_bound(driver, query, values))

    def catch_up(self, driver: Connection[Any], *last: bytes) -> None:
        """Run what waits to go along, if anything does, and statements that end it.

        Raises: psycopg.Error of the first that failed.
        """
        if self._waiting:
            self.send_all(driver, [(one, ()) for one in last])

    def forget(self) -> None:
        """Drop what waits to go along: its transaction is taken back."""
        self._waiting.clear()

    def begin_part(self, driver: Connection[Any]) -> bytes:
        """Begin a part of the transaction that can be taken back by itself, and give its name."""
        self._parts += 1
        name = b"part_%d" % self._parts
        self.wait(driver, b"savepoint " + name, ())
        return name

    def end_part(self, driver: Connection[Any], name: bytes) -> None:
        """End a part, of which nothing waits any more then.

        Raises: psycopg.Error.
        """
        whole = not self._waiting
        self.wait(driver, b"release savepoint " + name, ())
        if not whole:
            self.catch_up(driver)

    def take_back(self, driver: Connection[Any], name: bytes) -> None:
        """Take back what was done since a part began, and drop what of it still waits to go along.

        Raises: psycopg.Error.
        """
        begun, waiting = b"savepoint " + name, [one.query for one in self._waiting]
        if begun in waiting:  # nothing of it was sent
            del self._waiting[waiting.index(begun) :]
            return
        self._waiting.clear()
        with suppress(InvalidSavepointSpecification, NoActiveSqlTransaction):  # what failed stood before it
            run_alone(driver, b"rollback to savepoint " + name)
            self.wait(driver, b"release savepoint " + name, ())

    def send(self, driver: Connection[Any], query: bytes, values: Sequence[object]) -> "Answer":
        """Run a statement whose values stand as $1, $2 …, in the transaction of the connection or a new one.

        Raises: psycopg.Error, also of what went along.
        """
        if self._waiting:
            return self.send_all(driver, [(query, values)])[-1]
        one = _bound(driver, query, values)
        _begin(driver)
        self._sender(driver, one)()
        try:
            result = _result(driver)
        except FeatureNotSupported:  # also of what gives other columns now: a migration ran beside us
            self._names.pop(one.key, None)
            raise
        return _answer(one.read, result)

    def send_all(self, driver: Connection[Any], asked: Sequence[tuple[bytes, Sequence[object]]]) -> "list[Answer]":
        """Run statements one after the other that are sent together: none needs the answer of one before it.

        Each sees what the one before it has done and waited for; what was to go along comes first.
        Raises: psycopg.Error of the first that failed.
        """
        own = [_bound(driver, *one) for one in asked]  # what cannot be sent leaves waiting what waits
        every, along = [*self._waiting, *own], len(self._waiting)
        self._waiting.clear()
        try:
            results = _results(driver, deque([self._sender(driver, one) for one in every]))
        except FeatureNotSupported:
            for one in every:
                self._names.pop(one.key, None)
            raise
        return [_answer(one.read, result) for one, result in zip(own, results[along:], strict=True)]

    def _sender(self, driver: Connection[Any], one: "_Bound") -> Callable[[], None]:
        """Give what sends a statement, as a prepared one if it comes often."""
        if name := self._name(driver, one.key):
            return partial(driver.pgconn.send_query_prepared, name, one.params, one.read.formats)
        return partial(driver.pgconn.send_query_params, one.query, one.params, one.read.types or (), one.read.formats)

    def _name(self, driver: Connection[Any], key: Key) -> bytes | None:
        """Give what a statement is prepared as, or nothing yet."""
        if name := self._names.get(key):
            self._names.move_to_end(key)
            return name
        times = self._times[key] = self._times.pop(key, 0) + 1
        if times < OFTEN:
            if len(self._times) > MOST:
                del self._times[next(iter(self._times))]
            return None
        self._made += 1
        name = b"oms_%d" % self._made
        _begin(driver)  # a fault takes the transaction back: what was to go along is not sent any more
        driver.pgconn.send_prepare(name, *key)
        _result(driver)
        del self._times[key]
        self._names[key] = name
        if len(self._names) > MOST:
            _, oldest = self._names.popitem(last=False)
            driver.pgconn.send_query(b"deallocate " + oldest)
            _result(driver)
        return name


class _Bound(NamedTuple):
    """A statement with its values as they are sent, and what reads its answer."""

    query: bytes
    params: Sequence[abc.Buffer | None]
    read: abc.Transformer

    @property
    def key(self) -> Key:
        return self.query, self.read.types or ()


def _bound(driver: Connection[Any], query: bytes, values: Sequence[object]) -> _Bound:
    read = Transformer(driver)
    return _Bound(query, read.dump_sequence(values, [PyFormat.AUTO] * len(values)), read)


def copy_in(driver: Connection[Any], statement: bytes, text: bytes) -> None:
    """Write what COPY reads, in the transaction of the connection or a new one.

    What fits into one message goes at once. The driver sends more bit by bit, and lets other threads go on while the
    server is not ready for it.
    Raises: psycopg.Error.
    """
    if len(text) > ONE_MESSAGE:
        with driver.cursor() as cursor, cursor.copy(statement) as stream:
            stream.write(text)
        return
    wire = driver.pgconn
    _begin(driver)
    wire.send_query(statement)
    _result(driver)
    wire.put_copy_data(text)
    wire.put_copy_end()
    _result(driver)


class Answer(NamedTuple):
    """What a statement gave: its rows are read as they are asked for."""

    result: PGresult
    read: abc.Transformer

    @property
    def names(self) -> tuple[str, ...]:
        """Give the columns' names; "?" for one without."""
        return tuple([(self.result.fname(no) or b"?").decode() for no in range(self.result.nfields)])

    @property
    def changed(self) -> int:
        """Give how many rows it changed."""
        return self.result.command_tuples or 0

    def rows(self, make: Callable[[Sequence[Any]], Any], most: int | None = None) -> list[Any]:
        """Give its rows, or the first of them, each made of its values."""
        return self.read.load_rows(0, self.result.ntuples if most is None else min(most, self.result.ntuples), make)


def run_alone(driver: Connection[Any], statement: bytes) -> None:
    """Run a statement in the transaction that the connection is in, if any; else it is one of its own.

    Raises: psycopg.Error.
    """
    driver.pgconn.send_query(statement)
    _result(driver)


def _answer(read: abc.Transformer, result: PGresult) -> Answer:
    read.set_pgresult(result)
    return Answer(result, read)


def _begin(driver: Connection[Any]) -> None:
    if driver.pgconn.transaction_status == TransactionStatus.IDLE:
        driver.pgconn.send_query(b"begin")
        _result(driver)


def _result(driver: Connection[Any]) -> PGresult:
    """Wait for what was sent, as the driver waits: an interrupt from the keyboard cancels it."""
    [result] = driver.wait(generators.execute(driver.pgconn))
    if result.status == ExecStatus.FATAL_ERROR:
        raise error_from_result(result)
    return result


def _results(driver: Connection[Any], queue: deque[Callable[[], None]]) -> list[PGresult]:
    """Send what is queued as one, in the transaction of the connection or a new one, and wait for all answers."""
    wire, begins = driver.pgconn, driver.pgconn.transaction_status == TransactionStatus.IDLE
    if begins:
        queue.appendleft(partial(wire.send_query_params, b"begin", None))
    queue.append(partial(_end, wire, queue))
    wire.enter_pipeline_mode()
    try:
        *found, _ = driver.wait(_talk(wire, queue))
    finally:
        _leave(driver)
    for [result] in found:  # what stands behind a failure was not run
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return [result for [result] in found[begins:]]


def _end(wire: PGconn, queue: deque[Callable[[], None]]) -> None:
    wire.pipeline_sync()
    _send_rest(wire, queue)


def _send_rest(wire: PGconn, queue: deque[Callable[[], None]]) -> None:
    """Come again until all is sent: who only waits for answers sends nothing any more, and the server waits for it."""
    if wire.flush():
        queue.append(partial(_send_rest, wire, queue))


def _leave(driver: Connection[Any]) -> None:
    """Have the connection send one statement at a time again; one that still waits for something is given up."""
    try:
        driver.pgconn.exit_pipeline_mode()
    except Error:
        driver.close()


def _talk(wire: PGconn, queue: deque[Callable[[], None]]) -> abc.PQGen[list[list[PGresult]]]:
    """Send all while reading what comes, and read the rest: nobody waits for the other to read first."""
    count = len(queue)
    found = yield from generators.pipeline_communicate(wire, queue)
    while len(found) < count:
        found.append((yield from generators.fetch_many(wire)))
    return found
