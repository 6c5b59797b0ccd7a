"""Returns of all orders: which wait to be decided or for their goods, and what became of the others."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.asked import address, moment_in
from dashboards.pages import page
from dashboards.visit import Here, Visit
from hub.aftersale.queue import Wanted, list_returns, waiting_returns
from hub.aftersale.status import ReturnKind, ReturnState
from hub.roles import Permission
from hub.scope import reach

HOME: Final = "/console/returns"
PAGE: Final = 50
COUNTED: Final = 1_000
"""From here on a count is "1,000+"."""

router: Final = APIRouter()


class Look(BaseModel):
    """What the list asks for; days are of the business zone, and those of asking."""

    model_config = ConfigDict(frozen=True)

    state: ReturnState | Literal[""] = ""
    kind: ReturnKind | Literal[""] = ""
    brand: str = Field(default="", max_length=100)
    shop: str = Field(default="", max_length=100)
    from_: str = Field(default="", alias="from", max_length=10)
    to: str = Field(default="", max_length=10)
    cursor: str = Field(default="", max_length=30)

    def link(self, **changes: object) -> str:
        """Write this question again, for another page or state."""
        return address(HOME, **{**self.model_dump(), **changes})

    @property
    def narrows(self) -> bool:
        return any((self.kind, self.brand, self.shop, self.from_, self.to))

    def wanted(self, visit: Visit) -> Wanted:
        since, last = (moment_in(told, visit.zone) for told in (self.from_, self.to))
        return Wanted(
            states=(ReturnState(self.state),) if self.state else (),
            kind=ReturnKind(self.kind) if self.kind else None,
            brand=self.brand,
            shop=self.shop,
            since=since,
            until=last + timedelta(days=1) if last else None,
        )


@router.get(HOME)
def returns(visit: Here, look: Annotated[Look, Query()]) -> Response:
    visit.require(Permission.SEE_ORDERS)
    mine = reach(visit.actor, visit.console.settings.connections)
    return page(
        visit,
        "returns.html",
        look=look,
        found=list_returns(visit.session, visit.actor, look.wanted(visit), after=look.cursor, limit=PAGE),
        waiting={one.state: one for one in waiting_returns(visit.session, visit.actor, COUNTED)},
        most=COUNTED,
        states=list(ReturnState),
        kinds=list(ReturnKind),
        brands=sorted({one.brand for one in mine.values()}),
        shops=sorted({one.shop for one in mine.values() if one.shop}),
    )
