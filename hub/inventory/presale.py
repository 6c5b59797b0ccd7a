"""Pre-sale limits: how many pieces of a SKU may be sold before they arrive, in a shop or in all together.

What was sold so is counted by order line (`presold_line`) while it waits, limited or not: an order counts it when it is
placed, and it is counted no more when a location has been given it or it is cancelled. A counter by SKU and shop goes
along in the same transaction, and is what limits are compared with. It lies in parts (`presold_count`): a change adds a
row, for a row of all would stay locked by whoever sells or gives back until it has ended. A chore adds the parts up.
Who places orders of a SKU with a limit takes turns by SKU (advisory locks), after buyers and before counters, so that
nobody else sells of it meanwhile; what is given back locks nothing but its own rows.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.catalogue.model import Product
from hub.database import records, row, rows, run
from hub.document import Document
from hub.errors import Malformed, NotFound
from hub.turns import take_turns

SPACE: Final = 7022
"""The advisory locks of SKUs with a limit, for those who place orders of them."""

MOST: Final = 1_000_000

EVERY_SHOP: Final = ""
"""The shop of a limit that is of all shops together."""


class Presale(Document):
    """A limit of a SKU, of one shop or of all together; `sold` pieces of it wait for their goods."""

    sku: str
    shop: str = EVERY_SHOP
    amount: int
    sold: int = 0

    @property
    def left(self) -> int:
        """Give how many more may be sold."""
        return max(0, self.amount - self.sold)


def set_presale(session: Session, actor: str, brand: str, presale: Presale, at: datetime) -> None:
    """Limit what is sold of a SKU before it arrives, or change the limit; what is sold beyond it stays sold.

    Raises: Malformed for an amount out of range; NotFound for an unknown SKU, or a bundle, whose parts are limited.
    """
    if not 0 <= presale.amount <= MOST:
        text, zh = f"a pre-sale limit is a whole number from 0 to {MOST}", f"预售上限为 0 到 {MOST} 的整数"
        raise Malformed(text, code="pieces", field="amount", zh=zh)
    known = "select 1 from sku where (code, brand) = (:sku, :brand) and not bundle"
    if row(session, known, sku=presale.sku, brand=brand) is None:
        text, zh = f"{brand} has no SKU {presale.sku} that is counted", f"品牌 {brand} 没有可计数的 SKU {presale.sku}"
        raise NotFound(text, code="unknown_sku", field="sku", zh=zh)
    run(
        session,
        """insert into presale_limit (brand, version, created_at, updated_at, sku, shop, amount)
           values (:brand, 1, :at, :at, :sku, :shop, :amount)
           on conflict (sku, shop) do update set amount = :amount, version = presale_limit.version + 1,
               updated_at = :at""",
        brand=brand,
        at=at,
        sku=presale.sku,
        shop=presale.shop,
        amount=presale.amount,
    )
    record(session, at, actor, "stock.presale", f"sku:{presale.sku}", shop=presale.shop, amount=presale.amount)


def drop_presale(session: Session, actor: str, sku: str, shop: str, at: datetime) -> None:
    """Take a limit away; what is sold stays counted.

    Raises: NotFound where there is none (unknown_presale).
    """
    if not run(session, "delete from presale_limit where (sku, shop) = (:sku, :shop)", sku=sku, shop=shop):
        text, zh = f"there is no such pre-sale limit of {sku}", f"{sku} 没有这样的预售上限"
        raise NotFound(text, code="unknown_presale", field="sku", zh=zh)
    record(session, at, actor, "stock.presale_drop", f"sku:{sku}", shop=shop)


LIMITS: Final = """
    select own.sku, own.shop, own.amount, sold.pieces as sold from presale_limit own cross join lateral (
        select coalesce(sum(part.pieces), 0)::bigint as pieces from presold_count part
        where part.sku = own.sku and (own.shop = '' or part.shop = own.shop)) sold"""


def list_presales(session: Session, skus: Collection[str]) -> list[Presale]:
    """Give the limits of some SKUs, in the order of SKU and shop."""
    found = records(session, f"{LIMITS} where own.sku = any(:skus) order by own.sku, own.shop", skus=sorted(skus))
    return [Presale.model_validate(one) for one in found]


def find_presales(
    session: Session, seen: Collection[str] | None, sku: str = "", limit: int = 1_000, shops: Collection[str] = ()
) -> Sequence[Presale]:
    """Give limits in the order of SKU and shop, of some brands or of all, of one SKU or of all.

    With `shops` those of these alone, without what all together may sell.
    """
    found = records(
        session,
        f"""{LIMITS} where (:sku = '' or own.sku = :sku) and (cast(:seen as text[]) is null or own.brand = any(:seen))
              and (cardinality(cast(:shops as text[])) = 0 or own.shop = any(:shops))
            order by own.sku, own.shop limit :limit""",
        seen=None if seen is None else sorted(seen),
        sku=sku,
        limit=limit,
        shops=sorted(shops),
    )
    return [Presale.model_validate(one) for one in found]


def with_limits(session: Session, skus: Collection[str]) -> list[str]:
    """Name those of some SKUs that have a limit."""
    statement = "select distinct sku from presale_limit where sku = any(:skus) order by 1"
    return [one.sku for one in rows(session, statement, skus=sorted(skus))]


def hold_presales(session: Session, limited: Collection[str]) -> Mapping[str, Sequence[Presale]]:
    """Have nobody else sell of SKUs with limits before the transaction ends, and give their limits by SKU."""
    take_turns(session, SPACE, limited)
    found: defaultdict[str, list[Presale]] = defaultdict(list)
    for one in list_presales(session, limited):  # a statement of its own: what others sold before is seen
        found[one.sku].append(one)
    return found


def left_to_presell(session: Session, products: Collection[Product], shop: str, today: date) -> Mapping[str, int]:
    """Give how many pieces a shop may still sell of SKUs that are to come and have a limit for it.

    `today` is the day of the business zone.
    """
    coming = {one.sku for one in products if one.traits and one.traits.on(today).available_from}
    left: dict[str, int] = {}
    for one in list_presales(session, coming) if coming else ():
        if one.shop in {EVERY_SHOP, shop}:
            left[one.sku] = min(one.left, left.get(one.sku, one.left))
    return left


def add_up(session: Session) -> None:
    """Make one row of the parts of each counter: who reads it meanwhile sees all of them, or their sum."""
    run(
        session,
        """with gone as (
               delete from presold_count part
               using (select sku, shop from presold_count group by 1, 2 having count(*) > 1) many
               where (part.sku, part.shop) = (many.sku, many.shop)
               returning part.sku, part.shop, part.pieces)
           insert into presold_count (sku, shop, pieces)
           select sku, shop, sum(pieces) from gone group by 1, 2 having sum(pieces) <> 0""",
    )
