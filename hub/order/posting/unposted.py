"""What has left a location and its ERP had not been told of yet: it stands in the ERP's stock and not in ours.

An ERP hears of goods when the fulfilment order that they left with has ended (decision 0016), ours are counted down at
each confirm. Whoever takes the ERP's number as it is puts goods back that a buyer already holds.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audience import ERP
from hub.database import attempt, rows
from hub.errors import TryLater
from hub.fulfilment.status import Execution
from hub.ids import first_id_of, month_before
from hub.inventory.condition import Condition
from hub.inventory.count import CAUSE, Counted, take_report
from hub.inventory.counted import CountReport, ReportLine
from hub.order.posting.sale import ISSUE, MONTHS_BACK
from hub.steps import StepState

LEFT: Final = """
    select told.sku, sum(told.quantity) as pieces from (
        select line.sku, line.shipped as quantity
        from fulfilment_order f join fulfilment_line line on (line.order_id, line.no) = (f.order_id, f.no)
             join location on (location.code, location.owner) = (f.location, f.owner)
             join brand_audience a on (a.brand, a.family, a.connection) = (f.brand, :erp, :connection)
        where (f.location, f.execution) = (:location, :under_way) and f.order_id >= :since and line.order_id >= :since
          and line.shipped > 0
        union all
        select line.sku, line.quantity
        from posting p join fulfilment_order f on (f.order_id, f.no) = (p.order_id, p.no)
             join location on (location.code, location.owner) = (f.location, f.owner)
             cross join lateral jsonb_to_recordset(p.lines) as line (sku text, quantity bigint)
        where p.connection = :connection and p.order_id >= :since and f.order_id >= :since and f.location = :location
          and (p.issue_at >= :counted_at
               or (p.issue_at is null and exists (
                       select from step s
                       where (s.order_id, s.flow, s.connection) = (p.order_id, :issue, p.connection)
                         and cast(s.subject ->> 'no' as bigint) = p.no and s.state not in (:done, :cancelled))))) told
    group by told.sku"""
"""Of fulfilment orders that have not ended, and of those whose goods issue was not booked when the count was taken;
goods of the location's own owner, whose counters an ERP counts."""

TRIES: Final = 5


class _Moved(Exception):
    """Goods have left while their count was being booked."""


def left_unposted(session: Session, connection: str, location: str, counted_at: datetime) -> Mapping[str, int]:
    """Give how many pieces of each SKU have left by our books, and had not by the ERP's when it was counted.

    A goods issue that was on its way then counts as not booked: rather too few pieces until the next count than too
    many. One that a person has given up is not waited for.
    """
    found = rows(
        session,
        LEFT,
        erp=ERP,
        connection=connection,
        location=location,
        counted_at=counted_at,
        under_way=Execution.IN_PROGRESS,
        since=first_id_of(month_before(counted_at.astimezone(UTC).date(), MONTHS_BACK)),
        issue=ISSUE,
        done=StepState.DONE,
        cancelled=StepState.CANCELLED,
    )
    return {one.sku: int(one.pieces) for one in found}


def take_erp_report(session: Session, connection: str, behind: str, report: CountReport, at: datetime) -> Counted:
    """Take over an ERP's count as `take_report` does (`behind` is the location's connection), less what has left.

    What leaves while the count is being booked is in neither number: then it is booked anew. Raises: as `take_report`;
    TryLater when goods leave all the time.
    """
    for _ in range(TRIES):
        left = left_unposted(session, connection, report.location, report.counted_at)
        with suppress(_Moved), attempt(session):
            told = take_report(session, behind, without(report, left), at, counted_by=connection)
            # The counters are locked by now: nothing more can leave them before this is committed.
            if left_unposted(session, connection, report.location, report.counted_at) != left:
                raise _Moved
            return told
    raise TryLater(f"goods leave {report.location} all the time", code=CAUSE)


def without(report: CountReport, left: Mapping[str, int]) -> CountReport:
    """Give an ERP's count as it would be if it had been told of all that has left; never fewer than none."""
    return report.model_copy(update={"lines": tuple(_less(line, left.get(line.sku, 0)) for line in report.lines)})


def _less(line: ReportLine, left: int) -> ReportLine:
    if line.fault or line.condition != Condition.SALEABLE or line.pieces <= 0:
        return line
    return line.model_copy(update={"pieces": max(0, line.pieces - left)})
