"""A sourcing policy as people write it: what parcels cost and hold, and which locations are left out."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import Field, StringConstraints, ValidationError

from hub.document import Document, Text
from hub.errors import Malformed
from hub.language import Words
from hub.sourcing.model import Costs, LocationKind
from hub.sourcing.promise import Hours, Rest
from hub.sourcing.splitting import Splitting
from hub.unfit import malformed

MOST_FEN: Final = 10_000_000
LABEL: Final = r"^[a-z0-9][a-z0-9.-]{0,39}$"

Fen = Annotated[int, Field(ge=0, le=MOST_FEN, strict=True)]
Limit = Annotated[int, Field(ge=1, le=100_000_000, strict=True)]
Code = Annotated[Text, StringConstraints(min_length=1, max_length=64)]


class Tariff(Document):
    """What a parcel costs in minor units: as `Costs`, and `split` for each parcel after the first, as in `Terms`."""

    parcel: Fen = Costs().parcel
    per_further_kg: Fen = Costs().per_further_kg
    per_1000_km: Fen = Costs().per_1000_km
    split: Fen = 0

    def costs(self) -> Costs:
        return Costs(self.parcel, self.per_further_kg, self.per_1000_km)


class Elimination(Document):
    """Which locations are not asked at all: those named, those of some `kinds`, those beyond `max_km`."""

    locations: frozenset[Code] = frozenset()
    kinds: frozenset[LocationKind] = frozenset()
    max_km: Annotated[int, Field(ge=0, le=20_000, strict=True)] | None = None


class Standing(Hours):
    """What a policy says of one location besides its hours: its zone, how far it sends, by which methods.

    `most_open` is how many documents may be open there at once before it is given no more, `most_a_day` how many may be
    made for one of its days, which are counted from the cut-off on. `clear` names the SKUs that should go from here
    first; true is all that it has.
    """

    zone: Annotated[Text, Field(max_length=64)] = ""
    radius_km: Annotated[int, Field(ge=0, le=20_000, strict=True)] | None = None
    methods: tuple[Code, ...] | None = None
    most_open: Limit | None = None
    most_a_day: Limit | None = None
    clear: bool | frozenset[Code] = False


class Weights(Document):
    """What a choice weighs beside parcels, each in minor units for a piece.

    `supply` is for one that is taken where none would be left, and less up to `weeks` of supply; `markdown` for one
    that is not taken where the SKU is to be cleared; `unfilled` for one that is there and yet not given. Without that,
    all that can be given is given, whatever it costs.
    """

    supply: Fen = 0
    weeks: Annotated[int, Field(ge=1, le=52, strict=True)] = 4
    markdown: Fen = 0
    unfilled: Fen = 0

    @property
    def any(self) -> bool:
        return bool(self.supply or self.markdown or self.unfilled)


class Freight(Document):
    """By which edition of the brand's rate card goods are sent, how, and by whom; penalties as in `Terms`.

    Without couriers named all of the card may carry. A card's days are those on which couriers do not rest.
    """

    rates: Code
    method: Code = "standard"
    couriers: tuple[Code, ...] | None = None
    split: Fen = 0
    per_day: Fen = 0
    per_1000_km: Fen = 0
    scarcity: Fen = 0
    couriers_rest: Rest = Rest.NEVER


class Together(Document):
    """Batches of at least so many `orders` that want more than there is are decided together, for at most `most_ms`.

    Others may wait for counters meanwhile, who give up after ten seconds.
    """

    most_ms: Annotated[int, Field(ge=10, le=5_000, strict=True)] = 2_000
    orders: Annotated[int, Field(ge=2, le=10_000, strict=True)] = 200


class SourcingPolicy(Document):
    """What one brand's goods are sourced by; `version` is what every decision made under it records.

    `closed` are days on which no location works beside the holidays of the `calendar`, `zones` the divisions of each
    zone; a location that is not named works always, sends anywhere, and is in no zone.
    What it says of a kind holds for each location of it, but for what it says of that location itself.
    """

    version: Annotated[str, StringConstraints(pattern=LABEL)]
    brand: Code
    note: Annotated[Text, Field(max_length=500)] = ""
    costs: Tariff = Tariff()
    split: Splitting = Splitting()
    eliminate: Elimination = Elimination()
    freight: Freight | None = None
    weights: Weights = Weights()
    calendar: Code | None = None
    together: Together | None = None
    closed: frozenset[date] = frozenset()
    zones: dict[Code, frozenset[Code]] = Field(default_factory=dict[Code, frozenset[Code]])
    kinds: dict[LocationKind, Standing] = Field(default_factory=dict[LocationKind, Standing])
    locations: dict[Code, Standing] = Field(default_factory=dict[Code, Standing])

    @property
    def asks_kinds(self) -> bool:
        return bool(self.kinds or self.eliminate.kinds)

    @property
    def standings(self) -> Sequence[tuple[str, Standing]]:
        """Give what is said of kinds and of locations, by its place in the policy."""
        kinds = [(f"kinds.{kind}", standing) for kind, standing in self.kinds.items()]
        return [*kinds, *((f"locations.{code}", standing) for code, standing in self.locations.items())]

    def told_by_location(self, kinds: Mapping[str, LocationKind]) -> "SourcingPolicy":
        """Say of each location what is said of its kind, so that whoever asks for hours and limits need not know it."""
        standings = {code: self.kinds[kind] for code, kind in kinds.items() if kind in self.kinds}
        for code, own in self.locations.items():
            said = {name: getattr(own, name) for name in own.model_fields_set}
            standings[code] = standings[code].model_copy(update=said) if code in standings else own
        return self.model_copy(update={"locations": standings})


def read_policy(written: str) -> SourcingPolicy:
    """Read a policy from TOML; what is not known is refused, what is not said is as it is built in.

    Raises: Malformed with code malformed_policy, naming the first field that is wrong.
    """
    try:
        given = tomllib.loads(written)
    except (ValueError, RecursionError) as error:  # also of a number of thousands of digits, or brackets as deep
        text, zh = f"the policy is no TOML: {error}", f"策略不是有效的 TOML：{error}"
        raise Malformed(text, code="malformed_policy", zh=zh) from error
    try:
        return SourcingPolicy.model_validate(given)
    except ValidationError as error:
        raise malformed(error, "malformed_policy", of=Words("策略的 ", "the policy's ")) from error
