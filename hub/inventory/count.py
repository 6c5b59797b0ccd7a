"""Take over what partners count: reports of all there is, counts of some SKUs, and changes, each line once.

What is on hand is counted down when a location confirms that goods have left, so our number and the location's speak of
the same pieces, and a count is booked as the difference from our counter now. Where the owner has the authority its
number is without the promises that it had heard of: those are put on top, so that each is taken off once. It knows
best, so nobody is called and no cart is ended for it.

Locks: the location's row (one report at a time), reservations, counters in the order of their keys, quotas last.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import row, rows, run
from hub.errors import Malformed, NotFound
from hub.inventory.coming import book_coming, sort_coming
from hub.inventory.condition import Condition
from hub.inventory.count_page import (
    Page,
    ref_of,
    sort_out,
    whole_since,
    without_known,
    write_lines,
    write_page,
)
from hub.inventory.count_table import LineVerdict
from hub.inventory.counted import CountReport, ReportLine
from hub.inventory.fold import Fold, fold
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.level import make_counters
from hub.inventory.lot_heard import Heard, hear_lots
from hub.inventory.quota import count_carts
from hub.inventory.shortfall import SHORT, admit_short, lacking_of, let_carts_go, read_levels, soft_change
from hub.inventory.silence import believed, falls_silent
from hub.inventory.since import read_since
from hub.inventory.table import Authority, Reason
from hub.inventory.watermark import marks_of, raise_marks

CAUSE: Final = "stock_report"

REST: Final = 0
"""The page, after all others, of what a full count does not name."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of a page: lines taken over, those that came too late or twice, and why others were refused."""

    taken: int
    outdated: int
    repeated: int
    refused: tuple[str, ...]
    short: tuple[StockKey, ...] = ()


def take_report(
    session: Session, connection: str, report: CountReport, at: datetime, *, counted_by: str = ""
) -> Counted:
    """Take over a page of a connection's report; the same page again takes only the lines that were refused before.

    A line that was another under its number before is refused, for one of the two is lost or doubled otherwise.
    `counted_by` is who has counted, where that is not the location's own connection.

    Raises: NotFound for a location or owner that is not the connection's; Malformed for a report from the future, or a
    full one that names nothing. Both with code stock_report.
    """
    place = row(
        session,
        "select brand, owner from location where (code, connection) = (:code, :connection) for no key update",
        code=report.location,
        connection=connection,
    )
    if place is None or report.owner not in {"", place.owner}:
        what = f"{report.location[:60]} of owner {report.owner[:60]}"
        raise NotFound(f"{connection} has no location {what}", code=CAUSE)
    if report.is_ahead(at):
        raise Malformed(f"the count is of {report.counted_at}, which has not come yet", code=CAUSE)
    if report.full and report.pages == 1 and not report.lines:
        raise Malformed("a full count names nothing", code=CAUSE)
    page = believed(session, Page(connection, place.brand, report, at, counted_by or connection), place.owner)
    fresh, others = without_known(session, page, as_told=not counted_by)
    good, refused = sort_out(session, page, fresh, place.owner)
    coming, unread = sort_coming(page, place.owner)
    booked = _book(session, page, good, coming)
    book_coming(session, page, coming)
    refused += [*booked.fold.refused, *unread, *others]
    write_page(session, page, booked.fold, refused)
    gone = _close(session, page, place.owner)
    count_carts(session, [*booked.let_go, *gone.let_go])
    outdated = sum(one.verdict is LineVerdict.OUTDATED for one in booked.fold.lines)
    repeated = len(page.report.lines) - len(fresh) - len(others)
    short = tuple(sorted({*booked.short, *gone.short}))
    return Counted(len(booked.fold.taken) + len(gone.fold.taken), outdated, repeated, tuple(refused), short)


def prune(session: Session, before: datetime) -> int:
    """Forget reports that came long ago; give how many pages. Watermarks stay, so that they are still outdated."""
    run(session, "delete from stock_count where received_at < :before", before=before)
    return run(session, "delete from stock_report where received_at < :before", before=before)


@dataclass(frozen=True, slots=True)
class _Booked:
    fold: Fold
    short: tuple[StockKey, ...] = ()
    let_go: Sequence[Movement] = ()


def _book(
    session: Session,
    page: Page,
    lines: Sequence[tuple[ReportLine, StockKey]],
    others: Collection[StockKey] = (),
) -> _Booked:
    """Book lines: once on paper, to know which carts must go, and then with the counters, and `others`, locked."""
    keys = sorted({key for _, key in lines})
    if not keys and not others:
        return _Booked(Fold())
    report, at = page.report, page.at
    make_counters(session, page.brand, keys, at)
    marks = marks_of(session, keys)
    said = [line for line, _ in lines]
    confirmed = _by_our_documents(session, report.location, said)
    levels = read_levels(session, keys, lock=False)
    owned = {key.sku for key in keys if (levels[key].authority, key.condition) == (Authority.OWNER, Condition.SALEABLE)}
    since = read_since(session, page, said, owned)
    paper = fold(lines, _on_hand(levels, keys), marks, confirmed, report.counted_at, since)
    let_go = let_carts_go(session, lacking_of(levels, paper.on_hand, {}, held=True), at)
    levels = read_levels(session, sorted({*keys, *others, *(one.key for one in let_go)}), lock=True)
    since = read_since(session, page, said, owned)  # again: what was under way has left by now
    made = fold(lines, _on_hand(levels, keys), marks, confirmed, report.counted_at, since)
    short = lacking_of(levels, made.on_hand, soft_change(let_go), held=False)
    admit_short(session, short)
    reason = {"count": Reason.COUNT, "change": Reason.ADJUST}
    moved = [
        Movement(one.key, reason[one.line.kind], ref_of(page, one.line), on_hand=one.difference)
        for one in made.taken
        if one.difference
    ]
    post(session, [*let_go, *moved], at)
    hear_lots(session, made.lines, Heard(page.brand, marks, report.counted_at, at, since.lots))
    raise_marks(session, [one.key for one in made.taken if one.line.kind == "count"], report, page.counted_by)
    calling = [key for key in sorted(short) if levels[key].authority == Authority.HUB]
    _call(session, page, calling, made.on_hand, levels, short)
    return _Booked(made, tuple(calling), let_go)


