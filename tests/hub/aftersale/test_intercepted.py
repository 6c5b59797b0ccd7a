"""A courier's answer about a parcel that is to be stopped: a yes opens the return of its pieces, a no is a case."""

import pytest
from sqlalchemy.orm import Session

from hub.aftersale.ask import ask_return
from hub.aftersale.decide import approve_return
from hub.aftersale.intercepted import lose_intercept
from hub.aftersale.status import ReturnKind
from hub.aftersale.wish import Sent, Terms, Wish
from hub.database import rows, run
from hub.fulfilment.courier import CourierStatus, InterceptAnswer
from hub.order.ship.progress import record_confirm
from hub.order.ship.track import Parcel
from tests.hub.aftersale.returning import arrive, refunded
from tests.hub.making import AT, add_sku, confirm, open_causes, order, placed, see, stock
from tests.hub.stopping import NO, SF, WHO, YES, answered, asked, intercepts, left, packed, served, states, tracked


@pytest.fixture
def order_id(session: Session) -> int:
    """Ship three apples in two parcels, both of which are to be stopped."""
    served(session)
    made = left(session)
    asked(session, made)
    return made


def returns(session: Session, order_id: int) -> list[tuple[int, str, str, str, int]]:
    found = rows(
        session,
        """select c.no, c.state, c.location, c.courier || ' ' || c.tracking_no as waybill, l.asked
           from return_case c join return_line l using (order_id, no) where order_id = :id order by 1""",
        id=order_id,
    )
    return [tuple(one) for one in found]


def told(session: Session) -> str:
    return rows(session, "select message from case_file where state = 'open'")[0].message


def test_a_yes_opens_the_return_of_what_is_in_the_parcel(session: Session, order_id: int) -> None:
    for no in (1, 2):
        answered(session, order_id, YES, no)
    assert returns(session, order_id) == [(1, "requested", "sh", "SF SF-1", 2), (2, "requested", "sh", "SF SF-2", 1)]
    assert [(one.state, one.instruction, one.return_no) for one in intercepts(session, order_id)] == [
        ("accepted", "CUS1", 1),
        ("accepted", "CUS1", 2),
    ]
    assert open_causes(session) == []


def test_the_same_yes_again_changes_nothing(session: Session, order_id: int) -> None:
    for answer in (YES, YES, NO):
        answered(session, order_id, answer)
    assert (len(returns(session, order_id)), states(session, order_id)) == (1, ["accepted", "asked"])
    assert open_causes(session) == []


def test_what_is_brought_back_is_approved_taken_in_and_paid_like_any_return(session: Session, order_id: int) -> None:
    answered(session, order_id, YES)
    approve_return(session, order_id, 1, WHO, AT)
    tracked(session, "SF-1", CourierStatus.RETURNED)
    assert states(session, order_id) == ["back", "asked"]
    assert arrive(session, order_id, 1, {"apple": 2}) == "received"
    assert refunded(session) == [(2000, 0)]


def test_a_no_is_a_case_with_the_couriers_words(session: Session, order_id: int) -> None:
    answered(session, order_id, NO)
    assert (open_causes(session), told(session)) == (["intercept_refused"], "SF SF-1: 运单已签收 (20011)")
    seen = see(session, order_id).parcels
    assert [(one.intercept, one.intercept_note) for one in seen] == [("rejected", "运单已签收 (20011)"), ("asked", "")]
    assert returns(session, order_id) == []


def test_nobody_is_named_by_the_couriers_words(session: Session, order_id: int) -> None:
    answered(session, order_id, InterceptAnswer(accepted=False, words="收件人甲 10000000001 已签收"))
    [entry] = rows(session, "select detail ->> 'reason' as said from audit_entry where act = 'intercept.rejected'")
    shown = (told(session).removeprefix("SF SF-1: "), see(session, order_id).parcels[0].intercept_note, entry.said)
    assert shown == ("收** 100****0001 已签收",) * 3


