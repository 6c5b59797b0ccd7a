"""Merge policies: which shops' orders wait for others of the same recipient, how long, and what may travel together."""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act
from dashboards.asked import segment
from dashboards.pages import page
from dashboards.visit import Here, Visit
from hub.errors import NotFound
from hub.merge.policy import (
    LONGEST_MIN,
    MOST_GRAMS,
    MOST_ORDERS,
    ShopPolicy,
    brand_of,
    list_policies,
    set_policy,
)
from hub.order.model import OrderType
from hub.roles import Permission
from hub.scope import reach

HOME: Final = "/console/merging"

Number = Annotated[int, Form(ge=0, le=2**31)]

router: Final = APIRouter()


class Shop(NamedTuple):
    """A shop with its policy; one whose policy was never set has the usual one beside it, and does not merge."""

    policy: ShopPolicy
    merges: bool

    @property
    def link(self) -> str:
        return _path(self.policy.shop)


@router.get(HOME)
def shops(visit: Here, *, brand: str = "") -> Response:
    """List the shops of all brands, or of one, each with its policy."""
    visit.require(Permission.SEE_ORDERS)
    every = _shops(visit)
    brands = list(dict.fromkeys(one.policy.brand for one in every))
    found = [one for one in every if brand in {"", one.policy.brand}]
    return page(visit, "merging.html", found=found, brands=brands, brand=brand)


@router.get(HOME + "/{shop}")
def one_shop(visit: Here, shop: str) -> Response:
    """Show a shop's policy, and the form that sets it."""
    visit.require(Permission.SEE_ORDERS)
    one = _find(visit, shop)
    limits = {"longest_min": LONGEST_MIN, "most_orders": MOST_ORDERS, "most_grams": MOST_GRAMS}
    others = [name for name in _brands(visit) if name != one.policy.brand]
    return page(visit, "merging_shop.html", one=one, others=others, types=tuple(OrderType), limits=limits)


@router.post(HOME + "/{shop}")
def set_one(
    visit: Here,
    shop: str,
    action_key: ActionKey,
    brands: Annotated[tuple[str, ...], Form(max_length=100)] = (),
    never: Annotated[tuple[OrderType, ...], Form()] = (),
    window_min: Number = 0,
    most_orders: Number = 0,
    most_grams: Number = 0,
    version: Number = 0,
    *,
    active: Annotated[bool, Form()] = False,
) -> Response:
    """Set a shop's policy, if nobody has since it was looked at."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        was = _find(visit, shop).policy
        if strangers := sorted({*brands} - {*_brands(visit), *was.brands}):
            raise NotFound(f"there is no brand {strangers[0]}", code="unknown_brand", field="brands")
        brand = brand_of(visit.session, visit.console.settings.connections, shop)
        policy = ShopPolicy(
            brand=brand,
            shop=shop,
            active=active,
            window_min=window_min,
            brands=tuple(sorted({*brands} - {brand})),
            most_orders=most_orders,
            most_grams=most_grams,
            never=tuple(one.value for one in OrderType if one in never),
        )
        set_policy(visit.session, visit.actor, policy, visit.at, after=version)
        if active:
            return visit.say("Orders of %(shop)s merge by this from the next one on.", shop=shop)
        return visit.say("Orders of %(shop)s do not merge any more.", shop=shop)

    return act(visit, action_key, work, then=_path(shop))


def _path(shop: str) -> str:
    return f"{HOME}/{segment(shop)}"


def _brands(visit: Visit) -> list[str]:
    """Give the brands that a person may work on."""
    return sorted({one.brand for one in reach(visit.actor, visit.console.settings.connections).values()})


def _shops(visit: Visit) -> Sequence[Shop]:
    """Give the shops that a person may see: those of the settings, and those whose policy was set."""
    known = {one.shop: Shop(one, one.active) for one in list_policies(visit.session, visit.actor)}
    for each in reach(visit.actor, visit.console.settings.connections).values():
        if each.shop and each.shop not in known:
            known[each.shop] = Shop(ShopPolicy(each.brand, each.shop), merges=False)
    return sorted(known.values(), key=lambda one: (one.policy.brand, one.policy.shop))


def _find(visit: Visit, shop: str) -> Shop:
    """Give a shop that may be seen.

    Raises: NotFound.
    """
    one = next((one for one in _shops(visit) if one.policy.shop == shop), None)
    if one is None:
        raise NotFound(f"there is no shop {shop}", code="unknown_shop")
    return one
