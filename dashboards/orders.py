"""Orders: the list that staff search and filter; its whole state is its address, in which no phone number stands."""

from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import order_changes, returns, trace
from dashboards.actions import lead
from dashboards.asked import address
from dashboards.pages import page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.order.search.page import Findings, count_newer, search
from hub.order.search.query import STATUSES, Filter
from hub.order.search.recognise import HIDDEN, hide, shown_term
from hub.roles import Permission
from hub.scope import reach

HOME: Final = "/console/orders"
SPANS: Final = (("today", 1), ("week", 7), ("month", 30))
"""The periods that one press chooses, in days up to today."""

router: Final = APIRouter()


class Wish(BaseModel):
    """What the form of the list asks for; days are of the business zone."""

    model_config = ConfigDict(frozen=True)

    q: str = Field(default="", max_length=200)
    status: str = Field(default="", max_length=40)
    channel: str = Field(default="", max_length=100)
    from_: str = Field(default="", alias="from", max_length=10)
    to: str = Field(default="", max_length=10)

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page or status."""
        return address(path, **{**self.model_dump(), **changes})

    @property
    def narrows(self) -> bool:
        return any((self.q, self.status, self.channel, self.from_, self.to))

    @property
    def hidden(self) -> bool:
        """Whether a phone number is looked for, which stands sealed in the address."""
        return self.q.startswith(HIDDEN)

    def filter(self, visit: Visit) -> Filter:
        """Give what the hub looks for; a channel's shop goes with it, because a shop's orders have an index."""
        configured = visit.console.settings.connections.get(self.channel)
        return Filter(
            q=self.q,
            status=self.status,
            channel=self.channel,
            shop=configured.shop if configured else "",
            since=day_in(self.from_),
            until=day_in(self.to),
        )


class Look(Wish):
    """The same as an address, with the place in the list."""

    cursor: str = Field(default="", max_length=20)


Asked = Annotated[Look, Query()]


@router.get(HOME)
def orders(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    safe = hide(visit.session, look.q)
    if safe != look.q:
        return lead(visit, look.link(q=safe))
    found = search(visit.session, visit.actor, look.filter(visit), visit.zone, look.cursor)
    return page(visit, "orders.html", **_told(visit, look, found))


@router.post(f"{HOME}/find")
def find(visit: Here, wish: Annotated[Wish, Form()]) -> Response:
    """Take the form by post, so that a phone number gets into no address and no log, and lead on to the list."""
    visit.require(Permission.SEE_ORDERS)
    return lead(visit, wish.link(q=hide(visit.session, wish.q)))


@router.get(f"{HOME}/new")
def new(visit: Here, look: Asked, than: Annotated[int, Query(ge=0, lt=10**16)]) -> Response:
    """Say how many orders have come since a page was made; the rows under the reader's eye stay where they are."""
    visit.require(Permission.SEE_ORDERS)
    came = count_newer(visit.session, visit.actor, look.filter(visit), visit.zone, than)
    return tagged_fragment(visit, "orders_new.html", came=came, look=look)


def day_in(text: str) -> date | None:
    """Read a day as browsers send it; what cannot be read is left out of the question."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _told(visit: Visit, look: Look, found: Findings) -> dict[str, Any]:
    today = visit.at.astimezone(visit.zone).date()
    first = {name: (today - timedelta(days=days - 1)).isoformat() for name, days in SPANS}
    return {
        "look": look,
        "found": found,
        "newest": found.orders[0].id if found.orders else "0",
        "term": shown_term(visit.session, look.q),
        "statuses": STATUSES,
        "spans": first,
        "today": today.isoformat(),
        "channels": _channels(visit),
    }


def _channels(visit: Visit) -> list[str]:
    """Name the connections that bring orders, of those that this person may see."""
    mine = reach(visit.actor, visit.console.settings.connections)
    return [name for name, one in mine.items() if one.kind.startswith("channels.")]


for part in (trace, order_changes, returns):
    router.include_router(part.router)
