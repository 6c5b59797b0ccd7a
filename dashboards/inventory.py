"""Inventory: what is on hand, promised and free by SKU and location, with what moved it in a drawer."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Response

from dashboards import inventory_acts, stock_alerts, stock_lots, stock_presales, stock_quotas, stock_reports
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.stock_look import HOME, LEVEL, Asked, Look, seen_by, told_by
from dashboards.visit import Here, Visit
from hub.inventory import view
from hub.inventory.around import counts_of, holds_of, hot_of, movements_of, offers_of
from hub.inventory.condition import Condition
from hub.inventory.cover import Pace, paces
from hub.inventory.ledger import StockKey
from hub.inventory.lot import lots_of, pick_lots
from hub.inventory.lot_named import named_of
from hub.inventory.view import LevelView
from hub.roles import Permission

PAGE: Final = 50

router: Final = APIRouter()


@router.get(HOME)
def inventory(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    if visit.target("levels"):
        part = fragment(visit, "inventory_list.html", **_list(visit, look))
        part.headers["HX-Push-Url"] = look.link()
        return part
    return page(visit, "inventory.html", one=None, **_list(visit, look))


@router.get(HOME + "/list")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the list alone, to a page that asks for it again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "inventory_rows.html", **_list(visit, look))


@router.get(LEVEL)
def level(visit: Here, look: Asked) -> Response:
    """Show one counter with what moved it, what holds it and what channels were told."""
    visit.require(Permission.SEE_ORDERS)
    told: dict[str, Any] = {"look": look, "behind": look.link(), **_drawer(visit, look.key)}
    if visit.target("drawer"):
        return fragment(visit, "inventory_level.html", **told)
    return page(visit, "inventory.html", **{**_list(visit, look), **told})


router.include_router(inventory_acts.router)
router.include_router(stock_quotas.router)
router.include_router(stock_presales.router)
router.include_router(stock_alerts.router)
router.include_router(stock_reports.router)
router.include_router(stock_lots.router)


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    seen = seen_by(visit)
    found = view.list_levels(visit.session, seen, look.wanted(), _here(visit), after=look.cursor, limit=PAGE)
    skus = {one.sku for one in found.levels}
    places, brands = view.places_of(visit.session, seen)
    return {
        "look": look,
        "found": found,
        "shows": tuple(view.SHOWS),
        "locations": places,
        "brands": brands,
        "offers": offers_of(visit.session, skus, told_by(visit)),
        "hot": hot_of(visit.session, skus, visit.at),
        "days_of": partial(_days, paces(visit.session, skus, visit.at)),
        "changeable": not visit.actor.shops,
    }


def _drawer(visit: Visit, key: StockKey) -> dict[str, Any]:
    (one,) = view.as_of(visit.session, [view.get_level(visit.session, seen_by(visit), key)], _here(visit))
    return {
        "one": one,
        "days": _days(paces(visit.session, [one.sku], visit.at), one),
        "movements": movements_of(visit.session, key),
        "holds": holds_of(visit.session, visit.actor, key) if one.soft else (),
        "told": offers_of(visit.session, [one.sku], told_by(visit)).get(one.sku, ()),
        "counts": counts_of(visit.session, key),
        "report_link": stock_reports.link_of_sku,
        "lot_link": stock_lots.link_of_lot,
        "lots": lots_of(visit.session, key),
        "picked": dict(pick_lots(visit.session, key, one.allocated, _here(visit))),
        "named": named_of(visit.session, key),
        "today": _here(visit).date(),
        **stock_quotas.shares_of(visit, one),
        "presales": stock_presales.presales_of(visit, one),
        "sale": hot_of(visit.session, [one.sku], visit.at).get(one.sku),
        "changeable": not visit.actor.shops,
        "most": inventory_acts.MOST,
    }


def _here(visit: Visit) -> datetime:
    """Give the moment in the business zone, whose day it is that lots expire by."""
    return visit.at.astimezone(visit.zone)


def _days(pace: Mapping[tuple[str, str], Pace], one: LevelView) -> Decimal | None:
    """Say how many days the free pieces of a counter last; None where nothing sells."""
    found = pace.get((one.sku, one.location))
    return found.lasts(one.free) if found and one.condition == Condition.SALEABLE else None
