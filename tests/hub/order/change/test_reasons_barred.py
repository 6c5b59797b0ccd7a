"""Why a location was not asked: it refused, a person wants another, or the goods stay where they are."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from hub.order.change.begin import change, reroute
from hub.order.change.revision import Wish
from hub.order.ship.progress import record_report
from hub.order.trace.explain import explain_routing
from hub.roles import SYSTEM
from hub.sourcing import words
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.making import AT, order, placed, rejection, stock
from tests.hub.order.changing import BY

EVERYWHERE = {code: {"apple": 10} for code in ("sh", "bj", "gz")}


def verdicts(session: Session, order_id: int) -> Mapping[str, str]:
    """Give the fate of each location in an order's last decision."""
    return {one.code: one.verdict for one in explain_routing(session, order_id, SYSTEM).decisions[-1].candidates}


def test_a_location_that_a_person_did_not_want_has_refused_nothing(session: Session) -> None:
    stock(session, EVERYWHERE)
    order_id = placed(session, order({"apple": 3}))
    reroute(session, order_id, Wish(target="gz"), BY, AT)
    assert verdicts(session, order_id) == {"gz": "chosen", "sh": "not_wished", "bj": "not_wished"}
    change(session, order_id, Wish(pieces={1: 1}), BY, AT)
    stays = "stays_where_it_was"
    assert verdicts(session, order_id) == {"gz": "chosen", "sh": stays, "bj": stays}
    assert rerun(stored_decisions(session, [order_id])).counts == {Sameness.SAME: 3}


def test_an_order_that_is_to_leave_a_location_names_it_and_those_to_avoid(session: Session) -> None:
    stock(session, EVERYWHERE)
    order_id = placed(session, order({"apple": 3}))
    reroute(session, order_id, Wish(avoid=frozenset({"bj"})), BY, AT)
    assert verdicts(session, order_id) == {"gz": "chosen", "sh": "not_wished", "bj": "not_wished"}


def test_one_that_refused_says_so_whatever_was_wished(session: Session) -> None:
    stock(session, EVERYWHERE)
    order_id = placed(session, order({"apple": 3}))
    record_report(session, rejection(order_id, 1), AT)
    assert verdicts(session, order_id)["sh"] == "rejected_before"
    reroute(session, order_id, Wish(target="gz"), BY, AT)
    assert verdicts(session, order_id) == {"gz": "chosen", "sh": "rejected_before", "bj": "not_wished"}


def test_each_reason_has_words_in_both_languages() -> None:
    for code in ("rejected_before", "not_wished", "stays_where_it_was"):
        assert words.verdict(code, "zh") != code != words.verdict(code, "en") != words.verdict(code, "zh")
