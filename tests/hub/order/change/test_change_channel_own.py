"""What channels say anew of lines that the hub has changed itself: repeated, cut, or sold once more."""

import pytest
from sqlalchemy.orm import Session

from hub.errors import Conflict
from hub.order.change.channel import Precedence, revise
from hub.order.change.pay import pay
from hub.order.change.wanted import WantedLine
from tests.hub.making import AT, ZONE, open_causes, order, placed, stock
from tests.hub.order.change.test_change_channel_goods import said
from tests.hub.order.change.test_grow import broken, kept
from tests.hub.order.changing import answer, cut, dues, refunds, revision, send, want

HERE = AT.astimezone(ZONE)


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 19, "pear": 19}, "bj": {"plum": 9}})
    return placed(session, said(1))


def grow(session: Session, order_id: int, apples: int, amount: int) -> None:
    """Have the hub add apples, which are paid to it."""
    want(session, order_id, WantedLine("L1", apples))
    pay(session, order_id, "tester", HERE, HERE, amount=amount, reference=f"P-{apples}")


def apples(session: Session, order_id: int) -> int:
    return kept(session, order_id)["L1", "apple"]


@pytest.mark.parametrize("precedence", ["platform_wins", "hub_wins", "ask"])
def test_a_channel_that_repeats_what_the_hub_told_it_has_sold_nothing(
    session: Session, order_id: int, precedence: Precedence
) -> None:
    grow(session, order_id, 5, 2000)
    revise(session, order_id, said(2, 5), precedence, HERE)
    assert (apples(session, order_id), dues(session), open_causes(session)) == (5, [(2000, 0, "paid")], [])
    assert broken(session) == []


def test_what_is_still_due_stays_due_when_the_channel_repeats_it(session: Session, order_id: int) -> None:
    want(session, order_id, WantedLine("L1", 5))
    revise(session, order_id, said(2, 5), "platform_wins", HERE)
    assert (apples(session, order_id), dues(session)) == (5, [(2000, 0, "open")])


def test_a_channel_goes_on_from_what_it_has_taken_over_of_the_hub(session: Session, order_id: int) -> None:
    grow(session, order_id, 5, 2000)
    for number, pieces in ((2, 5), (3, 6), (4, 5), (5, 4)):
        revise(session, order_id, said(number, pieces), "platform_wins", HERE)
        assert apples(session, order_id) == pieces
    assert broken(session) == []


def test_a_channel_that_repeats_an_older_stand_leaves_what_came_after_it(session: Session, order_id: int) -> None:
    grow(session, order_id, 4, 1000)
    grow(session, order_id, 6, 2000)
    revise(session, order_id, said(2, 4), "platform_wins", HERE)
    assert apples(session, order_id) == 6
    revise(session, order_id, said(3, 5), "platform_wins", HERE)
    assert apples(session, order_id) == 7


def test_a_stand_that_the_channel_has_changed_since_is_a_persons(session: Session, order_id: int) -> None:
    grow(session, order_id, 5, 2000)
    revise(session, order_id, said(2, 4), "platform_wins", HERE)
    assert apples(session, order_id) == 6
    with pytest.raises(Conflict, match="may be what the hub told it"):
        revise(session, order_id, said(3, 5), "platform_wins", HERE)


def test_fewer_at_the_channel_leaves_what_the_buyer_bought_of_the_hub(session: Session, order_id: int) -> None:
    grow(session, order_id, 5, 2000)
    revise(session, order_id, said(2, 2), "platform_wins", HERE)
    assert (apples(session, order_id), refunds(session)) == (4, [(1000, 0, "due")])
    assert broken(session) == []


def test_what_the_hub_cut_of_its_own_pieces_is_not_cut_of_the_channels(session: Session, order_id: int) -> None:
    grow(session, order_id, 5, 2000)
    cut(session, order_id, L1=1)
    revise(session, order_id, said(2, 2), "platform_wins", HERE)
    assert apples(session, order_id) == 3


@pytest.mark.parametrize("pieces", [2, 5])
def test_goods_that_the_hub_does_not_take_from_the_channel_call_a_person(
    session: Session, order_id: int, pieces: int
) -> None:
    grow(session, order_id, 4, 1000)
    revise(session, order_id, said(2, pieces), "hub_wins", HERE)
    assert (apples(session, order_id), open_causes(session)) == (4, ["change_refused"])
    assert revision(session, order_id).state == "refused"


def test_a_channel_sells_more_of_what_has_grown_in_part(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "fig": 9}, "bj": {"pear": 9}})
    one = placed(session, order({"apple": 2, "pear": 2}))
    send(session, one)
    want(session, one, WantedLine("L1", 3), WantedLine("L2", 2, "fig"))
    answer(session, one, revision(session, one).stops[0], stopped=False)
    pay(session, one, "tester", HERE, HERE, amount=1000)
    assert (revision(session, one).state, kept(session, one)) == ("part", {("L1", "apple"): 3, ("L2", "pear"): 2})
    revise(session, one, order({"apple": 4, "pear": 2}, source_revision=2), "platform_wins", HERE)
    assert (kept(session, one), broken(session)) == ({("L1", "apple"): 5, ("L2", "pear"): 2}, [])


def test_a_channel_sells_more_of_what_it_has_made_its_own_whoever_wins(session: Session, order_id: int) -> None:
    grow(session, order_id, 5, 2000)
    for number, pieces in ((2, 5), (3, 6)):
        revise(session, order_id, said(number, pieces), "hub_wins", HERE)
        assert (apples(session, order_id), open_causes(session)) == (pieces, [])
    grow(session, order_id, 7, 1000)
    revise(session, order_id, said(4, 8), "hub_wins", HERE)
    assert (apples(session, order_id), open_causes(session)) == (7, ["change_refused"])


def test_a_channel_that_has_adopted_a_cut_before_it_is_paid_pays_for_what_is_left(session: Session) -> None:
    stock(session, {"sh": {"apple": 19, "pear": 19}}, "ASN-2")
    one = placed(session, order({"apple": 3}, "T2", paid_at=None))
    cut(session, one, L1=1)
    revise(session, one, order({"apple": 2}, "T2", source_revision=2, paid_at=AT), "hub_wins", HERE)
    assert [kept for _, kept, _ in refunds(session)] == [1000]
    assert (dues(session), open_causes(session)) == ([], [])
