"""Changes of orders: at once where nobody knows of them, after the location's answer where it may have started."""

import json

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.errors import Conflict, Malformed
from hub.inventory.ledger import drift
from hub.order.change.begin import change, reroute
from hub.order.change.cancel import cancel
from hub.order.change.revision import Contents, Wish
from hub.order.holds.resume import release_holds
from hub.order.reveal import reveal
from hub.order.ship.outbound import read_delivery
from hub.order.ship.progress import record_confirm, record_report
from hub.roles import SYSTEM
from tests.hub.making import (
    AT,
    RECEIVER,
    add_sku,
    confirm,
    counters,
    line,
    open_causes,
    order,
    placed,
    rejection,
    see,
    sources,
    step_states,
    stock,
)
from tests.hub.order.changing import BEIJING, BY, answer, cut, move, revision, send
from tests.hub.review.ruling import FRAGILE, enforce, rule


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order of three apples and two pears, which Shanghai takes although Beijing could."""
    stock(session, {"sh": {"apple": 9, "pear": 9}, "bj": {"apple": 9, "pear": 9}})
    return placed(session, order({"apple": 3, "pear": 2}, freight=500))


def test_pieces_that_nobody_knows_of_are_cancelled_at_once(session: Session, order_id: int) -> None:
    assert cut(session, order_id, L1=2) == "applied"
    assert sources(session, order_id) == [("sh", "cancelled"), ("sh", "open")]
    assert (line(session, order_id).cancelled, counters(session, "sh", "apple")) == (2, (9, 1))
    assert [tuple(one) for one in rows(session, "select amount, freight from refund_due")] == [(2000, 0)]
    assert (see(session, order_id).lifecycle, drift(session)) == ("in_fulfilment", [])


def test_all_pieces_that_are_left_are_the_whole_order(session: Session, order_id: int) -> None:
    cut(session, order_id, L1=3)
    assert (cut(session, order_id, L2=2), see(session, order_id).lifecycle) == ("applied", "cancelled")
    assert sum(one.amount for one in rows(session, "select amount from refund_due")) == 5500


def test_a_location_that_stops_gets_the_rest_as_the_next_attempt(session: Session, order_id: int) -> None:
    send(session, order_id)
    assert (cut(session, order_id, L1=1), step_states(session, "cancel_fulfilment")) == ("waiting", ["pending"])
    assert counters(session, "sh", "apple") == (9, 3)
    answer(session, order_id, 1, stopped=True)
    assert revision(session, order_id).state == "applied"
    again = see(session, order_id).fulfilments[1]
    assert (again.location, again.attempt, counters(session, "sh", "apple")) == ("sh", 2, (9, 2))
    assert drift(session) == []


def test_a_location_that_refuses_ships_all_and_calls_a_person(session: Session, order_id: int) -> None:
    send(session, order_id)
    cut(session, order_id, L1=1)
    answer(session, order_id, 1, stopped=False)
    assert (revision(session, order_id).state, revision(session, order_id).note) == ("refused", "sh: 已拣货")
    assert (open_causes(session), line(session, order_id).cancelled) == (["change_refused"], 0)
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), AT)
    assert see(session, order_id).lifecycle == "completed"


def test_a_parcel_that_overtakes_the_answer_settles_the_change(session: Session, order_id: int) -> None:
    send(session, order_id)
    cut(session, order_id, L1=1)
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}), AT)
    assert (revision(session, order_id).state, see(session, order_id).lifecycle) == ("refused", "completed")
    answer(session, order_id, 1, stopped=False)
    assert (open_causes(session), drift(session)) == (["change_refused"], [])


def test_a_location_that_sends_some_of_what_was_to_be_stopped_is_named(session: Session, order_id: int) -> None:
    send(session, order_id)
    cut(session, order_id, L1=2)
    record_confirm(session, confirm(order_id, 1, {"apple": 2, "pear": 2}), AT)
    assert (revision(session, order_id).state, line(session, order_id).cancelled) == ("part", 1)
    assert revision(session, order_id).note == "sh: it was sent or refused meanwhile"


def test_a_rejection_answers_a_change_and_the_rest_goes_elsewhere(session: Session, order_id: int) -> None:
    send(session, order_id)
    cut(session, order_id, L1=1)
    record_report(session, rejection(order_id, 1), AT)
    assert revision(session, order_id).state == "applied"
    assert (sources(session, order_id)[1], counters(session, "bj", "apple")) == (("bj", "open"), (9, 2))


def test_a_cancellation_overrides_a_change_that_waits(session: Session, order_id: int) -> None:
    send(session, order_id)
    cut(session, order_id, L1=1)
    cancel(session, order_id, "buyer", "all of it", AT)
    answer(session, order_id, 1, stopped=True)
    assert (revision(session, order_id).state, see(session, order_id).lifecycle) == ("refused", "cancelled")
    assert sum(one.amount for one in rows(session, "select amount from refund_due")) == 5500


def test_another_address_is_sourced_anew_and_the_old_one_kept_sealed(session: Session, order_id: int) -> None:
    assert move(session, order_id) == "applied"
    assert sources(session, order_id) == [("sh", "cancelled"), ("bj", "open")]
    assert read_delivery(session, order_id, 2, AT).receiver.street == BEIJING.street
    assert reveal(session, order_id, SYSTEM, "look", AT).name == BEIJING.name
    told = json.dumps([one.detail for one in rows(session, "select detail from audit_entry")], ensure_ascii=False)
    found = revision(session, order_id)
    assert RECEIVER.name not in told + str(found.contents) + str(found.former)
    assert see(session, order_id).total == 5500


def test_an_address_that_cannot_be_placed_waits_and_a_better_one_goes_on(session: Session, order_id: int) -> None:
    nowhere = BEIJING.model_copy(update={"province": "月球", "city": "静海", "county": "一号坑", "street": "无"})
    move(session, order_id, nowhere)
    assert ([one.type for one in see(session, order_id).holds], open_causes(session)) == (["address"], ["address"])
    assert counters(session, "sh", "apple") == (9, 0)
    move(session, order_id)
    assert (see(session, order_id).holds, open_causes(session)) == ((), [])
    assert sources(session, order_id)[-1] == ("bj", "open")


def test_a_parcel_that_left_goes_where_it_was_sent(session: Session) -> None:
    add_sku(session, "rice", grams=20_000)
    stock(session, {"sh": {"rice": 2}, "bj": {"rice": 2}})
    order_id = placed(session, order({"rice": 2}))
    send(session, order_id)
    move(session, order_id)
    answer(session, order_id, 1, stopped=True)
    assert revision(session, order_id).state == "waiting"
    answer(session, order_id, 2, stopped=False)
    assert (revision(session, order_id).state, open_causes(session)) == ("part", ["change_refused"])
    assert [one[0] for one in sources(session, order_id)] == ["sh", "sh", "bj"]


def test_what_another_location_refuses_meanwhile_is_sourced_once_the_change_is_done(session: Session) -> None:
    add_sku(session, "rice", grams=20_000)
    stock(session, {"sh": {"rice": 3}, "bj": {"rice": 3}})
    order_id = placed(session, order({"rice": 3}))
    send(session, order_id)
    cut(session, order_id, L1=1)
    for no in (1, 2):
        record_report(session, rejection(order_id, no), AT)
    assert counters(session, "bj", "rice") == (3, 0)
    answer(session, order_id, 3, stopped=False)
    assert (revision(session, order_id).state, line(session, order_id).cancelled) == ("applied", 1)
    assert (sources(session, order_id)[-1], counters(session, "bj", "rice"), drift(session)) == (
        ("bj", "open"),
        (3, 1),
        [],
    )


def test_a_remark_that_asks_for_something_holds_the_order(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    change(session, order_id, Wish(contents=Contents(remark="先别发")), BY, AT)
    assert [one.type for one in see(session, order_id).holds] == ["finance", "remark"]
    change(session, order_id, Wish(contents=Contents(remark="谢谢")), BY, AT)
    assert [one.type for one in see(session, order_id).holds] == ["finance"]


def test_each_rule_that_fails_holds_by_itself_and_ends_by_itself(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    enforce(session, rule("100 / (size(order.remark) - 3) > 200", "of_remarks"))
    enforce(session, rule(FRAGILE, "of_totals"))
    order_id = placed(session, order({"apple": 1}, remark="x"))
    release_holds(session, order_id, SYSTEM, "looked at", AT)
    change(session, order_id, Wish(contents=Contents(remark="abc")), BY, AT)
    assert failing(session) == ["of_remarks"]
    change(session, order_id, Wish(contents=Contents(remark="x")), BY, AT)
    assert failing(session) == []


def test_a_rule_that_fails_no_more_leaves_the_hold_of_one_that_does(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    enforce(session, rule("100 / (size(order.remark) - 3) > 200", "of_remarks"))
    enforce(session, rule(FRAGILE, "of_totals"))
    order_id = placed(session, order({"apple": 1}, remark="abc"))
    change(session, order_id, Wish(contents=Contents(remark="x")), BY, AT)
    assert failing(session) == ["of_totals"]


def failing(session: Session) -> list[str]:
    """Name the rules that hold an order because they fail."""
    held = "select evidence ->> 'rule' as rule from order_hold where released_at is null and rule = 'rule_failed'"
    return [one.rule for one in rows(session, held)]


def test_a_new_route_avoids_the_old_one_or_takes_the_named_one(session: Session, order_id: int) -> None:
    assert reroute(session, order_id, Wish(), BY, AT) == "applied"
    assert sources(session, order_id)[-1] == ("bj", "open")
    reroute(session, order_id, Wish(target="sh"), BY, AT)
    assert sources(session, order_id)[-1] == ("sh", "open")
    assert len(rows(session, "select 1 from routing_decision where order_id = :id", id=order_id)) == 3


def test_of_a_line_that_has_left_whole_nothing_is_cancelled_and_of_another_no_more_than_is_left(
    session: Session, order_id: int
) -> None:
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 1}, final=False), AT)
    for wanted, told in (({"L1": 1}, "pieces_shipped"), ({"L2": 2}, "more_than_left")):
        with pytest.raises(Conflict) as caught:
            cut(session, order_id, **wanted)
        assert caught.value.code == told
    assert "1 pieces are left" in caught.value.message


def test_what_cannot_be_changed_says_why(session: Session, order_id: int) -> None:
    send(session, order_id)
    with pytest.raises(Malformed, match="no line L9"):
        cut(session, order_id, L9=1)
    with pytest.raises(Conflict, match="3 pieces are left"):
        cut(session, order_id, L1=4)
    cut(session, order_id, L1=1)
    with pytest.raises(Conflict) as caught:
        move(session, order_id)
    assert caught.value.code == "change_under_way"


def test_a_cut_of_a_line_that_there_is_not_is_malformed(session: Session, order_id: int) -> None:
    with pytest.raises(Malformed) as caught:
        change(session, order_id, Wish(pieces={7: 1}), BY, AT)
    assert caught.value.code == "unknown_line"
