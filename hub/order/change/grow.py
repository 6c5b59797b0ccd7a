"""Add goods to an order that is there: lines of their own behind its others, with their money exact to the fen.

What replaces other pieces takes over their reductions, as far as it costs as much, so that a change of size costs
nothing; what is given away is a reduction that the merchant bears.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.catalogue.model import Product
from hub.database import copy, row, rows, run
from hub.errors import Conflict, Malformed
from hub.money import share, times
from hub.order.change.addition import Addition, Borne, goods_of
from hub.order.change.money import refund_of, worth_of
from hub.order.change.revision import Revision, keep_added
from hub.order.change.table import Charge
from hub.order.lock import Locked
from hub.order.model import Adjustment, Funder, OrderLine, Source
from hub.order.place.record import LINE_COLUMNS, SHARE_COLUMNS, line_records, share_records
from hub.order.rules.normalise import NormalLine, Share, open_bundles, sold_line

AMOUNTS: Final = ("goods", "discount", "total")

MOST: Final = 10**12
"""What an order's goods may come to in minor units: as much as any amount of one that is placed."""

MOST_LINES: Final = 1000
"""Twice as many as are placed at most: each of them can be exchanged once."""


@dataclass(frozen=True, slots=True)
class Grown:
    """What has been added: its price after reductions, and what of it the shop's quotas count."""

    amount: int
    sold: Mapping[tuple[str, str], int]


class Part(NamedTuple):
    """One addition with what it comes to: its line, and the reductions that it takes over."""

    one: Addition
    line: NormalLine
    moved: Sequence[tuple[Adjustment, int]]

    @property
    def net(self) -> int:
        return self.line.amount - sum(amount for _, amount in self.moved)


def grow(session: Session, order: Locked, revision: Revision, cut: Mapping[int, int], at: datetime) -> Grown | None:
    """Add what a revision adds, but for what was to replace pieces that could not be taken back.

    `cut` are the pieces by line that the revision cancels, which is not done yet. The order's row is locked.
    """
    wished = [_with_pieces(one, cut) for one in revision.wish.added]
    coming = [one for one in wished if one.came]
    if not coming:
        return None
    head = _head(session, order.id)
    bound, products = goods_of(session, order.id, {one.channel_sku for one in coming})
    parts = [
        _part(session, order.id, head, place, one, products[bound[one.channel_sku]])
        for place, one in enumerate(coming, 1)
    ]
    given = _given(session, order.id, parts, cut) if revision.wish.charge is Charge.FREE else 0
    shares = _shares(head.reduction, parts, given, revision.no)
    borne = Counter[int]()
    for part in shares:
        borne[part.line_no] += part.amount
    sold = [replace(one.line, discount=borne[one.line.line_no]) for one in parts]
    lines = (*sold, *open_bundles(sold, products, head.line + len(sold)))
    copy(session, "order_line", LINE_COLUMNS, list(line_records(order.id, lines, {})))
    copy(session, "price_adjustment", SHARE_COLUMNS, list(share_records(order.id, shares)))
    _raise_totals(session, order.id, sum(one.amount for one in sold), sum(borne.values()), at)
    there = iter([replace(part.one, line_no=part.line.line_no) for part in parts])
    was = {name: getattr(head, name) for name in AMOUNTS}
    kept = [next(there) if one.came else one for one in wished]
    keep_added(session, order.id, revision.no, kept, was)
    counted = Counter[tuple[str, str]]()
    for one in lines:
        counted[order.shop, one.product.sku] += one.ordered
    return Grown(sum(one.amount - one.discount for one in sold), counted)


def check_bounds(session: Session, order_id: int, added: Sequence[Addition]) -> None:
    """Make sure that an order stays one that can be written down, whatever of it is cancelled at the same time.

    One that follows another is free of charge for what it replaces, and for nothing more. Raises: Malformed with code
    too_much or too_many_lines; Conflict with code not_shipped.
    """
    if not added:
        return
    bound, products = goods_of(session, order_id, {one.channel_sku for one in added})
    head = _head(session, order_id)
    coming = [replace(one, came=one.pieces) for one in added]
    parts = [_part(session, order_id, head, 1, one, products[bound[one.channel_sku]]) for one in coming]
    free = [one.one for one in parts if not one.line.amount and not one.one.gets]  # what comes back was there before
    if any(one.pieces > one.of for one in free) and head.follows:
        told = "more than was shipped is sent for a price alone, not in exchange or once more"
        zh = "换货或补发的订单不能免费增加件数：请填写单价"
        raise Conflict(told, code="not_shipped", field="lines", zh=zh)
    if head.goods + sum(one.line.amount for one in parts) > MOST:
        told = f"an order's goods come to {MOST} minor units at most, exchanged ones with them"
        raise Malformed(told, code="too_much", field="lines")
    if head.sold + len(added) > MOST_LINES:
        told = f"an order has {MOST_LINES} lines at most, exchanged ones with them"
        raise Malformed(told, code="too_many_lines", field="lines")


def difference(session: Session, order_id: int, added: Sequence[Addition], cut: Mapping[int, int]) -> int:
    """Say what an order would come to more if this were added to it and these pieces, by line, cancelled."""
    coming = [one for one in (_with_pieces(one, cut) for one in added) if one.came]
    bound, products = goods_of(session, order_id, {one.channel_sku for one in coming})
    head = _head(session, order_id)
    parts = [_part(session, order_id, head, 1, one, products[bound[one.channel_sku]]) for one in coming]
    return sum(one.net for one in parts) - worth_of(session, order_id, cut)


