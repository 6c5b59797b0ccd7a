"""What the rules need to know of a product."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

UNBOUND: Final = "nothing in the catalogue is bound to "
"""How an error begins that goes on with the codes; whoever looks for what waits reads them from there."""

Code: TypeAlias = tuple[str, str, str]
"""A brand, a shop of it, and the shop's own code of something: shops of two brands may share a name."""

HAZARD: Final = r"^([1-9](\.[1-6])?)?$"
"""A class of danger and perhaps its division, as the UN's recommendations number them; empty for harmless goods."""


class Storage(StrEnum):
    """The temperature a product travels at; one parcel holds one. Virtual goods travel at none: nothing is sent."""

    AMBIENT = "ambient"
    CHILLED = "chilled"
    FROZEN = "frozen"
    NONE = "none"


class Traits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What sets a product apart from others on its way; ordinary goods have none of it.

    `hazard` is a class of the UN's recommendations on dangerous goods (9, 2.1), `supplier` who sends it from his own
    stock, `cm3` the volume of one packed piece, `available_from` the day before which none can be sent.
    """

    hazard: str = ""
    oversize: bool = False
    cm3: int = 0
    supplier: str = ""
    bonded: bool = False
    available_from: date | None = None

    def on(self, day: date) -> "Traits":
        """Give the traits as of a day: what can be sent by then need not be waited for."""
        if self.available_from is None or self.available_from > day:
            return self
        return replace(self, available_from=None)


ORDINARY: Final = Traits()


@dataclass(frozen=True, slots=True)
class Part:
    """Some pieces of a SKU inside one bundle; `weight` shares the bundle's price."""

    sku: str
    quantity: int
    weight: int


@dataclass(frozen=True, slots=True)
class Product:
    """A SKU, or a bundle when it has parts; `grams` for one piece."""

    sku: str
    title: str
    storage: Storage
    grams: int
    parts: tuple[Part, ...] = ()
    traits: Traits | None = None

    @property
    def virtual(self) -> bool:
        """Say whether nothing is sent: a voucher, a service, a download."""
        return self.storage is Storage.NONE
