"""Carts to be held: those of requests that come at the same time are looked up together, in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from api.auth import Signed
from api.gather import Gather, gathering
from api.inventory import Named, Word, one_division
from api.surroundings import Hub, read_wish
from hub.address.division import divisions
from hub.catalogue.find import find_bound
from hub.catalogue.model import Code
from hub.clients import nonce_replayed, spend_nonces
from hub.document import Document
from hub.errors import HubError, Malformed, NotFound
from hub.inventory.around import HotView, hot_of
from hub.inventory.hot import HotWish
from hub.inventory.hot_sale import unnamed
from hub.inventory.reservation_view import known_refs
from hub.inventory.soft import Wish
from hub.order.model import Pieces
from hub.order.place.senders import check_division, senders_of
from hub.roles import Actor

Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""A cart's own number: it stands in a path."""


class CartLine(Document):
    sku: Named
    quantity: Pieces


class Cart(Document):
    """Pieces to be held for a cart until an order names its `ref`, or `ttl_s` seconds are over.

    With a `division` (or `region`, the same) only where an order to there would be sourced from now.
    """

    ref: Ref
    lines: Annotated[tuple[CartLine, ...], Field(min_length=1)]
    ttl_s: Annotated[int, Field(ge=30, le=86_400, strict=True)] = 900
    buyer: Word = ""
    division: Word = ""
    region: Word = ""

    @property
    def to(self) -> str:
        """The division that is named by either word, or by none."""
        return one_division(self.division, self.region)


class Begun(NamedTuple):
    """A cart as it was looked up: its wishes, who alone may send them, and whether they are for a flash sale's crowd.

    `known` is one whose ref was used before: it hears what is held, whatever its goods are in by now.
    """

    cart: Cart
    known: bool
    wishes: Sequence[Wish]
    senders: Collection[str] | None
    hot: bool

    def hot_wish(self, actor: Actor) -> HotWish:
        """Give what its shop asks the crowd for."""
        [wish] = self.wishes
        return HotWish(*shop_of(actor), self.cart.ref, self.cart.buyer, wish.sku, wish.quantity, self.senders)


class Seen(NamedTuple):
    """What there is of what some carts name: refs by shop, SKUs by code, sales by SKU, senders by address."""

    refs: Collection[tuple[str, str]]
    bound: Mapping[Code, str]
    sales: Mapping[str, HotView]
    senders: Mapping[tuple[str, str], Collection[str]]


def gathered_carts(hub: Hub) -> Gather[Signed, Begun]:
    """Make what gathers the carts of concurrent requests."""
    return gathering(hub, look_up)


def look_up(hub: Hub, calls: Sequence[Signed]) -> Sequence[Begun | HubError]:
    """Spend the nonces of some requests, and look up what their carts are of; each is refused alone.

    Raises: HubFull.
    """
    hub.room.require()
    at = hub.now().astimezone(hub.zone)
    read = [_read(call, hub.settings.limits.order_lines) for call in calls]
    carts = [(call.actor, one) for call, one in zip(calls, read, strict=True) if isinstance(one, Cart)]
    with hub.database.transaction() as session:
        spent = spend_nonces(session, [call.nonce for call in calls])
        seen = _see(session, carts, at)
    answers: list[Begun | HubError] = []
    for call, one, new in zip(calls, read, spent, strict=True):
        if not new:
            answers.append(nonce_replayed())
        else:
            answers.append(_begun(call.actor, one, seen) if isinstance(one, Cart) else one)
    return answers


def _read(call: Signed, most: int) -> Cart | HubError:
    try:
        cart = read_wish(Cart, call.body)
        if len(cart.lines) > most:
            text, zh = f"a cart has at most {most} lines", f"购物车最多 {most} 行"
            raise Malformed(text, code="too_many_lines", field="lines", zh=zh)
        _ = cart.to
    except HubError as error:
        return error
    return cart


def _see(session: Session, carts: Sequence[tuple[Actor, Cart]], at: datetime) -> Seen:
    codes = {(*shop_of(actor), line.sku) for actor, cart in carts for line in cart.lines}
    bound = find_bound(session, sorted(codes))
    to = {(shop_of(actor)[0], cart.to) for actor, cart in carts if cart.to in divisions()}
    return Seen(
        refs=known_refs(session, [(shop_of(actor)[1], cart.ref) for actor, cart in carts]),
        bound=bound,
        sales=hot_of(session, set(bound.values()), at),
        senders=senders_of(session, to, at),
    )


def _begun(actor: Actor, cart: Cart, seen: Seen) -> Begun | HubError:
    brand, shop = shop_of(actor)
    known = (shop, cart.ref) in seen.refs
    try:
        wishes = _wishes([((brand, shop, line.sku), line.quantity) for line in cart.lines], seen.bound)
        hot = not known and _is_hot(wishes, cart.buyer, seen.sales)
        if cart.to:
            check_division(cart.to)
    except HubError as error:
        return error
    return Begun(cart, known, wishes, seen.senders.get((brand, cart.to)), hot)


def _wishes(pieces: Sequence[tuple[Code, int]], bound: Mapping[Code, str]) -> list[Wish]:
    """Give what is wished of each SKU, lines of the same added up.

    Raises: NotFound for codes that no SKU stands for.
    """
    unknown = sorted({code[-1] for code, _ in pieces if code not in bound})
    if unknown:
        told = ", ".join(unknown)
        text, zh = f"no SKU stands for {told}", f"没有 SKU 对应 {told}"
        raise NotFound(text, code="unknown_sku", field="lines", zh=zh)
    wished = Counter[str]()
    for code, quantity in pieces:
        wished[bound[code]] += quantity
    return [Wish(sku, quantity) for sku, quantity in sorted(wished.items())]


def _is_hot(wishes: Sequence[Wish], buyer: str, sales: Mapping[str, HotView]) -> bool:
    """Say whether a cart is for a flash sale.

    Raises: Malformed for a cart with other goods, and without a buyer where each gets so many: limits are per buyer.
    """
    named = [sales[one.sku] for one in wishes if one.sku in sales]
    if named and len(wishes) > 1:
        told = ", ".join(sorted(one.sku for one in named))
        text, zh = f"hold what is in a flash sale by itself: {told}", f"秒杀商品须单独预占：{told}"
        raise Malformed(text, code="hot_alone", field="lines", zh=zh)
    if any(one.per_buyer for one in named) and not buyer:
        raise unnamed()
    return bool(named)


def shop_of(actor: Actor) -> tuple[str, str]:
    """Give the brand and the shop that a caller is."""
    [brand], [shop] = actor.brands, actor.shops
    return brand, shop
