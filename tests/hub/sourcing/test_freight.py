from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.sourcing.asking import Asking, freight_of
from hub.sourcing.freight import decide_freight
from hub.sourcing.model import Costs, Decision, Lane, Question, Site, Terms, Want
from tests.hub.sourcing.asking import carried, questions
from tests.scale import count

SF = Lane("SF", "standard", 1000, 1200, 1000, 200, 0, 1)
ZTO = Lane("ZTO", "standard", 1000, 500, 1000, 100, 0, 3)


def site(code: str, *, km: int = 0, handling: int = 0, **free: int) -> Site:
    return Site(code, km, handling, ("ambient",), free)


def ask(wanted: dict[str, int], *sites: Site, **terms: int) -> Decision:
    wants = tuple(Want(no, sku, pieces, "ambient", 500) for no, (sku, pieces) in enumerate(wanted.items(), 1))
    by_site = {one.code: (SF, ZTO) for one in sites}
    asked = replace(Terms("2026-11-11", by_site), **terms)
    return decide_freight(Question("v1", wants, sites, Costs(), asked))


def chosen(decision: Decision) -> list[tuple[str, str]]:
    return [(choice.code, choice.courier) for choice in decision.choices]


@settings(max_examples=count(300, 10_000, 50))
@given(carried())
def test_nothing_is_lost_and_no_cost_is_negative(question: Question) -> None:
    decision = decide_freight(question)
    taken = [take for choice in decision.choices for take in choice.takes]
    for one in question.wants:
        of_line = [take.quantity for take in (*taken, *decision.unmet) if take.line_no == one.line_no]
        assert (sum(of_line), min(of_line) > 0) == (one.quantity, True)
    assert decision.cost == sum(choice.cost for choice in decision.choices) >= decision.bound >= 0
    assert isinstance(decision.options, tuple)
    assert min([0, *(one.cost for one in decision.options), *(one.freight for one in decision.options)]) == 0
    assert sorted(one.code for one in decision.candidates) == [each.code for each in question.sites]


@given(carried())
def test_all_that_able_locations_have_is_given_and_no_more(question: Question) -> None:
    decision = decide_freight(question)
    able = {one.code for one in decision.candidates if one.verdict in {"chosen", "dearer", "short"}}
    for sku in {want.sku for want in question.wants}:
        free = {each.code: each.free.get(sku, 0) for each in question.sites if each.code in able}
        given_away = [
            (choice.code, take.quantity) for choice in decision.choices for take in choice.takes if take.sku == sku
        ]
        wanted = sum(want.quantity for want in question.wants if want.sku == sku)
        assert sum(pieces for _, pieces in given_away) == min(wanted, sum(free.values()))
        for code, pieces in free.items():
            assert sum(part for giver, part in given_away if giver == code) <= pieces


@given(carried(), st.data())
def test_a_cheaper_rate_never_raises_the_chosen_cost(question: Question, data: st.DataObject) -> None:
    terms = question.terms
    assert terms
    cheaper = {
        code: tuple(
            replace(
                lane,
                first_fen=data.draw(st.integers(0, lane.first_fen)),
                each_fen=data.draw(st.integers(0, lane.each_fen)),
                days=data.draw(st.integers(0, lane.days)),
            )
            for lane in lanes
        )
        for code, lanes in terms.lanes.items()
    }
    then = decide_freight(replace(question, terms=replace(terms, lanes=cheaper)))
    assert then.cost <= decide_freight(question).cost


@given(carried())
def test_no_two_locations_would_do_it_for_less(question: Question) -> None:
    assert question.terms
    asking, best = Asking(question, question.terms), decide_freight(question).cost
    for first, second in permutations(asking.able, 2):
        one = asking.stop(first, asking.wanted, further=False)
        left = tuple(pieces - part for pieces, part in zip(asking.wanted, one.given, strict=True))
        two = asking.stop(second, left, further=True)
        if sum(one.given) + sum(two.given) == asking.fill and all(map(sum, (one.given, two.given))):
            assert best <= one.cost + two.cost


@given(questions())
def test_without_terms_it_is_not_asked(question: Question) -> None:
    with pytest.raises(ValueError, match="terms"):
        decide_freight(question)


def test_the_courier_is_chosen_with_the_location() -> None:
    decision = ask({"x": 1}, site("a", x=1))
    assert (chosen(decision), decision.cost, decision.choices[0].promise) == ([("a", "ZTO")], 500, "2026-11-14")


def test_a_day_sooner_may_be_worth_its_price() -> None:
    decision = ask({"x": 1}, site("a", x=1), per_day=400)
    assert (chosen(decision), decision.choices[0].promise) == ([("a", "SF")], "2026-11-12")


def test_two_parcels_are_sent_where_they_cost_less_than_one_from_afar() -> None:
    sites = (site("a", x=1), site("b", y=1), site("far", km=3000, x=1, y=1))
    apart = ask({"x": 1, "y": 1}, *sites, per_1000_km=450)
    assert [code for code, _ in chosen(apart)] == ["a", "b"]
    together = ask({"x": 1, "y": 1}, *sites, per_1000_km=450, split=900)
    assert chosen(together) == [("far", "ZTO")]


def test_a_location_keeps_its_last_pieces_where_that_is_wished() -> None:
    sites = (site("a", x=1), site("b", handling=50, x=100))
    assert [ask({"x": 1}, *sites, scarcity=worth).choices[0].code for worth in (0, 100)] == ["a", "b"]


def test_where_no_courier_goes_nothing_is_sent() -> None:
    want = (Want(1, "x", 1, "ambient", 500),)
    decision = decide_freight(Question("v1", want, (site("a", x=1),), Costs(), Terms("2026-11-11", {})))
    assert (chosen(decision), decision.candidates[0].verdict, decision.unmet[0].quantity) == ([], "no_rate", 1)


@pytest.mark.parametrize(
    ("grams", "cm3", "fen"),
    [(1000, 0, 500), (1001, 0, 600), (2000, 0, 600), (2001, 0, 700), (100, 6000, 500), (100, 6001, 600)],
)
def test_a_courier_charges_by_weight_or_by_volume_whichever_is_more(grams: int, cm3: int, fen: int) -> None:
    assert freight_of(replace(ZTO, divisor=6000), grams, cm3) == fen


def test_three_small_locations_are_covered_by_who_has_most() -> None:
    decision = ask({"x": 6}, site("a", x=1), site("b", x=2), site("c", x=3))
    assert (len(decision.choices), decision.unmet) == (3, ())
