"""Reports of partners who count, one line short in the making."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.inventory.count import Counted, take_report
from hub.inventory.counted import CountReport, ReportLine
from tests.hub.making import AT

WMS = "wms-sh"


def report(pieces: dict[str, int], name: str = "R1", at: datetime = AT, **changes: Any) -> CountReport:  # noqa: ANN401 # any field of a report
    """Make a count of all pieces of some SKUs."""
    kind = changes.pop("kind", "count")
    lines = [ReportLine(no=no, sku=sku, kind=kind, pieces=n) for no, (sku, n) in enumerate(pieces.items(), 1)]
    return CountReport.model_validate({"report": name, "location": "sh", "counted_at": at, "lines": lines, **changes})


def take(session: Session, pieces: dict[str, int], name: str = "R1", at: datetime = AT, **changes: Any) -> Counted:  # noqa: ANN401 # as above
    return take_report(session, WMS, report(pieces, name, at, **changes), max(at, AT))


def after(minutes: int) -> datetime:
    return AT + timedelta(minutes=minutes)


def level(session: Session, sku: str, location: str = "sh") -> tuple[int, int, int, int]:
    """Give a counter as on hand, allocated, soft and short."""
    statement = "select on_hand, allocated, soft, short from stock_level where (sku, location) = (:sku, :location)"
    found = row(session, statement, sku=sku, location=location)
    assert found is not None
    return found.on_hand, found.allocated, found.soft, found.short


def cases(session: Session) -> list[str]:
    return [one.cause for one in rows(session, "select cause from case_file where state = 'open' order by id")]
