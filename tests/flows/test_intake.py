from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import final

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows.intake import CAREFUL, DIED, SET_BACK_S, TRIES, Hand, Intake
from hub.database import Database, rows
from hub.errors import Misconfigured
from hub.inbox import InboxState, Message, keep, settle
from hub.inbox_try import KEPT, begin_try
from tests.hub.making import AT, open_causes


@final
class Poisoned:
    """Settles messages, and fails like a bug on every batch that holds poison."""

    kinds: Sequence[str] = ("order",)
    batch = 8
    alone = False

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.poisoned = 0
        self.error: Exception = ZeroDivisionError("a bug")
        self.before: Callable[[Session], None] = lambda _session: None

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        self.sizes.append(len(messages))
        self.before(session)
        for message in messages:
            if message.body == b"poison":
                self.poisoned += 1
                raise self.error
            settle(session, message, InboxState.DONE, at)


class Dying(Exception):
    """A worker is no more."""


@final
class Mortal(Intake):
    """Ends without another word where others are told of a failure, as a process that is killed does."""

    def _spare(self, session: Session, hand: Hand) -> None:
        """Leave the mark where it is."""

    def _let_go(self, hand: Hand) -> None:  # noqa: ARG002 # what it overrides has it
        raise Dying


@final
class Overtaken(Intake):
    """Is as slow after a failure as another worker needs to take what has failed."""

    other: Callable[[], None]

    def _let_go(self, hand: Hand) -> None:
        self.other()
        super()._let_go(hand)


@final
class Desk:
    """An intake over a database, at a time of the test's choosing."""

    def __init__(self, database: Database, pool: ThreadPoolExecutor) -> None:
        self.database = database
        self.now = AT
        self.taker = Poisoned()
        self.pool = pool
        self.intake = Intake(database, lambda: self.now, pool)

    def receive(self, *bodies: bytes) -> None:
        with self.database.transaction() as session:
            for no, body in enumerate(bodies):
                keep(session, "mall-pc", "order", str(no), body, AT)

    def work_off(self) -> list[int]:
        """Work until nothing is left to do now; gives what each round settled."""
        rounds = [self.intake.work_off(self.taker)]
        while rounds[-1]:
            rounds.append(self.intake.work_off(self.taker))
        return rounds

    def live(self, for_long: timedelta = timedelta(0)) -> None:
        """Start a worker, which works until nothing is left to do, or until it dies of poison."""
        worker = Mortal(self.database, lambda: self.now, self.pool)
        self.now += for_long
        with suppress(Dying):
            while worker.work_off(self.taker):
                pass

    def states(self) -> list[str]:
        with self.database.transaction() as session:
            return [one.state for one in rows(session, "select state from inbox order by id")]


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    with ThreadPoolExecutor(1) as pool, capture_logs():
        yield Desk(database, pool)


def test_a_good_batch_is_one_transaction(desk: Desk) -> None:
    desk.receive(*[b"good"] * 5)
    assert desk.work_off() == [5, 0]
    assert desk.taker.sizes == [5]


def test_poison_is_halved_until_it_is_alone_and_its_neighbours_go_on(desk: Desk) -> None:
    desk.receive(b"good", b"poison", *[b"good"] * 6)
    while "received" in desk.states()[2:]:
        desk.work_off()
    assert desk.states() == ["done", "received", *["done"] * 6]
    assert desk.taker.sizes[:4] == [8, 4, 2, 1]


def test_after_its_last_try_poison_is_parked_for_a_person(desk: Desk) -> None:
    desk.receive(b"poison")
    for tries in range(TRIES):
        assert desk.states() == ["received"]
        assert desk.work_off() == [0]
        assert desk.work_off() == [0]
        desk.now += timedelta(seconds=SET_BACK_S * 2**tries)
    assert desk.states() == ["parked"]
    assert len(desk.taker.sizes) == TRIES
    with desk.database.transaction() as session:
        assert open_causes(session) == ["our_fault"]


def test_what_the_hub_itself_said_was_wrong_stands_on_the_case(desk: Desk) -> None:
    desk.receive(b"poison")
    desk.taker.error = Misconfigured("the secret mall-pc is missing: set OMS_SECRET_MALL_PC")
    for tries in range(TRIES):
        desk.work_off()
        desk.now += timedelta(seconds=SET_BACK_S * 2**tries)
    with desk.database.transaction() as session:
        assert [one.message for one in rows(session, "select message from case_file")] == [desk.taker.error.message]


def test_all_poison_is_set_back_one_by_one(desk: Desk) -> None:
    desk.receive(*[b"poison"] * 3)
    for _ in range(3):
        desk.work_off()
    assert desk.intake.work_off(desk.taker) == 0
    assert desk.taker.sizes[-1] == 1
    assert desk.states() == ["received"] * 3


def test_the_databases_trouble_is_no_messages_fault(desk: Desk) -> None:
    desk.receive(b"poison")
    desk.taker.error = OperationalError("select 1", {}, Exception("deadlock"))
    with pytest.raises(OperationalError):
        desk.work_off()
    with desk.database.transaction() as session:
        assert [one.attempts for one in rows(session, "select attempts from inbox")] == [0]


