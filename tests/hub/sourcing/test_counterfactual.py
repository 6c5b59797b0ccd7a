from hypothesis import given
from msgspec.structs import replace

from hub.sourcing.counterfactual import Change, WhatIf, changed, what_if
from hub.sourcing.freight import decide_freight
from hub.sourcing.greedy import decide
from hub.sourcing.model import Costs, Lane, Question, Site, Terms, Want
from tests.hub.sourcing.asking import carried, questions

ONE = (Want(1, "x", 1, "ambient", 500),)


def told(question: Question, code: str) -> WhatIf:
    decision = decide(question)
    one = next(each for each in decision.candidates if each.code == code)
    found = what_if(question, one, decide)
    assert found
    return found


@given(questions() | carried())
def test_what_is_told_is_what_the_solver_then_does(question: Question) -> None:
    solve = decide_freight if question.terms else decide
    decision = solve(question)
    for one in decision.candidates:
        found = what_if(question, one, solve)
        unknown = question.terms and not question.terms.lanes.get(one.code)
        assert (found is None) == bool(one.verdict == "chosen" or unknown)
        if found:
            then = solve(changed(question, one.code, found))
            assert found.wins == (one.code in {choice.code for choice in then.choices})


@given(questions())
def test_a_dearer_location_wins_by_exactly_what_is_told_and_by_nothing_less(question: Question) -> None:
    decision = decide(question)
    for one in decision.candidates:
        found = what_if(question, one, decide) if one.verdict == "dearer" else None
        if found and found.change is Change.CHEAPER:
            assert found.wins
            less = decide(changed(question, one.code, found.model_copy(update={"by": found.by - 1})))
            assert one.code not in {choice.code for choice in less.choices}


@given(questions())
def test_a_dearer_location_wins_from_the_distance_that_is_told(question: Question) -> None:
    decision = decide(question)
    for one in decision.candidates:
        found = what_if(question, one, decide) if one.verdict == "dearer" else None
        if found and found.km is not None:
            for km, wins in ((found.km, True), (found.km + 1, False)):
                sites = tuple(replace(each, km=km) if each.code == one.code else each for each in question.sites)
                assert (decide(replace(question, sites=sites)).choices[0].code == one.code) is wins


def test_one_that_is_too_far_is_told_by_how_much_and_how_near_it_would_have_to_be() -> None:
    sites = (Site("a", 100, 0, ("ambient",), {"x": 1}), Site("b", 1000, 0, ("ambient",), {"x": 1}))
    found = told(Question("v1", ONE, sites, Costs()), "b")
    assert (found.wins, found.by, found.km) == (True, 406, 99)


def test_one_that_lacks_pieces_and_is_dearer_still_loses_with_them() -> None:
    sites = (Site("a", 0, 0, ("ambient",), {"x": 1}), Site("b", 0, 320, ("ambient",), {}))
    found = told(Question("v1", ONE, sites, Costs()), "b")
    assert (found.change, found.wins, dict(found.pieces), found.lost_by) == (Change.STOCKED, False, {"x": 1}, 320)


def test_one_that_has_refused_is_told_that_it_would_have_won() -> None:
    sites = (Site("a", 9, 9, ("ambient",), {"x": 1}), Site("b", 0, 0, ("ambient",), {"x": 1}, "rejected_before"))
    found = told(Question("v1", ONE, sites, Costs()), "b")
    assert (found.change, found.wins) == (Change.ADMITTED, True)


def test_nobody_says_that_a_location_with_goods_and_without_a_lane_would_have_had_nothing_to_give() -> None:
    sites = (Site("a", 9, 9, ("ambient",), {"x": 1}), Site("b", 0, 0, ("ambient",), {"x": 1}, "excluded"))
    lane = Lane("SF", "standard", 1000, 500, 1000, 100, 0, 1)
    question = Question("v1", ONE, sites, Costs(), Terms("2026-11-11", {"a": (lane,)}))
    [out] = [one for one in decide_freight(question).candidates if one.code == "b"]
    assert (out.verdict, what_if(question, out, decide_freight)) == ("excluded", None)
