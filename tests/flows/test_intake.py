from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import final

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from flows.intake import SET_BACK_S, TRIES, Intake
from hub.database import Database, rows
from hub.errors import Misconfigured
from hub.inbox import InboxState, Message, keep, settle
from tests.hub.making import AT, open_causes


@final
class Poisoned:
    """Settles messages, and fails like a bug on every batch that holds poison."""

    kinds: Sequence[str] = ("order",)
    batch = 8
    alone = False

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.error: Exception = ZeroDivisionError("a bug")

    def handle(self, session: Session, messages: Sequence[Message], at: datetime) -> None:
        self.sizes.append(len(messages))
        for message in messages:
            if message.body == b"poison":
                raise self.error
            settle(session, message, InboxState.DONE, at)


@final
class Desk:
    """An intake over a database, at a time of the test's choosing."""

    def __init__(self, database: Database, pool: ThreadPoolExecutor) -> None:
        self.database = database
        self.now = AT
        self.taker = Poisoned()
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
