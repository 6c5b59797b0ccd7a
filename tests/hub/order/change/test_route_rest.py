"""What waits for a source is sent where a person says: after too many refusals, or because nobody had it."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.errors import Conflict
from hub.order.change.begin import REST, change, reroute
from hub.order.change.cancel import cancel
from hub.order.change.revision import Contents, Wish
from hub.order.holds.restocked import source_restocked
from hub.order.rules.policy import POLICY
from hub.order.ship.progress import record_confirm, record_report
from hub.order.trace.routing import trace_routing
from hub.roles import SYSTEM
from tests.hub.making import (
    AT,
    add_sku,
    confirm,
    counters,
    open_causes,
    order,
    placed,
    rejection,
    see,
    sources,
    stock,
)
from tests.hub.order.changing import BY, answer, cut, revision, send

HOUR: Final = timedelta(hours=1)


@pytest.fixture
def refused(session: Session) -> int:
    """Place an order that two of three locations refuse, after which a person decides."""
    stock(session, {place: {"fig": 2} for place in ("sh", "bj", "gz")})
    order_id = placed(session, order({"fig": 2}))
    for no in (1, 2):
        record_report(session, rejection(order_id, no), AT, replace(POLICY, tries=2))
    return order_id


@pytest.fixture
def short(session: Session) -> int:
    """Place an order of which Shanghai has a part and nobody the rest, until two others get some."""
    stock(session, {"sh": {"apple": 2}})
    add_sku(session, "fig")
    order_id = placed(session, order({"apple": 2, "fig": 1}))
    stock(session, {"gz": {"fig": 1}, "bj": {"fig": 1}}, "ASN-2")
    return order_id


def rules(session: Session, order_id: int) -> list[str]:
    return [one.rule for one in see(session, order_id).holds]


@pytest.mark.parametrize(
    ("to", "verdicts"),
    [
        ("gz", {"sh": "rejected_before", "bj": "rejected_before", "gz": "chosen"}),
        ("sh", {"sh": "chosen", "bj": "rejected_before", "gz": "not_wished"}),
        ("", {"sh": "rejected_before", "bj": "rejected_before", "gz": "chosen"}),
    ],
)
def test_what_was_refused_too_often_goes_where_a_person_says(
    session: Session, refused: int, to: str, verdicts: dict[str, str]
) -> None:
    assert (rules(session, refused), open_causes(session)) == (["reroute_tries"], ["reroute_tries"])
    assert reroute(session, refused, Wish(target=to), BY, AT) == "applied"
    assert (rules(session, refused), open_causes(session)) == ([], [])
    assert {one.code: one.verdict for one in trace_routing(session, refused)[-1].candidates} == verdicts
    assert (sources(session, refused)[-1], len(sources(session, refused))) == ((to or "gz", "open"), 3)


def place_of(session: Session, order_id: int, *locations: str) -> int:
    """Number the first fulfilment order at one of some locations."""
    return next(no for no, (at, _) in enumerate(sources(session, order_id), 1) if at in locations)


@pytest.fixture
def beside(session: Session) -> int:
    """Place an order whose fig is refused too often, while Shanghai has its apple."""
    stock(session, {"sh": {"apple": 2}, "bj": {"fig": 2}, "gz": {"fig": 2}})
    order_id = placed(session, order({"apple": 1, "fig": 1}))
    send(session, order_id)
    record_report(session, rejection(order_id, place_of(session, order_id, "bj", "gz")), AT, replace(POLICY, tries=1))
    assert open_causes(session) == ["reroute_tries"]
    return order_id


def test_pieces_that_were_refused_too_often_and_are_cancelled_call_nobody(session: Session, beside: int) -> None:
    assert cut(session, beside, L2=1) == "applied"
    assert (rules(session, beside), open_causes(session)) == ([], [])


def test_pieces_that_were_refused_too_often_call_nobody_where_the_rest_cannot_be_cancelled(
    session: Session, beside: int
) -> None:
    cancel(session, beside, "operator-1", "the buyer asked", AT)
    answer(session, beside, place_of(session, beside, "sh"), stopped=False)
    assert (rules(session, beside), open_causes(session)) == ([], ["cancel_refused"])


def test_what_nobody_had_goes_where_a_person_says_and_the_rest_stays(session: Session, short: int) -> None:
    assert rules(session, short) == ["no_source"]
    assert reroute(session, short, Wish(route=[REST], target="gz"), BY, AT) == "applied"
    assert sources(session, short) == [("sh", "open"), ("gz", "open")]
    assert (rules(session, short), open_causes(session), counters(session, "gz", "fig")) == ([], [], (1, 1))
    asked = revision(session, short)
    assert (asked.kinds, asked.target, asked.stops, asked.state) == (["route"], "gz", [], "applied")


def test_a_place_that_has_none_leaves_it_waiting_and_says_so(session: Session, refused: int) -> None:
    placed(session, order({"fig": 2}, "T2"))  # which Shanghai gives
    assert reroute(session, refused, Wish(target="sh"), BY, AT) == "refused"
    assert (rules(session, refused), open_causes(session)) == (["no_source"], ["stock"])
    assert revision(session, refused).note == "some of it has no source there"


def test_what_something_else_holds_is_sent_nowhere(session: Session, short: int) -> None:
    change(session, short, Wish(contents=Contents(remark="请改地址")), BY, AT)
    with pytest.raises(Conflict, match="waits for a source alone"):
        reroute(session, short, Wish(route=[REST]), BY, AT)


@pytest.mark.parametrize("waits_for", ["a day", "a person"])
def test_what_waits_for_its_day_or_behind_a_hold_of_its_line_waits_for_no_source(
    session: Session, waits_for: str
) -> None:
    stock(session, {"sh": {"fig": 2}, "gz": {"fig": 2}})
    if waits_for == "a day":
        describe(session, SYSTEM, "fig", AT, available_from=AT.date() + timedelta(days=9))
    lines = order({"fig": 2}).order.lines
    asked = tuple([line.model_copy(update={"refund_requested": waits_for == "a person"}) for line in lines])
    order_id = placed(session, order({"fig": 2}, lines=asked, total=2000))
    with pytest.raises(Conflict, match="waits for a source alone"):
        reroute(session, order_id, Wish(target="gz"), BY, AT)


def test_of_an_order_that_has_left_nothing_waits(session: Session) -> None:
    stock(session, {"sh": {"fig": 2}})
    order_id = placed(session, order({"fig": 2}))
    with pytest.raises(Conflict) as refused:
        reroute(session, order_id, Wish(route=[REST]), BY, AT)
    assert refused.value.code == "nothing_to_reroute"
    record_confirm(session, confirm(order_id, 1, {"fig": 2}), AT)
    with pytest.raises(Conflict) as refused:
        reroute(session, order_id, Wish(), BY, AT)
    assert refused.value.code == "order_state"


def test_what_waits_is_sent_by_itself(session: Session, short: int) -> None:
    with pytest.raises(Conflict) as refused:
        reroute(session, short, Wish(route=[REST, 1]), BY, AT)
    assert "单独改派" in refused.value.say("zh")


def test_a_location_that_is_short_of_it_again_and_again_is_left_to_a_person(session: Session) -> None:
    stock(session, {"sh": {"fig": 2}})
    order_id, policy, at = placed(session, order({"fig": 2})), replace(POLICY, tries=3), AT

    def fall_short(no: int) -> list[str]:
        record_confirm(session, confirm(order_id, no, {}, f"c{no}", parcels=()), at + no * HOUR, policy)
        source_restocked(session, at + no * HOUR + HOUR / 2, policy=policy)
        return rules(session, order_id)

    assert [fall_short(no) for no in (1, 2, 3)] == [[], [], ["reroute_tries"]]
    assert source_restocked(session, at + 9 * HOUR, policy=policy) == 0
    assert sources(session, order_id) == [("sh", "incomplete")] * 3
    assert open_causes(session)[-1] == "reroute_tries"
    assert reroute(session, order_id, Wish(target="sh"), BY, at) == "applied"
    assert fall_short(4) == []
