"""Quotas as people look them up: of every SKU, and which shops a brand's may be given to."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.errors import NotFound
from hub.inventory.quota import Quota
from hub.settings import Connection


def find_quotas(session: Session, sku: str = "", shop: str = "", limit: int = 1_000) -> list[Quota]:
    """Give quotas in the order of SKU, shop and location: of one SKU or shop, if it is named."""
    found = records(
        session,
        """select sku, shop, location, mode, amount, used from channel_quota
           where version > 0 and (:sku = '' or sku = :sku) and (:shop = '' or shop = :shop)
           order by sku, shop, location limit :limit""",
        sku=sku,
        shop=shop,
        limit=limit,
    )
    return [Quota.model_validate(one) for one in found]


def brand_of(session: Session, sku: str) -> str:
    """Give whose SKU it is.

    Raises: NotFound.
    """
    found = rows(session, "select brand from sku where code = :sku", sku=sku)
    if not found:
        raise NotFound(f"there is no SKU {sku[:60]}", code="unknown_sku", field="sku")
    return str(found[0].brand)


def shops_of(configured: Mapping[str, Connection], brand: str) -> list[str]:
    """Name a brand's shops, as its connections do."""
    return sorted({one.shop for one in configured.values() if one.brand == brand and one.shop})


def check_shop(configured: Mapping[str, Connection], brand: str, shop: str) -> None:
    """Make sure that a brand has a shop; "" stands for all of them.

    Raises: NotFound.
    """
    if shop and shop not in shops_of(configured, brand):
        raise NotFound(f"{brand} has no shop {shop[:60]}", code="unknown_shop", field="shop")
