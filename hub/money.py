"""Money is whole minor units (fen, cents); a share of it never loses or invents one."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from hub.errors import Malformed

MINOR_DIGITS: Final = {
    "CNY": 2,
    "HKD": 2,
    "TWD": 2,
    "MOP": 2,
    "USD": 2,
    "EUR": 2,
    "GBP": 2,
    "SGD": 2,
    "JPY": 0,
    "KRW": 0,
}
"""ISO 4217 exponents of the currencies that the hub accepts."""


def minor_units(amount: Decimal, currency: str) -> int:
    """Turn an amount in major units (yuan) into whole minor units (fen).

    Raises: Malformed when the currency is unknown or the amount has more digits than it.
    """
    if currency not in MINOR_DIGITS:
        raise Malformed(f"currency {currency} is not one of {', '.join(MINOR_DIGITS)}", code="unknown_currency")
    scaled = amount.scaleb(MINOR_DIGITS[currency])
    if scaled != scaled.to_integral_value():
        raise Malformed(f"{amount} has more digits than {currency} knows", code="too_many_digits")
    return int(scaled)


def major_units(amount: int, currency: str) -> Decimal:
    """Turn whole minor units (fen) into major units (yuan) with the currency's own digits."""
    return Decimal(amount).scaleb(-MINOR_DIGITS[currency])


def times(unit_price: Decimal, quantity: int, currency: str) -> int:
    """Price a line: unit price in major units times pieces, in minor units, half up."""
    exact = (unit_price * quantity).scaleb(MINOR_DIGITS[currency])
    return int(exact.to_integral_value(ROUND_HALF_UP))


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Share an amount over weights by the largest remainder; the earlier wins a tie, and the sum is exact.

    Weights that are all zero share evenly. Source: Hamilton's method (largest remainder), on integers only.
    Raises: ValueError for no weights or a negative one.
    """
    if not weights or min(weights) < 0:
        raise ValueError("shares need at least one weight and none below zero")
    if not any(weights):
        weights = [1] * len(weights)
    sign, rest, total = (-1 if amount < 0 else 1), abs(amount), sum(weights)
    parts = [rest * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(rest * weights[i] % total), i))
    for i in by_remainder[: rest - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]


def share_of_first(amount: int, quantity: int, first: int) -> int:
    """Give the part of a line's amount that its first pieces carry: piece k bears share(k) − share(k−1)."""
    return amount * first // quantity if amount >= 0 else -(-amount * first // quantity)
