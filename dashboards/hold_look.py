"""What the addresses of the holds queue ask for."""

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from dashboards.asked import address
from dashboards.case_look import AGES
from dashboards.visit import Visit
from hub.order.holds.view import HoldView, Wanted
from hub.review.verdict import Scope

HOME: Final = "/console/holds"


class Look(BaseModel):
    """A list of live holds: of a type and rule, of orders or parts of them, a brand and shop, how old."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(default="", max_length=40)
    rule: str = Field(default="", max_length=100)
    scope: Scope | Literal[""] = ""
    brand: str = Field(default="", max_length=100)
    shop: str = Field(default="", max_length=100)
    age: str = Field(default="", max_length=4)
    cursor: str = Field(default="", max_length=24)

    def wanted(self, visit: Visit) -> Wanted:
        before = visit.at - AGES[self.age] if self.age in AGES else None
        return Wanted(before=before, **self.model_dump(exclude={"age", "cursor"}))

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page, type or hold."""
        return address(path, **{**self.model_dump(), **changes})

    def to(self, hold: HoldView) -> str:
        """Lead to a hold of this list."""
        return self.link(f"{HOME}/{hold.order_id}/{hold.no}")

    @property
    def narrows(self) -> bool:
        return any((self.rule, self.scope, self.brand, self.shop, self.age))


Asked = Annotated[Look, Query()]
