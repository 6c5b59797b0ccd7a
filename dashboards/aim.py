"""What an act on many is aimed at, as an address says it: the act, the filter or the ids, and up to when."""

from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboards.asked import EARLIEST, LATEST, Place, moment_in
from dashboards.visit import Visit
from hub.replay_filter import ACTS, Act, Filter, Wanted, What
from hub.unfit import malformed

NEW: Final = "/console/replays/new"
JOBS: Final = "/console/replays"
LISTS: Final = {What.STEP: "/console/runs", What.MESSAGE: "/console/messages"}


class Aim(BaseModel):
    """`from` and `to` are local times as in the lists; `until` is the moment that was looked at, for good."""

    model_config = ConfigDict(frozen=True)

    what: What = What.STEP
    act: Act | None = None
    flow: str = ""
    connection: str = ""
    kind: str = ""
    state: str = ""
    error: str = ""
    order: str = ""
    from_: str = Field(default="", alias="from")
    to: str = ""
    until: str = ""
    id: tuple[Place, ...] = ()
    again: bool = False
    in_doubt: bool = False

    @property
    def acts(self) -> list[Act]:
        return list(ACTS[self.what])

    @property
    def does(self) -> Act:
        return self.act or self.acts[0]

    def wanted(self, visit: Visit) -> Wanted:
        """Give what the hub is to count or to do.

        Raises: Malformed for what cannot be meant.
        """
        try:
            sought = Filter(
                flow=self.flow,
                connection=self.connection,
                kind=self.kind,
                state=self.state,
                error=self.error,
                orders=(self.order.strip(),) if self.order.strip() else (),
                ids=tuple(self.id),
                since=moment_in(self.from_, visit.zone),
                until=pinned(self.until) or moment_in(self.to, visit.zone),
            )
        except ValidationError as error:
            raise malformed(error, "replay_filter") from error
        return Wanted(
            what=self.what,
            act=self.does,
            filter=sought,
            again=self.again,
            although_it_may_have_been_executed=self.in_doubt,
        )

    def link(self, path: str = NEW, **changes: Any) -> str:  # noqa: ANN401 # of any field
        """Write this aim again, for another act or with another option."""
        told = {**self.model_dump(), **changes}
        kept = {
            name.rstrip("_"): "true" if value is True else value for name, value in told.items() if value not in _EMPTY
        }
        return f"{path}?{urlencode(kept, doseq=True)}"

    @property
    def behind(self) -> str:
        """The list that it was aimed from."""
        names = ("connection", "state", "error", "from_", "to")
        names += ("flow", "order") if self.what is What.STEP else ("kind",)
        kept = {name.rstrip("_"): getattr(self, name) for name in names if getattr(self, name)}
        return f"{LISTS[self.what]}?{urlencode(kept)}" if kept else LISTS[self.what]


Aimed = Annotated[Aim, Query()]
_EMPTY: Final = (None, "", (), False)


def pinned(text: str) -> datetime | None:
    """Read a moment that a page has written; anything else is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    return min(max(found, EARLIEST.replace(tzinfo=found.tzinfo)), LATEST.replace(tzinfo=found.tzinfo))