def test_a_yes_after_a_no_opens_the_return_all_the_same(session: Session, order_id: int) -> None:
    answered(session, order_id, NO)
    answered(session, order_id, YES)
    assert (states(session, order_id)[0], len(returns(session, order_id))) == ("accepted", 1)
    assert open_causes(session) == []


def test_a_parcel_whose_pieces_a_return_awaits_needs_no_other(session: Session, order_id: int) -> None:
    wish = Wish(ReturnKind.RETURN_REFUND, [("L1", 3)], reason="changed my mind")
    ask_return(session, order_id, wish, WHO, Terms(), AT)
    answered(session, order_id, YES)
    assert (len(returns(session, order_id)), intercepts(session, order_id)[0].return_no) == (1, None)
    assert open_causes(session) == []


def test_pieces_that_no_return_can_await_call_a_person(session: Session, order_id: int) -> None:
    wish = Wish(ReturnKind.REFUND_ONLY, [("L1", 2)], reason="goodwill")
    approve_return(session, order_id, ask_return(session, order_id, wish, WHO, Terms(), AT), WHO, AT)
    answered(session, order_id, YES)
    assert (open_causes(session), told(session)) == (["intercept_uncovered"], "SF SF-1: apple × 1")
    assert [one[4] for one in returns(session, order_id)] == [2, 1]


def test_a_parcel_that_is_delivered_all_the_same_calls_a_person(session: Session, order_id: int) -> None:
    answered(session, order_id, YES)
    for number in ("SF-1", "SF-2"):
        tracked(session, number, CourierStatus.DELIVERED)
    assert open_causes(session) == ["intercept_refused"]
    assert told(session) == "SF-1: delivered, though it was to be brought back"
    tracked(session, "SF-1", CourierStatus.RETURNED, hours=1)
    assert (open_causes(session), states(session, order_id)) == ([], ["back", "asked"])


def test_a_parcel_of_which_nobody_knows_what_it_holds_calls_a_person_where_no_return_awaits_it(
    session: Session, order_id: int
) -> None:
    run(session, "delete from parcel_line where parcel_no = 2")
    answered(session, order_id, YES, 2)
    assert (open_causes(session), told(session)) == (["intercept_uncovered"], "SF SF-2: nobody has said what is in it")
    assert returns(session, order_id) == []
    run(session, "delete from case_file")
    answered(session, order_id, YES, 1)
    tracked(session, "SF-2", CourierStatus.RETURNED)
    assert (open_causes(session), len(returns(session, order_id))) == ([], 1)


def test_a_yes_that_is_heard_after_the_delivery_calls_a_person_as_well(session: Session, order_id: int) -> None:
    tracked(session, "SF-1", CourierStatus.DELIVERED)
    answered(session, order_id, YES)
    assert (open_causes(session), len(returns(session, order_id))) == (["intercept_refused"], 1)
    assert told(session) == "SF-1: delivered, though it was to be brought back"


def test_a_call_that_was_given_up_is_a_refusal_unless_it_may_have_been_heard(session: Session, order_id: int) -> None:
    for no, doubt in ((1, False), (2, True)):
        lose_intercept(session, Parcel(order_id, 1, no), SF, "sf_A1001", AT, doubt=doubt)
    assert states(session, order_id) == ["rejected", "unknown"]
    seen = see(session, order_id).parcels
    assert [(one.intercept_note, one.intercept_code) for one in seen] == [("", "sf_A1001")] * 2
    tracked(session, "SF-2", CourierStatus.RETURNED)
    lose_intercept(session, Parcel(order_id, 1, 2), SF, "sf_A1001", AT, doubt=True)
    assert states(session, order_id) == ["rejected", "back"]


