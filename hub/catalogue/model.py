"""What the rules need to know of a product."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

UNBOUND: Final = "nothing in the catalogue is bound to "
"""How an error begins that goes on with the codes; whoever looks for what waits reads them from there."""


class Storage(StrEnum):
    """The temperature a product travels at; one parcel holds one."""

    AMBIENT = "ambient"
    CHILLED = "chilled"
    FROZEN = "frozen"


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
