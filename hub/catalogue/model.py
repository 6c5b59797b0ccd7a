"""What the rules need to know of a product."""

from dataclasses import dataclass
from enum import StrEnum


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
