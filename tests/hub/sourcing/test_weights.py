import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.sourcing.asking import Asking
from hub.sourcing.freight import FREIGHT, WEIGHED, decide_freight
from hub.sourcing.model import Clearing, Costs, Decision, Lane, Question, Site, Supply, Terms, Want
from hub.sourcing.rerun import compare
from tests.hub.sourcing.asking import FEN, carried, kept, weighed
from tests.scale import count

TARIFF = Lane("", "", 1000, 500, 1000, 80, 0, 0)


def site(code: str, *, km: int = 0, **free: int) -> Site:
    return Site(code, km, 0, ("ambient",), free)


def ask(
    wanted: dict[str, int],
    *sites: Site,
    unfilled: int = 0,
    supply: Supply | None = None,
    clearing: Clearing | None = None,
) -> Decision:
    wants = tuple(Want(no, sku, pieces, "ambient", 500) for no, (sku, pieces) in enumerate(wanted.items(), 1))
    lanes = {one.code: (TARIFF,) for one in sites}
    terms = Terms("2026-11-11", lanes, 0, 0, 450, 0, unfilled, supply, clearing)
    return decide_freight(Question("v1", wants, sites, Costs(), terms))


def given_by(decision: Decision) -> dict[str, int]:
    return {choice.code: sum(take.quantity for take in choice.takes) for choice in decision.choices}


def total(question: Question, decision: Decision) -> int:
    """Give what a decision comes to, what it leaves included."""
    terms = question.terms
    assert terms
    left = Asking(question, terms).fill - sum(given_by(decision).values())
    return decision.cost + terms.unfilled * left


@settings(max_examples=count(300, 5_000, 50))
@given(weighed())
def test_nothing_is_lost_and_all_comes_out_the_same_again(question: Question) -> None:
    decision = decide_freight(question)
    takes = [take for choice in decision.choices for take in choice.takes]
    for want in question.wants:
        of_line = [take.quantity for take in (*takes, *decision.unmet) if take.line_no == want.line_no]
        assert (sum(of_line), min(of_line) > 0) == (want.quantity, True)
    free = {one.code: one.free for one in question.sites}
    for choice in decision.choices:
        for sku in {take.sku for take in choice.takes}:
            assert sum(take.quantity for take in choice.takes if take.sku == sku) <= free[choice.code][sku]
    assert decision.cost >= decision.bound >= 0
    assert min([0, *(one.lost_by for one in decision.candidates)]) == 0
    assert compare(kept(question)) is None


@given(weighed())
def test_leaving_pieces_is_never_worse_than_giving_all(question: Question) -> None:
    assert question.terms
    all_given = replace(question, terms=replace(question.terms, unfilled=0))
    assert total(question, decide_freight(question)) <= decide_freight(all_given).cost


@given(carried())
def test_weights_that_count_nothing_decide_as_before(question: Question) -> None:
    assert question.terms
    nothing = replace(question, terms=replace(question.terms, supply=Supply(0, 4, {}), clearing=Clearing(0, {})))
    assert replace(decide_freight(nothing), solver=FREIGHT) == decide_freight(question)


@given(carried())
def test_a_question_without_weights_is_written_as_before(question: Question) -> None:
    assert not {"unfilled", "supply", "clearing"} & msgspec.json.decode(question.written())["terms"].keys()
    assert decide_freight(question).solver == FREIGHT


@given(weighed(), FEN)
def test_a_dearer_gap_never_leaves_more_unfilled_at_more_cost(question: Question, more: int) -> None:
    assert question.terms
    dearer = replace(question, terms=replace(question.terms, unfilled=question.terms.unfilled + more + 1))
    before, after = decide_freight(question), decide_freight(dearer)
    if question.terms.unfilled:
        assert total(question, before) <= total(question, after)
        assert sum(given_by(after).values()) >= sum(given_by(before).values())


def test_a_location_that_runs_out_keeps_its_pieces() -> None:
    near, far = site("near", x=4), site("far", km=500, x=40)
    supply = Supply(300, 4, {"near": {"x": 8}, "far": {"x": 8}})  # near has them for two weeks of four
    assert given_by(ask({"x": 1}, near, far)) == {"near": 1}
    weighed_answer = ask({"x": 2}, near, far, supply=supply)
    assert given_by(weighed_answer) == {"far": 2}
    lost = next(one for one in weighed_answer.candidates if one.code == "near")
    assert (lost.verdict, lost.cost, lost.lost_by) == ("dearer", 800, 75)
    assert weighed_answer.solver == WEIGHED


@pytest.mark.parametrize(("free", "fen"), [(0, 300), (1, 263), (4, 150), (8, 0), (90, 0)])
def test_the_fewer_weeks_are_left_the_more_a_piece_counts(free: int, fen: int) -> None:
    asking = Asking(
        Question("v1", (Want(1, "x", 1, "ambient", 1),), (site("a", x=free),), Costs()),
        Terms("2026-11-11", {"a": (TARIFF,)}, supply=Supply(300, 4, {"a": {"x": 8}})),
    )
    assert asking.able[0].thin == (pytest.approx(fen, abs=1),)


def test_what_is_to_be_cleared_goes_first_while_there_is_some() -> None:
    near, old = site("near", x=9), site("old", km=1000, x=1)
    clearing = Clearing(600, {"old": ("x",)})
    assert given_by(ask({"x": 1}, near, old, clearing=clearing)) == {"old": 1}
    assert given_by(ask({"x": 1}, near, site("old", km=1000), clearing=clearing)) == {"near": 1}


def test_a_piece_is_left_where_fetching_it_costs_more_than_it_counts() -> None:
    near, far = site("near", x=1), site("far", km=3000, x=1, y=1)
    assert given_by(ask({"x": 1, "y": 1}, near, far)) == {"far": 2}
    answer = ask({"x": 1, "y": 1}, near, far, unfilled=800)
    assert (given_by(answer), [take.sku for take in answer.unmet]) == ({"near": 1}, ["y"])
    lost = next(one for one in answer.candidates if one.code == "far")
    assert (lost.verdict, lost.lost_by) == ("dearer", 1850 - 500 - 800)
    assert given_by(ask({"x": 1, "y": 1}, near, far, unfilled=1400)) == {"far": 2}


def test_nothing_is_sent_where_every_parcel_costs_more_than_its_pieces_count() -> None:
    answer = ask({"x": 1}, site("a", x=1), unfilled=499)
    assert (answer.choices, answer.cost, answer.unmet[0].quantity) == ((), 0, 1)


@given(st.permutations(["a", "b", "c"]))
def test_covers_stop_where_the_next_parcel_is_not_worth_it(order: list[str]) -> None:
    sites = [site(code, km=km, **{code: 1}) for code, km in zip(order, (0, 100, 3000), strict=True)]
    answer = ask({"a": 1, "b": 1, "c": 1}, *sites, unfilled=900)
    assert set(given_by(answer)) == set(order[:2])
