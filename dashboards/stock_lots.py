"""Lots as a recall asks for them: which orders got pieces of one, with receivers masked."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from dashboards.asked import address
from dashboards.pages import page
from dashboards.stock_look import HOME as STOCK
from dashboards.visit import Here
from hub.order.lot_orders import LotOrders, orders_of_lot
from hub.roles import Permission

HOME: Final = STOCK + "/lots"
PAGE: Final = 50

router: Final = APIRouter()


class LotAsked(BaseModel):
    """Which lot an address means, of which SKU if it names one."""

    model_config = ConfigDict(frozen=True)

    lot: str = ""
    sku: str = ""
    cursor: str = ""

    def link(self, **changes: object) -> str:
        return address(HOME, **{**self.model_dump(), **changes})


def link_of_lot(lot: str, sku: str) -> str:
    """Lead to the orders that got pieces of a SKU's lot."""
    return LotAsked(lot=lot, sku=sku).link()


@router.get(HOME)
def lots(visit: Here, asked: Annotated[LotAsked, Query()]) -> Response:
    """Show which orders got pieces of a lot."""
    visit.require(Permission.SEE_ORDERS)
    lot, sku = asked.lot.strip(), asked.sku.strip()
    found = LotOrders(orders=())
    if lot:
        found = orders_of_lot(visit.session, visit.actor, lot, sku, after=asked.cursor, limit=PAGE)
    return page(visit, "inventory_lots.html", asked=asked, found=found)
