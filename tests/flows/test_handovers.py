"""Virtual goods that were handed over: their channel is told once, and one that knows only of parcels says so."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import final

from flows.claim import Terms, claim
from flows.engine import Clock, Engine
from flows.listing import effects
from hub.audience import set_audience
from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import Database, row
from hub.errors import HubError, NotFound, OutcomeUnknown
from hub.fulfilment.model import HandoverNotice
from hub.roles import SYSTEM
from hub.settings import Http, Settings, Worker
from hub.steps import StepState
from tests.flows.test_post_sales import FakeBook
from tests.hub.making import AT, BRAND, add_sku, open_causes, order, placed

TERMS = Terms(timedelta(seconds=10), timedelta(seconds=1), caps={})


@final
@dataclass
class FakeChannel:
    """A channel that is told of handovers, and loses answers as its script says."""

    idempotent: bool = False
    script: list[HubError] = field(default_factory=list[HubError])
    told: list[str] = field(default_factory=list[str])

    def send_handover(self, handover: HandoverNotice) -> None:
        self.told.append(handover.key)
        if self.script:
            raise self.script.pop(0)


@final
class ParcelsOnly:
    """A channel that knows only of parcels."""

    idempotent = True


class Hall:
    """An engine whose partners are in a test's hands, with one order of virtual goods."""

    def __init__(self, database: Database, channel: object) -> None:
        self.database, self.now = database, AT
        self.partners = {"mall-pc": channel, "sap": FakeBook()}
        with database.transaction() as session:
            set_audience(session, {(BRAND, "erp"): "sap"})
            add_sku(session, "card")
            describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
            self.order_id = placed(session, order({"card": 1}))
        settings = Settings(worker=Worker(lease_s=10, grace_s=1, attempts=4), http=Http(connect_s=1, read_s=2))
        self.engine = Engine(database, self, effects(settings), settings, Clock(lambda: self.now, lambda: 0.0))

    def get(self, connection: str) -> object:
        if connection not in self.partners:
            raise NotFound("not in this test")
        return self.partners[connection]

    def names(self) -> list[str]:
        return list(self.partners)

    def work(self) -> list[StepState | None]:
        """Let time pass, then run what is due."""
        self.now += timedelta(seconds=600)
        with self.database.transaction() as session:
            due = claim(session, 9, self.now, 0.0, TERMS)
        return [self.engine.run(step) for step in due]


def test_the_channel_is_told_and_the_sale_is_booked(database: Database) -> None:
    hall = Hall(database, channel := FakeChannel())
    assert hall.work() == [StepState.DONE, StepState.DONE]
    assert channel.told == [f"handover:{hall.order_id}-v1"]
    with database.transaction() as session:
        found = row(session, "select sale_id from handover")
    assert found is not None
    assert found.sale_id == "S1"


def test_an_unheard_answer_is_told_again(database: Database) -> None:
    hall = Hall(database, channel := FakeChannel(script=[OutcomeUnknown("lost")]))
    while hall.work():
        pass
    assert len(channel.told) == 2


def test_a_channel_that_knows_only_of_parcels_is_a_case_for_a_person(database: Database) -> None:
    hall = Hall(database, ParcelsOnly())
    assert StepState.DEAD in hall.work()
    with database.transaction() as session:
        assert open_causes(session) == ["step_dead"]


def test_a_sale_that_the_erp_has_booked_is_found_and_not_booked_twice(database: Database) -> None:
    hall = Hall(database, FakeChannel())
    book = hall.partners["sap"]
    assert isinstance(book, FakeBook)
    book.script = [OutcomeUnknown("lost")]
    while hall.work():
        pass
    assert book.booked == {f"sale {hall.order_id}-v1": ["S1"]}
