"""What a sourcing decision is asked and what it answers; both are kept, so that every decision replays identically.

Tens of these values are made for every order: they are msgspec's, which makes and writes one in a fraction of a
microsecond.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from hub.address.division import Point
from hub.catalogue.model import Traits

SOLVER: Final = "greedy-1"


class LocationKind(StrEnum):
    """What a location is: the brand's warehouse or shop, a logistics company's warehouse, or a supplier's own."""

    WAREHOUSE = "warehouse"
    STORE = "store"
    THIRD_PARTY = "third_party"
    SUPPLIER = "supplier"


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A value of ours that cannot change; what is read back from a table is checked, what is made here is not.

    None can be part of a circle, so the garbage collector needs not know of them.
    """


class Costs(Value, frozen=True):
    """What a parcel costs, in minor units: the first kilogram, each further one, and distance."""

    parcel: int = 500
    per_further_kg: int = 80
    per_1000_km: int = 450


class Want(Value, frozen=True, omit_defaults=True):
    """Pieces of one order line that need a source; `grams` is the weight of one piece.

    `traits` and `fen`, what one piece was sold for in minor units, are given where a rule of splitting asks for them; a
    gift travels with the line `with_no`.
    """

    line_no: int
    sku: str
    quantity: int
    storage: str
    grams: int
    traits: Traits | None = None
    fen: int = 0
    with_no: int = 0


class Site(Value, frozen=True, array_like=True):
    """A location as the decision sees it: its distance, its fixed cost and what is free there of the wanted SKUs."""

    code: str
    km: int
    handling: int
    storages: tuple[str, ...]
    free: dict[str, int]
    barred: str = ""


class Lane(Value, frozen=True, array_like=True):
    """How one courier carries from a location to where the goods go: its price in minor units, and when it is there.

    `divisor` is how many cubic centimetres count as a kilogram, 0 where volume does not count; `days` is how many after
    the day of asking a parcel arrives, which cut-off, calendar and the courier's time make.
    """

    courier: str
    method: str
    first_grams: int
    first_fen: int
    each_grams: int
    each_fen: int
    divisor: int
    days: int


class Supply(Value, frozen=True):
    """What a piece costs more where a SKU would soon be gone: `fen` where none is left, nothing from `weeks` on.

    `sold` is how many pieces go in four weeks, by location and SKU; what is not in it does not sell.
    """

    fen: int
    weeks: int
    sold: dict[str, dict[str, int]]


class Clearing(Value, frozen=True):
    """What a piece costs more that is taken from elsewhere while a location has it to clear; `marked` by location."""

    fen: int
    marked: dict[str, tuple[str, ...]]


class Terms(Value, frozen=True, omit_defaults=True):
    """What a brand with rate cards or weights is sourced by: day of asking, lanes by location, and penalties in fen.

    `split` is for each parcel after the first, `per_day` for each day until arrival, `scarcity` for taking all pieces
    of a SKU that a location has, and less for a part of them; `unfilled` for each piece that could be given but is not,
    0 where all that can be given must be. A lane without a courier is a tariff's: the location has its own.
    """

    day: str
    lanes: dict[str, tuple[Lane, ...]]
    split: int = 0
    per_day: int = 0
    per_1000_km: int = 0
    scarcity: int = 0
    unfilled: int = 0
    supply: Supply | None = None
    clearing: Clearing | None = None

    @property
    def weighed(self) -> bool:
        """Whether a policy's weights count, which the first solver of terms did not know."""
        return bool(self.unfilled or self.supply or self.clearing)


class Share(Value, frozen=True):
    """What a question gets of an answer found for many: the pieces of its lines (number, pieces) by location.

    `batch` is the hash of all the `questions` together, none with a share; their answer costs `cost` and in turn
    `greedy_cost`, no answer costs less than `bound`, what stays without a source included.
    """

    batch: str
    questions: int
    cost: int
    greedy_cost: int
    bound: int
    given: dict[str, tuple[tuple[int, int], ...]]


class Question(Value, frozen=True, omit_defaults=True):
    """Everything a decision is made from; `terms` are those of a brand that has rate cards.

    A question that was decided together with others holds its `share`.
    """

    policy: str
    wants: tuple[Want, ...]
    sites: tuple[Site, ...]
    costs: Costs
    terms: Terms | None = None
    share: Share | None = None

    def written(self) -> bytes:
        """Write the input as it is kept: as canonical JSON."""
        return msgspec.json.encode(self, order="sorted")

    def digest(self) -> str:
        """Name the input by its content (SHA-256 of what is `written`)."""
        return digest_of(self.written())


def digest_of(written: bytes) -> str:
    """Name an input that was written down already."""
    return hashlib.sha256(written).hexdigest()


class Take(Value, frozen=True):
    """Pieces of a line that the chosen location gives."""

    line_no: int
    sku: str
    quantity: int


class Candidate(Value, frozen=True, array_like=True):
    """A location that was considered: what it could give, what that would cost, and why it was not taken."""

    code: str
    km: int
    pieces: int
    cost: int
    verdict: str
    lost_by: int = 0
    missing: dict[str, int] = {}  # msgspec gives each its own


class Choice(Value, frozen=True, omit_defaults=True):
    """What one location gives, at which cost; the courier and the day of arrival where rate cards say them."""

    code: str
    cost: int
    takes: tuple[Take, ...]
    courier: str = ""
    promise: str = ""


class Option(Value, frozen=True, array_like=True):
    """A location with one of its couriers, as a candidate for the whole: what it costs, of which `freight`."""

    code: str
    courier: str
    method: str
    pieces: int
    cost: int
    freight: int
    days: int
    verdict: str
    lost_by: int


def gap_of(cost: int, bound: int) -> float:
    """Say how much of a cost a perfect answer could save at most, as a part of it; 0 where none could be cheaper."""
    return (cost - bound) / cost if cost else 0.0


class Decision(Value, frozen=True):
    """The answer: `unmet` has no source; no plan for the pieces that were found costs less than `bound`.

    `options` are written where the courier was chosen together with the location.
    """

    choices: tuple[Choice, ...]
    unmet: tuple[Take, ...]
    candidates: tuple[Candidate, ...]
    cost: int
    bound: int
    solver: str = SOLVER
    options: tuple[Option, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def gap(self) -> float:
        return gap_of(self.cost, self.bound)


@dataclass(frozen=True, slots=True)
class Place:
    """A location as the rules need it; `handling` in minor units an order, `bonded` where it keeps goods under bond."""

    brand: str
    code: str
    connection: str
    owner: str
    courier: str
    point: Point
    storages: tuple[str, ...]
    handling: int
    active: bool
    kind: str = LocationKind.WAREHOUSE
    bonded: bool = False
