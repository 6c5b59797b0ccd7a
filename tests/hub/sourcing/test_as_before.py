"""What `greedy-2` answered before there were weights, as one hash: its stored decisions must come out the same."""

import hashlib
from random import Random

import msgspec

from hub.catalogue.model import Traits
from hub.sourcing.freight import decide_freight
from hub.sourcing.model import Costs, Lane, Question, Site, Terms, Want

ANSWERS = "fc112a33afdbc88f9681955038920e8c2d7b8876a054adb8c437f9bb4a37f69c"


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
