"""What a count says by naming nothing of it: that there is none, unless it suddenly names too little to be believed."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases, resolve
from hub.database import row
from hub.inventory.condition import Condition
from hub.inventory.count_page import Page
from hub.inventory.ledger import StockKey
from hub.inventory.shortfall import read_levels
from hub.inventory.watermark import marks_of

CAUSE: Final = "stock_gap"

LEAST: Final = 20
PERCENT: Final = 50
"""So many counters with pieces, and more than so many of a hundred, do not all empty without a word."""

PASS: Final = timedelta(days=1)
"""How long silence is believed after a person has closed such a case: until the next count, which may be a day away."""


def believed(session: Session, page: Page, owner: str) -> Page:
    """Give a page without those silent lines that cannot be taken over.

    Of a counter that is not there nothing need be said, nor of goods that may not be sold and that nobody has counted:
    they are known by changes alone. Where most fall silent, the pieces stay and a person is called.
    """
    lines = page.report.lines
    if not any(line.silent for line in lines):
        return page
    keys = {line.no: StockKey(page.report.location, line.sku, owner, line.condition) for line in lines}
    places = sorted(set(keys.values()))
    levels, marks = read_levels(session, places, lock=False), marks_of(session, places)
    known = {key for key in levels if key.condition == Condition.SALEABLE or key in marks}
    full = {key for key in known if levels[key].on_hand}
    silent = {keys[line.no] for line in lines if line.silent} & full
    if falls_silent(session, page, silent, len(full - silent), f" from {lines[0].sku}"):
        known -= silent
    kept = [line for line in lines if not line.silent or keys[line.no] in known]
    return page.of(page.report.model_copy(update={"lines": tuple(kept)}))


def falls_silent(session: Session, page: Page, silent: Collection[StockKey], named: int, of: str = "") -> bool:
    """Say whether a count names too few of the counters that have pieces, and call a person if it does.

    `silent` are those it does not name and `named` is how many it does; `of` says of which part of the location. What
    was counted since is not silent. The case closes by itself when a later count names them, and a person who closes it
    lets the next one pass.
    """
    report, at = page.report, page.at
    subject = f"stock:{report.location}{of}"
    marks = marks_of(session, sorted(silent))
    gone = sum(report.counted_at >= marks.get(key, report.counted_at) for key in silent)
    if gone < LEAST or gone * 100 <= PERCENT * (gone + named):
        resolve(session, subject, at, "system", "a later count names enough", CAUSE)
        return False
    if _is_passed(session, page):
        return False
    message = f"{report.report[:60]} names {named} of {gone + named} counters with pieces: the others stay as they were"
    told = {"report": report.report, "location": report.location}
    open_cases(session, [NewCase(CAUSE, subject, page.brand, message, None, told)], at)
    return True


def _is_passed(session: Session, page: Page) -> bool:
    found = row(
        session,
        """select 1 from case_file
           where cause = :cause and detail ->> 'location' = :location and state = 'resolved'
             and resolved_by <> 'system' and resolved_at > :since""",
        cause=CAUSE,
        location=page.report.location,
        since=page.at - PASS,
    )
    return found is not None
