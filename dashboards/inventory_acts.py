"""What a person does with a counter: begin or correct it, say what is promised, have channels told, begin a sale."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act, act_towards
from dashboards.asked import moment_in
from dashboards.stock_look import HOME, Asked, Look, changeable, seen_by, told_by
from dashboards.visit import Here
from hub.errors import Malformed, NotFound
from hub.inventory.adjust import MOST, Limits, adjust, open_counter, set_limits, set_safety
from hub.inventory.hot_sale import Sale, cool, heat
from hub.inventory.ledger import StockKey
from hub.inventory.offer import push_now
from hub.inventory.view import get_place, places_of
from hub.repair import why
from hub.roles import Permission

Reason = Annotated[str, Form(max_length=500)]
Word = Annotated[str, Form(max_length=64)]
Change = Annotated[int, Form(ge=-MOST, le=MOST)]
Pieces = Annotated[int, Form(ge=0, le=MOST)]
Figure = Annotated[int | None, Form()]
"""What is to be set, or what the page showed of it when it was loaded: who left it so does not set it back."""

router: Final = APIRouter()


@router.post(HOME + "/counter")
def begin_counter(visit: Here, action_key: ActionKey, sku: Word = "", place: Word = "") -> Response:
    """Have a counter of goods that were never at a location, so that what is promised of them can be set."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> tuple[str, str]:
        if place not in places_of(visit.session, seen_by(visit))[0]:
            raise NotFound(f"there is no location {place}", code="unknown_location", field="place")
        brand, owner = get_place(visit.session, place)
        visit.actor.require_scope(brand, "")
        key = StockKey(place, sku.strip(), owner)
        open_counter(visit.session, visit.actor.name, brand, key, visit.at)
        return visit.say("%(sku)s is counted at %(place)s.", sku=key.sku, place=place), Look().to(key)

    return act_towards(visit, action_key, work)


@router.post(HOME + "/adjust")
def correct(visit: Here, look: Asked, action_key: ActionKey, delta: Change = 0, reason: Reason = "") -> Response:
    """Put right what is on hand, by so many pieces more or fewer."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        ref = f"console:{action_key}"
        adjust(visit.session, visit.actor.name, one.brand, one.key, delta, why(reason), ref, visit.at)
        return visit.say("%(sku)s at %(place)s: %(n)s pieces.", sku=one.sku, place=one.location, n=f"{delta:+,d}")

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/safety")
def keep_back(visit: Here, look: Asked, action_key: ActionKey, pieces: Figure = None, shown: Figure = None) -> Response:
    """Keep so many pieces back from what channels are promised."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        if pieces is None or pieces == shown:
            raise _nothing_set()
        set_safety(visit.session, visit.actor.name, one.brand, one.key, pieces, visit.at)
        return visit.say("%(n)s pieces of %(sku)s are kept back.", n=f"{pieces:,d}", sku=one.sku)

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/limits")
def limit(
    visit: Here,
    look: Asked,
    action_key: ActionKey,
    authority: Word = "",
    backorder_limit: Figure = None,
    shown_authority: Word = "",
    shown_limit: Figure = None,
) -> Response:
    """Say how many pieces may be promised that are not there yet, and whose number counts: whichever was changed."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        pieces = None if backorder_limit == shown_limit else backorder_limit
        limits = Limits(pieces, None if authority in {"", shown_authority} else authority)
        if limits == Limits():
            raise _nothing_set()
        set_limits(visit.session, visit.actor.name, one.brand, one.key, limits, visit.at)
        if pieces is None:
            return visit.say("It is set whose number of %(sku)s counts.", sku=one.sku)
        n = f"{pieces:,d}"
        return visit.say("Up to %(n)s pieces of %(sku)s are promised before they are there.", n=n, sku=one.sku)

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/push")
def push(visit: Here, look: Asked, action_key: ActionKey) -> Response:
    """Have every channel that sells the SKU told of its stock once more."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = changeable(visit, look.key)
        told = push_now(visit.session, visit.actor.name, one.brand, [one.sku], told_by(visit), visit.at)
        return visit.say("%(n)s channels are told of %(sku)s.", n=told, sku=one.sku)

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/heat")
def begin_sale(
    visit: Here,
    look: Asked,
    action_key: ActionKey,
    name: Word = "",
    per_buyer: Pieces = 1,
    hold_s: Annotated[int, Form(ge=30, le=86_400)] = 900,
    ends: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    """Put the SKU into a flash sale; under another name every buyer begins anew."""
    visit.require(Permission.BULK)

    def work() -> str:
        one = changeable(visit, look.key)
        called, ends_at = name.strip(), moment_in(ends, visit.zone)
        sale = Sale(brand=one.brand, sku=one.sku, sale=called, per_buyer=per_buyer, hold_s=hold_s, ends_at=ends_at)
        heat(visit.session, visit.actor.name, sale, visit.at)
        return visit.say("%(sku)s is in the flash sale %(name)s.", sku=one.sku, name=called)

    return act(visit, action_key, work, then=look.to(look.key))


@router.post(HOME + "/cool")
def end_sale(visit: Here, look: Asked, action_key: ActionKey) -> Response:
    """End the SKU's flash sale; what is held stays held."""
    visit.require(Permission.BULK)

    def work() -> str:
        one = changeable(visit, look.key)
        cool(visit.session, visit.actor.name, one.brand, one.sku, visit.at)
        return visit.say("The flash sale of %(sku)s is over; what is held stays held.", sku=one.sku)

    return act(visit, action_key, work, then=look.to(look.key))


def _nothing_set() -> Malformed:
    text = "nothing differs from what the page showed: say what to set"
    return Malformed(text, code="nothing_set", zh="与页面所示相同，请说明要设置的内容")
