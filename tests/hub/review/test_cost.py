from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.review.cost import MOST_STEPS
from hub.review.expression import read_expression
from hub.review.judge import FAILED, TOO_DEAR, On, Ruleset, Standing, holds_after
from hub.review.specimen import LINE, SPECIMEN
from hub.review.verdict import Act, Holding, HoldType, Letting, Scope
from tests.hub.making import AT

JOINED = "lines.exists(l, size(stock.skus + stock.skus) < 3)"
CHEAP = "line.quantity > 5"
SOURCES = (
    JOINED,
    "size(lines.map(l, stock.skus" + " + stock.skus" * 8 + ")) > 3",
    "lines.filter(l, l.sku in stock.skus).size() > 3",
    "lines.map(l, [l, l, l, l, l]).exists(x, x == [])",
    "(lines.filter(l, l.gift) + lines.filter(l, !l.gift)).all(l, l.grams > 0)",
    "stock.skus.exists(sku, 'x' in stock.skus)",
    "lines.exists(l, " + " || ".join(["l.grams == 1"] * 50) + ")",
    "lines.exists(l, l.sku in [" + ", ".join(["'a'"] * 100) + "])",
    "[" + ", ".join(["'a'"] * 100) + "].exists(sku, sku in stock.skus)",
)


def standing(source: str, verdict: Holding | Letting | None = None, name: str = "some_rule") -> Standing:
    verdict = verdict or Holding(type=HoldType.FRAUD, scope=Scope.LINE)
    return Standing(name, 1, read_expression(source, verdict.scope), verdict)


def of_lines(many: int) -> dict[str, Any]:
    lines = [{**SPECIMEN["lines"][0], "sku": f"A-{no}"} for no in range(many)]
    return {**SPECIMEN, "lines": lines, "stock": {"missing": many, "skus": [one["sku"] for one in lines]}}


def parts(many: int) -> list[dict[str, Any]]:
    return [{"line": {**LINE, "no": no, "quantity": no}} for no in range(1, many + 1)]


@pytest.mark.parametrize("source", SOURCES)
def test_a_rule_of_lines_that_would_take_too_long_for_five_hundred_holds_each_of_them(source: str) -> None:
    answers = list(Ruleset([standing(source)]).judge_each(of_lines(500), parts(500)))
    assert [(one.true, one.failed) for [one] in answers] == [(False, TOO_DEAR)] * 500
    (hold,) = holds_after(answers[6], (), of_lines(500), AT, On(line_no=7))
    assert (hold.type, hold.rule, hold.line_no, hold.stops(Act.ROUTE)) == (HoldType.REVIEW, FAILED, 7, True)
    assert hold.evidence["failed"] == TOO_DEAR


def test_of_a_short_order_the_same_rule_is_asked() -> None:
    answers = list(Ruleset([standing(JOINED)]).judge_each(of_lines(20), parts(20)))
    assert [(one.true, one.failed) for [one] in answers] == [(False, "")] * 20


def test_a_rule_that_would_take_too_long_hides_no_other_and_lets_nothing_go() -> None:
    letting = Letting(releases=(HoldType.FRAUD,), scope=Scope.LINE)
    rules = Ruleset([standing(JOINED, letting, "dear"), standing(CHEAP, name="cheap")])
    said = list(rules.judge_each(of_lines(500), parts(500)))
    assert [sorted((one.rule.name, one.true, one.failed) for one in each) for each in said] == [
        [("cheap", no > 5, ""), ("dear", False, TOO_DEAR)] for no in range(1, 501)
    ]


@pytest.mark.parametrize(
    "source", ["line.sku == 'A'", "lines[0].sku == line.sku", "lines.exists(l, l.sku == line.sku && l.gift)"]
)
def test_what_looks_at_each_line_for_each_line_is_asked_of_five_hundred(source: str) -> None:
    said = Ruleset([standing(source)]).judge_each(of_lines(500), parts(500))
    assert {one.failed for [one] in said} == {""}


def test_of_an_order_two_filters_are_asked_of_five_hundred_lines() -> None:
    order = Holding(type=HoldType.FRAUD)
    twice = "lines.filter(l, l.gift).size() > 1 && lines.filter(l, l.grams > 0).size() > 1"
    assert [one.failed for one in Ruleset([standing(twice, order)]).judge(of_lines(500))] == [""]
    assert [one.failed for one in Ruleset([standing(SOURCES[1], order)]).judge(of_lines(500))] == [TOO_DEAR]


def test_each_line_is_judged_by_its_own_facts_and_as_if_alone() -> None:
    rules = Ruleset([standing(CHEAP), standing("lines[0].sku == 'A-0' && line.no == 3")])
    shared, lines = of_lines(9), parts(9)
    assert list(rules.judge_each(shared, lines)) == [rules.judge({**shared, **one}) for one in lines]


@given(st.sampled_from(SOURCES), st.integers(0, 400), st.integers(0, 100))
def test_more_lines_never_cost_less(source: str, lines: int, more: int) -> None:
    work = read_expression(source).work
    assert 0 <= work.steps(lines) <= work.steps(lines + more)


def test_every_rule_without_a_macro_may_be_asked_of_any_order() -> None:
    assert read_expression("size(stock.skus" + " + stock.skus" * 8 + ") > 3").work.steps(500) < MOST_STEPS
