"""What every chain keeps, whatever it is asked to cut."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.catalogue.model import Traits
from hub.order.rules.policy import POLICY
from hub.order.rules.ride import lead
from hub.order.rules.split import (
    WITH_MAIN,
    Floor,
    Lines,
    Link,
    Splitter,
    by_arrival,
    by_bond,
    by_bonded_value,
    by_hazard,
    by_parcel,
    by_pieces,
    by_size,
    by_storage,
    by_supplier,
    by_volume,
    by_weight,
    gently,
    merge,
    split,
)
from hub.sourcing.model import Want

LIMIT = 30_000
APART = (by_storage, by_hazard, by_supplier, by_bond, by_size, by_arrival)
FULL = (by_weight(LIMIT), by_volume(200_000), by_parcel(20_000, 90_000), by_pieces(7), by_bonded_value(500_000))
RULES = (*APART, *FULL)
STORAGES = st.sampled_from(["ambient", "chilled", "frozen"])
GRAMS = st.one_of(st.just(0), st.integers(1, 40_000))
TRAITS = st.builds(
    Traits,
    hazard=st.sampled_from(["", "", "3", "9"]),
    oversize=st.booleans(),
    cm3=st.integers(0, 250_000),
    supplier=st.sampled_from(["", "", "S1", "S2"]),
    bonded=st.booleans(),
    available_from=st.sampled_from([None, date(2026, 12, 1), date(2026, 12, 24)]),
)


@st.composite
def orders(draw: st.DrawFn, *, gifts: bool = True) -> Lines:
    """Draw an order; a gift comes with some line before it that is none."""
    lines: list[Want] = []
    for no in range(1, draw(st.integers(1, 6)) + 1):
        mains = [one.line_no for one in lines if not one.with_no]
        with_no = draw(st.sampled_from([0, *mains])) if gifts else 0
        traits = draw(st.one_of(st.none(), TRAITS))
        fen, quantity = draw(st.integers(0, 600_000)), draw(st.integers(1, 60))
        lines.append(Want(no, f"s{no}", quantity, draw(STORAGES), draw(GRAMS), traits, fen, with_no))
    return tuple(lines)


@st.composite
def chains(draw: st.DrawFn) -> Sequence[Link]:
    """Draw some rules in any order, perhaps with a place from which gifts are bound."""
    rules: list[Link] = [*draw(st.permutations(RULES))[: draw(st.integers(0, len(RULES)))]]
    if draw(st.booleans()):
        rules.insert(draw(st.integers(0, len(rules))), WITH_MAIN)
    return (*rules, Floor(draw(st.integers(0, 900_000)))) if draw(st.booleans()) else tuple(rules)


def want(no: int, quantity: int, storage: str = "ambient", grams: int = 500, **more: object) -> Want:
    return Want(no, f"s{no}", quantity, storage, grams, **more)  # pyright: ignore[reportArgumentType] # whatever a test names


def pieces(lines: Sequence[Want]) -> Counter[Want]:
    return Counter({one: one.quantity for one in merge(sorted(lines, key=lambda one: one.line_no))})


def numbers(parts: Sequence[Lines]) -> list[list[tuple[int, int]]]:
    return [[(one.line_no, one.quantity) for one in part] for part in parts]


@given(orders(), chains())
def test_no_piece_is_lost_doubled_or_moved(lines: Lines, chain: Sequence[Link]) -> None:
    parts = split(lines, chain)
    assert pieces([one for part in parts for one in part]) == pieces(lines)
    assert all(part and len({one.line_no for one in part}) == len(part) for part in parts)
    assert split(lines, chain) == parts


@given(orders(gifts=False), chains())
def test_each_part_keeps_every_rule_in_whichever_order(lines: Lines, chain: Sequence[Link]) -> None:
    laws = [one for one in chain if isinstance(one, Splitter)]
    for part in split(lines, chain):
        assert [law.name for law in laws if not law.keeps(part)] == []


@given(orders(), st.permutations(APART), st.permutations(FULL))
def test_gifts_travel_with_their_main_item_unless_an_earlier_rule_forbids_it(
    lines: Lines, before: Sequence[Splitter], after: Sequence[Splitter]
) -> None:
    by_no = {one.line_no: one for one in lines}
    for part in split(lines, (*before, WITH_MAIN, *after)):
        here = {one.line_no for one in part}
        for gift in part:
            main = by_no.get(gift.with_no)
            parted = main and any(not law.keeps((main, gift)) for law in before)
            assert not main or parted or main.line_no in here


@given(orders(), st.lists(st.sets(st.integers(1, 6)), max_size=3))
def test_who_leads_gifts_loses_no_piece_and_leaves_no_part_of_gifts_alone(lines: Lines, groups: list[set[int]]) -> None:
    parts = lead(lines, groups)
    assert pieces([one for part in parts for one in part]) == pieces(lines)
    assert len(parts) == 1 or all(any(not one.with_no for one in part) for part in parts)


@given(orders())
def test_rules_before_the_binding_part_gifts_too(lines: Lines) -> None:
    for part in split(lines, (*APART, WITH_MAIN, by_weight(LIMIT))):
        assert all(law.keeps(part) for law in APART)


@given(orders(gifts=False), st.permutations(RULES), st.integers(1, 900_000))
def test_what_stays_below_the_floor_may_travel_with_nothing_else(
    lines: Lines, rules: Sequence[Splitter], fen: int
) -> None:
    chain = [gently(one) if one is by_arrival else one for one in rules]
    for one, other in combinations(split(lines, (*chain, Floor(fen))), 2):
        small = min(sum(want.quantity * want.fen for want in part) for part in (one, other)) < fen
        assert not small or not all(law.keeps(merge([*one, *other])) for law in chain)


@given(st.lists(st.builds(want, st.integers(1, 9), st.integers(1, 60), STORAGES, GRAMS), min_size=1, max_size=6))
def test_ordinary_goods_go_as_they_did_before_there_were_traits(found: list[Want]) -> None:
    lines = merge(found)
    assert split(lines, POLICY.splitters) == split(lines, (by_storage, by_weight(LIMIT)))


@given(orders(gifts=False))
def test_neighbouring_parts_would_not_fit_into_one(lines: Lines) -> None:
    for part, after in pairwise(by_weight(LIMIT)(lines)):
        assert sum(one.quantity * one.grams for one in part) + after[0].grams > LIMIT


def test_keys_part_in_the_order_they_first_occur() -> None:
    parts = by_storage((want(1, 1, "frozen"), want(2, 1), want(3, 1, "frozen")))
    assert numbers(parts) == [[(1, 1), (3, 1)], [(2, 1)]]


def test_a_line_too_heavy_for_one_parcel_fills_several() -> None:
    parts = by_weight(LIMIT)((want(1, 7, grams=10_000), want(2, 1, grams=10_000)))
    assert numbers(parts) == [[(1, 3)], [(1, 3)], [(1, 1), (2, 1)]]


def test_a_piece_above_the_limit_travels_alone() -> None:
    parts = by_weight(LIMIT)((want(1, 1), want(2, 2, grams=31_000), want(3, 1)))
    assert [[one.line_no for one in part] for part in parts] == [[1], [2], [2], [3]]


def test_a_parcel_that_is_full_by_volume_takes_no_more_weight() -> None:
    parts = by_parcel(LIMIT, 100_000)((want(1, 4, grams=1_000, traits=Traits(cm3=50_000)), want(2, 1)))
    assert numbers(parts) == [[(1, 2)], [(1, 2), (2, 1)]]


def test_dangerous_goods_never_travel_with_food_or_with_another_class() -> None:
    lines = (want(1, 1), want(2, 1, traits=Traits(hazard="3")), want(3, 1, traits=Traits(hazard="9")))
    assert numbers(split(lines, POLICY.splitters)) == [[(1, 1)], [(2, 1)], [(3, 1)]]


def test_goods_under_bond_stay_within_the_limit_of_customs() -> None:
    lines = (want(1, 3, traits=Traits(bonded=True), fen=200_000), want(2, 1))
    assert numbers(split(lines, POLICY.splitters)) == [[(1, 2)], [(1, 1)], [(2, 1)]]


def test_a_gift_waits_for_a_main_item_that_comes_later() -> None:
    later = Traits(available_from=date(2026, 12, 1))
    lines = (want(1, 1, traits=later), want(2, 1, with_no=1), want(3, 1))
    assert numbers(split(lines, POLICY.splitters)) == [[(1, 1), (2, 1)], [(3, 1)]]


def test_gifts_are_spread_over_the_parcels_of_their_main_item() -> None:
    lines = (want(1, 3, grams=20_000), want(2, 5, grams=10, with_no=1))
    parts = split(lines, (WITH_MAIN, by_weight(LIMIT)))
    assert numbers(parts) == [[(1, 1), (2, 2)], [(1, 1), (2, 2)], [(1, 1), (2, 1)]]


def test_the_order_of_the_chain_decides_whether_weight_or_the_gift_wins() -> None:
    lines = (want(1, 1, grams=29_000), want(2, 1, grams=2_000, with_no=1))
    assert numbers(split(lines, (by_weight(LIMIT), WITH_MAIN))) == [[(1, 1)], [(2, 1)]]
    assert numbers(split(lines, (WITH_MAIN, by_weight(LIMIT)))) == [[(1, 1), (2, 1)]]


def test_what_is_worth_little_waits_for_the_rest_where_waiting_is_only_a_wish() -> None:
    lines = (want(1, 1, fen=900), want(2, 1, fen=90_000, traits=Traits(available_from=date(2026, 12, 1))))
    assert numbers(split(lines, (by_arrival, Floor(1_000)))) == [[(1, 1)], [(2, 1)]]
    assert numbers(split(lines, (gently(by_arrival), Floor(1_000)))) == [[(1, 1), (2, 1)]]


def test_an_order_of_nothing_that_travels_has_no_parts() -> None:
    assert split((), POLICY.splitters) == []


def test_without_rules_an_order_stays_whole() -> None:
    assert split((want(1, 99, grams=40_000),), ()) == [(want(1, 99, grams=40_000),)]
