from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.review.expression import LISTS, Expression, compile_program, read_expression
from hub.review.judge import FAILED, Ruleset, Standing, holds_after
from hub.review.pattern import compile_pattern
from hub.review.specimen import SPECIMEN
from hub.review.verdict import Act, Hold, Holding, HoldType, Letting
from tests.hub.making import AT
from tests.hub.review.ruling import FRAGILE
from tests.scale import count

HOLD = Holding(type=HoldType.FRAUD)


def standing(source: str, verdict: Holding | Letting = HOLD, name: str = "some_rule") -> Standing:
    return Standing(name, 1, read_expression(source), verdict)


def facts(**order: object) -> dict[str, Any]:
    return {**SPECIMEN, "order": {**SPECIMEN["order"], **order}}


def held(*rules: Standing, before: tuple[Hold, ...] = (), **order: object) -> list[Hold]:
    given_facts = facts(**order)
    return holds_after(Ruleset(rules).judge(given_facts), before, given_facts, AT)


def test_a_rule_that_is_true_holds_with_what_it_has_seen() -> None:
    (hold,) = held(standing("order.total > 200 && order.remark.contains('x')"), total=300, remark="x")
    assert (hold.type, hold.version, hold.blocks) == (HoldType.FRAUD, "some_rule@1", ("route",))
    assert hold.evidence == {"no": 1, "seen": {"order.total": 300}}


def test_a_rule_that_fails_holds_for_a_person_and_hides_no_other() -> None:
    fragile, sound = standing(FRAGILE, name="fragile"), standing("order.total > 0")
    first, second = held(fragile, sound, total=1_000)
    assert (first.type, first.rule, first.stops(Act.ROUTE)) == (HoldType.REVIEW, FAILED, True)
    assert first.evidence == {"rule": "fragile", "no": 1, "failed": "division_by_zero"}
    assert second.rule == "some_rule"


def test_a_rule_of_release_lets_go_by_type_and_never_what_failed() -> None:
    free = standing("order.total < 5000", Letting(releases=(HoldType.DUPLICATE, HoldType.FRAUD)), "small")
    twin, address = Hold(HoldType.DUPLICATE, "twin"), Hold(HoldType.ADDRESS, "unplaced_address")
    holds = held(free, standing(FRAGILE, name="fragile"), before=(twin, address), total=1_000)
    assert [(hold.type, hold.released_by) for hold in holds] == [
        (HoldType.DUPLICATE, "small@1"),
        (HoldType.ADDRESS, ""),
        (HoldType.REVIEW, ""),
    ]


def test_a_rule_of_release_that_fails_holds() -> None:
    (hold,) = held(standing(FRAGILE, Letting(releases=(HoldType.FRAUD,))), total=1_000)
    assert hold.rule == FAILED


def test_a_rule_that_this_release_cannot_read_holds_every_order() -> None:
    lost = Standing("of_yesterday", 3, None, HOLD)
    failures = [hold.evidence["failed"] for hold in held(lost, standing("false"))]
    assert failures == ["cannot_be_read"]


@pytest.mark.parametrize(
    "source",
    [
        "order.total > 200 && has(order.remark)",
        "order.pieces == order.pieces && order.total > 200",
        "order . total > 200 && size(lines) > 1",
        "order.total > 200 && 'order.total' != 'order'",
    ],
)
def test_a_rule_sees_what_it_names_however_it_is_written(source: str) -> None:
    assert [hold.rule for hold in held(standing(source), total=300)] == ["some_rule"]
    assert held(standing(source), total=100) == []


@pytest.mark.parametrize(
    ("source", "remark", "true"),
    [
        ("order.remark.matches('^改.*地址$')", "改一下地址", True),
        ("order.remark.matches('^改.*地址$')", "请改一下地址", False),
        (r"order.remark.matches('1\\d{10}')", "打 10000000042 这个电话", True),
        ("order.remark.contains('.matches(') && order.remark.matches('a')", "x.matches('a')", True),
        ("order.remark.matches('(?i)GIFT')", "", False),
    ],
)
def test_a_pattern_is_looked_for_anywhere_in_a_text(source: str, remark: str, true: bool) -> None:  # noqa: FBT001 # what is expected
    assert bool(held(standing(source), remark=remark)) is true


