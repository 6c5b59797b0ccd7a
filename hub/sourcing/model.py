"""What a sourcing decision is asked and what it answers; both are kept, so that every decision replays identically."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from hub.address.division import Point
from hub.document import Document

SOLVER: Final = "greedy-1"


class Costs(Document):
    """What a parcel costs, in minor units: the first kilogram, each further one, and distance."""

    parcel: int = 500
    per_further_kg: int = 80
    per_1000_km: int = 450


class Want(Document):
    """Pieces of one order line that need a source; `grams` is the weight of one piece."""

    line_no: int
    sku: str
    quantity: int
    storage: str
    grams: int


class Site(Document):
    """A location as the decision sees it: its distance, its fixed cost and what is free there of the wanted SKUs."""

    code: str
    km: int
    handling: int
    storages: tuple[str, ...]
    free: dict[str, int]
    barred: str = ""


class Question(Document):
    """Everything a decision is made from."""

    policy: str
    wants: tuple[Want, ...]
    sites: tuple[Site, ...]
    costs: Costs

    def digest(self) -> str:
        """Name the input by its content (SHA-256 of canonical JSON)."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Take(Document):
    """Pieces of a line that the chosen location gives."""

    line_no: int
    sku: str
    quantity: int


class Candidate(Document):
    """A location that was considered: what it could give, what that would cost, and why it was not taken."""

    code: str
    km: int
    pieces: int
    cost: int
    verdict: str
    lost_by: int = 0
    missing: dict[str, int] = Field(default_factory=dict)


class Choice(Document):
    code: str
    cost: int
    takes: tuple[Take, ...]


class Decision(Document):
    """The answer: `unmet` has no source; no plan for the pieces that were found costs less than `bound`."""

    solver: str = SOLVER
    choices: tuple[Choice, ...]
    unmet: tuple[Take, ...]
    candidates: tuple[Candidate, ...]
    cost: int
    bound: int

    @property
    def gap(self) -> float:
        """How far above the bound the cost is; 0 when the cheapest imaginable plan was found."""
        return (self.cost - self.bound) / self.bound if self.bound else 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """A location as the rules need it; `handling` in minor units an order."""

    brand: str
    code: str
    connection: str
    owner: str
    courier: str
    point: Point
    storages: tuple[str, ...]
    handling: int
    active: bool
