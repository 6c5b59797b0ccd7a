"""Which gifts an order gets, as rules of values."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.gift.choose import choose, judge
from hub.gift.model import Basket, Bought, Give, Rule, Strategy
from tests.hub.making import AT, BRAND


def rule(name: str = "spring", **changes: Any) -> Rule:  # noqa: ANN401 # any field of a strategy
    values: dict[str, Any] = {"brand": BRAND, "name": name, "gives": (Give(sku="cup"),), **changes}
    return Rule(Strategy(**values), 1)


def basket(*lines: tuple[str, int, int], shop: str = "pc") -> Basket:
    bought = [Bought(no, sku, pieces, fen) for no, (sku, pieces, fen) in enumerate(lines, 1)]
    return Basket(BRAND, shop, AT, tuple(bought))


TEA, POT = ("tea", 2, 6_000), ("pot", 1, 9_000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "given"),
        ({"shops": ("h5",)}, "other_shop"),
        ({"starts_at": AT + timedelta(seconds=1)}, "too_early"),
        ({"ends_at": AT}, "too_late"),
        ({"skus": ("ice",)}, "no_such_product"),
        ({"skus": ("tea",), "min_fen": 6_001}, "amount"),
        ({"min_fen": 15_000, "min_pieces": 4}, "pieces"),
        ({"min_fen": 15_000, "min_pieces": 3}, "given"),
    ],
)
def test_a_strategy_says_why_it_gives_or_does_not(changes: dict[str, Any], code: str) -> None:
    assert judge(rule(**changes), basket(TEA, POT)).code == code


def test_another_brand_s_strategy_gives_nothing() -> None:
    assert judge(Rule(Strategy(brand="other", name="x", gives=(Give(sku="cup"),)), 1), basket(TEA)).code == "other_shop"


def test_a_gift_is_given_again_for_each_further_amount_up_to_its_most() -> None:
    assert judge(rule(min_fen=4_000, most_times=9), basket(TEA, POT)).times == 3
    assert judge(rule(min_fen=4_000, most_times=2), basket(TEA, POT)).times == 2
    assert judge(rule(min_fen=4_000, min_pieces=2, most_times=9), basket(TEA, POT)).times == 1


def test_the_dearest_line_that_counts_comes_first() -> None:
    assert judge(rule(), basket(TEA, POT)).lines == (2, 1)
    assert judge(rule(skus=("tea",)), basket(TEA, POT)).lines == (1,)


def test_of_a_group_the_first_by_rank_gives() -> None:
    rules = [rule("small", rank=2, group="g"), rule("big", rank=1, group="g", min_fen=10_000), rule("other")]
    assert [one.code for one in choose(rules, basket(TEA, POT))] == ["given", "group_taken", "given"]
    assert [one.code for one in choose(rules, basket(TEA))] == ["amount", "given", "given"]


@given(st.permutations([rule("a", group="g"), rule("b", group="g", rank=3), rule("c", min_fen=1), rule("d", rank=3)]))
def test_the_order_in_which_rules_are_read_does_not_matter(rules: list[Rule]) -> None:
    assert [one.rule.strategy.name for one in choose(rules, basket(TEA)) if one.given] == ["b", "d", "c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_at": AT, "ends_at": AT},
        {"most_times": 2},
        {"gives": ()},
        {"gives": (Give(sku="cup", pieces=3),), "most_pieces": 2},
        {"gives": (Give(sku="cup", pieces=2, value_fen=10**9),) * 2, "min_pieces": 1, "most_times": 251},
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**changes)
