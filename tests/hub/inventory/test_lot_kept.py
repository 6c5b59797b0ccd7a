"""What a delivery was told before its lot was blocked, or expired, stays its own: it is not taken off twice."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.fulfilment.model import CancelAnswer
from hub.inventory.adjust import Limits, set_limits
from hub.inventory.free import read_free
from hub.inventory.lot import Unsold, unsold_of
from hub.inventory.lot_block import LotName, Outcome, block_lot, make_room
from hub.inventory.promise import promise
from hub.inventory.shortfall import read_lacking
from hub.order.change.cancel import cancel, record_cancel_answer
from hub.order.relocate import relocate
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.counting import level
from tests.hub.inventory.lotted import APPLE, DAYS, named, of, release, tell
from tests.hub.making import AT, BRAND, confirm, open_causes, order, placed, sources, stock

A_HERE = LotName(sku="apple", lot="A", location="sh")
EXPIRED = AT + (DAYS["A"] - AT.date())


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Put ten apples in Shanghai, four of lot A and six of lot B."""
    stock(session, {"sh": {"apple": 10}})
    tell(session, "count", {"A": 4, "B": 6}, -1)


def block(session: Session) -> Outcome:
    return block_lot(session, "chief", BRAND, A_HERE, "mould", AT)


def released(session: Session, pieces: int, ref: str = "T1") -> int:
    order_id = placed(session, order({"apple": pieces}, ref))
    release(session, order_id)
    return order_id


def free(session: Session) -> int:
    return promise(session, BRAND, "pc", ["apple"], AT)["apple"].free


def test_an_order_of_other_lots_stays_where_it_is(session: Session) -> None:
    released(session, 4)
    other = placed(session, order({"apple": 6}, "T2"))
    stock(session, {"bj": {"apple": 9}}, "ASN-2")
    assert block(session) == Outcome(pieces=4, carts=0, lacking=0)
    assert (relocate(session, AT), make_room(session, AT), open_causes(session)) == (0, 0, [])
    assert sources(session, other) == [("sh", "open")]


def test_blocked_pieces_that_a_delivery_keeps_are_taken_off_once(session: Session) -> None:
    released(session, 3)
    block(session)
    assert (free(session), unsold_of(session, [APPLE], AT)) == (6, {APPLE: Unsold(1, 0)})
    placed(session, order({"apple": 6}, "T2"))
    assert (level(session, "apple"), free(session)) == ((10, 9, 0, 0), 0)


def test_expired_pieces_that_a_delivery_keeps_are_taken_off_once(session: Session) -> None:
    released(session, 3)
    [one] = read_free(session, ["apple"], EXPIRED.date())
    assert (one.there, one.promised) == (6, 6)
    assert unsold_of(session, [APPLE], EXPIRED) == {APPLE: Unsold(0, 1)}


def test_they_are_blocked_again_when_the_delivery_is_over(session: Session) -> None:
    order_id = released(session, 3)
    block(session)
    cancel(session, order_id, "t", "test", AT)
    record_cancel_answer(session, order_id, 1, CancelAnswer(stopped=True), AT)
    assert (named(session), free(session), level(session, "apple")) == ({}, 6, (10, 0, 0, 0))


def test_another_choice_of_lots_has_what_is_lacking_then_looked_for(session: Session) -> None:
    order_id = released(session, 4)
    placed(session, order({"apple": 6}, "T2"))
    block(session)
    release(session, order_id)
    assert (named(session), [one.pieces for one in read_lacking(session, AT.date())]) == ({"B": 4}, [4])


def test_what_has_left_is_kept_no_more(session: Session) -> None:
    order_id = released(session, 3)
    block(session)
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 3),)), AT)
    assert (free(session), level(session, "apple")) == (6, (7, 0, 0, 0))


def test_what_an_owner_counts_is_promised_to_nobody_else_while_a_delivery_keeps_it(session: Session) -> None:
    released(session, 3)
    set_limits(session, "boss", BRAND, APPLE, Limits(authority="owner"), AT)
    block(session)
    [one] = read_free(session, ["apple"], AT.date())
    assert (one.there, one.promised) == (6, 6)


def test_a_delivery_that_keeps_more_than_its_lot_has_gives_nobody_more(session: Session) -> None:
    released(session, 4)
    tell(session, "count", {"A": 2, "B": 8}, 1)
    block(session)
    assert (free(session), level(session, "apple")) == (6, (10, 4, 0, 0))
    later = AT + timedelta(days=1)
    assert [one.there for one in read_free(session, ["apple"], later.date())] == [6]
