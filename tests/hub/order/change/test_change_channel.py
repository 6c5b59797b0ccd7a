"""What channels say anew of their orders: applied, unless the hub has changed the same and its word counts."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, NotFound
from hub.order.change.begin import change
from hub.order.change.cancel import cancel
from hub.order.change.channel import Precedence, decide, revise
from hub.order.change.expire import expire
from hub.order.change.revision import Contents, Wish
from hub.order.holds.resume import release_holds
from hub.order.model import Receiver, ShopOrder
from hub.order.receive import find_later
from hub.order.reread import reread
from hub.order.reveal import reveal
from hub.roles import SYSTEM
from tests.hub.making import AT, RECEIVER, line, open_causes, order, placed, see, stock
from tests.hub.order.change.test_expire import LATE, TERMS
from tests.hub.order.changing import BEIJING, BY, answer, move, revision, send

THIRD = RECEIVER.model_copy(update={"street": "第三路3号"})
NOWHERE = RECEIVER.model_copy(update={"province": "", "city": "", "county": ""})


def said(revision: int = 2, pieces: int = 3, receiver: Receiver = RECEIVER, **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field of an order
    return order({"apple": pieces, "pear": 2}, source_revision=revision, receiver=receiver, **changes)


def street(session: Session, order_id: int) -> str:
    return reveal(session, order_id, SYSTEM, "look", AT).street


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
    return placed(session, said(1))


def test_a_later_revision_is_known_by_its_number_and_its_contents(session: Session, order_id: int) -> None:
    batch = [said(1, receiver=BEIJING), said(2), said(2, receiver=BEIJING), order({"apple": 1}, "T2")]
    assert find_later(session, batch) == {2: order_id}
    revise(session, order_id, said(2, receiver=BEIJING), "platform_wins", AT)
    assert find_later(session, batch) == {}


def test_address_and_pieces_follow_the_channel(session: Session, order_id: int) -> None:
    revise(session, order_id, said(2, 1, BEIJING), "ask", AT)
    assert (street(session, order_id), line(session, order_id).cancelled) == (BEIJING.street, 2)
    assert (see(session, order_id).fulfilments[-1].location, revision(session, order_id).source) == ("bj", "channel")


@pytest.mark.parametrize(
    ("precedence", "where", "state", "causes"),
    [
        ("platform_wins", THIRD, "applied", []),
        ("hub_wins", BEIJING, "refused", []),
        ("ask", BEIJING, "asked", ["change_asked"]),
    ],
)
def test_where_both_have_changed_the_policy_decides(
    session: Session, order_id: int, *, precedence: Precedence, where: Receiver, state: str, causes: list[str]
) -> None:
    move(session, order_id)
    revise(session, order_id, said(2, receiver=THIRD), precedence, AT)
    assert (street(session, order_id), revision(session, order_id).state) == (where.street, state)
    assert open_causes(session) == causes


def test_a_channel_that_repeats_its_first_address_has_changed_nothing(session: Session, order_id: int) -> None:
    move(session, order_id)
    revise(session, order_id, said(2, remark="谢谢"), "ask", AT)
    assert (street(session, order_id), open_causes(session)) == (BEIJING.street, [])


@pytest.mark.parametrize("next_one", [THIRD, RECEIVER])
def test_an_address_that_the_channel_has_made_its_own_is_its_to_change(
    session: Session, order_id: int, next_one: Receiver
) -> None:
    move(session, order_id)
    revise(session, order_id, said(2, receiver=BEIJING), "hub_wins", AT)
    revise(session, order_id, said(3, receiver=next_one), "hub_wins", AT)
    assert (street(session, order_id), revision(session, order_id).state) == (next_one.street, "applied")


def test_a_remark_that_the_channel_has_made_its_own_is_its_to_change(session: Session, order_id: int) -> None:
    change(session, order_id, Wish(contents=Contents(remark="门口")), BY, AT)
    for number, remark in ((2, "门口"), (3, "")):
        revise(session, order_id, said(number, remark=remark), "hub_wins", AT)
    assert reread(session, order_id).order.remark == ""


@pytest.mark.parametrize(("take", "where"), [(True, THIRD), (False, BEIJING)])
def test_a_person_takes_the_channels_change_or_keeps_the_hubs(
    session: Session, order_id: int, *, take: bool, where: Receiver
) -> None:
    move(session, order_id)
    revise(session, order_id, said(2, receiver=THIRD), "ask", AT)
    assert decide(session, order_id, BY, AT, take=take) == ("applied" if take else "refused")
    assert (street(session, order_id), open_causes(session)) == (where.street, [])


def test_a_cancellation_that_is_refused_leaves_nothing_to_decide(session: Session, order_id: int) -> None:
    move(session, order_id)
    revise(session, order_id, said(2, receiver=THIRD), "ask", AT)
    send(session, order_id)
    cancel(session, order_id, "operator-1", "the buyer asked", AT)
    answer(session, order_id, 2, stopped=False)
    assert (revision(session, order_id).state, open_causes(session)) == ("refused", ["cancel_refused"])


def test_payment_comes_with_a_revision_and_may_be_too_late(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    paid, late = (placed(session, order({"apple": 1}, name, paid_at=None)) for name in ("T1", "T2"))
    revise(session, paid, order({"apple": 1}, "T1", source_revision=2), "ask", AT)
    expire(session, TERMS, LATE)
    revise(session, late, order({"apple": 1}, "T2", source_revision=2), "ask", LATE)
    assert [see(session, one).lifecycle for one in (paid, late)] == ["in_fulfilment", "closed"]
    assert open_causes(session) == ["paid_late"]


def test_other_amounts_need_a_person(session: Session, order_id: int) -> None:
    with pytest.raises(Conflict, match="other amounts"):
        revise(session, order_id, said(2, freight=100), "platform_wins", AT)


def test_an_older_revision_that_comes_to_the_lock_later_changes_nothing(session: Session, order_id: int) -> None:
    for number, where in ((3, THIRD), (2, BEIJING)):
        revise(session, order_id, said(number, receiver=where), "platform_wins", AT)
    [head] = rows(session, "select source_revision from sales_order")
    assert (street(session, order_id), head.source_revision) == (THIRD.street, 3)


def states(session: Session) -> list[str]:
    return [one.state for one in rows(session, "select state from order_revision where source = 'channel' order by no")]


def test_a_newer_question_takes_the_place_of_an_older(session: Session, order_id: int) -> None:
    move(session, order_id)
    for number, where in ((2, RECEIVER.model_copy(update={"street": "第二路2号"})), (3, THIRD)):
        revise(session, order_id, said(number, receiver=where), "ask", AT)
    assert (states(session), open_causes(session)) == (["refused", "asked"], ["change_asked"])
    assert decide(session, order_id, BY, AT, take=True) == "applied"
    with pytest.raises(NotFound):
        decide(session, order_id, BY, AT, take=True)
    assert street(session, order_id) == THIRD.street


def test_a_question_that_the_channel_takes_back_is_no_case_any_more(session: Session, order_id: int) -> None:
    move(session, order_id)
    for number, where in ((2, THIRD), (3, RECEIVER)):
        revise(session, order_id, said(number, receiver=where), "ask", AT)
    assert (states(session), open_causes(session), street(session, order_id)) == (["refused"], [], BEIJING.street)


def test_nobody_is_asked_about_an_order_that_was_closed(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    one = placed(session, order({"apple": 1}, paid_at=None))
    move(session, one)
    for number, where in ((2, THIRD), (3, RECEIVER.model_copy(update={"street": "第四路4号"}))):
        told = order({"apple": 1}, paid_at=None, source_revision=number, receiver=where)
        revise(session, one, told, "ask", AT)
        expire(session, TERMS, LATE)
    assert (states(session), open_causes(session)) == (["refused", "refused"], [])


def test_a_channel_that_is_paid_less_for_fewer_pieces_owes_nothing_back(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    one = placed(session, order({"apple": 3}, paid_at=None))
    revise(session, one, order({"apple": 2}, source_revision=2), "ask", AT)
    assert (line(session, one).cancelled, see(session, one).payment) == (1, "paid")
    assert rows(session, "select 1 from refund_due") == []


def test_a_division_that_a_person_has_named_stays_until_the_channel_names_one(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
    order_id = placed(session, said(1, receiver=NOWHERE))
    release_holds(session, order_id, SYSTEM, "the buyer was asked", AT, division="310115")
    revise(session, order_id, said(2, receiver=NOWHERE, remark="请放门口"), "platform_wins", AT)
    seen = see(session, order_id)
    remark = reveal(session, order_id, SYSTEM, "look", AT).remark
    assert (seen.county, remark) == ("浦东新区", "请放门口")
    revise(session, order_id, said(3, receiver=BEIJING), "platform_wins", AT)
    assert see(session, order_id).province == "北京市"


def test_another_street_in_a_place_that_nobody_knows_is_the_channels(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
    order_id = placed(session, said(1, receiver=NOWHERE))
    release_holds(session, order_id, SYSTEM, "the buyer was asked", AT, division="310115")
    moved = NOWHERE.model_copy(update={"street": "别处 1 号"})
    revise(session, order_id, said(2, receiver=moved), "platform_wins", AT)
    assert (street(session, order_id), see(session, order_id).county) == ("别处 1 号", "")
