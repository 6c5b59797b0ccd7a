"""Gifts of a batch of new orders: lines of their own beside the commercial ones, which stay as they were."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.catalogue.find import find_products
from hub.catalogue.model import Product
from hub.gift.choose import choose
from hub.gift.count import Record, Wish, claim, give_less
from hub.gift.model import Basket, Bought, Rule
from hub.gift.strategy import rules_of
from hub.money import share
from hub.order.model import Adjustment, Funder, OrderType, Source
from hub.order.place.gift_stock import Lack, by_stock, settle_all
from hub.order.rules.normalise import NormalLine, NormalOrder, Share

NEVER: Final = frozenset({OrderType.EXCHANGE, OrderType.RESHIP, OrderType.GIFT})
"""Types of orders that are no purchase."""


class Gifted(NamedTuple):
    """The orders of a batch that a strategy spoke of, with their gifts, and what was decided of each.

    `bare` are the same orders without gifts, `products` all that may be given.
    """

    orders: Mapping[int, NormalOrder]
    decided: Mapping[int, Sequence[Record]]
    bare: Mapping[int, NormalOrder]
    products: Mapping[str, Product]


NONE: Final = Gifted({}, {}, {}, {})


def add_gifts(session: Session, orders: Mapping[int, NormalOrder], people: Mapping[int, int], here: datetime) -> Gifted:
    """Give each order what the strategies in force have for it; limits are counted in this transaction.

    `here` is the moment in the business zone.
    """
    rules = rules_of(session, {one.shop_order.brand for one in orders.values()})
    if not rules:
        return NONE
    wishes: Sequence[Wish] = [
        wish
        for order_id, one in orders.items()
        if one.order.type not in NEVER
        for wish in _wishes(order_id, people[order_id], one, rules.get(one.shop_order.brand, ()))
    ]
    if not wishes:
        return NONE
    every = {sku for wish in wishes for give in wish.strategy.gives for sku in (give.sku, give.instead) if sku}
    products = find_products(session, every)
    wishes = by_stock(session, wishes, orders, products, here)
    claimed = iter(claim(session, [wish for wish in wishes if wish.verdict.given]))
    of_order: defaultdict[int, list[Wish]] = defaultdict(list)
    for wish in wishes:
        of_order[wish.order_id].append(next(claimed) if wish.verdict.given else wish)
    return _gifted({order_id: orders[order_id] for order_id in of_order}, of_order, products)


def with_less(session: Session, gifts: Gifted, lacking: Mapping[int, Lack]) -> Gifted:
    """Give what can be fulfilled where gifts have no source after all; what was counted of the rest is given back."""
    before = {order_id: [record.wish for record in records] for order_id, records in gifts.decided.items()}
    after = before | {order_id: settle_all(before[order_id], lack) for order_id, lack in lacking.items()}
    pairs = [pair for no in lacking for pair in zip(before[no], after[no], strict=True)]
    give_less(session, [(was, now) for was, now in pairs if was is not now])
    return _gifted(gifts.bare, after, gifts.products)


def _gifted(
    orders: Mapping[int, NormalOrder], wishes: Mapping[int, Sequence[Wish]], products: Mapping[str, Product]
) -> Gifted:
    given = {order_id: _give(orders[order_id], found, products) for order_id, found in wishes.items()}
    return Gifted(
        {order_id: one for order_id, (one, _) in given.items()},
        {order_id: records for order_id, (_, records) in given.items()},
        orders,
        products,
    )


def basket_of(one: NormalOrder) -> Basket:
    """See an order as strategies do: what was sold, at what is paid for it."""
    lines = [
        Bought(line.line_no, line.product.sku, line.ordered, line.amount - line.discount)
        for line in one.lines
        if line.parent_no is None and not line.gift
    ]
    return Basket(one.shop_order.brand, one.shop_order.shop, one.order.placed_at, tuple(lines))


def _wishes(order_id: int, subject_id: int, one: NormalOrder, rules: Sequence[Rule]) -> Iterator[Wish]:
    for verdict in choose(rules, basket_of(one)) if rules else ():
        if verdict.given:
            yield Wish(order_id, subject_id, verdict)


def _give(
    one: NormalOrder, wishes: Sequence[Wish], products: Mapping[str, Product]
) -> tuple[NormalOrder, list[Record]]:
    """Add the lines of gifts behind all others, and share the order's money over those that have a value."""
    records: list[Record] = []
    for wish in wishes:
        pairs: list[tuple[int, int]] = []
        main_no = _main_of(one, wish.verdict.lines)
        for give in wish.strategy.gives if wish.verdict.given else ():
            line = NormalLine(
                line_no=max(line.line_no for line in one.lines) + 1,
                external_line_id=f"gift:{wish.strategy.name}",
                kind="gift",
                parent_no=None,
                channel_sku=wish.sku_of(give),
                product=products[wish.sku_of(give)],
                gift=True,
                unit_price=0,
                amount=give.value_fen * give.pieces * wish.verdict.times,
                discount=0,
                ordered=give.pieces * wish.verdict.times,
                main_no=main_no,
            )
            one = replace(one, lines=(*one.lines, line))
            if line.amount:
                one = _apportion(one, line, wish)
            pairs.append((line.line_no, main_no))
        records.append(Record(wish, pairs))
    return one, records


def _main_of(one: NormalOrder, counted: Sequence[int]) -> int:
    """Name the line that a gift travels with: the dearest that was counted and is sent, or a part of it."""
    for no in counted:
        for line in one.lines:
            if line.ships and no in {line.line_no, line.parent_no}:
                return line.line_no
    return 0


def _apportion(one: NormalOrder, gift: NormalLine, wish: Wish) -> NormalOrder:
    """Take a gift's value off as a reduction of the lines it came with and of itself, by what is paid for each.

    So the order costs what it did, the gift bears a part of it, and no line falls below nothing.
    """
    of = [line for line in one.lines if line.line_no in {*wish.verdict.lines, gift.line_no}]
    parts = share(gift.amount, [line.amount - line.discount for line in of])
    no = max((part.no for part in one.shares), default=0) + 1
    code = f"gift:{wish.strategy.name}/{wish.verdict.rule.no}"
    funder = Funder(wish.strategy.funder)
    adjustment = Adjustment(source=Source.PROMOTION, code=code, amount=gift.amount, funder=funder)
    borne = {line.line_no: part for line, part in zip(of, parts, strict=True)}
    lines = [replace(line, discount=line.discount + borne.get(line.line_no, 0)) for line in one.lines]
    shares = [Share(no, line.line_no, adjustment, part) for line, part in zip(of, parts, strict=True)]
    return replace(
        one,
        lines=tuple(_with_parts(lines)),
        shares=(*one.shares, *shares),
        gift_discount=one.gift_discount + gift.amount,
    )


def _with_parts(lines: Sequence[NormalLine]) -> Iterator[NormalLine]:
    """Share the reductions of bundles over their parts anew, as they were shared at first."""
    parts: dict[int, list[NormalLine]] = {}
    for line in lines:
        if line.parent_no is not None:
            parts.setdefault(line.parent_no, []).append(line)
    borne: dict[int, int] = {}
    for bundle in lines:
        of = parts.get(bundle.line_no, [])
        if of:
            parts_of = share(bundle.discount, [line.amount for line in of])
            borne |= zip((line.line_no for line in of), parts_of, strict=True)
    for line in lines:
        yield replace(line, discount=borne[line.line_no]) if line.line_no in borne else line
