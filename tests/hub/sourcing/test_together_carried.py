from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.catalogue.model import Traits
from hub.sourcing.batch.carried_pool import plans_in_turn
from hub.sourcing.batch.optimise import optimise
from hub.sourcing.batch.verify import faults_of
from hub.sourcing.model import Clearing, Costs, Lane, Question, Site, Supply, Terms, Want
from hub.sourcing.shared_carried import CARRIED, decide_carried
from hub.sourcing.together import pool_of, share_out
from tests.hub.sourcing.asking import FEN, lanes

SKUS: tuple[str, ...] = ("x", "y", "z")
CHEAP, DEAR = Lane("ZTO", "standard", 1000, 500, 1000, 100, 6000, 2), Lane("SF", "standard", 1000, 900, 1000, 50, 0, 1)


@st.composite
def batches(draw: st.DrawFn) -> list[Question]:
    """Ask up to four questions by rate cards and weights, on one reading of stock."""
    codes = ["a", "b", "c"][: draw(st.integers(1, 3))]
    free = {code: draw(st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4))) for code in codes}
    handling = {code: draw(FEN) for code in codes}
    split, per_day, scarcity, unfilled = (draw(st.sampled_from([0, 300, 900])) for _ in range(4))
    supply = draw(st.none() | st.builds(Supply, FEN, st.just(4), st.just({"a": {"x": 9}})))
    clearing = draw(st.none() | st.builds(Clearing, FEN, st.just({"b": ("x", "y")})))
    cm3 = {sku: draw(st.sampled_from([None, Traits(cm3=9000)])) for sku in SKUS}
    asked: list[Question] = []
    for _ in range(draw(st.integers(2, 4))):
        skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, unique=True))
        wants = tuple(
            Want(no, sku, draw(st.integers(1, 3)), "ambient", 700, cm3[sku]) for no, sku in enumerate(skus, 1)
        )
        sites = tuple(
            Site(code, draw(st.integers(0, 900)), handling[code], ("ambient",), _of(free[code], skus)) for code in codes
        )
        by_site = {code: found for code in codes if (found := draw(lanes()))}
        terms = Terms("2026-11-11", by_site, split, per_day, 450, scarcity, unfilled, supply, clearing)
        asked.append(Question("v1", wants, sites, Costs(), terms))
    return asked


def _of(free: dict[str, int], skus: list[str]) -> dict[str, int]:
    return {sku: pieces for sku, pieces in free.items() if sku in skus}


def alone(sku: str, *sites: tuple[str, int]) -> Question:
    terms = Terms("2026-11-11", {code: (DEAR, CHEAP) for code, _ in sites}, per_1000_km=450)
    places = tuple(Site(code, km, 0, ("ambient",), {sku: 1}) for code, km in sites)
    return Question("v1", (Want(1, sku, 1, "ambient", 500),), places, Costs(), terms)


@given(batches())
def test_shares_by_rate_cards_keep_every_piece_and_come_out_the_same_again(questions: list[Question]) -> None:
    free = Counter({(site.code, sku): n for one in questions for site in one.sites for sku, n in site.free.items()})
    for one in share_out(questions, iterations=3) or []:
        decision = decide_carried(one)
        again = decide_carried(msgspec.json.decode(one.written(), type=Question))
        assert msgspec.json.encode(again) == msgspec.json.encode(decision)
        assert decision.bound <= decision.cost == sum(choice.cost for choice in decision.choices)
        takes = [take for choice in decision.choices for take in choice.takes]
        for want in one.wants:
            of_line = [take.quantity for take in (*takes, *decision.unmet) if take.line_no == want.line_no]
            assert sum(of_line) == want.quantity
        for choice in decision.choices:
            free.subtract({(choice.code, take.sku): take.quantity for take in choice.takes})
    assert min(free.values(), default=0) >= 0


@given(batches())
def test_the_whole_costs_what_its_decisions_cost_and_no_more_than_in_turn(questions: list[Question]) -> None:
    shared = share_out(questions, iterations=3)
    for first in (shared or [])[:1]:
        assert first.share
        pool = pool_of(questions, {})
        assert pool
        decisions = [decide_carried(one) for one in shared or []]
        left = sum(take.quantity for decision in decisions for take in decision.unmet)
        cost = sum(decision.cost for decision in decisions) + left * pool.penalties.unfilled
        assert first.share.bound <= cost == first.share.cost < first.share.greedy_cost


@given(batches())
def test_every_answer_passes_the_checker(questions: list[Question]) -> None:
    pool = pool_of(questions, {})
    assert pool
    greedy = plans_in_turn(questions, ["a", "b", "c"][: len(pool.capacity)], pool.orders, {})
    found = optimise(pool, iterations=3, greedy=greedy)
    assert faults_of(pool, found.plans, found.cost) == faults_of(pool, found.greedy, found.greedy_cost) == []
    assert found.bound <= found.cost <= found.greedy_cost


def test_a_near_piece_is_kept_for_who_would_pay_more_freight() -> None:
    first, second = alone("x", ("a", 10), ("b", 20)), alone("x", ("a", 10), ("b", 3_000))
    shared = share_out([first, second], iterations=5)
    assert shared
    decisions = [decide_carried(one) for one in shared]
    chosen = [(choice.code, choice.courier, choice.promise) for one in decisions for choice in one.choices]
    assert chosen == [("b", "ZTO", "2026-11-13"), ("a", "ZTO", "2026-11-13")]
    assert {one.code: one.verdict for one in decisions[0].candidates} == {"a": "kept", "b": "chosen"}
    assert {one.solver for one in decisions} == {CARRIED}


@pytest.mark.parametrize("changes", [{}, {"terms": None}])
def test_a_question_without_a_share_is_not_decided_so(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="share"):
        decide_carried(replace(alone("x", ("a", 10)), **changes))
