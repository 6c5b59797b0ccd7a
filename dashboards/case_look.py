"""What the addresses of the exceptions ask for, and which connections the asker may work on."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from dashboards.asked import Place, address, orders_of
from dashboards.visit import Visit
from hub.errors import NotFound
from hub.scope import reach
from hub.settings import Connection
from hub.worklist import Wanted

HOME: Final = "/console/exceptions"
MINE: Final = "me"
AGES: Final = {"4h": timedelta(hours=4), "1d": timedelta(days=1), "7d": timedelta(days=7)}


class Look(BaseModel):
    """A list of cases: of a cause, whose they are, how old, of which order or connection."""

    model_config = ConfigDict(frozen=True)

    type: str = ""
    assignee: str = ""
    age: str = ""
    order: str = ""
    connection: str = ""
    cursor: Place | None = None

    def wanted(self, visit: Visit) -> Wanted:
        return Wanted(
            cause=self.type,
            assignee=visit.actor.name if self.assignee == MINE else self.assignee,
            connection=self.connection,
            order_ids=orders_of(visit.session, visit.actor, self.order),
            before=visit.at - AGES[self.age] if self.age in AGES else None,
        )

    def link(self, path: str = HOME, **changes: object) -> str:
        """Write this question again, for another page, cause or case."""
        return address(path, **{**self.model_dump(), **changes})

    @property
    def narrows(self) -> bool:
        return any((self.assignee, self.age, self.order, self.connection))


Asked = Annotated[Look, Query()]


def connections_of(visit: Visit) -> list[str]:
    """Name the connections that this person may work on."""
    return list(reach(visit.actor, visit.console.settings.connections))


def connection_of(visit: Visit, name: str) -> Connection:
    """Give the settings of one of them.

    Raises: NotFound.
    """
    mine = reach(visit.actor, visit.console.settings.connections)
    if name not in mine:
        raise NotFound(f"there is no connection {name}", code="unknown_connection")
    return mine[name]
