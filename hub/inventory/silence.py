"""What a count says by naming nothing of it: that there is none, unless it suddenly names too little to be believed."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve
from hub.database import run
from hub.inventory.condition import Condition
from hub.inventory.count_page import Page
from hub.inventory.ledger import StockKey
from hub.inventory.shortfall import read_levels
from hub.inventory.watermark import marks_of

CAUSE: Final = "stock_gap"

LEAST: Final = 20
PERCENT: Final = 50
"""So many counters with pieces, and more than so many of a hundred, do not all empty without a word."""

USE_UP: Final = """
    update case_file set detail = detail || jsonb_build_object('passed', cast(:report as text)),
                         updated_at = :at, version = version + 1"""
"""A closing is used up by the next count, whenever that comes: some count once a week."""

UNUSED: Final = """
    cause = :cause and subject = :subject and state = 'resolved' and resolved_by <> 'system'
    and detail ->> 'passed' is null"""


def believed(session: Session, page: Page, owner: str) -> Page:
    """Give a page without those silent lines that cannot be taken over.

    Of a counter that is not there nothing need be said, nor of goods that may not be sold and that the same partner has
    not counted last: they are known by changes alone, or by another's counts. Where most fall silent, the pieces stay
    and a person is called.
    """
    lines = page.report.lines
    if not any(line.silent for line in lines):
        return page
    keys = {line.no: StockKey(page.report.location, line.sku, owner, line.condition) for line in lines}
    places = sorted(set(keys.values()))
    levels, marks = read_levels(session, places, lock=False), marks_of(session, places, page.counted_by)
    known = {key for key in levels if key.condition == Condition.SALEABLE or key in marks}
    full = {key for key in known if levels[key].on_hand}
    silent = {keys[line.no] for line in lines if line.silent} & full
    if falls_silent(session, page, silent, len(full - silent), [line.sku for line in lines]):
        known -= silent
    kept = [line for line in lines if not line.silent or keys[line.no] in known]
    return page.of(page.report.model_copy(update={"lines": tuple(kept)}))


def falls_silent(
    session: Session, page: Page, silent: Collection[StockKey], named: int, part: Sequence[str] = ()
) -> bool:
    """Say whether a count names too few of the counters that have pieces, and call a person if it does.

    `silent` are those it does not name and `named` is how many it does; `part` has the SKUs that it speaks of, if not
    of all. What was counted since is not silent. The case closes by itself when a later count names them, and a person
    who closes it lets the next one pass, whenever it comes.
    """
    report, at = page.report, page.at
    subjects = [f"stock:{report.location} from {sku}" for sku in part] or [f"stock:{report.location}"]
    subject = subjects[0]
    marks = marks_of(session, sorted(silent))
    gone = sum(report.counted_at >= marks.get(key, report.counted_at) for key in silent)
    if gone < LEAST or gone * 100 <= PERCENT * (gone + named):
        resolve(session, subject, at, "system", "a later count names enough", CAUSE)
        run(session, f"{USE_UP} where {UNUSED}", cause=CAUSE, subject=subject, report=report.report, at=at)
        return False
    if _let_pass(session, page, subjects):
        return False
    message = f"{report.report[:60]} names {named} of {gone + named} counters with pieces: the others stay as they were"
    told = {"report": report.report, "location": report.location}
    open_cases(session, [NewCase(CAUSE, subject, page.brand, message, None, told)], at)
    return True


def _let_pass(session: Session, page: Page, subjects: Sequence[str]) -> bool:
    """Say whether a person's closing lets a count pass, which uses it up: one passes one report, with all its pages.

    A part is known again by the SKU it began with, wherever in it that SKU is now.
    """
    used = run(
        session,
        f"""{USE_UP} where id = (
               select id from case_file
               where cause = :cause and detail ->> 'location' = :location and state = 'resolved'
                 and resolved_by <> 'system'
                 and (detail ->> 'passed' = :report
                      or (detail ->> 'passed' is null and subject = any(cast(:subjects as text[]))))
               order by subject = :subject desc, detail ->> 'passed' is null, id limit 1)""",
        cause=CAUSE,
        location=page.report.location,
        subjects=list(subjects),
        subject=subjects[0],
        report=page.report.report,
        at=page.at,
    )
    return bool(used)
