import pytest
from sqlalchemy.orm import Session

from hub.errors import Conflict, NotFound, Unauthorised
from hub.order.change.cancel import cancel
from hub.order.change.channel import revise
from hub.order.holds.resume import release_holds
from hub.order.ship.progress import record_report
from hub.roles import Actor, Role
from tests.hub.making import AT, RECEIVER, counters, line, open_causes, order, placed, rejection, see, sources, stock
from tests.hub.order.changing import move, send

OPERATOR = Actor("operator-1", frozenset({Role.OPERATOR}))
NOWHERE = RECEIVER.model_copy(update={"province": "", "city": "", "county": ""})


def release(session: Session, order_id: int, *, division: str = "") -> None:
    release_holds(session, order_id, OPERATOR, "checked", AT, division=division)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})


def test_a_released_order_is_sourced_and_its_case_resolved(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}, paid_at=None, remark="先别发"))
    release(session, order_id)
    assert (see(session, order_id).holds, sources(session, order_id)) == ((), [("sh", "open")])
    assert open_causes(session) == []


def test_releasing_twice_sources_once(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}, paid_at=None))
    release(session, order_id)
    release(session, order_id)
    assert (len(sources(session, order_id)), counters(session, "sh", "apple")) == (1, (5, 2))


def test_an_unknown_address_needs_its_division(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}, receiver=NOWHERE))
    with pytest.raises(Conflict, match="name its division") as caught:
        release(session, order_id)
    assert (caught.value.field, sources(session, order_id)) == ("division", [])


def test_a_division_places_the_order(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}, receiver=NOWHERE))
    release(session, order_id, division="310115")
    seen = see(session, order_id)
    assert (seen.province, seen.county, sources(session, order_id)) == ("上海市", "浦东新区", [("sh", "open")])


def test_a_division_that_is_none_is_not_found(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}, receiver=NOWHERE))
    with pytest.raises(NotFound, match="no division has the code 999999"):
        release(session, order_id, division="999999")


def test_what_was_short_is_sourced_when_stock_has_come(session: Session) -> None:
    order_id = placed(session, order({"apple": 7}))
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    release(session, order_id)
    assert (line(session, order_id).allocated, sources(session, order_id)) == (7, [("sh", "open")] * 2)


def test_what_is_still_short_is_held_again(session: Session) -> None:
    order_id = placed(session, order({"apple": 7}))
    release(session, order_id)
    assert [hold.type for hold in see(session, order_id).holds] == ["stock"]
    assert (open_causes(session), line(session, order_id).allocated) == (["stock"], 5)


def test_a_location_that_rejected_the_order_stays_barred(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    record_report(session, rejection(order_id, 1), AT)
    release(session, order_id)
    assert sources(session, order_id) == [("sh", "cancelled")]


def test_an_order_that_has_ended_waits_for_nothing(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}))
    cancel(session, order_id, "operator-1", "", AT)
    with pytest.raises(Conflict, match="waits for nothing"):
        release(session, order_id)


def test_while_a_change_waits_for_its_location_nothing_is_let_go_on_to_where_it_went_before(session: Session) -> None:
    order_id = placed(session, order({"apple": 7}))
    send(session, order_id)
    assert move(session, order_id) == "waiting"
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    with pytest.raises(Conflict) as caught:
        release(session, order_id)
    assert (caught.value.code, len(sources(session, order_id))) == ("change_under_way", 1)


def test_what_somebody_else_is_called_to_decide_is_not_done_by_letting_an_order_go_on(session: Session) -> None:
    order_id = placed(session, order({"apple": 7}))
    move(session, order_id)
    elsewhere = RECEIVER.model_copy(update={"street": "三路3号"})
    revise(session, order_id, order({"apple": 7}, source_revision=2, receiver=elsewhere), "ask", AT)
    assert open_causes(session) == ["stock", "change_asked"]
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    release(session, order_id)
    assert (open_causes(session), line(session, order_id).allocated) == (["change_asked"], 7)


def test_who_may_not_work_on_orders_releases_nothing(session: Session) -> None:
    order_id = placed(session, order({"apple": 2}, paid_at=None))
    with pytest.raises(Unauthorised, match="lacks the permission"):
        release_holds(session, order_id, Actor("viewer-1", frozenset({Role.VIEWER})), "", AT)
    assert len(see(session, order_id).holds) == 1
