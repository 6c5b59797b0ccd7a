"""What may be sold of a SKU before it arrives, on its stock page: read, limited, and the limit taken away."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act
from dashboards.stock_look import HOME, Asked, changeable, sees
from dashboards.visit import Here, Visit
from hub.inventory.presale import EVERY_SHOP, MOST, Presale, drop_presale, list_presales, set_presale
from hub.inventory.quota_view import check_shop
from hub.inventory.view import LevelView
from hub.roles import Permission

Word = Annotated[str, Form(max_length=64)]
Amount = Annotated[int, Form(ge=0, le=MOST)]

router: Final = APIRouter()


def presales_of(visit: Visit, one: LevelView) -> Sequence[Presale]:
    """Give the limits of a counter's SKU that a person may see."""
    return [limit for limit in list_presales(visit.session, [one.sku]) if sees(visit, limit.shop)]


@router.post(HOME + "/presale")
def limit(visit: Here, look: Asked, action_key: ActionKey, shop: Word = EVERY_SHOP, amount: Amount = 0) -> Response:
    """Limit what a shop, or all together, may sell of the SKU before it arrives."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        check_shop(visit.console.settings.connections, one.brand, shop)
        presale = Presale(sku=one.sku, shop=shop, amount=amount)
        set_presale(visit.session, visit.actor.name, one.brand, presale, visit.at)
        return visit.say("The pre-sale limit of %(sku)s is set.", sku=one.sku)

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/presale/drop")
def take_away(visit: Here, look: Asked, action_key: ActionKey, shop: Word = EVERY_SHOP) -> Response:
    """Take a limit away; what is sold stays sold."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        drop_presale(visit.session, visit.actor.name, one.sku, shop, visit.at)
        return visit.say("The pre-sale limit of %(sku)s is gone.", sku=one.sku)

    return act(visit, action_key, work, then=look.to(look.key))
