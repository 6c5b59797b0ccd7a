"""How shops share a SKU: pieces of their own, a part of what is free, or no more than so many; else all share all.

Quotas limit what is promised ahead. An order that came is served whoever has pieces of their own: only its count of
what was sold (`used`) tells.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import records, rows, run
from hub.document import Document
from hub.errors import Malformed, NotFound
from hub.inventory.reservation_table import EVERYWHERE, QuotaMode

MOST: Final = 10**9
HUNDRED: Final = 100


class Quota(Document):
    """One shop's quota of a SKU, at a location or everywhere (""); `amount` in pieces, or percent."""

    sku: str
    shop: str
    location: str = EVERYWHERE
    mode: QuotaMode
    amount: int
    used: int = 0

    @property
    def left(self) -> int:
        """Give how many of an amount of pieces are not sold yet."""
        return max(0, self.amount - self.used)


def set_quota(session: Session, actor: str, brand: str, quota: Quota, at: datetime) -> None:
    """Give a shop a quota, or change it; what it has sold so far stays counted, but for another mode.

    Raises: Malformed for an amount out of range; NotFound for an unknown SKU.
    """
    most = HUNDRED if quota.mode is QuotaMode.PERCENTAGE else MOST
    if not 0 <= quota.amount <= most:
        raise Malformed(f"an amount is 0 to {most}", code="quota_amount", field="amount")
    if not rows(session, "select 1 from sku where code = :sku and brand = :brand", sku=quota.sku, brand=brand):
        raise NotFound(f"{brand} has no SKU {quota.sku}", code="unknown_sku", field="sku")
    run(
        session,
        """insert into channel_quota (brand, version, created_at, updated_at, sku, shop, location, mode, amount, used)
           values (:brand, 1, :at, :at, :sku, :shop, :location, :mode, :amount, 0)
           on conflict (sku, shop, location) do update set
               used = case when channel_quota.mode = excluded.mode then channel_quota.used else 0 end,
               mode = excluded.mode, amount = excluded.amount, version = channel_quota.version + 1, updated_at = :at""",
        brand=brand,
        at=at,
        **quota.model_dump(include={"sku", "shop", "location", "mode", "amount"}),
    )
    told = {"shop": quota.shop, "location": quota.location, "mode": quota.mode, "amount": quota.amount}
    record(session, at, actor, "stock.quota", f"sku:{quota.sku}", **told)


def drop_quota(session: Session, actor: str, sku: str, shop: str, location: str, at: datetime) -> bool:
    """Let a shop share a SKU like any other again; say whether it had a quota."""
    dropped = run(
        session,
        "delete from channel_quota where (sku, shop, location) = (:sku, :shop, :location)",
        sku=sku,
        shop=shop,
        location=location,
    )
    if dropped:
        record(session, at, actor, "stock.quota_drop", f"sku:{sku}", shop=shop, location=location)
    return bool(dropped)


def list_quotas(session: Session, skus: Collection[str]) -> list[Quota]:
    """Give every shop's quotas of some SKUs."""
    found = records(
        session,
        """select sku, shop, location, mode, amount, used from channel_quota where sku = any(:skus)
           order by sku, shop, location""",
        skus=sorted(skus),
    )
    return [Quota.model_validate(one) for one in found]


def count_sold(session: Session, pieces: Mapping[tuple[str, str], int]) -> None:
    """Count what shops have sold of SKUs they have a quota of (pieces by shop and SKU; fewer than none gives back).

    Quotas are locked in one order, and by everybody after the counters.
    """
    wanted: Sequence[tuple[str, str]] = sorted(key for key, n in pieces.items() if n)
    if not wanted:
        return
    columns = {"shops": [shop for shop, _ in wanted], "skus": [sku for _, sku in wanted], "everywhere": EVERYWHERE}
    there = rows(
        session,
        """select quota.shop, quota.sku from channel_quota quota
           join unnest(cast(:shops as text[]), cast(:skus as text[])) as new (shop, sku) using (shop, sku)
           where quota.location = :everywhere order by quota.sku, quota.shop for update of quota""",
        **columns,
    )
    if not there:
        return
    run(
        session,
        """update channel_quota quota set used = greatest(0, quota.used + new.pieces)
           from unnest(cast(:shops as text[]), cast(:skus as text[]), cast(:pieces as bigint[]))
                as new (shop, sku, pieces)
           where (quota.shop, quota.sku) = (new.shop, new.sku) and quota.location = :everywhere""",
        pieces=[pieces[key] for key in wanted],
        **columns,
    )