def _with_pieces(one: Addition, cut: Mapping[int, int]) -> Addition:
    """Say how many pieces come: as many in the place of others as these were let go of."""
    if not one.instead:
        return replace(one, came=one.pieces)
    sets = min(cut.get(int(no), 0) // each for no, each in one.parts.items())
    return replace(one, of=min(sets, one.of), came=one.pieces if sets >= one.of else one.pieces * sets // one.of)


def _head(session: Session, order_id: int) -> Any:  # noqa: ANN401 # a row
    return row(
        session,
        """select o.currency, o.goods, o.discount, o.total,
                  (select max(line_no) from order_line l where l.order_id = o.id) as line,
                  (select count(*) from order_line l where l.order_id = o.id and l.parent_no is null) as sold,
                  coalesce((select max(no) from price_adjustment a where a.order_id = o.id), 0) as reduction,
                  exists (select 1 from order_link l where l.order_id = o.id) as follows
           from sales_order o where o.id = :id""",
        id=order_id,
    )


def _part(session: Session, order_id: int, head: Any, place: int, one: Addition, product: Product) -> Part:  # noqa: ANN401 # a row
    old = _replaced(session, order_id, one) if one.instead else None
    net = worth_of(session, order_id, {int(no): each * one.of for no, each in one.parts.items()}) if old else 0
    reductions = _reductions(session, order_id, one, old) if old else []
    gross = net + sum(part for _, _, part in reductions)
    price = Decimal(one.price) if one.price or not old else old.unit_price
    even = old is not None and not one.price and one.came == one.of
    amount = gross if even else times(price, one.came, head.currency)
    moved = [(of, part * min(amount, gross) // gross if gross else 0) for _, of, part in reductions]
    if one.gets:
        amount = one.gets.net + sum(one.gets.reductions.values())
        moved = _had(session, order_id, one.gets.reductions)
    if old:
        one = replace(one, was=Borne(net, {str(no): part for no, _, part in reductions}))
    of_line = OrderLine(
        external_line_id=one.line_id,
        channel_sku=one.channel_sku,
        title=one.title,
        quantity=one.came,
        unit_price=price,
    )
    return Part(one, sold_line(head.line + place, of_line, product, amount), [each for each in moved if each[1]])


def _replaced(session: Session, order_id: int, one: Addition) -> Row[Any] | None:
    return row(
        session,
        "select unit_price, ordered, cancelled from order_line where order_id = :id and line_no = :no",
        id=order_id,
        no=one.instead,
    )


def _had(session: Session, order_id: int, reductions: Mapping[str, int]) -> list[tuple[Adjustment, int]]:
    """Give the reductions of goods that come back, as they were."""
    found = rows(
        session,
        """select distinct on (no) no, source, code, funder from price_adjustment
           where order_id = :id and no = any(:numbers) order by no""",
        id=order_id,
        numbers=[int(no) for no in reductions],
    )
    return [(_reduction(each, reductions[str(each.no)]), reductions[str(each.no)]) for each in found]


def _reduction(found: Row[Any], amount: int) -> Adjustment:
    return Adjustment(source=Source(found.source), code=found.code, amount=amount, funder=Funder(found.funder))


def _reductions(session: Session, order_id: int, one: Addition, old: Row[Any]) -> list[tuple[int, Adjustment, int]]:
    """Give what of each reduction, by its number, the replaced pieces of a line bear."""
    found = rows(
        session,
        """select no, source, code, funder, amount from price_adjustment
           where order_id = :id and line_no = :no order by no""",
        id=order_id,
        no=one.instead,
    )
    cancelled = min(old.ordered, old.cancelled + one.of)
    return [
        (each.no, _reduction(each, each.amount), refund_of(each.amount, old.ordered, cancelled, one.of))
        for each in found
    ]


def _given(session: Session, order_id: int, parts: Sequence[Part], cut: Mapping[int, int]) -> int:
    """Say what is given away: what is added costs no more than what is cancelled for it."""
    return max(0, sum(one.net for one in parts) - worth_of(session, order_id, cut))


def _shares(last: int, parts: Sequence[Part], given: int, revision_no: int) -> list[Share]:
    """Write reductions that are taken over, and what is given away, as reductions of the new lines."""
    shares: list[Share] = []
    for part in parts:
        for of, amount in part.moved:
            last += 1
            shares.append(Share(last, part.line.line_no, of.model_copy(update={"amount": amount}), amount))
    if given:
        gift = Adjustment(source=Source.PROMOTION, code=f"change:{revision_no}", amount=given)
        borne = share(given, [part.net for part in parts])
        shares += [Share(last + 1, part.line.line_no, gift, amount) for part, amount in zip(parts, borne, strict=True)]
    return shares


def _raise_totals(session: Session, order_id: int, goods: int, discount: int, at: datetime) -> None:
    """Write what an order comes to since; one that was paid back whole has been in part alone then."""
    run(
        session,
        """update sales_order set goods = goods + :goods, discount = discount + :discount,
                                  total = total + :goods - :discount, version = version + 1, updated_at = :at,
                                  payment = case when payment = 'refunded' and :goods > :discount
                                                 then 'partially_refunded' else payment end
           where id = :id""",
        goods=goods,
        discount=discount,
        at=at,
        id=order_id,
    )
