import json
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import NewCase, open_cases
from hub.database import rows, run
from hub.errors import NotFound
from hub.inbox import InboxState, keep, read, settle
from hub.order.holds.resume import release_holds
from hub.order.ship.progress import record_confirm
from hub.order.trace.head import trace_head
from hub.order.trace.inbox import open_message
from hub.order.trace.timeline import SOURCES, trace
from hub.roles import SYSTEM, Actor, Role
from hub.steps import move_finished
from hub.tracing import current_traceparent, span, trace_id_of
from tests.hub.making import AT, RECEIVER, confirm, coupon, order, placed, stock
from tests.hub.review.ruling import enforce, holding, rule
from tests.spans import traced

OF_APP = Actor("of-app", frozenset({Role.VIEWER}), shops=frozenset({"app"}))
BODY = json.dumps(
    {"receiver": {"name": RECEIVER.name, "phone": RECEIVER.phone}, "note": f"给{RECEIVER.name}", "x": RECEIVER.street}
)


def test_everything_that_happened_to_an_order_is_on_one_line_of_time(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    inbox_id, _ = keep(session, "mall-pc", "order", "m1", b"{}", AT)
    order_id = placed(session, order({"apple": 1}, remark="先别发"))
    settle(session, read(session, inbox_id), InboxState.DONE, AT, order_id=order_id)
    release_holds(session, order_id, SYSTEM, "asked", AT + timedelta(minutes=1))
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT + timedelta(minutes=2))
    found = trace(session, order_id)
    assert [one.at for one in found] == sorted(one.at for one in found)
    whats = [one.what for one in found]
    assert whats[:3] == ["inbox", "placed", "hold"]
    assert {"hold released", "route", "fulfilment", "step", "shipment", "case", "case resolved", "audit"} <= set(whats)


def test_a_happening_carries_its_parts_for_whoever_words_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    hold = next(one for one in trace(session, order_id) if one.what == "hold")
    assert hold.detail["type"] == "finance"
    assert hold.detail["released"] is False


def test_a_split_is_told_with_its_parts(session: Session) -> None:
    stock(session, {"sh": {"apple": 90}})
    run(session, "update sku set grams = 20000")
    order_id = placed(session, order({"apple": 3}))
    split = next(one for one in trace(session, order_id) if one.what == "split")
    assert split.told == "3 parts"
    assert [part[0]["quantity"] for part in split.detail["parts"]] == [1, 1, 1]


def test_calls_are_found_before_and_after_their_step_moved_to_history(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error)
           select id, 1, :at, :at, 'done', '', '' from step""",
        at=AT,
    )
    before = [one for one in trace(session, order_id) if one.what in {"call", "step"}]
    run(session, "update step set state = 'done', settled_at = :at", at=AT)
    move_finished(session, AT + timedelta(seconds=1))
    after = [one for one in trace(session, order_id) if one.what in {"call", "step"}]
    assert [one.what for one in before] == [one.what for one in after] == ["step", "call"]
    assert (before[1], after[0].told) == (after[1], "release_fulfilment done")


def test_every_attempt_is_told_with_its_outcome_its_time_and_its_error_and_the_trace_of_its_step(
    session: Session,
) -> None:
    stock(session, {"sh": {"apple": 5}})
    with traced(), span("placing"):
        order_id, here = placed(session, order({"apple": 1})), trace_id_of(current_traceparent())
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error)
           select id, no, :at, cast(:at as timestamptz) + no * interval '250 ms', outcome, code, code
           from step, (values (1, 'unknown', 'http_502'), (2, 'done', '')) as two (no, outcome, code)""",
        at=AT,
    )
    (step,) = [one for one in trace(session, order_id) if one.what == "step"]
    calls = [one for one in trace(session, order_id) if one.what == "call"]
    assert [one.told.partition(" ")[2] for one in calls] == ["unknown in 0.250 s", "done in 0.500 s"]
    assert [(one.why, one.detail["code"]) for one in calls] == [("http_502", "http_502"), ("", "")]
    assert {one.detail["trace"] for one in (step, *calls)} == {here}


