import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.order.rules.policy import POLICY
from hub.order.trace.explain import routing_of
from hub.order.trace.routing import trace_routing
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from hub.sourcing.shared import SHARED
from hub.sourcing.shared_carried import CARRIED
from tests.hub.making import AT, RECEIVER, order, place_all, sources, stock

TOGETHER = 'version = "together"\nbrand = "demo"\n[together]\norders = 2\nmost_ms = 400\n'
JINAN = RECEIVER.model_copy(update={"province": "山东省", "city": "济南市", "county": "历下区"})
BEIJING = RECEIVER.model_copy(update={"province": "北京市", "city": "北京市", "county": "朝阳区"})


def in_force(session: Session, content: str) -> None:
    draft_policy(session, SYSTEM, content, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "together", "tried", AT, revision=1, untried="a test")


def two_placed(session: Session, sku: str = "apple", ref: str = "T") -> list[int]:
    """Place an order for 济南 and then one for 北京, where the only near piece is."""
    orders = [order({sku: 1}, f"{ref}1", receiver=JINAN), order({sku: 1}, f"{ref}2", receiver=BEIJING)]
    place_all(session, *orders)
    return [one.id for one in rows(session, "select id from sales_order order by external_id")]


def sites_of(session: Session, order_ids: list[int]) -> list[str]:
    return [sources(session, each)[0][0] for each in order_ids]


def test_orders_of_a_batch_that_contend_are_decided_together_where_the_policy_says_so(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
    in_force(session, TOGETHER)
    first, second = two_placed(session)
    assert sites_of(session, [first, second]) == ["sh", "bj"]
    told = rerun(stored_decisions(session))
    assert (told.counts, dict(told.solvers)) == ({Sameness.SAME: 2}, {SHARED: 2})
    [traced] = trace_routing(session, first)
    assert (traced.replays, traced.policy) == (True, "together")
    assert {one.code: one.verdict for one in traced.candidates} == {"sh": "chosen", "bj": "kept"}
    [decision] = routing_of(session, str(first), SYSTEM).decisions
    assert not any(one.what_if for one in decision.candidates)
    batch, both = decision.batch, [trace_routing(session, each)[0] for each in (first, second)]
    assert batch is not None
    assert (batch.parts, batch.cost) == (2, sum(one.cost for one in both))
    assert batch.bound <= batch.cost < batch.greedy_cost
    assert batch.gap == (batch.cost - batch.bound) / batch.cost
    assert traced.batch == batch


@pytest.mark.parametrize(
    ("content", "pieces"),
    [(TOGETHER.replace("orders = 2", "orders = 3"), 1), (TOGETHER.partition("[")[0], 1), (TOGETHER, 2)],
    ids=["too few", "not asked for", "enough for all"],
)
def test_other_batches_are_decided_in_turn(session: Session, content: str, pieces: int) -> None:
    stock(session, {"sh": {"apple": pieces}, "bj": {"apple": pieces}})
    in_force(session, content)
    assert sites_of(session, two_placed(session)) == (["bj", "sh"] if pieces == 1 else ["bj", "bj"])
    assert SHARED not in rerun(stored_decisions(session)).solvers


def test_a_batch_decided_together_opens_no_more_documents_than_a_location_may_have(session: Session) -> None:
    stock(session, {"sh": {"apple": 1, "pear": 3}, "bj": {"apple": 1, "pear": 3}, "gz": {"pear": 3}})
    in_force(session, TOGETHER + "".join(f"[locations.{code}]\nmost_open = 1\n" for code in ("sh", "bj")))
    goods = [({"apple": 1}, JINAN), ({"apple": 1}, BEIJING), ({"pear": 1}, BEIJING), ({"pear": 1}, BEIJING)]
    place_all(session, *[order(pieces, f"T{no}", receiver=to) for no, (pieces, to) in enumerate(goods)])
    found = rows(session, "select location, count(*) as n from fulfilment_order group by location")
    assert {one.location: one.n for one in found} == {"sh": 1, "bj": 1, "gz": 2}
    assert SHARED in rerun(stored_decisions(session)).solvers


def test_a_batch_is_decided_together_by_rate_cards_with_its_couriers(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
    card = "courier,origin,destination,first_fen,each_fen,days\nSF,,,900,100,1\nZTO,sh,,500,100,3\n"
    load_card(session, SYSTEM, "demo", "r1", f"{card}ZTO,bj,110000,300,100,2\nZTO,bj,,450,100,4\n", AT)
    in_force(session, TOGETHER + '[freight]\nrates = "r1"\nper_1000_km = 300\n')
    first, second = two_placed(session)
    assert sites_of(session, [first, second]) == ["sh", "bj"]
    told = rerun(stored_decisions(session))
    assert (told.counts, dict(told.solvers)) == ({Sameness.SAME: 2}, {CARRIED: 2})
    [decision] = routing_of(session, str(first), SYSTEM).decisions
    assert {one.code: one.verdict for one in decision.candidates} == {"sh": "chosen", "bj": "kept"}
    assert [(one.code, one.courier) for one in decision.carriers if one.verdict == "chosen"] == [("sh", "ZTO")]
    assert dict(decision.promises) == {"sh": "2026-11-14"}
    assert sum(one.parts.total for one in decision.candidates if one.parts and one.verdict == "chosen") == decision.cost


@pytest.mark.parametrize("together", ["", "[together]\norders = 2\nmost_ms = 400\n"])
@pytest.mark.parametrize(("split", "found"), [(1, ["bj", "sh"]), (5000, ["gz"])])
def test_what_a_further_parcel_costs_by_the_tariff_decides_between_two_parcels_and_a_dear_one(
    session: Session, together: str, split: int, found: list[str]
) -> None:
    stock(session, {"sh": {"apple": 3}, "bj": {"pear": 3}, "gz": {"apple": 1, "pear": 1}})
    run(session, "update location set handling = 1500 where code = 'gz'")
    costs = f"[costs]\nparcel = 0\nsplit = {split}\n"
    in_force(session, f'version = "together"\nbrand = "demo"\n{costs}{together}')
    place_all(session, order({"apple": 1, "pear": 1}, "T1"), order({"apple": 1, "pear": 1}, "T2"))
    [first, second] = [one.id for one in rows(session, "select id from sales_order order by external_id")]
    assert sorted(code for code, *_ in sources(session, first)) == found
    assert sorted(code for code, *_ in sources(session, second)) == ["bj", "sh"]
    assert rerun(stored_decisions(session)).counts == {Sameness.SAME: 2}
    [traced] = trace_routing(session, second)
    penalties = [one.parts.penalty for one in traced.chosen if one.parts]
    assert sorted(penalties) == [0, split]


def test_a_batch_is_decided_together_by_a_tariff_that_prices_splitting(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 1}})
    in_force(session, TOGETHER + "[costs]\nsplit = 300\n")
    assert sites_of(session, two_placed(session)) == ["sh", "bj"]
    told = rerun(stored_decisions(session))
    assert (told.counts, dict(told.solvers)) == ({Sameness.SAME: 2}, {CARRIED: 2})
