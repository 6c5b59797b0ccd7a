"""Parcels that have left are stopped: their courier is asked once by wire, or a person is called."""

from functools import partial

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.errors import Conflict, NotFound
from hub.fulfilment.courier import CourierStatus
from hub.order.ship.intercept import INTERCEPT, Asked, read_intercept
from hub.order.ship.progress import record_confirm
from hub.order.ship.track import Parcel
from hub.repair import cancel_step
from hub.roles import SYSTEM
from tests.hub.aftersale.returning import at_once
from tests.hub.making import AT, confirm, open_causes, order, placed, see, step_states, stock
from tests.hub.stopping import NO, YES, answered, asked, intercepts, left, packed, served, states, tracked


def keys(session: Session) -> list[str]:
    found = rows(session, "select idempotency_key as key from step where flow = :flow order by id", flow=INTERCEPT)
    return [one.key.partition("-")[2] for one in found]


def messages(session: Session) -> list[str]:
    return [one.message for one in rows(session, "select message from case_file where cause = 'intercept'")]


def test_where_no_courier_can_be_asked_a_person_is_called(session: Session) -> None:
    order_id = left(session)
    assert asked(session, order_id) == Asked(by_wire=0, before=0, by_hand=2)
    assert (messages(session), step_states(session, INTERCEPT)) == (["SF SF-1, SF SF-2"], [])


def test_the_courier_of_each_parcel_is_asked_once(session: Session) -> None:
    served(session)
    order_id = left(session)
    assert asked(session, order_id) == Asked(by_wire=2, before=0, by_hand=0)
    assert asked(session, order_id) == Asked(by_wire=0, before=2, by_hand=0)
    assert (keys(session), open_causes(session)) == (["1-1:1", "1-2:1"], [])
    assert [one.intercept for one in see(session, order_id).parcels] == ["asked", "asked"]


def test_a_parcel_is_to_come_back_to_the_location_that_sent_it(session: Session) -> None:
    served(session)
    order_id = left(session)
    asked(session, order_id)
    wish = read_intercept(session, Parcel(order_id, 1, 2))
    assert (wish.courier, wish.tracking_no, wish.key) == ("SF", "SF-2", f"intercept:{order_id}-1-2:1")
    back_to = wish.back_to
    assert (back_to.county, back_to.street, back_to.name) == ("浦东新区", "仓库路1号", "仓管")
    assert "仓管" not in repr(wish)


def test_nothing_is_read_of_a_parcel_that_nobody_wants_stopped(session: Session) -> None:
    order_id = left(session)
    with pytest.raises(NotFound):
        read_intercept(session, Parcel(order_id, 1, 1))


def test_others_couriers_and_parcels_without_a_number_are_a_persons(session: Session) -> None:
    served(session)
    order_id = left(
        session, packed("SF-1", {"apple": 1}), packed("", {"apple": 1}), packed("ZT-1", {"apple": 1}, courier="ZTO")
    )
    assert asked(session, order_id) == Asked(by_wire=1, before=0, by_hand=2)
    assert messages(session) == ["SF, ZTO ZT-1"]


def test_a_parcel_that_holds_another_orders_goods_too_is_a_persons(session: Session) -> None:
    served(session)
    order_id = left(session, packed("SF-1", {"apple": 3}))
    left(session, packed("SF-1", {"apple": 3}), external_id="T2")
    assert asked(session, order_id) == Asked(by_wire=0, before=0, by_hand=1)


def test_a_waybill_that_left_in_two_shipments_of_an_order_is_a_persons(session: Session) -> None:
    """One instruction brings it back: the second would be refused, and hide the goods that are in it, too."""
    served(session)
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 3}))
    first, rest = (packed("SF-1", {"apple": 1}),), (packed("SF-1", {"apple": 2}),)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, "c1", final=False, parcels=first), AT)
    record_confirm(session, confirm(order_id, 1, {"apple": 2}, "c2", parcels=rest), AT)
    assert asked(session, order_id) == Asked(by_wire=0, before=0, by_hand=2)
    assert (messages(session), step_states(session, INTERCEPT)) == (["SF SF-1"], [])


