"""Gifts look at stock: what has run out is replaced, given less often or left out, as its strategy says."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.catalogue.model import Product
from hub.gift.count import Record, Wish
from hub.gift.model import OUT
from hub.inventory.level import free_pieces
from hub.order.place.plan import Plan
from hub.order.rules.normalise import NormalOrder
from hub.sourcing.location import find_places

Lack = Mapping[str, int]
WAITS: Final = "wait"


class GiftsLacking(Exception):
    """Some gifts of a batch have no source after all: what lacks, by order and SKU."""

    def __init__(self, lacking: Mapping[int, Lack]) -> None:
        super().__init__(f"gifts of {len(lacking)} orders have no source")
        self.lacking = lacking


def by_stock(
    session: Session,
    wishes: Sequence[Wish],
    orders: Mapping[int, NormalOrder],
    products: Mapping[str, Product],
    here: datetime,
) -> Sequence[Wish]:
    """Give wishes as there are goods for them, on one reading; what the batch's orders buy of them goes first.

    It costs nothing where every strategy waits. Who takes what is read here meanwhile is found out by the plan. `here`
    is the moment in the business zone.
    """
    asked = {sku for wish in wishes for sku in _asked(wish) if _lies_on_shelves(products[sku], here)}
    if not asked:
        return wishes
    left = _left(session, asked, orders, wishes, products, here)
    return [_out_of(left[wish.key[0]], wish, asked) for wish in wishes]


def lacking(plans: Iterable[Plan], decided: Mapping[int, Sequence[Record]]) -> Mapping[int, Lack]:
    """Say which gifts that are not waited for were planned without a source, by order and SKU."""
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for plan in plans:
        if not plan.unmet or plan.need.order_id not in decided:
            continue
        lines = {
            line_no
            for record in decided[plan.need.order_id]
            for line_no, _ in record.lines
            if record.wish.strategy.if_out != WAITS
        }
        for take in plan.unmet:
            if take.line_no in lines:
                found[plan.need.order_id][take.sku] += take.quantity
    return found


def settle(wish: Wish, lack: Lack) -> Wish:
    """Give a wish as far as it can be fulfilled while pieces lack: replaced first, then less often, or not at all.

    Each time some lack it asks for less, so whoever asks again comes to an end.
    """
    if not wish.verdict.given or wish.strategy.if_out == WAITS:
        return wish
    short = {give.sku: n for give in wish.strategy.gives if (n := lack.get(wish.sku_of(give), 0)) > 0}
    if not short:
        return wish
    told = {"lacked": ", ".join(sorted({wish.sku_of(give) for give in wish.strategy.gives if give.sku in short}))}
    swapped = {give.sku for give in wish.strategy.gives if give.instead and give.sku in short} - wish.replaced
    times = wish.verdict.times
    if swapped:
        return wish.seeing(times, **told)._replace(replaced=wish.replaced | swapped)
    for give in wish.strategy.gives:
        times = min(times, (wish.verdict.times * give.pieces - short.get(give.sku, 0)) // give.pieces)
    return wish.seeing(times, **told) if times > 0 else wish.refused(OUT, **told)


def settle_all(wishes: Sequence[Wish], lack: Lack) -> list[Wish]:
    """Settle the wishes of one order, the last first, each with what those behind it have not made good."""
    left, settled = Counter(lack), list[Wish]()
    for wish in reversed(wishes):
        now = settle(wish, left)
        left -= _wants(wish) - _wants(now)
        settled.append(now)
    return settled[::-1]


def _asked(wish: Wish) -> Iterator[str]:
    for give in wish.strategy.gives if wish.strategy.if_out != WAITS else ():
        yield give.sku
        if give.instead:
            yield give.instead


def _lies_on_shelves(product: Product, here: datetime) -> bool:
    """Say whether a gift needs stock now: what is virtual never does, and what is to come not before its day."""
    later = product.traits and product.traits.on(here.date()).available_from
    return not product.virtual and not later


def _left(
    session: Session,
    asked: set[str],
    orders: Mapping[int, NormalOrder],
    wishes: Sequence[Wish],
    products: Mapping[str, Product],
    here: datetime,
) -> Mapping[str, Counter[str]]:
    """Give the pieces that are left for gifts, by brand."""
    sold: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in orders.values():
        for line in one.lines:
            if line.ships and line.product.sku in asked:
                sold[one.shop_order.brand][line.product.sku] += line.ordered
    wanted = sum(sold.values(), Counter(dict.fromkeys(asked, 0)))
    for wish in wishes:
        wanted.update({give.sku: give.pieces * wish.verdict.times for give in wish.strategy.gives if give.sku in asked})
    places = find_places(session)
    left = {brand: Counter[str]() for brand in {wish.key[0] for wish in wishes}}
    for (location, sku), pieces in free_pieces(session, wanted, here).items():
        place = places.get(location)
        if place and place.active and place.brand in left and products[sku].storage in place.storages:
            left[place.brand][sku] += max(0, pieces)
    for brand, counted in left.items():
        counted.subtract(sold[brand])
    return left


def _out_of(left: Counter[str], wish: Wish, asked: set[str]) -> Wish:
    """Settle a wish with what is left, and take that away."""
    while True:
        wants = _wants(wish)
        lack = {sku: n - max(0, left[sku]) for sku, n in wants.items() if sku in asked and n > max(0, left[sku])}
        now = settle(wish, lack)
        if now is wish:
            left.subtract(wants)
            return wish
        wish = now


def _wants(wish: Wish) -> Counter[str]:
    wants = Counter[str]()
    for give in wish.strategy.gives:
        wants[wish.sku_of(give)] += give.pieces * wish.verdict.times
    return wants