def _by_our_documents(session: Session, location: str, lines: Sequence[ReportLine]) -> frozenset[int]:
    """Give the numbers of lines by fulfilment orders of a location, or returns: their confirms count the goods.

    By a fulfilment order of another location nothing leaves here but what this one's own report says; nor is a SKU that
    is none of the document's, such as a leaflet that is laid in, in its confirm. Of a merged document all of it is.
    """
    named = [line for line in lines if line.delivery]
    if not named:
        return frozenset()
    codes = sorted({line.delivery for line in named})
    ids = sorted({int(found[1]) for code in codes if (found := OF_ORDER.match(code))})
    ours = {(one.code, one.sku) for one in rows(session, OURS, codes=codes, ids=ids, location=location)}
    return frozenset(line.no for line in named if ours & {(line.delivery, line.sku), (line.delivery, "")})


OF_ORDER: Final = re.compile(r"([0-9]{1,16})-")
"""How codes of fulfilment orders and returns begin: with their order's number."""

OURS: Final = """
    with document as (
        select code, order_id, no from fulfilment_order
        where code = any(:codes) and order_id = any(:ids) and location = :location)
    select d.code, l.sku from document d join fulfilment_line l using (order_id, no)
    union
    select d.code, l.sku from document d
    join merge_member head on (head.order_id, head.no, head.place) = (d.order_id, d.no, 1)
    join merge_group g on g.id = head.group_id and g.ending <> 'dissolved'
    join merge_member m on m.group_id = g.id
    join fulfilment_line l on (l.order_id, l.no) = (m.order_id, m.no)
    union all
    select code, '' from return_case where code = any(:codes) and order_id = any(:ids)"""
"""Documents of ours and what is of them, found by their orders: no index has codes of fulfilment orders."""


def _on_hand(levels: Mapping[StockKey, Row[Any]], keys: Sequence[StockKey]) -> dict[StockKey, int]:
    return {key: levels[key].on_hand for key in keys}


def _call(
    session: Session,
    page: Page,
    keys: Sequence[StockKey],
    on_hand: Mapping[StockKey, int],
    levels: Mapping[StockKey, Row[Any]],
    short: Mapping[StockKey, int],
) -> None:
    cases = [
        NewCase(
            SHORT,
            f"stock:{key.sku} at {key.location}",
            page.brand,
            f"counted {on_hand[key]}, promised {levels[key].allocated}: {short[key]} short",
            None,
            {"report": page.report.report},
        )
        for key in keys
    ]
    open_cases(session, cases, page.at)


def _close(session: Session, page: Page, owner: str) -> _Booked:
    """Take what a full count does not name as gone, once all its pages are there without a refused line."""
    counted_at = whole_since(session, page) if page.report.full else None
    if counted_at is None:
        return _Booked(Fold())
    page = page.of(page.report.model_copy(update={"counted_at": counted_at}))
    report, room = page.report, StockKey(page.report.location, "", owner)
    mark = marks_of(session, [room]).get(room)
    if mark is not None and counted_at <= mark:
        return _Booked(Fold())
    found = rows(
        session,
        UNNAMED,
        location=report.location,
        owner=owner,
        saleable=Condition.SALEABLE,
        connection=page.connection,
        counted_by=page.counted_by,
        report=report.report,
    )
    unnamed = {room._replace(sku=one.sku, condition=one.condition): one for one in found if not one.named}
    silent = [key for key, one in unnamed.items() if not (page.is_net and one.promised)]
    if falls_silent(session, page, silent, sum(one.named for one in found)):
        return _Booked(Fold())
    end = page.of(report.model_copy(update={"page": REST}))
    lines = [
        (ReportLine(no=no, sku=key.sku, condition=Condition(key.condition), kind="count"), key)
        for no, key in enumerate(unnamed, 1)
    ]
    booked = _book(session, end, lines)
    write_lines(session, end, booked.fold.lines)
    raise_marks(session, [room], report, page.counted_by)
    return booked


UNNAMED: Final = """
    select level.sku, level.condition,
           level.authority = 'owner' and level.on_hand <= level.allocated as promised, exists (
               select from stock_count named
               where (named.connection, named.report) = (:connection, :report)
                 and (named.sku, named.condition) = (level.sku, level.condition)) as named
    from stock_level level left join stock_watermark mark
        on (mark.location, mark.sku, mark.owner, mark.condition)
         = (level.location, level.sku, level.owner, level.condition)
    where (level.location, level.owner) = (:location, :owner) and level.on_hand > 0
      and (level.condition = :saleable or mark.connection = :counted_by)
    order by level.sku, level.condition"""
"""Counters with pieces, and which of them a full count names. It speaks of goods that may not be sold where the same
partner has counted them before: many know of saleable ones alone. What is all `promised` an owner need not name."""
