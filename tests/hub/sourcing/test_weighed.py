"""A policy's weights from the table to the explanation."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.order.rules.policy import POLICY
from hub.order.trace.explain import ExplainedDecision, routing_of
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.freight import WEIGHED
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.making import AT, order, place_all, placed, sources, stock
from tests.hub.order.place.test_batch_cost import sent

HEAD = 'version = "v1"\nbrand = "demo"\n'


def in_force(session: Session, content: str, version: str = "v1") -> None:
    draft_policy(session, SYSTEM, HEAD.replace("v1", version) + content, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", version, "tried", AT, revision=1, untried="a test")


def sold(session: Session, location: str, pieces: int) -> None:
    statement = "insert into stock_sale (sku, location, day, pieces) values ('apple', :location, :day, :pieces)"
    run(session, statement, location=location, day=AT - timedelta(days=3), pieces=pieces)


def told(session: Session) -> ExplainedDecision:
    assert rerun(stored_decisions(session)).counts.keys() == {Sameness.SAME}
    return routing_of(session, "T1", SYSTEM).decisions[-1]


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 10, "pear": 1}, "bj": {"apple": 90, "pear": 9}})


def test_a_location_whose_goods_are_nearly_gone_sends_no_more_of_them(session: Session) -> None:
    sold(session, "sh", 70)  # ten a day: ten pieces last a day
    in_force(session, "[weights]\nsupply = 1000\n")
    assert sources(session, placed(session, order({"apple": 1}))) == [("bj", "open")]
    decision = told(session)
    lost = next(one for one in decision.candidates if one.code == "sh")
    assert lost.parts
    assert (decision.solver, lost.parts.supply, lost.parts.total - decision.cost) == (WEIGHED, 964, lost.lost_by)
    assert (lost.parts.penalty, decision.carriers, dict(decision.promises)) == (0, (), {})


def test_what_nobody_buys_is_not_thin(session: Session) -> None:
    in_force(session, "[weights]\nsupply = 1000\n")
    assert sources(session, placed(session, order({"apple": 1}))) == [("sh", "open")]


@pytest.mark.parametrize("clear", ["true", '["apple"]'])
def test_goods_to_clear_go_first(session: Session, clear: str) -> None:
    in_force(session, f"[weights]\nmarkdown = 900\n[locations.bj]\nclear = {clear}\n")
    assert sources(session, placed(session, order({"apple": 1}))) == [("bj", "open")]
    lost = next(one for one in told(session).candidates if one.code == "sh")
    assert lost.parts
    assert lost.parts.markdown == 900


def test_a_piece_that_costs_too_much_to_fetch_waits_for_a_person(session: Session) -> None:
    in_force(session, "[weights]\nunfilled = 300\n[costs]\nparcel = 100\n")
    order_id = placed(session, order({"apple": 1, "pear": 2}))
    assert sources(session, order_id) == [("sh", "open")]
    decision = told(session)
    assert ([(one.sku, one.quantity) for one in decision.unmet], decision.unfilled) == ([("pear", 1)], 300)


def test_weights_go_with_a_rate_card(session: Session) -> None:
    card = "courier,origin,first_fen,each_fen,days\nSF,sh,500,100,1\nZTO,bj,600,100,2\n"
    load_card(session, SYSTEM, "demo", "r1", card, AT)
    in_force(session, '[freight]\nrates = "r1"\n[weights]\nmarkdown = 200\n[locations.bj]\nclear = true\n')
    placed(session, order({"apple": 1}))
    decision = told(session)
    assert [(one.code, one.courier) for one in decision.carriers if one.verdict == "chosen"] == [("bj", "ZTO")]
    assert dict(decision.promises) == {"bj": "2026-11-13"}


def test_sales_are_read_once_a_batch_and_only_where_a_policy_asks(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    for weight in ("markdown", "supply"):
        in_force(session, f"[weights]\n{weight} = 1\n", weight)
        with sent(monkeypatch) as seen:
            place_all(session, *[order({"apple": 1}, f"{weight}-{no}") for no in range(3)])
        read.append(sum(times for statement, times in seen.items() if "stock_sale" in statement))
    assert read == [0, 1]
