"""What the addresses of inventory ask for: a list of counters, and one counter of it."""

from typing import Annotated, Final

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from dashboards.asked import address
from dashboards.visit import Visit
from hub.inventory.condition import Condition
from hub.inventory.ledger import StockKey
from hub.inventory.view import LevelView, Wanted, brands_seen, get_level
from hub.scope import reach

HOME: Final = "/console/inventory"
LEVEL: Final = HOME + "/level"


class At(BaseModel):
    """Which counter an address means: `at` is its location."""

    model_config = ConfigDict(frozen=True)

    at: str = ""
    sku: str = ""
    owner: str = ""
    condition: str = Condition.SALEABLE

    @property
    def key(self) -> StockKey:
        return StockKey(self.at, self.sku, self.owner, self.condition)


class Look(At):
    """What the list asks for, and which counter of it is looked at."""

    find: str = ""
    location: str = ""
    brand: str = ""
    show: str = ""
    cursor: str = ""

    def wanted(self) -> Wanted:
        return Wanted(find=self.find, location=self.location, brand=self.brand, show=self.show)

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page or state; it names no counter."""
        return address(path, **{**self.model_dump(exclude=set(At.model_fields)), **changes})

    def to(self, key: StockKey, path: str = LEVEL) -> str:
        """Lead to a counter of this list, or to an act on it."""
        return self.link(path, at=key.location, sku=key.sku, owner=key.owner, condition=key.condition)

    @property
    def narrows(self) -> bool:
        return any((self.find, self.location, self.brand, self.show))


Asked = Annotated[Look, Query()]


def seen_by(visit: Visit) -> list[str] | None:
    """Name the brands whose stock this person may see; None is all."""
    return brands_seen(visit.actor, visit.console.settings.connections)


def sees(visit: Visit, shop: str) -> bool:
    """Say whether what is a shop's own is this person's to see."""
    return not visit.actor.shops or shop in visit.actor.shops


def told_by(visit: Visit) -> list[str]:
    """Name the connections that this person may work on and that are told of stock: of others nothing is to be seen."""
    found = reach(visit.actor, visit.console.settings.connections)
    return [name for name, one in found.items() if one.stock != "none"]


def changeable(visit: Visit, key: StockKey) -> LevelView:
    """Give a counter that this person may change.

    Raises: NotFound; Unauthorised for who works on one shop alone, for stock is everybody's of its brand.
    """
    one = get_level(visit.session, seen_by(visit), key)
    visit.actor.require_scope(one.brand, "")
    return one
