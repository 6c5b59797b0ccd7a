"""Reconcile stock once a day: counters against their movements, what is promised by them, and what they may promise.

Each check is one statement, so that it sees one moment of a hub at work. Of the ledger the daily one reads what is new:
what it has verified is kept in sums, and whoever doubts them has all of it read again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import rows
from hub.inventory.ledger import Drift, drift
from hub.inventory.quota_held import HAD
from hub.inventory.verified import drift_since, keep_verified, recheck

CAUSE: Final = "stock_drift"
LEDGER: Final = "counters are the sum of their movements"
VERIFIED: Final = "movements are as they were verified"
BOUNDS: Final = "no counter promises more than it may"
HELD: Final = "stock held is what reservations hold"
PROMISED: Final = "stock promised is what fulfilment orders hold"
PRESOLD: Final = "what is counted as sold before it arrives is what order lines wait for"
QUOTAS: Final = "a quota counts what its shop has sold and holds"

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
    PRESOLD: f"""
        select coalesce(s.shop, h.shop) as location, coalesce(s.sku, h.sku) as sku,
               'counts ' || coalesce(s.held, 0) || ' sold before they arrive, order lines ' || coalesce(h.held, 0)
               as what
        from (select shop, sku, sum(pieces) as held from presold_count group by 1, 2) s full join (
            select shop, sku, sum(pieces) as held from presold_line group by 1, 2) h using (shop, sku)
        where coalesce(s.held, 0) <> coalesce(h.held, 0) {_FAR}""",
    QUOTAS: f"""
        with quota as (select * from channel_quota where version > 0),
        carts as (
            select q.sku, q.shop, q.location, sum(c.quantity) as pieces
            from quota q join reservation r on (r.shop, r.state) = (q.shop, 'held')
            join reservation_line c on (c.reservation_id, c.sku) = (r.id, q.sku) and q.location in ('', c.location)
            group by 1, 2, 3),
        sold as (
            select sku, shop, location, sum(case when at > since then sold else open end) as least, sum(sold) as most
            from (
                select q.sku, q.shop, q.location, q.updated_at as since, o.created_at as at,
                       line.ordered - line.cancelled as sold,
                       case when o.lifecycle in ('received', 'accepted', 'in_fulfilment')
                            then line.ordered - line.cancelled - {HAD} else 0 end as open
                from quota q join order_line line on line.sku = q.sku
                join sales_order o on (o.id, o.shop) = (line.order_id, q.shop) where q.location = ''
                union all
                select q.sku, q.shop, q.location, q.updated_at, o.created_at, f.quantity - f.released,
                       f.quantity - f.released - f.shipped
                from quota q join fulfilment_line f on f.sku = q.sku
                join fulfilment_order d on (d.order_id, d.no, d.location) = (f.order_id, f.no, q.location)
                join sales_order o on (o.id, o.shop) = (f.order_id, q.shop)) one group by 1, 2, 3)
        select shop || case location when '' then '' else '/' || location end as location, sku,
               'counts ' || used || ', sold and held ' || held.least || ' to ' || held.most as what
        from quota left join carts using (sku, shop, location) left join sold using (sku, shop, location)
        cross join lateral (
            select coalesce(carts.pieces, 0) + coalesce(sold.least, 0) as least,
                   coalesce(carts.pieces, 0) + coalesce(sold.most, 0) as most) held
        where used not between held.least and held.most {_FAR}""",
}
"""Each query gives counters that break its rule, and how; those of pre-sales and quotas are of a shop.

What had left before a quota was set, or changed last, counts for no quota, and nobody remembers how much it was: of
orders that are older than that it counts what is open at least, and all of them at most.
"""

_log = structlog.get_logger()


def reconcile(session: Session, at: datetime) -> int:
    """Open a case for each counter that is wrong, and give how many are; the ledger is read as far as it is new."""
    wrong: defaultdict[str, list[str]] = defaultdict(list)
    if not (drifted := _told(drift_since(session))):
        keep_verified(session, at)
    for subject, what in [*drifted, *(one for check in CHECKS for one in _broken(session, check))]:
        wrong[subject].append(what)
    if wrong:
        _log.error("stock.drift", counters=len(wrong))
    open_cases(session, [NewCase(CAUSE, subject, "", "; ".join(what)) for subject, what in wrong.items()], at)
    return len(wrong)


def check_books(session: Session, besides: Collection[str] = ()) -> list[str]:
    """Give what breaks a rule of stock, in words, the whole ledger read; the checks `besides` are left out."""
    found = _find(session, drift(session))
    return [f"{check}: {subject} {what}" for check, subject, what in found if check not in besides]


def check_stock(session: Session, *, full: bool) -> list[tuple[str, str, str]]:
    """Give what breaks a rule of stock: which rule, of which counter, and how; no case is opened.

    With `full` the whole ledger is read, and so is whether it still is what was verified once.
    """
    found = _find(session, drift(session) if full else drift_since(session))
    return [*found, *((VERIFIED, *one) for one in recheck(session))] if full else found


def _find(session: Session, drifted: Sequence[Drift]) -> list[tuple[str, str, str]]:
    found = {LEDGER: _told(drifted)} | {check: _broken(session, check) for check in CHECKS}
    return [(check, *one) for check, broken in found.items() for one in broken]


def _told(drifted: Sequence[Drift]) -> list[tuple[str, str]]:
    return [(f"stock:{one.key.sku} at {one.key.location}", str(one)) for one in drifted]


def _broken(session: Session, check: str) -> list[tuple[str, str]]:
    return [(f"stock:{one.sku} at {one.location}", one.what) for one in rows(session, CHECKS[check])]
