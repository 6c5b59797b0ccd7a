"""A brand's own chain: what it may say, what it cuts, and what every chain keeps."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.catalogue.model import Traits
from hub.database import run
from hub.errors import Malformed
from hub.order.rules.chain import chain_of
from hub.order.rules.policy import POLICY
from hub.order.rules.split import Lines, Splitter, merge, split
from hub.order.trace.explain import explain_routing
from hub.roles import SYSTEM
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.policy import read_policy
from hub.sourcing.split_words import RULES, cut_by
from hub.sourcing.splitting import BEFORE_GIFTS, LAW, Splitting
from tests.hub.making import AT, order, placed, sources, stock
from tests.hub.order.rules.test_split import numbers, orders, want

FREE = ("supplier", "size", "arrival", "parcel", "weight", "volume", "pieces")
HEAD = 'version = "own"\nbrand = "demo"\n[split]\n'
LIMITS = {"parcel_grams": ("parcel", "weight"), "parcel_cm3": ("parcel", "volume"), "bonded_fen": ("bonded_value",)}


@st.composite
def said(draw: st.DrawFn) -> Splitting:
    """Draw what a brand may say: the law's rules and some of the others, in any order that is allowed."""
    free = draw(st.lists(st.sampled_from(FREE), unique=True))
    chain = draw(st.permutations([*LAW, *free]))
    if draw(st.booleans()):
        last = max(chain.index(name) for name in BEFORE_GIFTS)
        chain.insert(draw(st.integers(last + 1, len(chain))), "with_main")
    floor = draw(st.none() | st.integers(1, 900_000))
    wishes = draw(st.lists(st.sampled_from(free), unique=True)) if free and floor else []
    limits = {name: draw(st.none() | st.integers(1, 60_000)) for name, by in LIMITS.items() if {*by} & {*chain}}
    pieces = draw(st.integers(1, 9)) if "pieces" in chain else None
    return Splitting.model_validate(
        {"chain": tuple(chain), "wishes": tuple(wishes), "floor_fen": floor, "parcel_pieces": pieces, **limits}
    )


def put_in_force(session: Session, split_terms: str, version: str = "own") -> None:
    draft_policy(session, SYSTEM, (HEAD + split_terms).replace('"own"', f'"{version}"'), POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", version, "tried", AT, revision=1, untried="a test")


@given(orders(), said())
def test_no_piece_and_no_fen_is_lost_or_doubled_by_any_chain(lines: Lines, own: Splitting) -> None:
    told: list[list[str]] = []
    parts = split(lines, chain_of(POLICY.splitters, own), told)
    every = [one for part in parts for one in part]
    assert {one.line_no: one for one in merge(every)} == {one.line_no: one for one in lines}
    assert sum(one.quantity * one.fen for one in every) == sum(one.quantity * one.fen for one in lines)
    assert len(told) == len(parts)


@given(orders(), said())
def test_the_law_holds_in_each_part_for_gifts_too(lines: Lines, own: Splitting) -> None:
    chain = chain_of(POLICY.splitters, own)
    laws = [one for one in chain if isinstance(one, Splitter) and one.name in BEFORE_GIFTS]
    assert all(law.keeps(part) for law in laws for part in split(lines, chain))


@given(orders(), said())
def test_a_part_that_is_alone_was_cut_by_nothing_and_each_that_is_not_names_its_rules(
    lines: Lines, own: Splitting
) -> None:
    told: list[list[str]] = []
    parts = split(lines, chain_of(POLICY.splitters, own), told)
    assert {name for names in told for name in names} <= RULES.keys()
    assert len(parts) == 1 or all(told)


@given(orders())
def test_without_anything_said_the_chain_is_the_built_in_one(lines: Lines) -> None:
    assert split(lines, chain_of(POLICY.splitters, Splitting())) == split(lines, POLICY.splitters)


@pytest.mark.parametrize(
    ("written", "code", "field"),
    [
        ('chain = ["storage"]', "split_law", "split.chain"),
        ('chain = ["storage", "hazard", "with_main", "bond", "bonded_value"]', "split_gifts", "split.chain"),
        ('chain = ["storage", "hazard", "bond", "bonded_value", "size", "size"]', "split_twice", "split.chain"),
        ('chain = ["storage", "hazard", "bond", "bonded_value"]\nparcel_cm3 = 9', "split_unused", "split.parcel_cm3"),
        ('chain = ["storage", "hazard", "bond", "bonded_value", "pieces"]', "split_limit", "split.parcel_pieces"),
        ('wishes = ["arrival"]', "split_unused", "split.wishes"),
        ('floor_fen = 5\nwishes = ["hazard"]', "split_law", "split.wishes"),
        ('chain = ["colour"]', "malformed_policy", "split.chain[0]"),
        ("floor_fen = 0", "malformed_policy", "split.floor_fen"),
    ],
)
def test_what_breaks_the_law_or_would_never_be_asked_is_refused(written: str, code: str, field: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_policy(HEAD + written)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_limit_beyond_the_law_is_no_draft_and_one_of_before_the_law_is_capped(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    with pytest.raises(Malformed, match="at most 500000"):
        put_in_force(session, "bonded_fen = 500001")
    old = chain_of(POLICY.splitters, read_policy(HEAD + "bonded_fen = 2600000").split)
    dear = want(1, 3, fen=300_000, traits=Traits(bonded=True))
    assert len(split((dear,), old)) == len(split((dear,), POLICY.splitters)) == 3


def test_the_order_of_a_brands_chain_decides() -> None:
    own = read_policy(HEAD + 'chain = ["storage", "hazard", "bond", "bonded_value", "parcel"]').split
    later = (want(1, 1, traits=Traits(supplier="S1")), want(2, 1))
    assert numbers(split(later, POLICY.splitters)) == [[(1, 1)], [(2, 1)]]
    assert numbers(split(later, chain_of(POLICY.splitters, own))) == [[(1, 1), (2, 1)]]


def test_a_floor_joins_ordinary_goods_by_what_they_were_sold_for(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    put_in_force(session, "parcel_grams = 1000", "strict")
    assert len(sources(session, placed(session, order({"apple": 4})))) == 2
    put_in_force(session, 'parcel_grams = 1000\nfloor_fen = 1000000\nwishes = ["parcel"]', "joined")
    assert len(sources(session, placed(session, order({"apple": 4}, "T2")))) == 1


def test_it_is_told_which_rule_cut(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    put_in_force(session, "parcel_grams = 1000")
    found = explain_routing(session, placed(session, order({"apple": 4})), SYSTEM).decisions
    assert [one.cut_by for one in found] == [("parcel",), ("parcel",)]
    assert cut_by(found[0].cut_by, "en") == "weight or volume of a parcel"


def test_nobody_can_say_which_rule_of_another_release_cut(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    put_in_force(session, "parcel_grams = 1000")
    order_id = placed(session, order({"apple": 4}))
    run(session, "delete from routing_policy")
    assert [one.cut_by for one in explain_routing(session, order_id, SYSTEM).decisions] == [None, None]
    assert Counter(cut_by(None, language) for language in ("zh", "en")).total() == 2
