"""Questions of every kind, made by hypothesis, and as rows hold them."""

from typing import Final

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.catalogue.model import Traits
from hub.sourcing.freight import FREIGHT, WEIGHED
from hub.sourcing.model import SOLVER, Clearing, Costs, Lane, Question, Site, Supply, Terms, Want
from hub.sourcing.rerun import Stored
from hub.sourcing.solver import SOLVERS
from tests.conftest import AT

CODES: Final = ("a", "b", "c", "d")
SKUS: Final = st.sampled_from(["x", "y", "z"])
STORAGES: Final = st.sampled_from([("ambient",), ("ambient", "frozen")])
FEN: Final = st.integers(0, 900)
COSTS: Final = st.builds(Costs, parcel=FEN, per_further_kg=FEN, per_1000_km=FEN)


@st.composite
def wants(draw: st.DrawFn) -> tuple[Want, ...]:
    storage = st.sampled_from(["ambient", "ambient", "frozen"])
    return tuple(
        Want(no, draw(SKUS), draw(st.integers(1, 8)), draw(storage), draw(st.integers(0, 3000)))
        for no in range(1, draw(st.integers(1, 4)) + 1)
    )


@st.composite
def questions(draw: st.DrawFn) -> Question:
    sites = [
        Site(
            code,
            draw(st.integers(0, 4000)),
            draw(FEN),
            draw(STORAGES),
            draw(st.dictionaries(SKUS, st.integers(0, 9))),
            draw(st.sampled_from(["", "", "", "closed", "rejected_before"])),
        )
        for code in CODES[: draw(st.integers(0, len(CODES)))]
    ]
    return Question("v1", draw(wants()), tuple(sites), draw(COSTS))


def kept(question: Question) -> Stored:
    """Give a decision as its row would hold it."""
    solver = (WEIGHED if question.terms.weighed else FREIGHT) if question.terms else SOLVER
    written, answer = question.written().decode(), msgspec.json.encode(SOLVERS[solver](question)).decode()
    return Stored(1, 1, AT, solver, question.digest(), written, answer)


@st.composite
def lanes(draw: st.DrawFn) -> tuple[Lane, ...]:
    couriers = draw(st.lists(st.sampled_from(["SF", "ZTO", "JD"]), max_size=3, unique=True))
    return tuple(
        Lane(
            courier,
            "standard",
            draw(st.integers(1, 3000)),
            draw(FEN),
            draw(st.integers(1, 3000)),
            draw(FEN),
            draw(st.sampled_from([0, 6000, 12000])),
            draw(st.integers(0, 9)),
        )
        for courier in couriers
    )


@st.composite
def carried(draw: st.DrawFn) -> Question:
    """Make a question of a brand with rate cards."""
    question = draw(questions())
    by_site = {site.code: found for site in question.sites if (found := draw(lanes()))}
    split, per_day, per_1000_km, scarcity = (draw(FEN) for _ in range(4))
    terms = Terms("2026-11-11", by_site, split, per_day, per_1000_km, scarcity)
    bulky = st.sampled_from([None, Traits(cm3=9000)])
    wanted = tuple(replace(want, traits=draw(bulky)) for want in question.wants)
    return replace(question, wants=wanted, terms=terms)


@st.composite
def weighed(draw: st.DrawFn) -> Question:
    """Make a question of a brand whose policy weighs stock, clearing or what stays unfilled."""
    question = draw(carried())
    assert question.terms
    codes, pieces = st.sampled_from(CODES), st.dictionaries(SKUS, st.integers(1, 40))
    supply = st.builds(Supply, fen=FEN, weeks=st.integers(1, 8), sold=st.dictionaries(codes, pieces))
    marked = st.dictionaries(codes, st.lists(SKUS, unique=True).map(tuple))
    clearing = st.none() | st.builds(Clearing, fen=FEN, marked=marked)
    terms = replace(question.terms, unfilled=draw(FEN), supply=draw(supply), clearing=draw(clearing))
    return replace(question, terms=terms)
