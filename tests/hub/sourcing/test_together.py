from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.sourcing.greedy import decide
from hub.sourcing.model import Costs, Question, Site, Want
from hub.sourcing.shared import SHARED, decide_shared
from hub.sourcing.together import contended, share_out

SKUS = ("x", "y", "z")


@st.composite
def batches(draw: st.DrawFn) -> list[Question]:
    """Ask up to four questions on one reading of stock."""
    codes = ["a", "b", "c"][: draw(st.integers(1, 3))]
    free = {code: draw(st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4))) for code in codes}
    handling = {code: draw(st.integers(0, 300)) for code in codes}
    asked: list[Question] = []
    for _ in range(draw(st.integers(2, 4))):
        wants = tuple(
            Want(no, draw(st.sampled_from(SKUS)), draw(st.integers(1, 3)), "ambient", 500)
            for no in range(1, draw(st.integers(1, 3)) + 1)
        )
        skus = {want.sku for want in wants}
        sites = tuple(
            Site(
                code,
                draw(st.integers(0, 3_000)),
                handling[code],
                ("ambient",),
                {sku: pieces for sku, pieces in free[code].items() if sku in skus},
                draw(st.sampled_from(["", "", "closed"])),
            )
            for code in codes
        )
        asked.append(Question("v1", wants, sites, Costs()))
    return asked


def alone(sku: str, *sites: tuple[str, int, int]) -> Question:
    want = Want(1, sku, 1, "ambient", 500)
    return Question(
        "v1", (want,), tuple(Site(code, km, 0, ("ambient",), {sku: n} if n else {}) for code, km, n in sites), Costs()
    )


def in_turn(questions: list[Question]) -> int:
    """Ask one after another, each seeing what those before it left; give the cost of their parcels."""
    taken: dict[tuple[str, str], int] = {}
    cost = 0
    for one in questions:
        sites = tuple(
            replace(site, free={sku: n - taken.get((site.code, sku), 0) for sku, n in site.free.items()})
            for site in one.sites
        )
        decision = decide(replace(one, sites=sites))
        cost += decision.cost
        for choice in decision.choices:
            for take in choice.takes:
                taken[choice.code, take.sku] = taken.get((choice.code, take.sku), 0) + take.quantity
    return cost


@given(batches())
def test_shares_keep_every_piece_take_none_twice_and_come_out_the_same_again(questions: list[Question]) -> None:
    free = {(site.code, sku): n for one in questions for site in one.sites for sku, n in site.free.items()}
    for one in share_out(questions, iterations=3) or []:
        decision = decide_shared(one)
        again = decide_shared(msgspec.json.decode(one.written(), type=Question))
        assert msgspec.json.encode(again) == msgspec.json.encode(decision)
        assert decision.bound <= decision.cost == sum(choice.cost for choice in decision.choices)
        for want in one.wants:
            takes = [take for choice in decision.choices for take in choice.takes] + list(decision.unmet)
            assert sum(take.quantity for take in takes if take.line_no == want.line_no) == want.quantity
        for choice in decision.choices:
            for take in choice.takes:
                free[choice.code, take.sku] -= take.quantity
    assert min(free.values(), default=0) >= 0


def test_a_near_piece_is_kept_for_who_would_have_to_go_far() -> None:
    first, second = alone("x", ("a", 10, 1), ("b", 20, 1)), alone("x", ("a", 10, 1), ("b", 3_000, 1))
    shared = share_out([first, second], iterations=5)
    assert shared
    decisions = [decide_shared(one) for one in shared]
    assert [[choice.code for choice in one.choices] for one in decisions] == [["b"], ["a"]]
    assert sum(one.cost for one in decisions) < in_turn([first, second])
    assert {one.code: one.verdict for one in decisions[0].candidates} == {"a": "kept", "b": "chosen"}
    assert {one.solver for one in decisions} == {SHARED}


@given(batches(), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 2)))
def test_no_location_sends_more_parcels_than_it_has_room_for(questions: list[Question], room: dict[str, int]) -> None:
    shared = share_out(questions, iterations=3, room=room) or []
    sent = Counter(choice.code for one in shared for choice in decide_shared(one).choices)
    assert all(sent[code] <= most for code, most in room.items())


def test_questions_that_cost_no_less_together_are_left_to_be_asked_in_turn() -> None:
    assert share_out([alone("x", ("a", 10, 1)), alone("x", ("a", 10, 1))], iterations=5) is None


def test_questions_contend_when_a_location_has_less_than_they_want() -> None:
    assert contended([alone("x", ("a", 10, 1)), alone("x", ("a", 10, 1))])
    assert not contended([alone("x", ("a", 10, 2)), alone("x", ("a", 10, 2))])
    assert not contended([alone("x", ("a", 10, 0)), alone("x", ("a", 10, 0))])
    assert not contended([alone("x", ("a", 10, 1)), alone("y", ("a", 10, 1))])


def test_a_question_that_names_a_sku_at_two_weights_is_not_decided_together() -> None:
    one = alone("x", ("a", 10, 5))
    heavy = replace(one, wants=(*one.wants, Want(2, "x", 1, "ambient", 900)))
    assert share_out([heavy, one], iterations=2) is None