def test_what_has_arrived_is_not_stopped(session: Session) -> None:
    served(session)
    order_id = left(session)
    tracked(session, "SF-1", CourierStatus.DELIVERED)
    assert asked(session, order_id) == Asked(by_wire=1, before=0, by_hand=0)
    tracked(session, "SF-2", CourierStatus.DELIVERED)
    with pytest.raises(Conflict) as caught:
        asked(session, order_id)
    assert caught.value.code == "nothing_to_intercept"


def test_of_what_has_not_left_nothing_is_stopped(session: Session) -> None:
    served(session)
    stock(session, {"sh": {"apple": 9}})
    with pytest.raises(Conflict, match="under way"):
        asked(session, placed(session, order({"apple": 1})))
    with pytest.raises(NotFound):
        asked(session, 2611000000009999)


def test_what_a_courier_has_refused_is_asked_anew(session: Session) -> None:
    served(session)
    order_id = left(session, packed("SF-1", {"apple": 3}))
    asked(session, order_id)
    answered(session, order_id, NO)
    assert open_causes(session) == ["intercept_refused"]
    assert asked(session, order_id) == Asked(by_wire=1, before=0, by_hand=0)
    assert (keys(session), states(session, order_id), open_causes(session)) == (["1-1:1", "1-1:2"], ["asked"], [])
    [one] = intercepts(session, order_id)
    assert (one.attempt, one.said) == (2, "")


def test_what_a_person_has_cancelled_is_asked_anew(session: Session) -> None:
    served(session)
    order_id = left(session, packed("SF-1", {"apple": 3}))
    asked(session, order_id)
    [step] = rows(session, "select id from step where flow = :flow", flow=INTERCEPT)
    cancel_step(session, SYSTEM, step.id, "the buyer keeps it", AT)
    assert asked(session, order_id) == Asked(by_wire=1, before=0, by_hand=0)
    assert step_states(session, INTERCEPT) == ["cancelled", "pending"]


def test_what_comes_back_already_is_not_asked_for_again(session: Session) -> None:
    served(session)
    order_id = left(session, packed("SF-1", {"apple": 3}))
    asked(session, order_id)
    answered(session, order_id, YES)
    assert asked(session, order_id) == Asked(by_wire=0, before=1, by_hand=0)


def test_a_second_parcel_of_the_order_is_asked_for_when_it_leaves(session: Session) -> None:
    served(session)
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 3}))
    first, rest = (packed("SF-1", {"apple": 1}),), (packed("SF-2", {"apple": 2}),)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, "c1", final=False, parcels=first), AT)
    asked(session, order_id)
    record_confirm(session, confirm(order_id, 1, {"apple": 2}, "c2", parcels=rest), AT)
    assert asked(session, order_id) == Asked(by_wire=1, before=1, by_hand=0)


def test_of_many_who_ask_at_once_one_asks(database: Database) -> None:
    with database.transaction() as session:
        served(session)
        order_id = left(session)
    came = at_once(database, *[partial(asked, order_id=order_id)] * 4)
    with database.transaction() as session:
        assert (came, keys(session)) == (["done"] * 4, ["1-1:1", "1-2:1"])


def test_an_answer_and_who_asks_again_at_once_leave_one_truth(database: Database) -> None:
    with database.transaction() as session:
        served(session)
        order_id = left(session, packed("SF-1", {"apple": 3}))
        asked(session, order_id)
    acts = (partial(asked, order_id=order_id), partial(answered, order_id=order_id, answer=YES))
    came = at_once(database, *acts, *acts)
    with database.transaction() as session:
        assert (came, states(session, order_id), len(keys(session))) == (["done"] * 4, ["accepted"], 1)
        assert len(see(session, order_id).returns) == 1
