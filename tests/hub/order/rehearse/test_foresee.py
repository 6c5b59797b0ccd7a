"""What a change would come to is said before it is done, and nothing of it stays."""

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict
from hub.inventory.ledger import drift
from hub.order.change.begin import change, reroute
from hub.order.change.cancel import cancel
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.revision import Contents, Wish
from hub.order.change.wanted import WantedLine, pieces_of
from hub.order.model import OrderType
from hub.order.rehearse.change import Foreseen, foresee
from hub.order.ship.progress import record_confirm
from hub.order.trace.seen import otherwise
from hub.order.trace.seen import see as look
from tests.hub.making import AT, ZONE, confirm, order, placed, see, sources, stock
from tests.hub.merge.merging import close, merging
from tests.hub.merge.test_change import submit
from tests.hub.order.changing import BEIJING, BY, cut, move, revision, send, want


@pytest.fixture
def order_id(session: Session) -> int:
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
    return placed(session, order({"apple": 3, "pear": 2}, freight=500))


def foreseen(session: Session, order_id: int, wish: Wish) -> Foreseen:
    def act() -> None:
        change(session, order_id, wish, BY, AT)

    return foresee(session, order_id, act, AT)


def test_money_for_pieces_is_said_by_line_and_nothing_stays(session: Session, order_id: int) -> None:
    was = look(session, order_id)
    told = foreseen(session, order_id, Wish(pieces=pieces_of(session, order_id, {"L1": 2})))
    assert (told.back, told.freight, [(one.sku, one.pieces, one.amount) for one in told.refunds]) == (
        2000,
        0,
        [("apple", 2, 2000)],
    )
    assert ([one.location for one in told.recalled], [dict(one.pieces) for one in told.made]) == (
        ["sh"],
        [{"apple": 1, "pear": 2}],
    )
    assert (otherwise(was, look(session, order_id)), rows(session, "select 1 from refund_due")) == ([], [])
    assert drift(session) == []


def test_a_location_that_has_it_is_asked_and_what_follows_is_said_as_if_it_agreed(
    session: Session, order_id: int
) -> None:
    send(session, order_id)
    told = foreseen(session, order_id, Wish(contents=Contents(receiver=BEIJING)))
    assert ([one.location for one in told.asked], [one.location for one in told.made]) == (["sh"], ["bj"])
    assert (told.recalled, told.back, sources(session, order_id)) == ((), 0, [("sh", "scheduled")])


def test_cancelling_all_of_it_gives_the_freight_back_as_well(session: Session, order_id: int) -> None:
    def act() -> None:
        cancel(session, order_id, "operator-1", "no longer wanted", AT)

    told = foresee(session, order_id, act, AT)
    assert (told.lifecycle, told.refund, told.freight) == ("cancelled", 5000, 500)
    assert see(session, order_id).lifecycle == "in_fulfilment"


def test_another_location_is_named_with_what_it_would_ship(session: Session, order_id: int) -> None:
    def act() -> None:
        reroute(session, order_id, Wish(avoid=frozenset({"sh"})), BY, AT)

    told = foresee(session, order_id, act, AT)
    assert ([one.location for one in told.made], told.unmet) == (["bj"], 0)


def test_goods_sent_again_are_foreseen_with_their_own_document(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), AT)

    def act() -> int:
        return follow_up(session, order_id, OrderType.RESHIP, [Again("L1", 1)], BY, AT, ZONE)

    told = foresee(session, order_id, act, AT)
    assert ([one.order_id for one in told.made], dict(told.made[0].pieces)) == ([str(told.follow_up)], {"apple": 1})
    assert rows(session, "select 1 from order_link") == []


def test_what_is_refused_is_raised_and_leaves_nothing(session: Session, order_id: int) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), AT)
    with pytest.raises(Conflict, match="completed"):
        foreseen(session, order_id, Wish(pieces={1: 1}))
    assert rows(session, "select 1 from order_revision") == []


def test_a_location_that_was_asked_before_is_waited_for_by_what_comes_after(session: Session, order_id: int) -> None:
    send(session, order_id)
    assert move(session, order_id) == "waiting"

    def act() -> None:
        cancel(session, order_id, "operator-1", "the buyer asked", AT)

    told = foresee(session, order_id, act, AT)
    assert (told.lifecycle, [one.location for one in told.asked], told.refund) == ("cancelled", ["sh"], 5000)
    assert revision(session, order_id).state == "waiting"


@pytest.mark.parametrize("place", [0, 1])
def test_what_travels_in_the_document_of_another_order_is_foreseen_too(session: Session, place: int) -> None:
    merging(session)
    stock(session, {"sh": {"apple": 9}})
    ids = [placed(session, order({"apple": n}, f"T{n}")) for n in (2, 3)]
    close(session)
    submit(session)

    def act() -> None:
        cancel(session, ids[place], "operator-1", "the buyer asked", AT)

    told = foresee(session, ids[place], act, AT)
    assert (told.lifecycle, [one.code for one in told.asked]) == ("cancelled", [f"{ids[place]}-1"])
    assert [sources(session, one) for one in ids] == [[("sh", "scheduled")]] * 2


def test_who_looked_before_a_change_is_told_of_it(session: Session, order_id: int) -> None:
    was = look(session, order_id)
    cut(session, order_id, L1=1)
    told = {(one.what, one.no): (one.was, one.now) for one in otherwise(was, look(session, order_id))}
    assert told["revision", 1] == ("", "applied")
    assert told["document", 1] == ("open unsubmitted", "cancelled cancel_accepted")
    assert told["line", 1] == ("3 3 0 0 0", "3 2 0 1 0")


def test_what_is_added_is_said_with_what_is_due_for_it_and_what_moves_no_money(session: Session, order_id: int) -> None:
    def act() -> None:
        want(session, order_id, WantedLine("L2", 2, "apple", "12.50"))

    told = foresee(session, order_id, act, AT)
    assert (told.due, told.refund, told.set_off, told.back, told.held) == (500, 2000, 2000, 0, ("finance",))
