"""Returns of many orders: page by page, sifted, and no more of them than somebody may see."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.aftersale.decide import reject_return
from hub.aftersale.queue import Wanted, list_returns, waiting_returns
from hub.aftersale.status import ReturnKind, ReturnState
from hub.database import run
from hub.errors import Malformed
from hub.roles import SYSTEM, Actor, Role
from tests.hub.aftersale.returning import WHO, arrive, ask, granted, sent
from tests.hub.making import AT, order, stock


@pytest.fixture
def codes(session: Session) -> list[str]:
    """Ask for four returns of two orders, a minute apart: requested, approved, received, of money alone rejected."""
    stock(session, {"sh": {"apple": 20}})
    first, second = (sent(session, order({"apple": 5}, number), {"apple": 5}) for number in ("T1", "T2"))
    made = [(second, ask(session, second, {"L1": 1})), (first, granted(session, first, {"L1": 2}))]
    made.append((first, granted(session, first, {"L1": 1})))
    arrive(session, first, 2, {"apple": 1})
    made.append((second, ask(session, second, {"L1": 1}, kind=ReturnKind.REFUND_ONLY)))
    reject_return(session, second, 2, WHO, "worn", AT)
    for minutes, (order_id, no) in enumerate(made):
        told = "update return_case set created_at = :at where (order_id, no) = (:id, :no)"
        run(session, told, at=AT + timedelta(minutes=minutes), id=order_id, no=no)
    return [f"{order_id}-r{no}" for order_id, no in made]


def listed(session: Session, wanted: Wanted, actor: Actor = SYSTEM) -> list[str]:
    return [one.code for one in list_returns(session, actor, wanted).returns]


def test_returns_are_listed_the_newest_first_page_by_page(session: Session, codes: list[str]) -> None:
    found, cursor = list[str](), ""
    while True:
        page = list_returns(session, SYSTEM, Wanted(), after=cursor, limit=3)
        found += [one.code for one in page.returns]
        if not (cursor := page.next):
            break
    assert found == codes[::-1]
    newest, *_, oldest = list_returns(session, SYSTEM, Wanted()).returns
    assert (newest.state, newest.kind, newest.external_id) == ("rejected", "refund_only", "T2")
    assert (oldest.state, oldest.pieces, oldest.arrived, oldest.shop) == ("requested", 1, 0, "pc")


def test_they_are_sifted_by_state_kind_shop_and_time(session: Session, codes: list[str]) -> None:
    waiting = Wanted(states=(ReturnState.REQUESTED, ReturnState.APPROVED))
    assert listed(session, waiting) == [codes[1], codes[0]]
    assert listed(session, Wanted(kind=ReturnKind.REFUND_ONLY)) == [codes[3]]
    assert (listed(session, Wanted(shop="h5")), listed(session, Wanted(brand="demo", shop="pc"))) == ([], codes[::-1])
    between = Wanted(since=AT + timedelta(minutes=1), until=AT + timedelta(minutes=3))
    assert listed(session, between) == [codes[2], codes[1]]


@pytest.mark.parametrize(("brand", "shop", "seen"), [("demo", "pc", 4), ("demo", "h5", 0), ("other", "", 0)])
def test_nobody_sees_the_returns_of_others(
    session: Session, codes: list[str], brand: str, shop: str, seen: int
) -> None:
    actor = Actor("one", frozenset({Role.OPERATOR}), frozenset({brand}), frozenset({shop} - {""}))
    assert len(listed(session, Wanted(), actor)) == seen
    assert len(codes) == 4


@pytest.mark.parametrize("cursor", ["x", "1-r1", "1-1", f"{'9' * 17}-r1"])
def test_what_is_no_place_in_the_list_is_refused(session: Session, cursor: str) -> None:
    with pytest.raises(Malformed) as caught:
        list_returns(session, SYSTEM, Wanted(), after=cursor)
    assert caught.value.code == "cursor"


@pytest.mark.usefixtures("codes")
def test_those_that_wait_are_counted_by_state(session: Session) -> None:
    told = [(one.state, one.n, one.oldest_at) for one in waiting_returns(session, SYSTEM, 10)]
    assert sorted(told, key=str) == [
        ("approved", 1, AT + timedelta(minutes=1)),
        ("requested", 1, AT),
        ("sent", 0, None),
    ]
    stranger = Actor("one", frozenset({Role.OPERATOR}), frozenset({"other"}))
    assert [one.n for one in waiting_returns(session, stranger, 10)] == [0, 0, 0]
