"""Decides what becomes of a delivery order: rejected, shipped short, in two confirms, in two parcels, or plainly."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.qimen_order import DeliveryOrder, Line
from sandbox.qimen_sites import Behaviour

Kind = Literal["reject", "short", "two_confirms", "two_parcels", "plain"]
_DRAWS = 5


@dataclass(frozen=True, slots=True)
class Pieces:
    """Some pieces of one line."""

    line: Line
    quantity: int


Parcel = tuple[Pieces, ...]


@dataclass(frozen=True, slots=True)
class Confirm:
    """One confirm to come, with its own quantities (not cumulative)."""

    parcels: tuple[Parcel, ...]
    final: bool

    def quantities(self) -> dict[str, int]:
        """Pieces by line number over all parcels."""
        total: dict[str, int] = {}
        for pieces in (one for parcel in self.parcels for one in parcel):
            total[pieces.line.line_no] = total.get(pieces.line.line_no, 0) + pieces.quantity
        return total


@dataclass(frozen=True, slots=True)
class Fate:
    """What the warehouse will do; `delays_s` come before accepting, before picking and before shipping the rest."""

    kind: Kind
    confirms: tuple[Confirm, ...]
    delays_s: tuple[float, float, float]


def decide(order: DeliveryOrder, behaviour: Behaviour) -> Fate:
    """The fate of a document: a pure function of the seed and the document's code, so a re-run gives the same."""
    where, cut, *waits = draws(behaviour.seed, order.code)
    kind = _kind(order, behaviour, where)
    shortest, longest = behaviour.delay_s
    first, second, third = (shortest + wait * (longest - shortest) for wait in waits)
    return Fate(kind, _confirms(kind, order, cut), (first, second, third))


def draws(seed: int, code: str) -> Sequence[float]:
    """Five numbers in [0, 1) from a hash."""
    digest = hashlib.blake2b(f"{seed}|{code}".encode(), digest_size=8 * _DRAWS).digest()
    return [int.from_bytes(digest[8 * n : 8 * n + 6]) / 2**48 for n in range(_DRAWS)]


def _kind(order: DeliveryOrder, behaviour: Behaviour, where: float) -> Kind:
    if order.attempt >= behaviour.never_reject_after:
        return "plain"
    shares: list[tuple[Kind, float]] = [
        ("reject", behaviour.reject),
        ("short", behaviour.short),
        ("two_confirms", behaviour.two_confirms),
        ("two_parcels", behaviour.two_parcels),
    ]
    for kind, share in shares:
        if where < share:
            # A single piece cannot be divided.
            return kind if kind == "reject" or order.pieces > 1 else "plain"
        where -= share
    return "plain"


def _confirms(kind: Kind, order: DeliveryOrder, cut: float) -> tuple[Confirm, ...]:
    if kind == "reject":
        return ()
    whole = tuple(Pieces(line, line.quantity) for line in order.lines)
    if kind == "plain":
        return (Confirm((whole,), final=True),)
    first, rest = divide(whole, 1 + int(cut * (order.pieces - 1)))
    if kind == "short":
        return (Confirm((first,), final=True),)
    if kind == "two_parcels":
        return (Confirm((first, rest), final=True),)
    return (Confirm((first,), final=False), Confirm((rest,), final=True))


def divide(parcel: Iterable[Pieces], count: int) -> tuple[Parcel, Parcel]:
    """The first `count` pieces, in the order of the lines, and the rest."""
    first: list[Pieces] = []
    rest: list[Pieces] = []
    for pieces in parcel:
        taken = min(count, pieces.quantity)
        count -= taken
        if taken:
            first.append(Pieces(pieces.line, taken))
        if taken < pieces.quantity:
            rest.append(Pieces(pieces.line, pieces.quantity - taken))
    return tuple(first), tuple(rest)
