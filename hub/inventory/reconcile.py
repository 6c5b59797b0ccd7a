"""Reconcile stock once a day: counters against their movements, what is promised by them, and what they may promise.

Each check is one statement, so that it sees one moment of a hub at work.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import rows
from hub.inventory.ledger import drift

CAUSE: Final = "stock_drift"
LEDGER: Final = "counters are the sum of their movements"
BOUNDS: Final = "no counter promises more than it may"
HELD: Final = "stock held is what reservations hold"
PROMISED: Final = "stock promised is what fulfilment orders hold"

_FAR: Final = "order by 1, 2 limit 100"

CHECKS: Final[Mapping[str, str]] = {
    BOUNDS: f"""
        select location, sku, 'promises ' || allocated || '+' || soft || ' of ' || on_hand || '+' || backorder_limit
                              || ', short ' || short as what
        from stock_level
        where least(on_hand, allocated, soft, backorder_limit, short) < 0
           or allocated + soft > on_hand + backorder_limit + short
           or short > greatest(0, allocated + soft - on_hand - backorder_limit) {_FAR}""",
    HELD: f"""
        select coalesce(s.location, h.location) as location, coalesce(s.sku, h.sku) as sku,
               'holds ' || coalesce(s.held, 0) || ', reservations ' || coalesce(h.held, 0) as what
        from (select location, sku, owner, condition, soft as held from stock_level where soft <> 0) s full join (
            select l.location, l.sku, l.owner, l.condition, sum(l.quantity) as held
            from reservation_line l join reservation r on r.id = l.reservation_id where r.state = 'held'
            group by 1, 2, 3, 4) h using (location, sku, owner, condition)
        where coalesce(s.held, 0) <> coalesce(h.held, 0) {_FAR}""",
    PROMISED: f"""
        select coalesce(s.location, h.location) as location, coalesce(s.sku, h.sku) as sku,
               'promises ' || coalesce(s.held, 0) || ', fulfilment orders ' || coalesce(h.held, 0) as what
        from (select location, sku, sum(allocated) as held from stock_level group by 1, 2) s full join (
            select f.location, l.sku, sum(l.quantity - l.shipped - l.released) as held
            from fulfilment_line l join fulfilment_order f using (order_id, no)
            where l.quantity <> l.shipped + l.released group by 1, 2) h
            using (location, sku)
        where coalesce(s.held, 0) <> coalesce(h.held, 0) {_FAR}""",
}
"""Each query gives counters that break its rule, and how."""

_log = structlog.get_logger()


def reconcile(session: Session, at: datetime) -> int:
    """Open a case for each counter that is wrong, and give how many are."""
    wrong: defaultdict[str, list[str]] = defaultdict(list)
    for subject, what in [*_ledger(session), *(one for check in CHECKS for one in _broken(session, check))]:
        wrong[subject].append(what)
    if wrong:
        _log.error("stock.drift", counters=len(wrong))
    open_cases(session, [NewCase(CAUSE, subject, "", "; ".join(what)) for subject, what in wrong.items()], at)
    return len(wrong)


def check_books(session: Session, besides: str = "") -> list[str]:
    """Give what breaks a rule of stock, in words; the check `besides` is left out."""
    found = {LEDGER: _ledger(session)} | {check: _broken(session, check) for check in CHECKS if check != besides}
    return [f"{check}: {subject} {what}" for check, broken in found.items() for subject, what in broken]


def _ledger(session: Session) -> list[tuple[str, str]]:
    return [(f"stock:{one.key.sku} at {one.key.location}", str(one)) for one in drift(session)]


def _broken(session: Session, check: str) -> list[tuple[str, str]]:
    return [(f"stock:{one.sku} at {one.location}", one.what) for one in rows(session, CHECKS[check])]
