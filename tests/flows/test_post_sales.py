from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import final

import pytest

from flows.claim import Terms, claim
from flows.engine import Clock, Engine
from flows.listing import effects
from hub.audience import set_audience
from hub.database import Database, row, rows
from hub.errors import HubError, Malformed, Misconfigured, NotFound, OutcomeUnknown, TryLater
from hub.fulfilment.model import Accepted
from hub.fulfilment.sale import GoodsIssue, Sale
from hub.order.ship.progress import record_confirm
from hub.settings import Http, Settings, Worker
from hub.steps import StepState
from tests.hub.making import AT, BRAND, confirm, open_causes, order, placed, stock

ONLY_THE_ERP = Terms(timedelta(seconds=10), timedelta(seconds=1), caps={"wms-sh": 0, "mall-pc": 0})


@final
@dataclass
class FakeBook:
    """An ERP that takes no keys: it books whatever it is sent, and loses answers as its script says."""

    idempotent: bool = False
    grace_s: float = 40
    script: list[HubError | None] = field(default_factory=list[HubError | None])
    booked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    asked: int = 0

    def _take(self, key: str, number: str) -> Accepted:
        trouble = self.script.pop(0) if self.script else None
        if not isinstance(trouble, (TryLater, Malformed, Misconfigured)):
            self.booked.setdefault(key, []).append(number)
        if trouble:
            raise trouble
        return Accepted(partner_id=number)

    def _find(self, key: str) -> Accepted | None:
        self.asked += 1
        return Accepted(partner_id=self.booked[key][0]) if key in self.booked else None

    def send_sale(self, sale: Sale) -> Accepted:
        return self._take(f"sale {sale.code}", "S1")

    def find_sale(self, sale: Sale) -> Accepted | None:
        return self._find(f"sale {sale.code}")

    def send_goods_issue(self, issue: GoodsIssue) -> Accepted:
        assert issue.sale_id == "S1"
        return self._take(f"issue {issue.code}", "D1")

    def find_goods_issue(self, issue: GoodsIssue) -> Accepted | None:
        return self._find(f"issue {issue.code}")


@final
class Office:
    """An engine whose ERP and clock are in a test's hands, with one fulfilment order to post."""

    def __init__(self, database: Database) -> None:
        self.database, self.book, self.now = database, FakeBook(), AT
        with database.transaction() as session:
            set_audience(session, {(BRAND, "erp"): "sap"})
            stock(session, {"sh": {"apple": 5}})
            self.order_id = placed(session, order({"apple": 5}))
            record_confirm(session, confirm(self.order_id, 1, {"apple": 5}), AT)
        settings = Settings(worker=Worker(lease_s=10, grace_s=1, attempts=4), http=Http(connect_s=1, read_s=2))
        self.engine = Engine(database, self, effects(settings), settings, Clock(lambda: self.now, lambda: 0.0))

    def get(self, connection: str) -> object:
        if connection != "sap":
            raise NotFound("not in this test")
        return self.book

    def names(self) -> list[str]:
        return ["sap"]

    def work(self, seconds: float = 0) -> list[StepState | None]:
        """Let some time pass, then run what is due for the ERP."""
        self.now += timedelta(seconds=seconds)
        with self.database.transaction() as session:
            due = claim(session, 9, self.now, 0.0, ONLY_THE_ERP)
        return [self.engine.run(step) for step in due]

    def work_all(self) -> None:
        for _ in count():
            if not self.work(600):
                return

    def numbers(self) -> tuple[str, str]:
        with self.database.transaction() as session:
            found = row(session, "select sale_id, issue_id from posting")
        assert found is not None
        return found.sale_id, found.issue_id


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def test_a_sale_is_booked_and_then_its_goods_issue(office: Office) -> None:
    assert office.work() == [StepState.DONE]
    assert office.numbers() == ("S1", "")
    assert office.work() == [StepState.DONE]
    assert office.numbers() == ("S1", "D1")


def test_an_unheard_answer_is_asked_about_after_the_partners_own_grace(office: Office) -> None:
    office.book.script = [OutcomeUnknown("no answer")]
    assert office.work() == [StepState.UNKNOWN]
    assert office.work(39) == []
    assert office.work(2) == [StepState.DONE]
    assert (office.book.asked, len(office.book.booked[f"sale {office.order_id}-1"])) == (1, 1)


def test_every_answer_may_be_lost_and_nothing_is_booked_twice(office: Office) -> None:
    office.book.script = [TryLater("busy"), OutcomeUnknown("lost"), OutcomeUnknown("lost")]
    office.work_all()
    assert office.numbers() == ("S1", "D1")
    assert [len(numbers) for numbers in office.book.booked.values()] == [1, 1]


def test_a_refused_logon_pauses_the_erp_and_books_everything_when_it_goes_on(office: Office) -> None:
    office.book.script = [Misconfigured("logon failed")]
    assert office.work() == [StepState.PENDING]
    assert office.work(600) == []
    with office.database.transaction() as session:
        assert open_causes(session) == ["connection_paused"]
        rows(session, "update connection_health set paused_at = null returning 1")
    office.work_all()
    assert office.numbers() == ("S1", "D1")


def test_a_refused_sale_is_a_case_and_its_goods_issue_waits(office: Office) -> None:
    office.book.script = [Malformed("material is locked")]
    assert office.work() == [StepState.DEAD]
    office.work_all()
    assert office.numbers() == ("", "")
    with office.database.transaction() as session:
        assert open_causes(session) == ["step_dead"]


def test_a_worker_that_died_leaves_time_for_its_call_to_land(office: Office) -> None:
    with office.database.transaction() as session:
        claim(session, 1, office.now, 0.0, ONLY_THE_ERP)
    assert office.work(12) == [StepState.UNKNOWN]
    assert (office.work(39), office.book.asked) == ([], 0)
    assert office.work(2) == [StepState.DONE]
    assert office.book.asked == 1
