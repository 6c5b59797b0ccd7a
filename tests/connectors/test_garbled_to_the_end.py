"""A real connector under the real engine, with answers that stay garbled: dead in the end, with the bytes for a person.

And before that, nothing is sent again to a partner that takes no keys until it has said that it does not know of it.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import final

import pytest

from hub.database import Database, keyring_of, rows
from hub.exchange import place
from hub.steps import StepState
from sandbox.rough_road import HEAD_END
from tests.connectors.errands import Stand
from tests.connectors.stands import QimenStand
from tests.connectors.stands_asked import SALES, SapStand
from tests.connectors.ways import Way, way_of
from tests.flows.acting import Play
from tests.hub.making import open_causes, order, placed, stock

ATTEMPTS = 3
PAGE = b"HTTP/1.1 200 OK" + HEAD_END + b"<html>maintenance</html>"

FindStand = Callable[[type[Stand]], Stand]


@final
class Sent:
    """What the engine's test effect takes for a partner; it runs a real errand."""

    def __init__(self, way: Way) -> None:
        self._errand, self._partner = way.errand, way.partner()
        self.idempotent: bool = self._partner.idempotent
        self.grace_s = 600
        self.script: list[object] = []
        self.calls: list[str] = []

    def act(self, what: str) -> object:
        self.calls.append(what.partition(" ")[0])
        return self._errand.do(self._partner) or "done"

    @property
    def executed(self) -> object:
        return self._errand.ask(self._partner)


@contextmanager
def under_the_engine(database: Database, stand: Stand, name: str) -> Generator[tuple[Play, Way]]:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 100}})
        placed(session, order({"apple": 2}))
    play = Play(database, ATTEMPTS)
    with way_of(stand, name) as way:
        play.partner = Sent(way)  # pyright: ignore[reportAttributeAccessIssue] # it acts as the fake does
        yield play, way


def ending(play: Play) -> list[StepState | None]:
    """Run the step as often as it is due."""
    states: list[StepState | None] = []
    while not states or states[-1] is StepState.UNKNOWN:
        states.append(play.run())
        play.wait(700)
    return states


def kept(database: Database) -> list[bytes]:
    """Open what was kept of each attempt."""
    with database.transaction() as session:
        found = rows(session, "select step_id, token, exchanges from attempt order by token")
        ring = keyring_of(session)
        return [ring.open_body(bytes(one.exchanges), place(one.step_id, one.token)) for one in found]


def test_an_answer_that_stays_garbled_is_dead_after_its_attempts_and_shows_its_bytes(
    database: Database, find_stand: FindStand
) -> None:
    with under_the_engine(database, find_stand(QimenStand), "send_delivery") as (play, way):
        way.road.misbehave("forged", way.errand.holding, forge=lambda _: PAGE)
        assert ending(play) == [StepState.UNKNOWN, StepState.UNKNOWN, StepState.DEAD]
        assert (way.times_passed(), way.executed()) == (ATTEMPTS, 1)
    assert [b"maintenance" in exchanges for exchanges in kept(database)] == [True] * ATTEMPTS
    with database.transaction() as session:
        assert open_causes(session) == ["step_dead"]


@pytest.mark.parametrize("errand", ["send_sale", "send_goods_issue, items", "send_goods_issue, header"])
def test_a_garbled_answer_is_asked_about_and_found_executed(
    database: Database, find_stand: FindStand, errand: str
) -> None:
    with under_the_engine(database, find_stand(SapStand), errand) as (play, way):
        way.road.misbehave("forged", way.errand.holding, forge=lambda _: PAGE)
        assert play.run() is StepState.UNKNOWN
        way.road.heal()
        play.wait(700)
        assert (play.run(), way.executed()) == (StepState.DONE, 1)


def test_a_partner_that_cannot_be_asked_either_is_sent_nothing_twice(database: Database, find_stand: FindStand) -> None:
    with under_the_engine(database, find_stand(SapStand), "send_sale") as (play, way):
        way.road.misbehave("forged", b"A_SalesOrder", forge=lambda _: PAGE)
        assert ending(play)[-1] is StepState.DEAD
        assert (way.times_passed(), way.executed()) == (1, 1)
        asked = [one for one in way.road.rest().passed_on if one.startswith(b"GET " + SALES + b"/A_SalesOrder?")]
        assert len(asked) == ATTEMPTS - 1
