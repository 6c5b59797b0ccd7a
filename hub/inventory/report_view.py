"""Reports of stock as people read them: what partners told a page at a time, and why each line was booked or not.

A report that counts otherwise than our counters tells of drift: `differing` lines, `drift` pieces in all.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.document import Document
from hub.errors import NotFound
from hub.inventory.count import REST
from hub.inventory.count_table import LineVerdict

LOOKED: Final = 5_000
"""How many reports one page is looked for in: a rare verdict is not searched for in all of them at once."""

SEEN: Final = "(cast(:seen as text[]) is null or r.brand = any(:seen))"
REPORT: Final = """r.connection, r.report, r.page, r.pages, r.brand, r.location, r.counted_at, r.received_at, r.lines,
    r.refused, r.differing, r.drift"""
OF: Final = "from stock_count c where (c.connection, c.report, c.page) = (r.connection, r.report, r.page)"
FATES: Final = f"""(select count(*) {OF} and c.verdict = 'outdated') as outdated,
    (select count(*) {OF} and c.verdict = 'taken' and c.kind = 'change') as changed"""
WITH: Final = f"exists (select {OF} and c.verdict = '{{}}')"
SHOWS: Final[Mapping[str, str]] = {
    "differing": "r.differing > 0",
    "refused": "r.refused > 0",
    **{str(one): WITH.format(one) for one in LineVerdict},
}
"""What a list is narrowed to: reports that differed from ours, had lines refused, or have lines of a verdict."""

LINES: Final[Mapping[str, str]] = {
    "differing": "line.kind = 'count' and line.difference <> 0",
    **{str(one): f"line.verdict = '{one}'" for one in LineVerdict},
}
"""What the lines of a report are narrowed to."""


class ReportView(Document):
    """A page of a partner's report; `drift` adds up by how many pieces its counts differed from our counters.

    `refused` lines could not be read or booked, `outdated` ones came too late, `changed` ones told changes.
    """

    connection: str
    report: str
    page: int
    pages: int
    brand: str
    location: str
    counted_at: datetime
    received_at: datetime
    lines: int
    refused: int
    differing: int
    drift: int
    outdated: int
    changed: int

    @property
    def state(self) -> str:
        """How it went: refused in part, differing from ours, all of it too late, changes taken over, or it agrees."""
        if self.refused:
            return "refused"
        if self.differing:
            return "differing"
        if self.outdated and self.outdated == self.lines:
            return "outdated"
        return "taken" if self.changed else "agrees"


class ReportPage(Document):
    """Reports, the newest first; `next` is the cursor of the following page, empty at the end.

    `looked_at` says how many were looked at when a page stays short although more may follow.
    """

    reports: tuple[ReportView, ...]
    next: str
    looked_at: int | None = None


class Wanted(Document):
    """Which reports to list; what is empty does not matter."""

    location: str = ""
    connection: str = ""
    show: str = ""


class LineView(Document):
    """A line: what the partner said, what we had (`was`), what was booked, and by what it came too late if it did."""

    no: int
    sku: str
    title: str
    owner: str
    condition: str
    kind: str
    said: int
    was: int
    difference: int
    verdict: str
    later_at: datetime | None
    later_connection: str
    later_report: str

    @property
    def why(self) -> str:
        """Name the reason of its verdict: what kind of change was booked, or what stood against it."""
        if self.verdict != LineVerdict.TAKEN:
            return self.verdict
        if self.kind == "change":
            return "changed"
        return "booked" if self.difference else "agrees"


class LinePage(Document):
    """Lines in their order; `next` is the number that the following page goes on behind, none at the end."""

    lines: tuple[LineView, ...]
    next: int | None


def list_reports(
    session: Session, seen: Collection[str] | None, wanted: Wanted, *, after: str = "", limit: int = 50
) -> ReportPage:
    """Give a page of reports of the brands that one sees (None: all); `after` is the cursor of the page before."""
    at, *name = _read_cursor(after)
    found = records(
        session,
        f"""with looked as (
                select {REPORT} from stock_report r
                where (cast(:at as timestamptz) is null or (r.received_at, r.connection, r.report, r.page)
                       < (cast(:at as timestamptz), :name, :report, :page))
                  and (:location = '' or r.location = :location) and (:connection = '' or r.connection = :connection)
                  and {SEEN}
                order by r.received_at desc, r.connection desc, r.report desc, r.page desc limit :look)
            (select {REPORT}, {FATES}, true as wanted from looked r where {SHOWS.get(wanted.show, "true")}
             order by r.received_at desc, r.connection desc, r.report desc, r.page desc limit :limit)
            union all
            (select {REPORT}, 0 as outdated, 0 as changed, false as wanted from looked r offset :look - 1)""",
        **wanted.model_dump(exclude={"show"}),
        at=at,
        **dict(zip(("name", "report", "page"), name, strict=True)),
        seen=_seen(seen),
        look=LOOKED,
        limit=limit + 1,
    )
    reports = [ReportView.model_validate(one) for one in found if one.pop("wanted")]
    if len(reports) > limit:
        return ReportPage(reports=tuple(reports[:limit]), next=_cursor(reports[limit - 1]))
    last = [ReportView.model_validate(one) for one in found[len(reports) :]]
    looked_at = LOOKED if last else None
    return ReportPage(reports=tuple(reports), next=_cursor(last[0]) if last else "", looked_at=looked_at)


def get_report(
    session: Session, seen: Collection[str] | None, connection: str, report: str, page: int
) -> tuple[ReportView, Sequence[int]]:
    """Give a page of a report, and which pages of it there are; page 0 is what a full count did not name.

    Raises: NotFound, also for one of another brand.
    """
    found = records(
        session,
        f"""select {REPORT}, {FATES} from stock_report r
            where (r.connection, r.report) = (:connection, :report) and {SEEN} order by r.page""",
        connection=connection,
        report=report,
        seen=_seen(seen),
    )
    views = {one["page"]: ReportView.model_validate(one) for one in found}
    if views and (rest := _rest_of(session, connection, report)):
        last = max(views.values(), key=lambda one: one.received_at)
        views = {
            REST: last.model_copy(update={"page": REST, "refused": 0, "outdated": 0, "changed": 0, **rest}),
            **views,
        }
    if page not in views:
        raise NotFound(f"{connection} has sent no report {report[:60]}", code="unknown_report")
    return views[page], sorted(views)


def page_of(session: Session, connection: str, report: str, sku: str) -> int:
    """Give the page of a report that names a SKU, else the first that there is."""
    found = rows(
        session,
        """select coalesce(
               (select min(page) from stock_count where (connection, report, sku) = (:connection, :report, :sku)),
               (select min(page) from stock_report where (connection, report) = (:connection, :report)), 1) as page""",
        connection=connection,
        report=report,
        sku=sku,
    )
    return int(found[0].page)


def reporters_of(session: Session, seen: Collection[str] | None) -> list[str]:
    """Name the connections whose locations report stock of the brands that one sees."""
    found = rows(
        session,
        "select distinct r.connection from location r where r.connection <> '' and " + SEEN + " order by 1",
        seen=_seen(seen),
    )
    return [one.connection for one in found]


def lines_of(session: Session, one: ReportView, show: str = "", *, after: int = 0, limit: int = 100) -> LinePage:
    """Give lines of a page of a report, narrowed to some of them if `show` names one of `LINES`."""
    found = records(
        session,
        f"""select line.no, line.sku, coalesce(sku.title, line.sku) as title, line.owner, line.condition, line.kind,
                   line.said, line.was, line.difference, line.verdict, mark.counted_at as later_at,
                   coalesce(mark.connection, '') as later_connection, coalesce(mark.report, '') as later_report
            from stock_count line left join sku on sku.code = line.sku left join lateral (
                select w.counted_at, w.connection, w.report from stock_watermark w
                where line.verdict = :outdated and w.counted_at >= :counted_at
                  and (w.location, w.owner, w.condition) = (line.location, line.owner, line.condition)
                  and w.sku in (line.sku, '')
                order by w.counted_at desc limit 1) mark on true
            where (line.connection, line.report, line.page) = (:connection, :report, :page)
              and line.no > :after and {LINES.get(show, "true")}
            order by line.no limit :limit""",
        outdated=LineVerdict.OUTDATED,
        counted_at=one.counted_at,
        connection=one.connection,
        report=one.report,
        page=one.page,
        after=after,
        limit=limit + 1,
    )
    lines = [LineView.model_validate(line) for line in found]
    return LinePage(lines=tuple(lines[:limit]), next=lines[limit - 1].no if len(lines) > limit else None)


def tally_of(session: Session, one: ReportView) -> Mapping[str, int]:
    """Count the lines of a page by verdict, and those that `differing` is about."""
    found = rows(
        session,
        """select verdict, count(*) as n, count(*) filter (where kind = 'count' and difference <> 0) as differing
           from stock_count where (connection, report, page) = (:connection, :report, :page) group by verdict""",
        connection=one.connection,
        report=one.report,
        page=one.page,
    )
    return {**{line.verdict: line.n for line in found}, "differing": sum(line.differing for line in found)}


def _rest_of(session: Session, connection: str, report: str) -> Mapping[str, int] | None:
    """Add up what a full count did not name; None when that is nothing."""
    (found,) = records(
        session,
        """select count(*) as lines, count(*) filter (where difference <> 0) as differing,
                  coalesce(sum(abs(difference)), 0)::bigint as drift
           from stock_count where (connection, report, page) = (:connection, :report, :rest)""",
        connection=connection,
        report=report,
        rest=REST,
    )
    return found if found["lines"] else None


def _seen(seen: Collection[str] | None) -> list[str] | None:
    return None if seen is None else sorted(seen)


def _cursor(one: ReportView) -> str:
    return f"{one.received_at.isoformat()}\n{one.connection}\n{one.report}\n{one.page}"


def _read_cursor(after: str) -> Sequence[Any]:
    """Read where a page begins; what was never given begins at the newest."""
    parts = after.split("\n")
    try:
        at, connection, report, page = parts
        return datetime.fromisoformat(at), connection, report, int(page)
    except ValueError:
        return None, "", "", 0
