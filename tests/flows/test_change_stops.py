"""A change is negotiated with the sandbox's warehouse through the engine: it stops what it has not picked."""

from collections.abc import Callable
from typing import final

import pytest

from flows.engine import Clock, Engine
from flows.release_orders import CancelFulfilment, ReleaseFulfilment
from hub.database import Database
from hub.errors import Rejected
from hub.fulfilment.model import Accepted, CancelAnswer, CancelWish, Delivery
from hub.fulfilment.release import CANCEL, RELEASE
from hub.settings import Http, Settings, Worker
from sandbox.qimen_books import Books
from sandbox.qimen_order import DeliveryOrder
from sandbox.qimen_wire import Refused
from tests.flows.acting import Play
from tests.hub.making import counters, line, open_causes, see
from tests.hub.order.changing import BEIJING, cut, move, revision


@final
class Site:
    """A warehouse over the sandbox's books."""

    idempotent = True
    grace_s = 0.0

    def __init__(self) -> None:
        self.books = Books()

    def send_delivery(self, delivery: Delivery) -> Accepted:
        head = ("wms-sh", delivery.code, f"W{delivery.code}", delivery.warehouse_code, delivery.order_type, "SF")
        self.books.create(DeliveryOrder(*head, delivery.attempt, (), delivery.model_dump_json()))
        return Accepted(partner_id=f"W{delivery.code}")

    def send_cancel(self, wish: CancelWish) -> CancelAnswer:
        try:
            return CancelAnswer(stopped=True, reason=self.books.cancel("wms-sh", wish.code))
        except Refused as refusal:
            return CancelAnswer(stopped=False, reason=str(refusal))

    def pick(self, code: str) -> None:
        entry = self.books.find(code)
        assert entry
        assert self.books.advance(entry, "accepted")
        assert self.books.advance(entry, "picked")


@pytest.fixture
def site(play: Play, database: Database) -> Site:
    settings = Settings(worker=Worker(lease_s=10, grace_s=1), http=Http(connect_s=1, read_s=2))
    flows = {RELEASE: ReleaseFulfilment(settings), CANCEL: CancelFulfilment(settings)}
    made = Site()
    play.partner = made  # type: ignore[assignment] # a warehouse instead of the fake
    play.engine = Engine(database, play, flows, settings, Clock(lambda: play.now, lambda: play.tick_s))
    return made


def work(play: Play, steps: int) -> None:
    for _ in range(steps):
        play.engine.run(play.claim())
        play.wait(1)


@pytest.mark.parametrize(
    ("picked", "state", "pieces", "causes"), [(False, "applied", 1, []), (True, "refused", 2, ["change_refused"])]
)
def test_the_warehouse_says_whether_a_piece_can_still_be_cancelled(
    play: Play,
    site: Site,
    database: Database,
    order_id: int,
    *,
    picked: bool,
    state: str,
    pieces: int,
    causes: list[str],
) -> None:
    work(play, 1)
    if picked:
        site.pick(f"{order_id}-1")
    with database.transaction() as session:
        assert cut(session, order_id, L1=1) == "waiting"
    work(play, 1)
    with database.transaction() as session:
        assert (revision(session, order_id).state, open_causes(session)) == (state, causes)
        assert (counters(session, "sh", "apple"), line(session, order_id).cancelled) == ((100, pieces), 2 - pieces)


def test_what_was_stopped_is_released_again_with_the_new_address(
    play: Play, site: Site, database: Database, order_id: int
) -> None:
    work(play, 1)
    with database.transaction() as session:
        move(session, order_id)
    work(play, 2)
    entries = [site.books.find(f"{order_id}-{no}") for no in (1, 2)]
    assert [one.status for one in entries if one] == ["cancelled", "created"]
    assert entries[1]
    assert BEIJING.street in entries[1].order.fingerprint
    with database.transaction() as session:
        assert [one.negotiation for one in see(session, order_id).fulfilments] == ["cancel_accepted", "submitted"]


def test_a_call_that_is_given_up_is_a_refusal(play: Play, site: Site, database: Database, order_id: int) -> None:
    def refuse(_wish: CancelWish) -> CancelAnswer:
        raise Rejected("no such method")

    work(play, 1)
    refusing: Callable[[CancelWish], CancelAnswer] = refuse
    site.send_cancel = refusing  # type: ignore[method-assign] # the warehouse does not know the call
    with database.transaction() as session:
        move(session, order_id)
    work(play, 1)
    with database.transaction() as session:
        assert revision(session, order_id).state == "refused"
        assert "change_refused" in open_causes(session)
