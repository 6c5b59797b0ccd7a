"""What people and programs set: pieces found or lost, and what is promised of a counter; each with who and when."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import row, run
from hub.errors import Conflict, Malformed, NotFound
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.level import make_counters
from hub.inventory.shortfall import read_levels
from hub.inventory.table import Authority, Reason

MOST: Final = 1_000_000
"""More pieces than this in one act, wherever it is done, are a typing error."""


class Limits(NamedTuple):
    """What is promised of a counter beyond what is there, and whose number counts; None leaves it as it is."""

    backorder_limit: int | None = None
    authority: str | None = None


def adjust(
    session: Session, actor: str, brand: str, key: StockKey, delta: int, reason: str, ref: str, at: datetime
) -> None:
    """Book pieces that were found (or lost, below zero) by a document `ref`, once.

    Raises: Malformed for no pieces or beyond reason; NotFound when the brand has no such location or SKU, or nobody of
    that name owns goods there; Shortage when it would leave less than is promised; Conflict when the document was
    booked before (movement_booked).
    """
    if not 0 < abs(delta) <= MOST:
        text, zh = f"pieces are a whole number up to {MOST}, and not 0", f"件数为不超过 {MOST} 的整数，且不为 0"
        raise Malformed(text, code="pieces", field="delta", zh=zh)
    _check(session, brand, key)
    make_counters(session, brand, [key], at)
    post(session, [Movement(key, Reason.ADJUST, ref, on_hand=delta)], at)
    detail = {"location": key.location, "condition": str(key.condition), "owner": key.owner}
    record(session, at, actor, "stock.adjust", f"sku:{key.sku}", **detail, delta=delta, ref=ref, reason=plain(reason))


def open_counter(session: Session, actor: str, brand: str, key: StockKey, at: datetime) -> None:
    """Have a counter with nothing on hand of goods that are still to come; one that is there stays as it is.

    Raises: NotFound when the brand has no such location or SKU, or nobody of that name owns goods there.
    """
    _check(session, brand, key)
    make_counters(session, brand, [key], at)
    detail = {"location": key.location, "condition": str(key.condition), "owner": key.owner}
    record(session, at, actor, "stock.counter", f"sku:{key.sku}", **detail)


def set_safety(session: Session, actor: str, brand: str, key: StockKey, pieces: int, at: datetime) -> None:
    """Keep pieces of a counter back from what channels are promised; orders that came may have them all the same.

    Raises: Malformed beyond reason; NotFound when the brand has no such location or SKU.
    """
    if not 0 <= pieces <= MOST:
        text, zh = f"safety stock is a whole number from 0 to {MOST}", f"安全库存为 0 到 {MOST} 的整数"
        raise Malformed(text, code="pieces", field="safety", zh=zh)
    _check(session, brand, key)
    make_counters(session, brand, [key], at)
    run(
        session,
        """update stock_level set safety = :pieces, version = version + 1, updated_at = :at
           where (location, sku, owner, condition) = (:location, :sku, :owner, :condition)""",
        pieces=pieces,
        at=at,
        **key._asdict(),
    )
    detail = {"location": key.location, "condition": str(key.condition), "owner": key.owner}
    record(session, at, actor, "stock.safety", f"sku:{key.sku}", **detail, pieces=pieces)


def set_limits(
    session: Session,
    actor: str,
    brand: str,
    key: StockKey,
    limits: Limits,
    at: datetime,
) -> None:
    """Say how many pieces of a counter may be promised that are not there yet, and whose number counts.

    Raises: Malformed beyond reason, or for an authority that there is not; NotFound when the brand has no such location
    or SKU; Conflict when more than that is promised already beyond what is there (backorders_promised).
    """
    backorder_limit, authority = limits
    if backorder_limit is not None and not 0 <= backorder_limit <= MOST:
        text, zh = f"a back-order limit is a whole number from 0 to {MOST}", f"超卖上限为 0 到 {MOST} 的整数"
        raise Malformed(text, code="pieces", field="backorder_limit", zh=zh)
    if authority is not None and authority not in set(Authority):
        text, zh = f"whose number counts is one of {', '.join(Authority)}", f"数量权威为 {'、'.join(Authority)} 之一"
        raise Malformed(text, code="authority", field="authority", zh=zh)
    _check(session, brand, key)
    make_counters(session, brand, [key], at)
    level = read_levels(session, [key], lock=True)[key]
    beyond = level.allocated + level.soft - level.on_hand - level.short
    if backorder_limit is not None and beyond > backorder_limit:
        raise Conflict(
            f"{beyond} pieces are promised beyond what is there: the limit cannot be less",
            code="backorders_promised",
            field="backorder_limit",
            zh=f"已超出在库承诺 {beyond} 件，超卖上限不能更低",
        )
    values = limits._asdict()
    run(
        session,
        # What the limit covers now is not short any more: as `short` it could be promised once more.
        """update stock_level set backorder_limit = coalesce(cast(:backorder_limit as bigint), backorder_limit),
                                  short = greatest(0, least(short, allocated + soft - on_hand
                                      - coalesce(cast(:backorder_limit as bigint), backorder_limit))),
                                  authority = coalesce(cast(:authority as text), authority),
                                  version = version + 1, updated_at = :at
           where (location, sku, owner, condition) = (:location, :sku, :owner, :condition)""",
        **values,
        at=at,
        **key._asdict(),
    )
    detail = {"location": key.location, "condition": str(key.condition), "owner": key.owner}
    changes = {name: [getattr(level, name), value] for name, value in values.items() if value is not None}
    record(session, at, actor, "stock.limits", f"sku:{key.sku}", **detail, **changes)


def _check(session: Session, brand: str, key: StockKey) -> None:
    found = row(
        session,
        """select exists (select from location where (code, brand) = (:location, :brand)) as placed,
                  exists (select from sku where (code, brand) = (:sku, :brand) and not bundle and storage <> 'none')
                  or exists (select from stock_level where (location, sku, owner) = (:location, :sku, :owner)) as sold,
                  exists (select from location where (code, owner) = (:location, :owner))
                  or exists (select from stock_level where (location, owner) = (:location, :owner)) as owned""",
        location=key.location,
        sku=key.sku,
        owner=key.owner,
        brand=brand,
    )
    if found is None or not found.placed:
        raise NotFound(f"{brand} has no location {key.location}", code="unknown_location", field="location")
    if not found.sold:  # neither a bundle, whose parts are counted, nor virtual goods have a shelf, unless they had
        raise NotFound(f"{brand} has no SKU {key.sku} that is counted", code="unknown_sku", field="sku")
    if not found.owned:  # a counter of somebody unknown would be sold by nobody and looked at by nobody
        text, zh = f"nobody called {key.owner} has goods at {key.location}", f"{key.location} 没有货主 {key.owner}"
        raise NotFound(text, code="unknown_owner", field="owner", zh=zh)
