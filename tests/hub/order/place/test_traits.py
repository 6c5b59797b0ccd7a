"""What the catalogue says of goods decides what they travel with, from placing to a new source."""

import json
from datetime import date

import msgspec
import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import rows, run
from hub.order.holds.resume import release_holds
from hub.order.place.batch import Placed
from hub.order.place.view import placed_views
from hub.order.trace.routing import trace_routing
from hub.roles import SYSTEM
from hub.sourcing.model import Question, Want
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.making import AT, add_sku, line, order, place_all, placed, see, sources, stock


def parts(session: Session, order_id: int) -> list[list[int]]:
    found = rows(session, "select input from routing_decision where order_id = :id order by no", id=order_id)
    return [[one["line_no"] for one in part.input["wants"]] for part in found]


@pytest.fixture
def goods(session: Session) -> None:
    """Make an apple, a battery, a card that is nothing to send, and a lamp that comes in December."""
    stock(session, {"sh": {"apple": 50, "battery": 50, "lamp": 50}})
    add_sku(session, "card")
    describe(session, SYSTEM, "battery", AT, hazard="9")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    describe(session, SYSTEM, "lamp", AT, available_from=date(2026, 12, 1))


@pytest.mark.usefixtures("goods")
def test_dangerous_goods_travel_apart(session: Session) -> None:
    assert parts(session, placed(session, order({"apple": 1, "battery": 1}))) == [[1], [2]]


@pytest.mark.usefixtures("goods")
def test_what_can_be_sent_by_now_is_not_kept_apart(session: Session) -> None:
    describe(session, SYSTEM, "lamp", AT, available_from=date(2026, 11, 11))
    assert parts(session, placed(session, order({"apple": 1, "lamp": 1}))) == [[1, 2]]


@pytest.mark.usefixtures("goods")
def test_a_held_order_is_split_by_traits_when_it_goes_on(session: Session) -> None:
    order_id = placed(session, order({"apple": 1, "battery": 1}, paid_at=None))
    release_holds(session, order_id, SYSTEM, "paid by bank", AT)
    assert parts(session, order_id) == [[1], [2]]


@pytest.mark.usefixtures("goods")
def test_virtual_goods_are_done_at_once(session: Session) -> None:
    view = see(session, placed(session, order({"card": 2})))
    assert (view.lifecycle, view.fulfilment, view.fulfilments) == ("closed", "delivered", ())
    assert (view.lines[0].shipped, view.lines[0].delivered) == (2, 2)


@pytest.mark.usefixtures("goods")
def test_virtual_goods_wait_while_their_order_is_held(session: Session) -> None:
    order_id = placed(session, order({"card": 1, "apple": 1}, paid_at=None))
    assert line(session, order_id).shipped == 0
    release_holds(session, order_id, SYSTEM, "paid by bank", AT)
    assert (line(session, order_id).shipped, see(session, order_id).lifecycle) == (1, "in_fulfilment")
    assert parts(session, order_id) == [[2]]


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize("pieces", [{"card": 1}, {"card": 1, "apple": 1}])
def test_the_answer_to_an_order_of_virtual_goods_is_what_asking_gives(session: Session, pieces: dict[str, int]) -> None:
    (one,) = place_all(session, order(pieces))
    assert isinstance(one, Placed)
    assert one.booked
    told, seen = json.loads(placed_views(one.booked)[one.order_id]), see(session, one.order_id).model_dump(mode="json")
    for name in ("lifecycle", "fulfilment", "lines"):
        assert told[name] == seen[name]


@pytest.mark.usefixtures("goods")
def test_goods_without_traits_are_asked_for_in_the_words_of_before(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}))
    (found,) = rows(session, "select input::text as input from routing_decision where order_id = :id", id=order_id)
    assert '"wants":[{"grams":500,"line_no":1,"quantity":1,"sku":"apple","storage":"ambient"}]' in found.input
    assert msgspec.json.decode(found.input, type=Question).wants == (Want(1, "apple", 1, "ambient", 500),)


def test_a_suppliers_goods_come_from_him_and_bonded_ones_from_under_bond(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "milk": 9, "wine": 9}, "bj": {"apple": 9, "milk": 9}, "gz": {"wine": 9}})
    describe(session, SYSTEM, "milk", AT, supplier="dairy")
    describe(session, SYSTEM, "wine", AT, bonded=True)
    before = placed(session, order({"milk": 1, "wine": 1, "apple": 1}, "T0"))
    assert {location for location, _ in sources(session, before)} == {"sh"}
    run(session, "update location set kind = 'supplier', owner = 'dairy' where code = 'bj'")
    run(session, "update stock_level set owner = 'dairy' where location = 'bj'")
    run(session, "update location set bonded = true where code = 'gz'")
    order_id = placed(session, order({"milk": 1, "wine": 1, "apple": 1}))
    found = rows(
        session,
        """select l.sku, f.location from fulfilment_line one join fulfilment_order f using (order_id, no)
           join order_line l using (order_id, line_no) where order_id = :id""",
        id=order_id,
    )
    assert {one.sku: one.location for one in found} == {"milk": "bj", "wine": "gz", "apple": "sh"}
    verdicts = [{one.code: one.verdict for one in decision.candidates} for decision in trace_routing(session, order_id)]
    assert {"sh": "other_sender", "gz": "other_sender", "bj": "chosen"} in verdicts
    assert {"sh": "not_bonded", "gz": "chosen", "bj": "other_sender"} in verdicts
    assert set(rerun(stored_decisions(session, [order_id])).counts) == {Sameness.SAME}
