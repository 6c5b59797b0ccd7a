"""A page of a partner's report: which of its lines are news and can be booked, and what is kept of it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import copy, row, rows, run
from hub.inventory.count_table import LineVerdict
from hub.inventory.counted import CountReport, ReportLine
from hub.inventory.fold import Fold, Folded
from hub.inventory.ledger import StockKey


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a report with where it is of; `counted_by` is the connection that has counted, if it is another's."""

    connection: str
    brand: str
    report: CountReport
    at: datetime
    counted_by: str

    @property
    def is_net(self) -> bool:
        """Say whether an owner's number in it is without the promises that he has heard of."""
        return self.counted_by == self.connection and not self.report.with_locked

    def of(self, report: CountReport) -> "Page":
        """Give the page as of another report."""
        return replace(self, report=report)


def without_known(session: Session, page: Page, *, as_told: bool) -> tuple[list[ReportLine], list[str]]:
    """Leave out the lines that an earlier arrival of this page has settled; say which of them were others then.

    Lines that are not `as_told`, but reckoned from what was told, may come to something else each time.
    """
    known = {
        one.no: one
        for one in rows(
            session,
            """select no, location, sku, condition, kind, said from stock_count
               where (connection, report, page) = (:connection, :report, :page)""",
            connection=page.connection,
            report=page.report.report,
            page=page.report.page,
        )
    }
    others: list[str] = []
    for line in page.report.lines:
        then = known.get(line.no)
        said = (page.report.location, line.sku, line.condition, line.kind, line.pieces)
        if as_told and then and said != (then.location, then.sku, then.condition, then.kind, then.said):
            was = f"a {then.kind} of {then.said} {then.sku} at {then.location}"
            others.append(f"line {line.no} ({line.sku[:60]}): under this number it was {was} before")
    return [line for line in page.report.lines if line.no not in known], others


def sort_out(
    session: Session, page: Page, lines: Sequence[ReportLine], owner: str
) -> tuple[list[tuple[ReportLine, StockKey]], list[str]]:
    """Give the lines that can be booked, with their counters, and why the others cannot."""
    found = rows(
        session,
        "select code from sku where code = any(:codes) and brand = :brand and not bundle",
        codes=sorted({line.sku for line in lines}),
        brand=page.brand,
    )
    counted = {one.code for one in found}
    elsewhere = _counted_elsewhere(session, page, lines, owner)
    good: list[tuple[ReportLine, StockKey]] = []
    refused: list[str] = []
    for line in lines:
        fault = line.fault or ("" if line.sku in counted else "there is no such SKU that is counted")
        key = StockKey(page.report.location, line.sku, owner, line.condition)
        if line.kind == "count" and key in elsewhere:
            fault = fault or f"page {elsewhere[key]} of this count has counted it, too"
        if fault := fault or line.wrong:
            refused.append(f"line {line.no} ({line.sku[:60]}): {fault}")
        else:
            good.append((line, key))
    return good, refused


def _counted_elsewhere(session: Session, page: Page, lines: Sequence[ReportLine], owner: str) -> Mapping[StockKey, int]:
    """Give the counters that another page of this report counted last, and which page it was.

    Nothing says whether each has all pieces or only those of a batch, and one would stand for both.
    """
    if page.report.pages == 1:
        return {}
    found = rows(
        session,
        """select line.location, line.sku, line.owner, line.condition, min(line.page) as page
           from stock_watermark mark join stock_count line
               on (line.location, line.sku, line.owner, line.condition)
                = (mark.location, mark.sku, mark.owner, mark.condition)
           where (mark.location, mark.owner, mark.report) = (:location, :owner, :report) and mark.sku = any(:skus)
             and (line.connection, line.report, line.kind) = (:connection, :report, 'count')
             and line.page > 0 and line.page <> :page
           group by 1, 2, 3, 4""",
        location=page.report.location,
        owner=owner,
        report=page.report.report,
        skus=sorted({line.sku for line in lines}),
        connection=page.connection,
        page=page.report.page,
    )
    return {StockKey(one.location, one.sku, one.owner, one.condition): one.page for one in found}


def ref_of(page: Page, line: ReportLine) -> str:
    return f"{page.connection}:{page.report.report}:{page.report.page}:{line.no}"


OTHER: Final = """
    not :full and (stock_report.location, stock_report.counted_at) <> (excluded.location, excluded.counted_at)"""
"""Changes of another place or moment, which their message tells under the same number: they come on top."""


def write_page(session: Session, page: Page, made: Fold, refused: Sequence[str]) -> None:
    report = page.report
    differing = [one.difference for one in made.taken if one.difference and one.line.kind == "count"]
    run(
        session,
        f"""insert into stock_report (connection, report, page, pages, brand, location, counted_at, received_at, lines,
                                     refused, differing, drift)
           values (:connection, :report, :page, :pages, :brand, :location, :counted_at, :at, :lines, :refused,
                   :differing, :drift)
           on conflict (connection, report, page) do update set
               refused = excluded.refused + case when {OTHER} then stock_report.refused else 0 end,
               lines = excluded.lines + case when {OTHER} then stock_report.lines else 0 end,
               differing = stock_report.differing + excluded.differing, drift = stock_report.drift + excluded.drift""",
        full=report.full,
        connection=page.connection,
        report=report.report,
        page=report.page,
        pages=report.pages,
        brand=page.brand,
        location=report.location,
        counted_at=report.counted_at,
        at=page.at,
        lines=len(report.lines),
        refused=len(refused),
        differing=len(differing),
        drift=sum(map(abs, differing)),
    )
    write_lines(session, page, made.lines)


def write_lines(session: Session, page: Page, lines: Sequence[Folded]) -> None:
    columns = (
        *("connection", "report", "page", "no", "received_at", "location", "sku", "owner", "condition"),
        *("kind", "said", "was", "difference", "verdict", "lots", "counted_at"),
    )
    records = [
        (
            *(page.connection, page.report.report, page.report.page, one.line.no, page.at, *one.key),
            *(one.line.kind, one.line.pieces, one.was, one.difference, one.verdict, _lots_of(one)),
            page.report.counted_at,
        )
        for one in lines
    ]
    copy(session, "stock_count", columns, records)


def _lots_of(one: Folded) -> str | None:
    """Give what a change that was taken said of lots; what a count said of them stands in the lots."""
    if one.line.kind != "change" or one.verdict is not LineVerdict.TAKEN or not one.line.lots:
        return None
    pieces = Counter[str]()
    for lot in one.line.lots:
        pieces[lot.lot] += lot.pieces
    return json.dumps(pieces)


def whole_since(session: Session, page: Page) -> datetime | None:
    """Give when a report was counted of which all pages are there without a refused line; None while some are not.

    A page may name nothing that is counted, goods on their way alone for instance; all of them together may not.
    How many there are is what the most of them tell. It is of its earliest page, each as it came first: where the
    partner says no time, a later one, or the same again, is of when it came and has counted nothing since.
    """
    found = row(
        session,
        """select min(counted_at) as counted_at, count(*) = max(pages) and sum(refused) = 0 and sum(lines) > 0 as whole
           from stock_report
           where (connection, report, location) = (:connection, :report, :location) and page > 0""",
        connection=page.connection,
        report=page.report.report,
        location=page.report.location,
    )
    return found.counted_at if found and found.whole else None
