"""What `greedy-2` and `greedy-3` answered before, as one hash each: stored decisions must come out the same."""

import hashlib
from collections.abc import Iterator
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from hub.catalogue.model import Traits
from hub.sourcing.asking import Asking, Left, Stand
from hub.sourcing.freight import decide_freight
from hub.sourcing.model import Clearing, Costs, Lane, Question, Site, Supply, Terms, Want

ANSWERS = "fc112a33afdbc88f9681955038920e8c2d7b8876a054adb8c437f9bb4a37f69c"
WEIGHED_ANSWERS = "3e1619311fc8feaca56c6ce30c3f3a8896fae304c8c68ad1d564250a16d3e172"

PART_ANSWERS = "9a9ade77759836e28d917dc6aff0d9f2e6b8fe2b52cb7c38a670bdee053befa7"


def question_of(chance: Random) -> Question:
    """Make a question with ties, scarce goods and lines of one SKU."""
    sites = tuple(
        Site(
            f"{no:02}",
            chance.choice([0, 100, chance.randint(0, 3000)]),
            chance.choice([0, 100, chance.randint(0, 400)]),
            ("ambient",),
            {sku: chance.randint(0, chance.choice([1, 3, 6])) for sku in "xyz"},
            chance.choice(["", "", "", "closed"]),
        )
        for no in range(chance.randint(1, 7))
    )
    lanes = {site.code: tuple(_lane(chance, courier) for courier in ("SF", "ZTO")) for site in sites}
    penalties = (chance.choice([0, 300]), chance.choice([0, 100]), chance.choice([0, 450]), chance.choice([0, 200]))
    wants = tuple(
        Want(no, chance.choice("xyz"), chance.randint(1, 6), "ambient", 700, chance.choice([None, Traits(cm3=9000)]))
        for no in range(chance.randint(1, 4))
    )
    return Question("v1", wants, sites, Costs(), Terms("2026-11-11", lanes, *penalties))


def _lane(chance: Random, courier: str) -> Lane:
    first, each = chance.choice([300, chance.randint(0, 900)]), chance.choice([100, chance.randint(0, 300)])
    return Lane(courier, "standard", 1000, first, 1000, each, chance.choice([0, 6000]), chance.randint(0, 4))


def test_a_thousand_decisions_without_weights_are_as_they_were() -> None:
    chance, told = Random(7), hashlib.sha256()  # noqa: S311 # the same questions every time, not a secret
    for _ in range(1000):
        question = question_of(chance)
        told.update(question.written() + msgspec.json.encode(decide_freight(question)))
    assert told.hexdigest() == ANSWERS


def weighed_of(chance: Random) -> Question:
    """Make such a question with a policy's weights, often one that few locations cover."""
    question = question_of(chance)
    assert question.terms
    sold = {site.code: {sku: chance.randint(0, 40) for sku in "xyz"} for site in question.sites}
    marked = {site.code: (chance.choice("xyz"),) for site in question.sites if chance.random() < 0.3}
    terms = replace(
        question.terms,
        unfilled=chance.choice([0, 200, 1_000, 50_000]),
        supply=chance.choice([None, Supply(300, 4, sold)]),
        clearing=chance.choice([None, Clearing(400, marked)]),
    )
    return replace(question, terms=terms)


def test_a_thousand_decisions_with_weights_are_as_they_were() -> None:
    chance, told = Random(8), hashlib.sha256()  # noqa: S311 # the same questions every time, not a secret
    for _ in range(1000):
        question = weighed_of(chance)
        told.update(question.written() + msgspec.json.encode(decide_freight(question)))
    assert told.hexdigest() == WEIGHED_ANSWERS


def part_of(chance: Random) -> Question:
    """Make a question that is best answered by full parcels, while the odd pieces stay unfilled."""
    flat, most, skus = chance.choice([100, 980]), chance.randint(2, 10), "uvxyz"[: chance.randint(2, 5)]
    sites = tuple(
        Site(
            f"{no:02}",
            chance.randint(0, 50),
            chance.choice([0, 0, chance.randint(0, flat // 10), chance.randint(0, 4 * flat)]),
            ("ambient",),
            {chance.choice(skus): chance.randint(most - 1, most)},
        )
        for no in range(chance.randint(4, 9))
    )
    lanes = {site.code: (Lane("SF", "standard", 1000, flat, 1000, 0, 0, 1),) for site in sites}
    wants = tuple(Want(no, sku, chance.choice([most, 2 * most + 1]), "ambient", 1) for no, sku in enumerate(skus))
    unfilled = chance.randint(flat // (most + 1), flat)
    return Question("v1", wants, sites, Costs(), Terms("2026-11-11", lanes, unfilled=unfilled))


def test_a_thousand_decisions_that_leave_odd_pieces_are_as_they_were() -> None:
    chance, told = Random(10), hashlib.sha256()  # noqa: S311 # the same questions every time, not a secret
    for _ in range(1000):
        question = part_of(chance)
        told.update(question.written() + msgspec.json.encode(decide_freight(question)))
    assert told.hexdigest() == PART_ANSWERS


def test_a_cover_of_full_parcels_that_leaves_the_odd_piece_is_found() -> None:
    there = [("A", 9, 20, "x"), ("R", 0, 4000, "x"), ("X", 9, 0, "y"), ("Y", 9, 0, "y"), ("Z", 9, 4000, "y")]
    sites = tuple(
        Site(code, km, handling, ("ambient",), {sku: 1 if code == "Z" else 10}) for code, km, handling, sku in there
    )
    lanes = {site.code: (Lane("SF", "standard", 1000, 980, 1000, 0, 0, 1),) for site in sites}
    wants = (Want(1, "x", 10, "ambient", 1), Want(2, "y", 21, "ambient", 1))
    decision = decide_freight(Question("v1", wants, sites, Costs(), Terms("2026-11-11", lanes, unfilled=110)))
    assert [choice.code for choice in decision.choices] == ["A", "X", "Y"]
    assert decision.cost == 2960
    assert sum(take.quantity for take in decision.unmet) == 1


def test_a_question_that_no_two_locations_cover_is_decided_by_few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, looks, prices = Random(9), list[int](), Asking.prices  # noqa: S311 # as above

    def noted(asking: Asking, stand: Stand, given: Left) -> Iterator[tuple[int, int, Lane]]:
        looks.append(1)
        return prices(asking, stand, given)

    monkeypatch.setattr(Asking, "prices", noted)
    sites = tuple(
        Site(f"{no:02}", chance.randint(10, 3000), 100, ("ambient",), {chance.choice("xyz"): chance.randint(1, 5)})
        for no in range(50)
    )
    lanes = {site.code: tuple(_lane(chance, courier) for courier in ("SF", "ZTO", "JD")) for site in sites}
    wants = tuple(Want(no, sku, 3, "ambient", 700) for no, sku in enumerate("xyz"))
    decide_freight(Question("v1", wants, sites, Costs(), Terms("2026-11-11", lanes, 200, 50, 300, 100, 3_000)))
    assert len(looks) <= 4 * len(sites)
