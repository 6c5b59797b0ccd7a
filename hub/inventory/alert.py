"""Stock alerts: what is out, below a threshold or will not last, opened and closed once each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.inventory.alert_table import AlertKind, AlertState
from hub.inventory.condition import Condition
from hub.inventory.cover import Pace, paces
from hub.inventory.free import FREE
from hub.stock_told import Stock

EVERYWHERE: Final = ""
"""The location of an alert about all of them together, and of such a rule; the SKU of a rule about all SKUs."""

KEPT: Final = timedelta(days=90)
"""How long a closed alert is kept."""

PERCENT: Final = 100

STANDINGS: Final = f"""
    with level as (select brand, sku, location, unpromised as free, safety from ({FREE}) free),
    named as (
        select rule.brand, rule.sku, rule.location from stock_rule rule join sku on sku.code = rule.sku
        where rule.sku = any(:skus) and not sku.bundle and sku.storage <> 'none'),
    known as (
        select brand, sku from level union select brand, sku from named where location = '' union
        select gone.brand, gone.sku from stock_level gone
        join location on (location.code, location.owner) = (gone.location, gone.owner)
        where gone.sku = any(:skus) and gone.condition = :condition and (gone.on_hand > 0 or exists (
            select from stock_alert alert
            where alert.state = 'open' and (alert.sku, alert.location) = (gone.sku, '')))),
    place as (
        select * from level union all
        select named.brand, named.sku, named.location, 0, 0 from named
        join location on (location.code, location.brand) = (named.location, named.brand) and location.active
        where not exists (
            select from level where (level.sku, level.location) = (named.sku, named.location)) union all
        select known.brand, known.sku, '', coalesce(sum(greatest(0, level.free)), 0)::bigint, 0
        from known left join level using (brand, sku) group by 1, 2)
    select place.*, rule.below_pieces, rule.below_days from place
    left join lateral (
        select below_pieces, below_days from stock_rule
        where brand = place.brand and location = place.location and sku in (place.sku, '')
        order by sku desc limit 1) rule on true
    where rule.below_pieces is not null or place.safety > 0 order by place.sku, place.location"""
"""SKUs at the locations that are open, and all together. Where a rule names what has no counter, or all locations that
have pieces have been closed, there is nothing of it: it is out, and not left out. What was out before it is so still,
and what has ended in a location that was closed long ago is nobody's worry."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a SKU stands at a location: what is free, what is to be kept, and how fast it goes."""

    brand: str
    sku: str
    location: str
    free: int
    safety: int
    pace: Pace
    below_pieces: int
    below_days: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of shortage of a standing: whether it is one, and whether it is clearly none."""

    standing: Standing
    kind: AlertKind
    threshold: int
    short: bool
    over: bool


def findings(one: Standing, clear_percent: int) -> list[Finding]:
    """Judge a standing; pure. A shortage begins below its threshold, and is over at `clear_percent` of it.

    What is out is not said to be low as well, though what was said to be low stays so.
    """
    found = [Finding(one, AlertKind.STOCK_OUT, 1, one.free <= 0, one.free > 0)]
    least = max(one.below_pieces, one.safety)
    over = one.free * PERCENT >= least * clear_percent
    found.append(Finding(one, AlertKind.LOW_PIECES, least, 0 < one.free < least, over))
    days = one.pace.lasts(one.free)
    short = days is not None and 0 < days < one.below_days
    over = days is None or days * PERCENT >= one.below_days * clear_percent
    found.append(Finding(one, AlertKind.LOW_COVER, one.below_days, short, over))
    return found


def raise_alerts(session: Session, skus: Collection[str], stock: Stock, at: datetime) -> tuple[int, int]:
    """Open and close the alerts of some SKUs, and give how many of each; those of brands that tell them are due.

    `at` is in the business zone, whose day it is that lots expire by.
    """
    if not skus:
        return 0, 0
    judged = [one for standing in _standings(session, skus, at) for one in findings(standing, stock.clear_percent)]
    opened = _open(session, [one for one in judged if one.short], stock, at)
    closed = _close(session, [one for one in judged if one.over], skus, judged, stock, at)
    _renew(session, judged)
    for one in (*opened, *closed):
        _log.warning(
            "stock.alert" if one.state == AlertState.OPEN else "stock.alert_over",
            kind=one.kind,
            sku=one.sku,
            location=one.location,
            pieces=one.pieces,
            threshold=one.threshold,
        )
    return len(opened), len(closed)


def forget_alerts(session: Session, at: datetime) -> int:
    """Forget alerts that were closed long ago."""
    return run(
        session, "delete from stock_alert where state = 'closed' and closed_at < :before and not due", before=at - KEPT
    )


def _standings(session: Session, skus: Collection[str], at: datetime) -> list[Standing]:
    """Read how SKUs stand wherever a rule or a safety stock watches them, the nearest rule of each."""
    found = rows(session, STANDINGS, skus=sorted(skus), today=at.date(), brand="", condition=Condition.SALEABLE)
    pace_of = paces(session, {one.sku for one in found}, at)
    still = Pace(Decimal(0))
    return [
        Standing(
            one.brand,
            one.sku,
            one.location,
            one.free,
            one.safety,
            pace_of.get((one.sku, one.location), still),
            one.below_pieces or 0,
            one.below_days or 0,
        )
        for one in found
    ]


def _open(session: Session, short: Sequence[Finding], stock: Stock, at: datetime) -> Sequence[Any]:
    return rows(
        session,
        """insert into stock_alert (brand, version, created_at, updated_at, sku, location, kind, state, pieces,
                                    threshold, cover_days, due)
           select brand, 1, :at, :at, sku, location, kind, 'open', pieces, threshold, cover, told
           from unnest(cast(:brands as text[]), cast(:skus as text[]), cast(:locations as text[]),
                       cast(:kinds as text[]), cast(:pieces as bigint[]), cast(:thresholds as bigint[]),
                       cast(:covers as numeric[]), cast(:told as boolean[]))
                as new (brand, sku, location, kind, pieces, threshold, cover, told)
           order by sku, location, kind
           on conflict (sku, location, kind) where state = 'open' do nothing
           returning state, kind, sku, location, pieces, threshold""",
        at=at,
        told=[stock.tells(one.standing.brand) for one in short],
        **_columns(short),
    )


def _close(
    session: Session,
    over: Sequence[Finding],
    skus: Collection[str],
    judged: Sequence[Finding],
    stock: Stock,
    at: datetime,
) -> Sequence[Any]:
    """Close what is clearly over, and what nobody watches any more."""
    watched = {(one.standing.sku, one.standing.location) for one in judged}
    ended = {(one.standing.sku, one.standing.location, str(one.kind)): one.standing.free for one in over}
    statement = """select id, brand, sku, location, kind, pieces from stock_alert
                   where state = 'open' and sku = any(:skus) order by id for update"""
    open_ = rows(session, statement, skus=sorted(skus))
    gone = {
        one.id: (ended.get((one.sku, one.location, one.kind), one.pieces), stock.tells(one.brand))
        for one in open_
        if (one.sku, one.location, one.kind) in ended or (one.sku, one.location) not in watched
    }
    return rows(
        session,
        """update stock_alert set state = 'closed', closed_at = :at, updated_at = :at, version = version + 1,
                                  pieces = new.pieces, due = due or new.told
           from unnest(cast(:ids as bigint[]), cast(:pieces as bigint[]), cast(:told as boolean[]))
                as new (id, pieces, told)
           where stock_alert.id = new.id
           returning state, kind, sku, location, stock_alert.pieces, threshold""",
        ids=list(gone),
        pieces=[pieces for pieces, _ in gone.values()],
        told=[told for _, told in gone.values()],
        at=at,
    )


def _renew(session: Session, judged: Sequence[Finding]) -> None:
    """Write how those stand now that stay open; nobody is told of that, for they are told as they open and close."""
    run(
        session,
        """update stock_alert set pieces = new.pieces, threshold = new.threshold, cover_days = new.cover
           from unnest(cast(:skus as text[]), cast(:locations as text[]), cast(:kinds as text[]),
                       cast(:pieces as bigint[]), cast(:thresholds as bigint[]), cast(:covers as numeric[]))
                as new (sku, location, kind, pieces, threshold, cover)
           where stock_alert.state = 'open'
             and (stock_alert.sku, stock_alert.location, stock_alert.kind) = (new.sku, new.location, new.kind)
             and (stock_alert.pieces, stock_alert.threshold, stock_alert.cover_days)
                 is distinct from (new.pieces, new.threshold, new.cover)""",
        **{name: values for name, values in _columns(judged).items() if name != "brands"},
    )


def _columns(found: Sequence[Finding]) -> Mapping[str, list[Any]]:
    days = [one.standing.pace.lasts(one.standing.free) for one in found]
    return {
        "brands": [one.standing.brand for one in found],
        "skus": [one.standing.sku for one in found],
        "locations": [one.standing.location for one in found],
        "kinds": [str(one.kind) for one in found],
        "pieces": [one.standing.free for one in found],
        "thresholds": [one.threshold for one in found],
        "covers": [None if one is None else str(round(one, 2)) for one in days],
    }
