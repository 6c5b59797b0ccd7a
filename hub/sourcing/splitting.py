"""How a sourcing policy says that orders are cut into parcels: the rules in their order, the limits, the floor."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from hub.document import Document
from hub.errors import Malformed

MOST_BONDED_FEN: Final = 500_000
"""What goods under bond may be worth at once (财关税〔2018〕49号)."""

Rule = Literal[
    "storage", "hazard", "supplier", "bond", "with_main", "size", "arrival", "bonded_value", "parcel", "weight",
    "volume", "pieces",
]  # fmt: skip
Limit = Annotated[int, Field(ge=1, le=100_000_000, strict=True)]

LAW: Final = ("storage", "hazard", "bond", "bonded_value")
"""What food, danger and customs demand, whichever brand it is: they may be placed, not left out or made a wish."""

BEFORE_GIFTS: Final = ("storage", "hazard", "bond")
"""Rules behind `with_main` see a piece and its gifts as one, so these would not see what a gift is."""

USES: Final = {
    "parcel_grams": ("parcel", "weight"),
    "parcel_cm3": ("parcel", "volume"),
    "parcel_pieces": ("pieces",),
    "bonded_fen": ("bonded_value",),
}
"""By which rules each limit is asked."""


class Splitting(Document):
    """What one parcel may hold, where that is not as it is built in; `bonded_fen` is the worth of goods under bond.

    `chain` names the rules in the order in which they cut. A part worth less than `floor_fen` joins another that it may
    travel with; the rules of `wishes` cut, but the floor may undo it.
    """

    chain: Annotated[tuple[Rule, ...], Field(max_length=12)] | None = None
    wishes: Annotated[tuple[Rule, ...], Field(max_length=12)] = ()
    floor_fen: Limit | None = None
    parcel_grams: Limit | None = None
    parcel_cm3: Limit | None = None
    parcel_pieces: Limit | None = None
    bonded_fen: Limit | None = None

    @model_validator(mode="after")
    def be_lawful(self) -> Self:
        """Refuse a chain that breaks the law, or says what would never be asked.

        Raises: Malformed, which tells more than a ValueError could: it has a code of its own.
        """
        for code, field, message in self._faults():
            raise Malformed(f"the policy's split.{field}: {message}", code=code, field=f"split.{field}")
        return self

    def _faults(self) -> Iterator[tuple[str, str, str]]:
        if self.chain is not None:
            yield from _order_faults(self.chain)
            for limit, rules in USES.items():
                if getattr(self, limit) is not None and not set(rules) & set(self.chain):
                    yield "split_unused", limit, f"no rule of the chain asks it; name {' or '.join(rules)} in the chain"
            if "pieces" in self.chain and self.parcel_pieces is None:
                yield "split_limit", "parcel_pieces", "the chain counts pieces, so say how many a parcel may hold"
        yield from self._wish_faults()

    def _wish_faults(self) -> Iterator[tuple[str, str, str]]:
        if self.wishes and self.floor_fen is None:
            yield "split_unused", "wishes", "only a floor undoes what a wish has cut; set floor_fen"
        for wish in self.wishes:
            if wish in {*LAW, "with_main"}:
                yield "split_law", "wishes", f"{wish} is no wish: it always holds"
            if self.chain is not None and wish not in self.chain:
                yield "split_unused", "wishes", f"{wish} is not in the chain"


def _order_faults(chain: tuple[Rule, ...]) -> Iterator[tuple[str, str, str]]:
    for no, name in enumerate(chain):
        if name in chain[:no]:
            yield "split_twice", "chain", f"{name} is named twice"
    if missing := [name for name in LAW if name not in chain]:
        yield "split_law", "chain", f"{', '.join(missing)} may not be left out"
    bound = chain.index("with_main") if "with_main" in chain else len(chain)
    if late := [name for name in BEFORE_GIFTS if chain.index(name) > bound]:
        yield "split_gifts", "chain", f"{', '.join(late)} must stand before with_main, else a gift is not looked at"