def test_what_a_person_did_to_its_calls_and_messages_belongs_to_the_order(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    step = rows(session, "select id from step")[0].id
    record(session, AT, "operator-1", "step.retry", f"step:{step}", reason="mended")
    told = [(one.whom, one.told) for one in trace(session, order_id) if one.what == "audit"]
    assert ("operator-1", "step.retry") in told


def test_another_order_is_not_in_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    mine, other = placed(session, order({"apple": 1}, "T1")), placed(session, order({"apple": 1}, "T2"))
    before = trace(session, mine)
    record(session, AT, "operator-1", "order.look", f"order:{other}")
    open_cases(session, [NewCase("review", f"order:{other}", "demo", "", other)], AT)
    assert trace(session, mine) == before
    assert trace(session, 7) == []


def test_every_source_is_asked_of_the_order_alone() -> None:
    assert all(":id" in statement for statement in SOURCES.values())


def test_the_head_tells_who_bears_which_reduction(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 5}})
    order_id = placed(session, order({"apple": 2, "pear": 1}, adjustments=(coupon(300), coupon(100, "L1"))))
    head = trace_head(session, order_id, SYSTEM)
    assert [(one.amount, sum(one.shares.values())) for one in head.adjustments] == [(300, 300), (100, 100)]
    assert head.by_funder == {"merchant": 400}
    assert (head.pieces, head.total, len(head.lines)) == (3, 2600, 2)


def test_the_head_tells_open_holds_and_cases_apart_from_the_old(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, remark="先别发"))
    head = trace_head(session, order_id, SYSTEM)
    assert ([one.type for one in head.open_holds], [one.cause for one in head.open_cases]) == (["remark"], ["review"])
    release_holds(session, order_id, SYSTEM, "asked", AT)
    head = trace_head(session, order_id, SYSTEM)
    assert (head.open_holds, head.open_cases, len(head.holds), len(head.cases)) == ((), (), 1, 1)


def test_the_head_names_the_goods_of_a_line_that_is_held(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 5}})
    enforce(session, rule("line.sku == 'pear'", verdict=holding(scope="line")))
    head = trace_head(session, placed(session, order({"apple": 1, "pear": 1})), SYSTEM)
    assert [(one.line_no, one.sku, one.location) for one in head.open_holds] == [(2, "pear", None)]


def test_nobody_sees_the_head_of_another_shops_order(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    with pytest.raises(NotFound):
        trace_head(session, order_id, OF_APP)


def test_a_message_is_opened_masked_of_its_orders_receiver(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    inbox_id, _ = keep(session, "mall-pc", "order", "m1", BODY.encode(), AT)
    order_id = placed(session, order({"apple": 1}))
    settle(session, read(session, inbox_id), InboxState.DONE, AT, order_id=order_id)
    message = open_message(session, SYSTEM, inbox_id)
    assert message.size == len(BODY.encode())
    assert not [one for one in (RECEIVER.name, RECEIVER.phone, RECEIVER.street) if one in message.shown]


def test_a_message_is_seen_by_its_order_or_its_connection_and_by_nobody_elses(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    inbox_id, _ = keep(session, "mall-app", "order", "m1", b"{}", AT)
    assert open_message(session, OF_APP, inbox_id, ["mall-app"]).id == inbox_id
    for connections in ([], ["mall-pc"]):
        with pytest.raises(NotFound):
            open_message(session, OF_APP, inbox_id, connections)


def test_a_message_that_no_key_opens_says_so(session: Session) -> None:
    inbox_id, _ = keep(session, "mall-pc", "order", "m1", b"{}", AT)
    run(session, "update inbox set body = 'spoilt' where id = :id", id=inbox_id)
    message = open_message(session, SYSTEM, inbox_id)
    assert (message.shown, bool(message.unreadable)) == ("", True)