def test_another_kind_is_left_for_its_own_taker(desk: Desk) -> None:
    with desk.database.transaction() as session:
        keep(session, "wms-sh", "confirm", "1", b"good", AT)
    assert desk.work_off() == [0]
    assert desk.states() == ["received"]


def marks(desk: Desk) -> int:
    with desk.database.transaction() as session:
        return len(rows(session, "select 1 from inbox_try"))


@pytest.mark.parametrize(("first", "deaths"), [(timedelta(0), TRIES - 1), (CAREFUL, TRIES)])
def test_poison_that_kills_whoever_takes_it_is_parked_after_its_last_try(
    desk: Desk, first: timedelta, deaths: int
) -> None:
    desk.receive(b"good", b"poison", b"good")
    desk.live(for_long=first)
    while "received" in desk.states():
        desk.live()
    assert desk.states() == ["done", "parked", "done"]
    assert desk.taker.poisoned == deaths
    with desk.database.transaction() as session:
        assert [one.error for one in rows(session, "select error from inbox where state = 'parked'")] == [DIED]


def test_a_worker_that_runs_for_long_marks_nothing(desk: Desk) -> None:
    desk.receive(b"poison")
    desk.live(for_long=CAREFUL)
    assert (desk.taker.poisoned, marks(desk)) == (1, 0)


def test_what_was_in_hand_with_poison_is_done_by_the_next_worker(desk: Desk) -> None:
    desk.receive(b"good", b"poison", b"good")
    desk.live()
    assert desk.states() == ["received"] * 3
    desk.live()
    assert desk.taker.sizes[:2] == [3, 1]
    assert desk.states()[0] == "done"


def test_what_somebody_died_with_keeps_its_place(desk: Desk) -> None:
    desk.receive(b"poison")
    desk.live()
    desk.live()
    with desk.database.transaction() as session:
        found = rows(session, "select run_at, attempts from inbox")
    assert [(one.run_at, one.attempts) for one in found] == [(AT, 1)]


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), OperationalError("select 1", {}, Exception("deadlock"))])
def test_a_failure_that_ends_nobody_leaves_no_mark(desk: Desk, error: Exception) -> None:
    desk.receive(b"poison", b"good")
    desk.taker.error = error
    with suppress(OperationalError):
        desk.work_off()
    assert marks(desk) == 0


def test_who_takes_what_another_has_just_failed_on_counts_no_death(desk: Desk) -> None:
    desk.receive(b"good", b"good")
    desk.taker.before = stumble
    slow, other = Overtaken(desk.database, lambda: desk.now, desk.pool), Poisoned()
    slow.other = lambda: settled.append(desk.intake.work_off(other))
    settled: list[int] = []
    assert slow.work_off(desk.taker) == 0
    assert (settled, other.sizes) == ([2], [2])


def stumble(_session: Session) -> None:
    raise ZeroDivisionError


def cut(session: Session, patch: pytest.MonkeyPatch) -> None:
    """Take the database away: it ends all connections, and no new one can be made."""
    patch.setattr(psycopg, "connect", refused)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid"
    rows(session, f"{ended} <> pg_backend_pid()")
    rows(session, f"{ended} = pg_backend_pid()")


def refused(*_address: object, **_options: object) -> None:
    raise psycopg.OperationalError("the connection is refused")


def test_nobody_died_of_what_was_in_hand_when_the_database_went_away(desk: Desk) -> None:
    desk.receive(b"good", b"good")
    with pytest.MonkeyPatch.context() as patch:
        desk.taker.before = lambda session: cut(session, patch)
        with pytest.raises(OperationalError):
            desk.work_off()
    desk.taker.before = lambda _session: None
    with desk.database.transaction() as session:
        rows(session, "select 1 from inbox for update")  # waits until the server has seen the end of it
    assert desk.work_off() == [2, 0]
    assert desk.states() == ["done", "done"]
    assert marks(desk) == 0


def test_what_is_done_leaves_no_mark(desk: Desk) -> None:
    desk.receive(b"good", b"good")
    desk.work_off()
    assert marks(desk) == 0


def test_others_that_the_dead_had_in_hand_stay_marked(database: Database) -> None:
    with database.transaction() as session:
        assert begin_try(session, [1, 2, 3], AT)[1] == []
    with database.transaction() as session:
        assert begin_try(session, [2, 4], AT) == (0, [2])
        assert begin_try(session, [3, 1], AT) == (0, [1, 3])
        assert begin_try(session, [1, 2, 3, 4], AT)[1] == []


def test_a_mark_that_nobody_found_is_forgotten(desk: Desk) -> None:
    for ids, at in (([1], AT), ([2], AT + KEPT), ([3], AT + KEPT * 1.5)):
        with desk.database.transaction() as session:
            begin_try(session, ids, at)
    assert marks(desk) == 2