@pytest.mark.parametrize("before", ["refused", "asked", "given_up", "unknown"])
def test_what_comes_back_without_a_yes_has_its_return_and_no_open_refusal(
    session: Session, order_id: int, before: str
) -> None:
    if before == "refused":
        answered(session, order_id, NO)
    elif before != "asked":
        lose_intercept(session, Parcel(order_id, 1, 1), SF, "sf_A1001", AT, doubt=before == "unknown")
    tracked(session, "SF-1", CourierStatus.RETURNED)
    assert (states(session, order_id), open_causes(session)) == (["back", "asked"], [])
    assert returns(session, order_id) == [(1, "requested", "sh", "SF SF-1", 2)]
    assert intercepts(session, order_id)[0].return_no == 1


@pytest.mark.parametrize("answer", [YES, NO])
def test_an_answer_that_is_heard_when_the_parcel_is_back_finds_its_return_open(
    session: Session, order_id: int, answer: InterceptAnswer
) -> None:
    tracked(session, "SF-1", CourierStatus.RETURNED)
    answered(session, order_id, answer)
    tracked(session, "SF-1", CourierStatus.RETURNED, hours=1)
    assert (len(returns(session, order_id)), states(session, order_id)[0]) == (1, "back")
    assert open_causes(session) == []


def test_what_was_taken_in_before_its_courier_said_so_needs_no_return(session: Session, order_id: int) -> None:
    answered(session, order_id, NO)
    wish = Wish(ReturnKind.RETURN_REFUND, [("L1", 3)], reason="it came back")
    no = ask_return(session, order_id, wish, WHO, Terms(), AT)
    approve_return(session, order_id, no, WHO, AT)
    assert arrive(session, order_id, no, {"apple": 3}) == "received"
    tracked(session, "SF-1", CourierStatus.RETURNED)
    assert ([one[1] for one in returns(session, order_id)], open_causes(session)) == (["received"], [])


def test_a_parcel_that_nobody_took_comes_back_and_has_its_return(session: Session) -> None:
    served(session)
    order_id = left(session, packed("SF-1", {"apple": 3}))
    for hours in (0, 1):
        tracked(session, "SF-1", CourierStatus.RETURNED, hours=hours)
    assert [(one.status, one.intercept) for one in see(session, order_id).parcels] == [("returned", "")]
    assert returns(session, order_id) == [(1, "requested", "sh", "SF SF-1", 3)]
    approve_return(session, order_id, 1, WHO, AT)
    assert (arrive(session, order_id, 1, {"apple": 3}), refunded(session)) == ("received", [(3000, 0)])


@pytest.mark.parametrize("taken_in", [False, True])
def test_a_return_of_the_parcels_own_waybill_is_all_that_it_needs(session: Session, *, taken_in: bool) -> None:
    served(session)
    order_id = left(session)
    tracked(session, "SF-2", CourierStatus.DELIVERED)
    wish = Wish(ReturnKind.RETURN_REFUND, [("L1", 2)], reason="nobody took it", sent=Sent("SF", "SF-1"))
    no = ask_return(session, order_id, wish, WHO, Terms(), AT)
    approve_return(session, order_id, no, WHO, AT)
    if taken_in:
        arrive(session, order_id, no, {"apple": 2})
    tracked(session, "SF-1", CourierStatus.RETURNED)
    assert ([one[0] for one in returns(session, order_id)], open_causes(session)) == ([no], [])


def test_of_a_bundle_the_parts_come_back_that_its_parcel_holds(session: Session) -> None:
    served(session)
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    order_id = placed(session, order({"box": 1}))
    parcels = (packed("SF-1", {"apple": 2}), packed("SF-2", {"pear": 1}))
    record_confirm(session, confirm(order_id, 1, {"apple": 2, "pear": 1}, parcels=parcels), AT)
    asked(session, order_id)
    for no in (1, 2):
        answered(session, order_id, YES, no)
    assert [one[4] for one in returns(session, order_id)] == [2, 1]
    assert open_causes(session) == []