def test_a_pattern_is_compiled_once_however_many_lines_are_asked() -> None:
    rule = standing(r"lines.exists(l, l.sku.matches('\\w{50}x'))")
    before = compile_pattern.cache_info().misses
    many = {**SPECIMEN, "lines": [{**SPECIMEN["lines"][0], "sku": f"A-{no}"} for no in range(500)]}
    assert [one.true for one in Ruleset([rule]).judge(many)] == [False]
    assert compile_pattern.cache_info().misses == before


NUMBERS = (
    "order.total",
    "order.grams",
    "buyer.orders_90d",
    "risk.score",
    "stock.missing",
    "size(lines)",
    "lines[1].grams",
)
TEXTS = ("order.remark", "order.shop", "lines[0].sku", "address.quality", "stock.skus[0]")
TRUTHS = ("order.paid", "blacklist.hit", "twin.found", "address.known", "lines[0].gift")

numbers = st.recursive(
    st.sampled_from(NUMBERS) | st.integers(-3, 10**12).map(str),
    lambda one: st.tuples(one, st.sampled_from("+-*/%"), one).map(lambda of: f"({of[0]} {of[1]} {of[2]})"),
    max_leaves=3,
)
texts = st.sampled_from(TEXTS) | st.sampled_from(["'改地址'", "'['", "''", "'A'"])
truths = st.one_of(
    st.sampled_from(TRUTHS),
    st.tuples(numbers, st.sampled_from(["<", ">", "==", "!="]), numbers).map(" ".join),
    st.tuples(texts, st.sampled_from(["contains", "matches", "startsWith"]), texts).map(
        lambda of: f"{of[0]}.{of[1]}({of[2]})"
    ),
    st.tuples(st.sampled_from(["exists", "all", "exists_one"]), numbers).map(
        lambda of: f"lines.{of[0]}(l, l.grams < {of[1]})"
    ),
    numbers,  # which is no answer at all
)
expressions = st.recursive(
    truths,
    lambda one: st.tuples(one, st.sampled_from(["&&", "||"]), one).map(" ".join) | one.map("!({})".format),
    max_leaves=4,
)
odd = st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=20), st.none(), st.booleans(), st.just([]), st.floats())
orders = st.dictionaries(st.sampled_from(list(SPECIMEN["order"])), odd, max_size=4)
groups = st.dictionaries(st.sampled_from(list(SPECIMEN)), odd, max_size=1)


def unchecked(source: str) -> Expression:
    """Compile without trying it on an order first: what a person may write is worse than what is let in."""
    program = compile_program(source)
    names = frozenset(program.variables()) & SPECIMEN.keys()
    return Expression(source, program, names, tuple((of, name) for of in names - LISTS for name in SPECIMEN[of]))


def ruled(sources: Sequence[str]) -> list[Standing]:
    return [Standing(f"rule_{no}", no, unchecked(source), HOLD) for no, source in enumerate(sources, 1)]


@pytest.mark.timeout(1_800)
@settings(max_examples=count(300, 10_000, quick=50))
@given(sources=st.lists(expressions, min_size=1, max_size=4), order=orders, instead=groups)
def test_no_rule_and_no_order_crash_the_judge(
    sources: list[str], order: dict[str, object], instead: dict[str, object]
) -> None:
    given_facts = facts(**order) | instead
    answers = Ruleset(ruled(sources)).judge(given_facts)
    holds = holds_after(answers, (), given_facts, AT)
    assert len(answers) == len(sources)
    assert len(holds) == sum(one.true or bool(one.failed) for one in answers)
    assert [hold.evidence["rule"] for hold in holds if hold.rule == FAILED] == [
        one.rule.name for one in answers if one.failed
    ]
    assert all(hold.stops(Act.ROUTE) for hold in holds)


@settings(max_examples=count(100, 2_000, quick=30))
@given(sources=st.lists(expressions, min_size=2, max_size=4))
def test_a_rule_says_the_same_by_itself_as_beside_others(sources: list[str]) -> None:
    rules = ruled(sources)
    alone = [Ruleset([one]).judge(SPECIMEN)[0] for one in rules]
    assert Ruleset(rules).judge(SPECIMEN) == alone
