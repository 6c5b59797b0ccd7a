from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.order.policy import POLICY
from hub.order.split import Lines, by_storage, by_weight, split
from hub.sourcing.model import Want

LIMIT = 30_000
STORAGES = st.sampled_from(["ambient", "chilled", "frozen"])
GRAMS = st.one_of(st.just(0), st.integers(1, 40_000))


@st.composite
def orders(draw: st.DrawFn) -> Lines:
    numbers = range(1, draw(st.integers(1, 6)) + 1)
    return tuple(want(no, draw(st.integers(1, 60)), draw(STORAGES), draw(GRAMS)) for no in numbers)


def want(no: int, quantity: int, storage: str = "ambient", grams: int = 500) -> Want:
    return Want(line_no=no, sku=f"s{no}", quantity=quantity, storage=storage, grams=grams)


def pieces(lines: Sequence[Want]) -> Counter[tuple[int, str, str, int]]:
    counted: Counter[tuple[int, str, str, int]] = Counter()
    for one in lines:
        counted[one.line_no, one.sku, one.storage, one.grams] += one.quantity
    return counted


@given(orders())
def test_no_piece_is_lost_doubled_or_moved(lines: Lines) -> None:
    parts = split(lines, POLICY.splitters)
    assert pieces([one for part in parts for one in part]) == pieces(lines)
    assert all(one.quantity > 0 for part in parts for one in part)


@given(orders())
def test_a_part_has_one_storage_and_each_line_once(lines: Lines) -> None:
    for part in split(lines, POLICY.splitters):
        assert len({one.storage for one in part}) == 1
        assert len({one.line_no for one in part}) == len(part)


@given(orders())
def test_a_part_keeps_to_the_limit_or_is_one_heavy_piece(lines: Lines) -> None:
    for part in split(lines, POLICY.splitters):
        heavy = [one for one in part if one.grams]
        grams = sum(one.quantity * one.grams for one in heavy)
        assert grams <= LIMIT or [one.quantity for one in heavy] == [1]


@given(orders())
def test_neighbouring_parts_would_not_fit_into_one(lines: Lines) -> None:
    parts = by_weight(LIMIT)(lines)
    for part, after in pairwise(parts):
        first_of_next = after[0].grams
        assert sum(one.quantity * one.grams for one in part) + first_of_next > LIMIT


@given(orders())
def test_splitting_is_repeatable(lines: Lines) -> None:
    assert split(lines, POLICY.splitters) == split(lines, POLICY.splitters)


def test_storages_part_in_the_order_they_first_occur() -> None:
    parts = by_storage((want(1, 1, "frozen"), want(2, 1), want(3, 1, "frozen")))
    assert [[one.line_no for one in part] for part in parts] == [[1, 3], [2]]


def test_a_line_too_heavy_for_one_parcel_fills_several() -> None:
    parts = by_weight(LIMIT)((want(1, 7, grams=10_000), want(2, 1, grams=10_000)))
    assert [[(one.line_no, one.quantity) for one in part] for part in parts] == [[(1, 3)], [(1, 3)], [(1, 1), (2, 1)]]


def test_a_piece_above_the_limit_travels_alone() -> None:
    parts = by_weight(LIMIT)((want(1, 1), want(2, 2, grams=31_000), want(3, 1)))
    assert [[one.line_no for one in part] for part in parts] == [[1], [2], [2], [3]]


def test_without_splitters_an_order_stays_whole() -> None:
    assert split((want(1, 99, grams=40_000),), ()) == [(want(1, 99, grams=40_000),)]
