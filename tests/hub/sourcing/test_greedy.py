from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.sourcing.greedy import cost_of, decide
from hub.sourcing.model import Costs, Decision, Question, Site, Want

CODES = ["a", "b", "c", "d"]
SKUS = st.sampled_from(["x", "y", "z"])
STORAGES = st.sampled_from([("ambient",), ("ambient", "frozen")])
FREE = st.dictionaries(SKUS, st.integers(0, 6))
BARRED = st.sampled_from(["", "", "", "closed"])
COSTS = st.builds(
    Costs, parcel=st.integers(0, 900), per_further_kg=st.integers(0, 900), per_1000_km=st.integers(0, 900)
)


def site(code: str, free: Mapping[str, int], *, km: int = 0, handling: int = 100, barred: str = "") -> Site:
    return Site(code=code, km=km, handling=handling, storages=("ambient",), free=dict(free), barred=barred)


def want(no: int, sku: str, quantity: int, *, storage: str = "ambient", grams: int = 500) -> Want:
    return Want(line_no=no, sku=sku, quantity=quantity, storage=storage, grams=grams)


def ask(wants: list[Want], *sites: Site, costs: Costs | None = None) -> Decision:
    return decide(Question(policy="v1", wants=tuple(wants), sites=sites, costs=costs or Costs()))


def chosen(decision: Decision) -> list[str]:
    return [choice.code for choice in decision.choices]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    wants = [
        want(no, draw(SKUS), draw(st.integers(1, 8)), grams=draw(st.integers(0, 3000)))
        for no in range(1, draw(st.integers(1, 4)) + 1)
    ]
    sites = [
        Site(
            code=code,
            km=draw(st.integers(0, 4000)),
            handling=draw(st.integers(0, 900)),
            storages=draw(STORAGES),
            free=draw(FREE),
            barred=draw(BARRED),
        )
        for code in CODES[: draw(st.integers(0, 4))]
    ]
    return Question(policy="v1", wants=tuple(wants), sites=tuple(sites), costs=draw(COSTS))


@given(questions())
def test_taken_and_unmet_are_what_was_wanted(question: Question) -> None:
    decision = decide(question)
    taken = [take for choice in decision.choices for take in choice.takes]
    for one in question.wants:
        of_line = [take.quantity for take in (*taken, *decision.unmet) if take.line_no == one.line_no]
        assert (sum(of_line), min(of_line) > 0) == (one.quantity, True)


@given(questions())
def test_no_location_gives_more_than_is_free_there(question: Question) -> None:
    free = {each.code: each for each in question.sites}
    for choice in decide(question).choices:
        for sku in {take.sku for take in choice.takes}:
            assert sum(take.quantity for take in choice.takes if take.sku == sku) <= free[choice.code].free[sku]
        assert not free[choice.code].barred


@given(questions())
def test_nothing_is_unmet_that_an_able_location_still_has(question: Question) -> None:
    decision = decide(question)
    able = [each for each in question.sites if not each.barred]
    for take in decision.unmet:
        given_away = sum(t.quantity for choice in decision.choices for t in choice.takes if t.sku == take.sku)
        assert given_away == sum(each.free.get(take.sku, 0) for each in able)


@given(questions())
def test_no_plan_costs_less_than_the_bound(question: Question) -> None:
    decision = decide(question)
    assert decision.cost == sum(choice.cost for choice in decision.choices)
    assert decision.cost >= decision.bound
    assert decision.gap == ((decision.cost - decision.bound) / decision.cost if decision.cost else 0)


@given(questions())
def test_the_same_question_has_the_same_answer_and_digest(question: Question) -> None:
    again = msgspec.json.decode(msgspec.json.encode(question), type=Question)
    assert again.digest() == question.digest()
    assert decide(again) == decide(question)


@given(questions())
def test_every_location_is_told_of_once(question: Question) -> None:
    decision = decide(question)
    assert sorted(one.code for one in decision.candidates) == [each.code for each in question.sites]
    assert {one.code for one in decision.candidates if one.verdict == "chosen"} == set(chosen(decision))


def test_one_location_with_everything_is_preferred_to_cheaper_parts() -> None:
    parts = [site("a", {"x": 1}, handling=0), site("b", {"y": 1}, handling=0)]
    decision = ask([want(1, "x", 1), want(2, "y", 1)], *parts, site("far", {"x": 1, "y": 1}, km=3000))
    assert chosen(decision) == ["far"]


def test_the_cheapest_of_those_that_have_everything_wins_and_says_by_how_much() -> None:
    decision = ask([want(1, "x", 1)], site("far", {"x": 1}, km=1000), site("near", {"x": 1}, km=100))
    assert (chosen(decision), decision.cost, decision.gap) == (["near"], 645, 0)
    far = next(one for one in decision.candidates if one.code == "far")
    assert (far.verdict, far.lost_by) == ("dearer", 405)


def test_a_tie_is_broken_by_code() -> None:
    assert chosen(ask([want(1, "x", 1)], site("b", {"x": 1}), site("a", {"x": 1}))) == ["a"]
    assert chosen(ask([want(1, "x", 2)], site("b", {"x": 1}), site("a", {"x": 1}))) == ["a", "b"]


def test_who_may_not_ship_is_eliminated_with_the_reason() -> None:
    sites = [site("a", {"x": 1}, barred="closed"), site("b", {"x": 1}, barred="rejected_before"), site("c", {"x": 1})]
    decision = ask([want(1, "x", 1, storage="frozen")], *sites)
    assert {one.code: one.verdict for one in decision.candidates} == {
        "a": "closed",
        "b": "rejected_before",
        "c": "storage",
    }
    assert (chosen(decision), decision.bound) == ([], 0)


def test_when_none_has_everything_the_cheapest_a_piece_goes_first() -> None:
    sites = [site("few", {"x": 1}), site("many", {"x": 3}), site("none", {})]
    decision = ask([want(1, "x", 4)], *sites)
    assert [(choice.code, choice.takes[0].quantity) for choice in decision.choices] == [("many", 3), ("few", 1)]
    assert decision.unmet == ()


def test_what_nobody_has_is_unmet_and_missing_is_told() -> None:
    decision = ask([want(1, "x", 5), want(2, "y", 1)], site("a", {"x": 2}))
    assert [(take.line_no, take.quantity) for take in decision.unmet] == [(1, 3), (2, 1)]
    other = ask([want(1, "x", 1)], site("a", {}))
    assert (other.candidates[0].verdict, other.candidates[0].missing) == ("short", {"x": 1})


def test_two_lines_of_one_sku_share_what_is_free() -> None:
    decision = ask([want(1, "x", 2), want(2, "x", 2)], site("a", {"x": 3}))
    assert [(take.line_no, take.quantity) for take in decision.choices[0].takes] == [(1, 2), (2, 1)]
    assert [(take.line_no, take.quantity) for take in decision.unmet] == [(2, 1)]


def test_a_parcel_costs_handling_first_kilogram_further_ones_and_distance() -> None:
    tariff = Costs(parcel=500, per_further_kg=80, per_1000_km=450)
    costs = [cost_of(site("a", {}, km=1000), grams, tariff) for grams in (0, 1000, 1001, 2000, 2001)]
    assert costs == [1050, 1050, 1130, 1130, 1210]


def test_another_input_has_another_digest() -> None:
    question = Question(policy="v1", wants=(want(1, "x", 1),), sites=(site("a", {"x": 1}),), costs=Costs())
    assert question.digest() != replace(question, policy="v2").digest()
