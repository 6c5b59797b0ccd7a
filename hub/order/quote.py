"""What would become of goods if they were ordered now: which parcels, and when they arrive. Nothing is held for it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy.orm import Session

from hub.catalogue.find import find_bound, find_products
from hub.document import Document
from hub.errors import Malformed
from hub.fulfilment.release import NewFulfilment
from hub.money import times
from hub.order.model import Code, OrderLine, Pieces
from hub.order.place.arrival import part_by_arrival
from hub.order.place.brand_policy import own_policies
from hub.order.place.need import Need
from hub.order.place.plan import plan
from hub.order.place.record import wants_of
from hub.order.place.senders import check_division
from hub.order.rules.normalise import NormalLine, open_bundles, sold_line
from hub.order.rules.policy import POLICY, Policy

CURRENCY: Final = "CNY"

MOST_PIECES: Final = 10_000
"""Each piece may be a parcel of its own, and no hold of large or heavy orders stands before a quote: some lines of a
million pieces kept a processor busy for a minute."""


class AskedLine(Document):
    """Goods that might be ordered: `sku` is the shop's own code or ours; what a piece is sold for, in yuan.

    The price matters where a brand's policy splits by value.
    """

    line_id: Code
    sku: Code
    quantity: Pieces
    unit_price: Annotated[Decimal, Field(ge=0, lt=10**8, decimal_places=2)] = Decimal(0)


class QuotedLine(Document):
    """Pieces of a line; of a bundle `sku` is the part."""

    line_id: str
    sku: str
    quantity: int


class LaterLine(QuotedLine):
    """Pieces that can be sent from a day on."""

    available_from: date


class QuotedParcel(Document):
    """What would leave one location together; without a rate card no day of arrival is known."""

    lines: tuple[QuotedLine, ...]
    arrives_on: date | None = None
    location: str | None = None
    courier: str | None = None


class Quote(Document):
    """What would become of an order at this moment; `whole` when all of it would be sent, and at once.

    `short` has no source now. `virtual` goods are handed over with no parcel. Codes of `unknown` are no goods of ours.
    """

    as_of: datetime
    division: str
    whole: bool
    parcels: tuple[QuotedParcel, ...]
    later: tuple[LaterLine, ...]
    short: tuple[QuotedLine, ...]
    virtual: tuple[QuotedLine, ...]
    unknown: tuple[str, ...]


def quote(
    session: Session,
    brand: str,
    shop: str,
    division: str,
    asked: Sequence[AskedLine],
    at: datetime,
    policy: Policy = POLICY,
) -> Quote:
    """Say what would become of an order of these goods, by the rules that an order is sourced by; nothing is written.

    Other orders of the same moment may take what it counts on. `at` is in the business zone. Gifts, holds and what a
    shop's quotas leave are not asked. Raises: Malformed for a division that there is not (unknown_division), and
    for more than `MOST_PIECES` (pieces).
    """
    check_division(division)
    if sum(one.quantity for one in asked) > MOST_PIECES:
        text, zh = f"ask for {MOST_PIECES:,} pieces at most in all", f"一次试算合计不超过 {MOST_PIECES:,} 件"
        raise Malformed(text, code="pieces", field="lines", zh=zh)
    found = find_bound(session, [(brand, shop, one.sku) for one in asked])
    bound = {code: sku for (*_, code), sku in found.items()}
    lines = _lines(session, [one for one in asked if one.sku in bound], bound)
    own = own_policies(session, policy, {brand})
    valued = own[brand].valued if brand in own else False
    need = Need(0, brand, division, tuple(wants_of(lines, at.date(), valued=valued)))
    now, _ = part_by_arrival(need, at)
    sourced = plan(session, [now], policy, {}, at, own=own)
    sent_now = {want.line_no for want in now.wants}
    days = {want.line_no: want.traits.available_from for want in need.wants if want.traits}
    of = _Naming(lines)
    later = tuple(
        LaterLine(**of.line(want.line_no, want.sku, want.quantity).model_dump(), available_from=day)
        for want in need.wants
        if want.line_no not in sent_now and (day := days.get(want.line_no))
    )
    short = tuple(of.line(take.line_no, take.sku, take.quantity) for one in sourced.plans for take in one.unmet)
    unknown = tuple(dict.fromkeys(one.sku for one in asked if one.sku not in bound))
    return Quote(
        as_of=at.astimezone(UTC),
        division=division,
        whole=not (later or short or unknown),
        parcels=tuple(_parcel(new, of) for new in sourced.opened),
        later=later,
        short=short,
        virtual=tuple(of.line(one.line_no, one.product.sku, one.ordered) for one in lines if one.virtual),
        unknown=unknown,
    )


def _lines(session: Session, asked: Sequence[AskedLine], bound: Mapping[str, str]) -> list[NormalLine]:
    """Give the hub's lines of what is asked, bundles opened."""
    products = find_products(session, set(bound.values()))
    sold = [
        sold_line(
            no,
            OrderLine(
                external_line_id=one.line_id, channel_sku=one.sku, quantity=one.quantity, unit_price=one.unit_price
            ),
            products[bound[one.sku]],
            times(one.unit_price, one.quantity, CURRENCY),
        )
        for no, one in enumerate(asked, 1)
    ]
    return [*sold, *open_bundles(sold, products, len(sold))]


class _Naming:
    """Names lines as they were asked: a bundle's parts by the bundle's line."""

    def __init__(self, lines: Sequence[NormalLine]) -> None:
        sold = {one.line_no: one.external_line_id for one in lines if one.parent_no is None}
        self._ids = {one.line_no: sold[one.parent_no or one.line_no] for one in lines}

    def line(self, line_no: int, sku: str, quantity: int) -> QuotedLine:
        return QuotedLine(line_id=self._ids[line_no], sku=sku, quantity=quantity)


def _parcel(new: NewFulfilment, of: _Naming) -> QuotedParcel:
    pieces: defaultdict[tuple[int, str], int] = defaultdict(int)
    for line in new.lines:
        pieces[line.line_no, line.sku] += line.quantity
    return QuotedParcel(
        lines=tuple(of.line(line_no, sku, quantity) for (line_no, sku), quantity in pieces.items()),
        arrives_on=date.fromisoformat(new.promise) if new.promise else None,
        location=new.location,
        courier=new.courier or None,
    )
