from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Malformed
from hub.money import MINOR_DIGITS, major_units, minor_units, share, share_of_first, times

AMOUNTS = st.integers(-(10**12), 10**12)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)


@given(AMOUNTS, WEIGHTS)
def test_shares_add_up_to_the_amount(amount: int, weights: list[int]) -> None:
    assert sum(share(amount, weights)) == amount


@given(AMOUNTS, WEIGHTS)
def test_a_share_is_less_than_one_unit_off_its_proportion(amount: int, weights: list[int]) -> None:
    weights = weights if any(weights) else [1] * len(weights)
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    assert all(abs(part - wish) < 1 for part, wish in zip(share(amount, weights), exact, strict=True))


@given(AMOUNTS, WEIGHTS)
def test_what_weighs_more_never_bears_less(amount: int, weights: list[int]) -> None:
    by_weight = sorted(zip(weights, map(abs, share(amount, weights)), strict=True))
    heavier = [(a, b) for (w, a), (v, b) in pairwise(by_weight) if w < v]
    assert all(a <= b for a, b in heavier)


def test_the_earlier_wins_a_tie() -> None:
    assert share(100, [1, 1, 1]) == [34, 33, 33]
    assert share(2, [1, 1, 1, 1]) == [1, 1, 0, 0]
    assert share(-100, [1, 1, 1]) == [-34, -33, -33]


def test_weights_of_zero_share_evenly() -> None:
    assert share(5, [0, 0]) == [3, 2]
    assert share(5, [0, 7]) == [0, 5]


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_shares_of_nothing_or_less_are_a_bug(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one weight"):
        share(5, weights)


@given(AMOUNTS, st.integers(1, 1000))
def test_the_pieces_of_a_line_bear_all_of_it(amount: int, quantity: int) -> None:
    borne = [share_of_first(amount, quantity, k) for k in range(quantity + 1)]
    pieces = [after - before for before, after in pairwise(borne)]
    assert (borne[0], sum(pieces)) == (0, amount)
    assert max(pieces) - min(pieces) <= 1


@given(AMOUNTS, st.sampled_from(sorted(MINOR_DIGITS)))
def test_minor_units_go_to_major_ones_and_back(amount: int, currency: str) -> None:
    assert minor_units(major_units(amount, currency), currency) == amount


def test_minor_units_refuse_what_the_currency_cannot_say() -> None:
    with pytest.raises(Malformed, match="more digits"):
        minor_units(Decimal("1.001"), "CNY")
    with pytest.raises(Malformed, match="more digits"):
        minor_units(Decimal("1.1"), "JPY")
    with pytest.raises(Malformed, match="XXX is not one of"):
        minor_units(Decimal(1), "XXX")


def test_a_line_is_rounded_half_up_once() -> None:
    assert times(Decimal("0.005"), 1, "CNY") == 1
    assert times(Decimal("0.333333"), 3, "CNY") == 100
    assert times(Decimal("1.5"), 1, "JPY") == 2
