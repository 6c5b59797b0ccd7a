"""Turn an order as placed into the hub's own lines: SKUs bound, bundles opened, discounts shared, address placed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from hub.address.match import Match, match
from hub.catalogue.model import UNBOUND, Code, Product
from hub.errors import Malformed
from hub.money import share, share_of_first, times
from hub.order.model import Adjustment, Order, OrderLine, ShopOrder, Source, check_totals


class NormalLine(msgspec.Struct, frozen=True):
    """A line of the hub: an item, a bundle, or a component of one (`parent_no`); money in minor units.

    A gift says with which line it came, where that is known (`main_no`). Its refund may be asked for at the channel.
    """

    line_no: int
    external_line_id: str
    kind: str
    parent_no: int | None
    channel_sku: str
    product: Product
    gift: bool
    unit_price: object
    amount: int
    discount: int
    ordered: int
    main_no: int = 0
    refund_requested: bool = False

    @property
    def ships(self) -> bool:
        return self.kind != "bundle" and not self.product.virtual

    @property
    def virtual(self) -> bool:
        """Say whether it is done once the order may go on, with nothing sent."""
        return self.product.virtual and self.kind != "bundle"


def mains_of(lines: Sequence[NormalLine]) -> dict[int, int]:
    """Give the line that each gift goes with: its main item, else the last item before it; 0 for none.

    Parts of a bundle stand where it does, though their lines come behind all others.
    """
    mains: dict[int, int] = {}
    if not [line for line in lines if line.gift]:
        return mains
    last = 0
    for line in sorted(lines, key=lambda one: (one.parent_no or one.line_no, one.line_no)):
        if line.ships and line.gift:
            mains[line.line_no] = line.main_no or last
        elif line.ships:
            last = line.line_no
    return mains


OF_FREIGHT: Final = 0
"""The line of a share that no line bears: it takes freight off."""


class Share(msgspec.Struct, frozen=True):
    """What one line, or the freight, bears of one reduction (`no` counts the order's reductions from 1)."""

    no: int
    line_no: int
    adjustment: Adjustment
    amount: int


class NormalOrder(msgspec.Struct, frozen=True):
    """An order ready for the rules; `gift_discount` is what gifts are worth, which is taken off again.

    What pieces bore that are left out again is taken off that.
    """

    shop_order: ShopOrder
    lines: tuple[NormalLine, ...]
    shares: tuple[Share, ...]
    place: Match
    gift_discount: int = 0

    @property
    def order(self) -> Order:
        return self.shop_order.order

    @property
    def virtual_lines(self) -> list[NormalLine]:
        return [line for line in self.lines if line.virtual]

    @property
    def goods(self) -> int:
        """Give what the goods cost before any reduction."""
        return sum([line.amount for line in self.lines if line.parent_no is None])


def normalise(shop_order: ShopOrder, bound: Mapping[Code, str], products: Mapping[str, Product]) -> NormalOrder:
    """Bring an order into the hub's shape.

    Raises: Malformed with code totals when the figures do not add up, or unknown_sku naming the codes nothing is bound
    to.
    """
    order = shop_order.order
    amounts = [times(line.unit_price, line.quantity, order.currency) for line in order.lines]
    check_totals(order, sum(amounts))
    codes = [(shop_order.brand, shop_order.shop, line.channel_sku) for line in order.lines]
    if unknown := sorted({code[-1] for code in codes if code not in bound}):
        raise Malformed(f"{UNBOUND}{', '.join(unknown)}", code="unknown_sku", field="lines.sku")
    sold = [
        sold_line(no, line, products[bound[code]], amount)
        for no, (line, code, amount) in enumerate(zip(order.lines, codes, amounts, strict=True), 1)
    ]
    shares = share_adjustments(order.adjustments, sold, order.freight)
    if shares:
        borne: defaultdict[int, int] = defaultdict(int)
        for part in shares:
            borne[part.line_no] += part.amount
        sold = [replace(line, discount=borne[line.line_no]) for line in sold]
    lines = (*sold, *open_bundles(sold, products, len(sold)))
    to = order.receiver
    return NormalOrder(shop_order, lines, tuple(shares), match(to.province, to.city, to.county, to.street))


def without(one: NormalOrder, gone: Mapping[int, int]) -> NormalOrder:
    """Give an order as if pieces (by line, no bundles) were none of it; bundles go with the last of what makes them."""
    every = with_bundles([(line.line_no, line.parent_no, line.ordered) for line in one.lines], gone)
    kept = [_first(line, line.ordered - every.get(line.line_no, 0)) for line in one.lines]
    sold = [(line, now) for line, now in zip(one.lines, kept, strict=True) if line.parent_no is None]
    less = sum([line.discount - now.discount for line, now in sold])
    goods = sum([line.amount - now.amount for line, now in sold])
    order = one.order.model_copy(update={"total": one.order.total - goods + less})
    return replace(
        one,
        shop_order=replace(one.shop_order, order=order),
        lines=tuple([line for line in kept if line.ordered]),
        gift_discount=one.gift_discount - less,
    )


def with_bundles(lines: Sequence[tuple[int, int | None, int]], gone: Mapping[int, int]) -> dict[int, int]:
    """Add to pieces that go, by line, the bundles that go with the last of what makes them.

    Lines are told by their numbers, those of their bundles, and their pieces.
    """
    ordered = {no: pieces for no, _, pieces in lines}
    parts: dict[int, list[int]] = {}
    for no, parent, pieces in lines:
        if parent is not None:
            parts.setdefault(parent, []).append(gone.get(no, 0) * ordered[parent] // pieces)
    return {**gone, **{no: min(sets) for no, sets in parts.items()}}


def borne_by_first(amount: int, discount: int, ordered: int, pieces: int) -> tuple[int, int]:
    """Give what the first pieces of a line cost, and what of its reductions they bear."""
    part = share_of_first(amount, ordered, pieces)
    return part, part - share_of_first(amount - discount, ordered, pieces)


def _first(line: NormalLine, pieces: int) -> NormalLine:
    if pieces == line.ordered:
        return line
    amount, discount = borne_by_first(line.amount, line.discount, line.ordered, pieces)
    return replace(line, ordered=pieces, amount=amount, discount=discount)


def share_adjustments(adjustments: Sequence[Adjustment], lines: Sequence[NormalLine], freight: int = 0) -> list[Share]:
    """Share every reduction over the lines it is of, by their amounts; the shares of each add up to it exactly.

    A shipping reduction is borne by the freight, as far as there is any, unless the channel names the line that it has
    made cheaper. No line bears more than it costs: what is too much for it falls on the others, and what is too much
    for all of them takes freight off, too.
    """
    shares: list[Share] = []
    left = {line.line_no: line.amount for line in lines}
    for no, one in enumerate(adjustments, 1):
        amount = one.amount
        of_freight = one.source is Source.SHIPPING and one.external_line_id is None
        if of_freight and (off := min(amount, freight)):
            shares.append(Share(no, OF_FREIGHT, one, off))
            amount, freight = amount - off, freight - off
            if not amount:
                continue
        of = _borne_by(one, lines)
        for line, part in zip(of, share(amount, [line.amount for line in of]), strict=True):
            shares.append(Share(no, line.line_no, one, part))
            left[line.line_no] -= part
    return shares if min(left.values(), default=0) >= 0 else list(_share_what_is_left(adjustments, lines, shares))


def _borne_by(adjustment: Adjustment, lines: Sequence[NormalLine]) -> list[NormalLine]:
    named = adjustment.external_line_id
    return [line for line in lines if named is None or line.external_line_id == named]


def _share_what_is_left(
    adjustments: Sequence[Adjustment], lines: Sequence[NormalLine], first: Sequence[Share]
) -> Iterator[Share]:
    """Share reductions one after the other by what each line still costs, those of one line first.

    What they took off the freight at `first` stays.
    """
    left = {line.line_no: line.amount for line in lines}
    off = {part.no: part.amount for part in first if part.line_no == OF_FREIGHT}
    for no, one in sorted(enumerate(adjustments, 1), key=lambda numbered: numbered[1].external_line_id is None):
        own, rest = _borne_by(one, lines), one.amount - off.get(no, 0)
        borne = dict.fromkeys([line.line_no for line in own], 0)
        for among in (own, lines):
            rooms = {line.line_no: left[line.line_no] for line in among}
            if some := min(rest, sum(rooms.values())):
                rest -= some
                for line_no, part in zip(rooms, share(some, list(rooms.values())), strict=True):
                    left[line_no] -= part
                    borne[line_no] = borne.get(line_no, 0) + part
        if of_freight := off.get(no, 0) + rest:
            borne[OF_FREIGHT] = of_freight
        yield from [Share(no, line_no, one, part) for line_no, part in borne.items() if part or not one.amount]


def sold_line(no: int, line: OrderLine, product: Product, amount: int) -> NormalLine:
    """Give the hub's line of goods as they are sold, before any reduction."""
    return NormalLine(
        line_no=no,
        external_line_id=line.external_line_id,
        kind="bundle" if product.parts else "item",
        parent_no=None,
        channel_sku=line.channel_sku,
        product=product,
        gift=line.gift,
        unit_price=line.unit_price,
        amount=amount,
        discount=0,
        ordered=line.quantity,
        refund_requested=line.refund_requested,
    )


def open_bundles(sold: Sequence[NormalLine], products: Mapping[str, Product], last_no: int) -> list[NormalLine]:
    """Open the bundles: their parts become lines of their own behind `last_no`, which share its price by weight."""
    opened: list[NormalLine] = []
    no = last_no
    for line in sold:
        if not (parts := line.product.parts):
            continue
        amounts = share(line.amount, [part.weight * part.quantity for part in parts])
        discounts = share(line.discount, amounts)  # none bears more than it costs
        for part, amount, discount in zip(parts, amounts, discounts, strict=True):
            no += 1
            opened.append(
                replace(
                    line,
                    line_no=no,
                    kind="component",
                    parent_no=line.line_no,
                    product=products[part.sku],
                    unit_price=0,
                    amount=amount,
                    discount=discount,
                    ordered=line.ordered * part.quantity,
                )
            )
    return opened
