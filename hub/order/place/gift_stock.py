"""Gifts look at stock: what has run out is replaced, given less often or left out, as its strategy says."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.catalogue.model import Product
from hub.gift.count import Otherwise, Record, Wish
from hub.gift.model import OUT
from hub.inventory.bound import still_held
from hub.inventory.level import free_pieces
from hub.order.place.need import Plan
from hub.order.rules.normalise import NormalOrder
from hub.sourcing.location import find_places

Lack = Mapping[str, int]
WAITS: Final = "wait"


@dataclass(slots=True)
class _Taken:
    """Pieces that a gift takes from a location, of which `left` may still go back to who bought."""

    order_id: int
    code: str
    left: int


class GiftsLacking(Exception):
    """Some gifts of a batch have no source after all, or took somebody's goods: what lacks, by order and SKU."""

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


def lacking(plans: Sequence[Plan], decided: Mapping[int, Sequence[Record]]) -> Mapping[int, Lack]:
    """Say of which gifts that are not waited for the plan has too few pieces, by order and SKU.

    Those come first that have no source, or one from which they would leave alone; where all have one, those that took
    what the batch buys and finds nowhere.
    """
    if not decided:
        return {}
    every, spare = _lines(decided), _lines(decided, but=WAITS)
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for plan in plans:
        for take in (*plan.unmet, *plan.alone):
            if (plan.need.order_id, take.line_no) in spare:
                found[plan.need.order_id][take.sku] += take.quantity
    return found or _taken_from_sales(plans, every, spare)


def _lines(decided: Mapping[int, Sequence[Record]], but: str = "") -> set[tuple[int, int]]:
    """Give the lines of gifts as (order, line), but for those of strategies that do something else with what lacks."""
    return {
        (order_id, line_no)
        for order_id, records in decided.items()
        for record in records
        if record.wish.strategy.if_out != but
        for line_no, _ in record.lines
    }


def _taken_from_sales(
    plans: Sequence[Plan], gifts: set[tuple[int, int]], spare: set[tuple[int, int]]
) -> Mapping[int, Lack]:
    """Say which gifts lie where a line that was bought could have had them; the last to be given goes back first."""
    bought = [
        (plan.need.brand, question, take)
        for plan in plans
        for question, decision in plan.decisions
        for take in decision.unmet
        if (plan.need.order_id, take.line_no) not in gifts
    ]
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    if not bought:
        return found
    taken = _taken(plans, spare)
    for brand, question, take in bought:
        short, able = take.quantity, {site.code for site in question.sites if not site.barred}
        for gift in reversed(taken[brand, take.sku]):
            if short and gift.code in able and (pieces := min(short, gift.left)):
                found[gift.order_id][take.sku] += pieces
                gift.left -= pieces
                short -= pieces
    return found


def _taken(plans: Sequence[Plan], spare: set[tuple[int, int]]) -> Mapping[tuple[str, str], list[_Taken]]:
    """Give where gifts come from by brand and SKU, in the order of the plan."""
    taken: defaultdict[tuple[str, str], list[_Taken]] = defaultdict(list)
    for plan in plans:
        for _, decision in plan.decisions:
            for choice in decision.choices:
                for take in choice.takes:
                    if (plan.need.order_id, take.line_no) in spare:
                        of = taken[plan.need.brand, take.sku]
                        of.append(_Taken(plan.need.order_id, choice.code, take.quantity))
    return taken


def settle(wish: Wish, lack: Lack) -> Wish:
    """Give a wish as far as it can be fulfilled while pieces lack: replaced first, then less often, or not at all.

    Where what stands in gives less than what it stands for would have, it is not replaced. Each time some lack it
    replaces more, goes back for good, or asks for less, so whoever asks again comes to an end.
    """
    if not wish.verdict.given or wish.strategy.if_out == WAITS:
        return wish
    short = {give.sku: n for give in wish.strategy.gives if (n := lack.get(wish.sku_of(give), 0)) > 0}
    if not short:
        return wish
    told = {"lacked": ", ".join(sorted({wish.sku_of(give) for give in wish.strategy.gives if give.sku in short}))}
    times = wish.verdict.times
    for give in wish.strategy.gives:
        times = min(times, max(0, wish.verdict.times * give.pieces - short.get(give.sku, 0)) // give.pieces)
    other = wish.otherwise or Otherwise(0, wish.replaced)
    swapped = {give.sku for give in wish.strategy.gives if give.instead and give.sku in short} - wish.replaced
    if swapped and not wish.final:
        best = Otherwise(times, wish.replaced) if times > other.times else other
        return wish.seeing(wish.verdict.times, **told)._replace(replaced=wish.replaced | swapped, otherwise=best)
    if (before := min(other.times, wish.verdict.times)) > times:
        return wish.seeing(before)._replace(replaced=other.replaced, otherwise=None, final=True)
    return wish.seeing(times, **told) if times else wish.refused(OUT, **told)


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
    """Give the pieces that are left for gifts, by brand; what the orders' own carts hold is there for what they buy."""
    sold: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in orders.values():
        for line in one.lines:
            if line.ships and line.product.sku in asked:
                sold[one.shop_order.brand][line.product.sku] += line.ordered
    wanted = sum(sold.values(), Counter(dict.fromkeys(asked, 0)))
    for wish in wishes:
        for give in wish.strategy.gives:
            for sku in {give.sku, give.instead or give.sku} & asked:
                wanted[sku] += give.pieces * wish.verdict.times
    places = find_places(session)
    left = {brand: Counter[str]() for brand in {wish.key[0] for wish in wishes}}
    carts = {
        (one.shop_order.shop, one.order.reservation) for one in orders.values() if one.order.reservation is not None
    }
    held = [one for one in still_held(session, carts) if one.key.sku in asked] if carts else ()
    for (location, sku), pieces in free_pieces(session, wanted, here, held).items():
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
