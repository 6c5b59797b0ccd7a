"""Returns that others are sent in exchange for: what was exchanged is not paid back, and what was paid is not sent."""

import pytest
from sqlalchemy.orm import Session

from hub.aftersale.decide import approve_return, reject_return, withdraw_return
from hub.aftersale.exchange import exchange_for
from hub.aftersale.status import ReturnKind
from hub.aftersale.view import get_return
from hub.errors import Conflict, NotFound
from hub.order.change.cancel import cancel
from hub.order.change.follow_up import Again
from hub.order.change.wanted import WantedLine
from hub.order.trace.timeline import trace
from tests.hub.aftersale.returning import WHO, arrive, ask, granted, refunded, returned, sent
from tests.hub.making import AT, ZONE, add_sku, order, see, stock
from tests.hub.order.changing import BY, want

HERE = AT.astimezone(ZONE)


@pytest.fixture
def order_id(session: Session) -> int:
    """Ship three apples, at ten each, and a box of two apples and a pear."""
    stock(session, {"sh": {"apple": 20, "pear": 9}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    return sent(session, order({"apple": 3, "box": 1}), {"apple": 5, "pear": 1})


def exchange(session: Session, order_id: int, no: int, *lines: Again) -> int:
    return exchange_for(session, order_id, no, lines, BY, HERE, ZONE)


def test_a_return_names_its_exchange_and_pays_nothing_for_it(session: Session, order_id: int) -> None:
    no = granted(session, order_id, {"L1": 2})
    made = exchange(session, order_id, no, Again("L1", 2, "pear"))
    assert get_return(session, order_id, no).exchanges == (str(made),)
    code = f"{order_id}-r{no}"
    for of, relation, other in ((made, "origin", order_id), (order_id, "follower", made)):
        [link] = see(session, of).links
        assert (link.relation, link.order, link.return_code) == (relation, str(other), code)
    [told] = [one for one in trace(session, made) if one.what == "follows"]
    assert (told.detail["origin"], told.detail["return_code"]) == (str(order_id), code)
    assert arrive(session, order_id, no, {"apple": 2}) == "received"
    assert (returned(session, order_id)[0], refunded(session)) == (2, [])


def test_pieces_beyond_the_exchange_are_paid_however_they_come(session: Session, order_id: int) -> None:
    no = granted(session, order_id, {"L1": 3})
    exchange(session, order_id, no, Again("L1", 1))
    arrive(session, order_id, no, {"apple": 2}, "d1", final=False)
    assert refunded(session) == [(1000, 0)]
    arrive(session, order_id, no, {"apple": 1}, "d2")
    assert refunded(session) == [(1000, 0), (1000, 0)]


def test_a_bundle_is_exchanged_part_by_part(session: Session, order_id: int) -> None:
    no = granted(session, order_id, {"L2": 1})
    exchange(session, order_id, no, Again("L2", 1))
    arrive(session, order_id, no, {"apple": 2, "pear": 1})
    assert refunded(session) == []


@pytest.mark.parametrize(("first", "second"), [(0, 3), (1, 2)])
def test_no_more_is_exchanged_than_comes_back(session: Session, order_id: int, first: int, second: int) -> None:
    no = ask(session, order_id, {"L1": 2})
    if first:
        exchange(session, order_id, no, Again("L1", first))
    with pytest.raises(Conflict) as caught:
        exchange(session, order_id, no, Again("L1", second))
    assert caught.value.code == "not_of_return"


def test_what_was_paid_back_is_not_exchanged(session: Session, order_id: int) -> None:
    no = granted(session, order_id, {"L1": 2})
    arrive(session, order_id, no, {"apple": 2})
    with pytest.raises(Conflict) as caught:
        exchange(session, order_id, no, Again("L1", 1))
    assert (caught.value.code, refunded(session)) == ("not_of_return", [(2000, 0)])


def test_what_others_were_sent_for_and_never_came_is_not_paid_by_another_return(
    session: Session, order_id: int
) -> None:
    no = granted(session, order_id, {"L1": 2})
    made = exchange(session, order_id, no, Again("L1", 2))
    assert arrive(session, order_id, no, {"apple": 1}) == "received"
    ask(session, order_id, {"L1": 1})
    with pytest.raises(Conflict) as caught:
        ask(session, order_id, {"L1": 1})
    assert caught.value.code == "more_than_shipped"
    arrive(session, order_id, no, {"apple": 1}, "d2")
    assert refunded(session) == []
    cancel(session, made, "buyer", "wants money", HERE)
    assert ask(session, order_id, {"L1": 2}, kind=ReturnKind.REFUND_ONLY)


def test_for_an_exchange_that_is_cancelled_money_goes_back(session: Session, order_id: int) -> None:
    no = granted(session, order_id, {"L1": 2})
    cancel(session, exchange(session, order_id, no, Again("L1", 2)), "buyer", "wants money", HERE)
    arrive(session, order_id, no, {"apple": 2})
    assert refunded(session)[0] == (2000, 0)


def test_pieces_that_came_for_a_cancelled_exchange_are_not_paid_alone_and_exchanged_once_more(
    session: Session, order_id: int
) -> None:
    no = granted(session, order_id, {"L1": 2})
    made = exchange(session, order_id, no, Again("L1", 2))
    arrive(session, order_id, no, {"apple": 2})
    cancel(session, made, "buyer", "wants money", HERE)
    alone = ask(session, order_id, {"L1": 1}, kind=ReturnKind.REFUND_ONLY)
    approve_return(session, order_id, alone, WHO, AT)
    with pytest.raises(Conflict) as caught:
        exchange(session, order_id, no, Again("L1", 2))
    assert caught.value.code == "not_of_return"
    assert exchange(session, order_id, no, Again("L1", 1))


def test_a_return_that_others_are_sent_for_is_not_let_go_until_they_are_cancelled(
    session: Session, order_id: int
) -> None:
    no = ask(session, order_id, {"L1": 2})
    made = exchange(session, order_id, no, Again("L1", 2))
    for let_go in (reject_return, withdraw_return):
        with pytest.raises(Conflict) as caught:
            let_go(session, order_id, no, WHO, "changed my mind", AT)
        assert (caught.value.code, str(made) in caught.value.say("zh")) == ("return_state", True)
    cancel(session, made, "buyer", "keeps the apples", HERE)
    assert withdraw_return(session, order_id, no, WHO, "", AT) == "withdrawn"


def test_what_is_bought_with_an_exchange_replaces_nothing(session: Session, order_id: int) -> None:
    no = granted(session, order_id, {"L1": 2})
    made = exchange(session, order_id, no, Again("L1", 1))
    want(session, made, WantedLine("N1", 1, "pear", "1.00", "pear"))
    arrive(session, order_id, no, {"apple": 2})
    assert refunded(session) == [(1000, 0)]


def test_a_return_that_is_not_there_has_no_exchange(session: Session, order_id: int) -> None:
    with pytest.raises(NotFound):
        exchange(session, order_id, 9, Again("L1", 1))
