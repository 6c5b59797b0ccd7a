"""What partners say of stock, as it crosses the border: a report with its lines, each a count or a change."""

from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from hub.document import Document, Moment
from hub.inventory.condition import Condition

MOST: Final = 1_000_000_000
"""The most pieces of one counter that is believed."""


DIFFERING: Final = "its batches add up to something else"

LONGEST: Final = 100
"""The most letters of a lot's code."""


class LotLine(Document):
    """Some of a line's pieces, of one lot."""

    lot: str
    pieces: int
    produced_on: date | None = None
    expires_on: date | None = None


class ReportLine(Document):
    """A SKU's pieces: all of them (`count`) or how many more or fewer (`change`), with the `lots` they are of if known.

    `fault` says why a line cannot be used although the report can; `pieces` means nothing then. `delivery` is the
    document of ours whose goods have left by this change, or come back. A `silent` count of none says that the
    partner was asked and named nothing of it.
    """

    no: int
    sku: str
    condition: Condition = Condition.SALEABLE
    kind: Literal["count", "change"]
    pieces: int = 0
    fault: str = ""
    delivery: str = ""
    silent: bool = False
    lots: tuple[LotLine, ...] = ()

    @property
    def wrong(self) -> str:
        """Why its numbers cannot be believed, whatever is on hand; empty when they can."""
        if abs(self.pieces) > MOST:
            return "more pieces than anybody has"
        if any(abs(one.pieces) > MOST or (self.kind == "count" and one.pieces < 0) for one in self.lots):
            return "a batch of more pieces than anybody has, or of fewer than none"
        if self.lots and sum(one.pieces for one in self.lots) != self.pieces:
            return DIFFERING
        return "a batch code that is too long" if any(len(one.lot) > LONGEST for one in self.lots) else ""


class Coming(Document):
    """Good pieces of a SKU that are on their way to the location: all of them; below none where it cannot be read."""

    sku: str
    pieces: int


class CountReport(Document):
    """One page of a report: `full` says that all its pages together are all there is at the location.

    `coming` is what is on its way there, where the partner counts that. `by_our_clock` says that `counted_at` is not
    the partner's word, but when we asked or heard. `with_locked` says that its numbers have what is locked for
    documents of ours, whoever has the authority.
    """

    report: Annotated[str, Field(min_length=1, max_length=200)]
    location: str
    owner: str = ""
    counted_at: Moment
    by_our_clock: bool = False
    with_locked: bool = False
    page: Annotated[int, Field(ge=1)] = 1
    pages: Annotated[int, Field(ge=1, le=100_000)] = 1
    full: bool = False
    lines: tuple[ReportLine, ...]
    coming: tuple[Coming, ...] = ()

    @model_validator(mode="after")
    def _is_of_its_pages(self) -> Self:
        """Refuse a page beyond the last: alone it would pass for all there is."""
        if self.page > self.pages:
            told = f"page {self.page} of {self.pages}"
            raise ValueError(told)
        return self

    def is_ahead(self, now: datetime) -> bool:
        """Say whether it is from the future: its watermark would shut out every true one."""
        return (self.counted_at - now).total_seconds() > AHEAD_S


AHEAD_S: Final = 600
