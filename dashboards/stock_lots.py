"""Lots as a recall asks for them: which orders got pieces of one, receivers masked, where it lies, and its blocks."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict

from dashboards.actions import ActionKey, act
from dashboards.asked import address
from dashboards.pages import page
from dashboards.stock_look import HOME as STOCK
from dashboards.stock_look import seen_by
from dashboards.visit import Here, Visit
from hub.inventory.lot import places_of_lot
from hub.inventory.lot_block import LotName, block_lot, list_blocks, unblock_lot
from hub.inventory.quota_view import brand_of
from hub.order.lot_orders import LotOrders, orders_of_lot
from hub.roles import Permission

HOME: Final = STOCK + "/lots"
PAGE: Final = 50

Word = Annotated[str, Form(max_length=100)]
Reason = Annotated[str, Form(max_length=200)]

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
    """Show which orders got pieces of a lot, where the rest of it lies, and whether it is blocked."""
    visit.require(Permission.SEE_ORDERS)
    lot, sku = asked.lot.strip(), asked.sku.strip()
    found = LotOrders(orders=())
    if lot:
        found = orders_of_lot(visit.session, visit.actor, lot, sku, after=asked.cursor, limit=PAGE)
    return page(visit, "inventory_lots.html", asked=asked, found=found, **_blocks(visit, lot, sku))


@router.post(HOME + "/block")
def block(
    visit: Here, action_key: ActionKey, lot: Word = "", sku: Word = "", place: Word = "", reason: Reason = ""
) -> Response:
    """Have a lot sold no more, at a location or everywhere."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        here = visit.at.astimezone(visit.zone)
        made = block_lot(visit.session, visit.actor.name, _brand(visit, sku), _name(lot, sku, place), reason, here)
        if made.lacking:
            return visit.say(
                "%(n)s pieces of lot %(lot)s are sold no more. %(short)s promised pieces find another source.",
                n=f"{made.pieces:,d}",
                lot=lot,
                short=f"{made.lacking:,d}",
            )
        return visit.say("%(n)s pieces of lot %(lot)s are sold no more.", n=f"{made.pieces:,d}", lot=lot)

    return act(visit, action_key, work, then=link_of_lot(lot, sku))


@router.post(HOME + "/unblock")
def unblock(
    visit: Here, action_key: ActionKey, lot: Word = "", sku: Word = "", place: Word = "", reason: Reason = ""
) -> Response:
    """Let a lot be sold again."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        name = _name(lot, sku, place)
        freed = unblock_lot(visit.session, visit.actor.name, _brand(visit, sku), name, reason, visit.at)
        n = f"{freed.pieces:,d}"
        if freed.still_blocked:
            return visit.say(
                "%(n)s pieces of lot %(lot)s may be sold again. It is still blocked: %(where)s.",
                n=n,
                lot=lot,
                where=", ".join(one or visit.say("everywhere") for one in freed.still_blocked),
            )
        return visit.say("%(n)s pieces of lot %(lot)s may be sold again.", n=n, lot=lot)

    return act(visit, action_key, work, then=link_of_lot(lot, sku))


def _blocks(visit: Visit, lot: str, sku: str) -> dict[str, Any]:
    seen = seen_by(visit)
    return {
        "blocks": list_blocks(visit.session, seen, sku, lot),
        "places": places_of_lot(visit.session, seen, sku, lot) if lot and sku else (),
        "changeable": not visit.actor.shops,
    }


def _brand(visit: Visit, sku: str) -> str:
    """Give whose SKU it is.

    Raises: NotFound; Unauthorised for who may not change the brand's stock, or works on one shop alone.
    """
    brand = brand_of(visit.session, sku.strip())
    visit.actor.require_scope(brand, "")
    return brand


def _name(lot: str, sku: str, place: str) -> LotName:
    return LotName(lot=lot.strip(), sku=sku.strip(), location=place)
