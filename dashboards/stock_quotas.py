"""How shops share a SKU, on its stock page: what a person reads of it, gives a shop, changes and takes away."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act
from dashboards.stock_look import HOME, Asked, changeable, sees
from dashboards.visit import Here, Visit
from hub.errors import NotFound
from hub.inventory.quota import Quota, drop_quota, list_quotas, set_quota
from hub.inventory.quota_view import shops_of
from hub.inventory.reservation_table import EVERYWHERE, QuotaMode
from hub.inventory.view import LevelView
from hub.roles import Permission

MOST: Final = 1_000_000
"""More pieces than this for one shop are a typing error."""

Word = Annotated[str, Form(max_length=64)]
Amount = Annotated[int, Form(ge=0, le=MOST)]

router: Final = APIRouter()


def shares_of(visit: Visit, one: LevelView) -> Mapping[str, Any]:
    """Give the quotas of a counter's SKU that a person may see, and the shops that may be given one."""
    quotas = [quota for quota in list_quotas(visit.session, [one.sku]) if sees(visit, quota.shop)]
    return {
        "quotas": quotas,
        "shops": shops_of(visit.console.settings.connections, one.brand),
        "modes": tuple(QuotaMode),
    }


@router.post(HOME + "/quota")
def give(
    visit: Here,
    look: Asked,
    action_key: ActionKey,
    mode: Annotated[QuotaMode, Form()],
    shop: Word = "",
    place: Word = EVERYWHERE,
    amount: Amount = 0,
) -> Response:
    """Give a shop a quota of the SKU, at a location or at all together, or change the one it has."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        has = any((quota.shop, quota.location) == (shop, place) for quota in list_quotas(visit.session, [one.sku]))
        if not has and shop not in shops_of(visit.console.settings.connections, one.brand):
            raise NotFound(f"{one.brand} has no shop {shop}", code="unknown_shop", field="shop")
        if not has and place not in {EVERYWHERE, one.location}:
            raise NotFound(f"this is the stock of {one.location}", code="unknown_location", field="place")
        quota = Quota(sku=one.sku, shop=shop, location=place, mode=mode, amount=amount)
        set_quota(visit.session, visit.actor.name, one.brand, quota, visit.at)
        return visit.say("The quota of %(sku)s for %(shop)s is set.", sku=one.sku, shop=shop)

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/quota/drop")
def take_away(visit: Here, look: Asked, action_key: ActionKey, shop: Word = "", place: Word = EVERYWHERE) -> Response:
    """Let a shop share the SKU like any other again."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        if not drop_quota(visit.session, visit.actor.name, one.sku, shop, place, visit.at):
            raise NotFound(f"{shop} has no such quota of {one.sku}", code="unknown_quota")
        return visit.say("%(shop)s shares %(sku)s like any other shop again.", sku=one.sku, shop=shop)

    return act(visit, action_key, work, then=look.to(look.key))
