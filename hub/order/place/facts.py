"""The facts of an order that review rules may ask, made alike of an order about to be placed and of one read back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from hub.keyring import Keyring
from hub.order.place.record import street_of
from hub.order.rules.hold import SAFE_ADDRESS
from hub.order.rules.normalise import NormalLine, NormalOrder
from hub.review.barred import address_indexes
from hub.review.judge import Facts

CERTAIN: Final = 0.9
"""The confidence from which on an address is called certain: every level was written, or all but one."""

PERSONAL: Final = frozenset({"blacklist", "risk"})
"""Groups that ask who somebody is."""

NOBODY: Final = b""


class Sold(msgspec.Struct, frozen=True):
    """A line as the rules see it: an item, or a component of a bundle; money in minor units, `price` in major.

    What can only be sent later says from which day on.
    """

    no: int
    kind: str
    sku: str
    storage: str
    quantity: int
    grams: int
    price: float
    amount: int
    discount: int
    gift: bool
    available_from: date | None
    refund_requested: bool


LISTED: Final = ("sku", "storage", "quantity", "grams", "price", "amount", "gift")
"""What the list of an order's lines tells of each; a rule of scope `line` is told more."""


class Told(msgspec.Struct, frozen=True):
    """An order as the rules see it; whom it is of only by number and blind index, empty where no rule asks.

    It is `cancelling` while a cancellation of it is under way. `cart` is the one whose pieces it takes as it is placed.
    """

    id: int
    at: datetime
    brand: str
    shop: str
    subject_id: int
    phone: bytes
    buyer: bytes
    addresses: tuple[bytes, ...]
    head: Mapping[str, Any]
    remark: str
    seller_note: str
    confidence: float
    division: str
    province: str
    lines: tuple[Sold, ...]
    cancelling: bool = False
    cart: str | None = None

    @property
    def refund_requested(self) -> bool:
        """Say whether money is asked back, or a cancellation is under way, and that is not settled."""
        return self.cancelling or any(line.refund_requested for line in self.lines)


class Gathered(msgspec.Struct, frozen=True):
    """What only the database knows of some orders, by their ids; a group that nobody asked is empty.

    `day` is the one in the business zone on which it is asked.
    """

    buyers: Mapping[int, Mapping[str, int]]
    barred: Mapping[int, Collection[str]]
    merging: Mapping[int, int]
    missing: Mapping[int, Mapping[str, int]]
    twins: Mapping[int, int]
    day: date


HEAD: Final = ("channel", "platform", "type", "currency", "goods", "discount", "freight", "total")


def told_of(
    order_id: int, one: NormalOrder, row: Mapping[str, Any], subject_id: int, ring: Keyring, names: Collection[str]
) -> Told:
    """Tell of an order about to be placed; `row` is its row of sales_order, `names` are the groups that are asked."""
    brand, order = one.shop_order.brand, one.order
    asks = not PERSONAL.isdisjoint(names)
    return Told(
        id=order_id,
        at=row["created_at"],
        brand=brand,
        shop=one.shop_order.shop,
        subject_id=subject_id,
        phone=row["phone_index"],
        buyer=ring.index("subject", brand, order.buyer.ref) if asks else NOBODY,
        addresses=address_indexes(ring, brand, row["division"], street_of(one)) if asks else (),
        head={**{name: str(row[name]) for name in HEAD[:4]}, **{name: row[name] for name in HEAD[4:]}}
        | {"paid": order.paid_at is not None, "lines": sum(line.parent_no is None for line in one.lines)},
        remark=order.remark,
        seller_note=order.seller_note,
        confidence=float(row["address_confidence"]),
        division=row["division"],
        province=row["province"],
        lines=tuple(_sold(one.lines)),
        cart=order.reservation,
    )


def _sold(lines: Sequence[NormalLine]) -> Iterator[Sold]:
    for line in lines:
        if line.kind != "bundle":
            product = line.product
            price = float(str(line.unit_price))
            arrives = product.traits.available_from if product.traits else None
            yield Sold(
                *(line.line_no, line.kind, product.sku, product.storage, line.ordered, product.grams, price),
                *(line.amount, line.discount, line.gift, arrives, line.refund_requested),
            )


def facts_of(told: Told, gathered: Gathered, names: Collection[str]) -> Facts:
    """Give the groups of facts that are named; what a rule asks of one line or fulfilment order is told elsewhere."""
    return {name: _GROUPS[name](told, gathered) for name in names if name in _GROUPS}


def _order(told: Told, _gathered: Gathered) -> Facts:
    lines = told.lines
    return {
        **told.head,
        "brand": told.brand,
        "shop": told.shop,
        "remark": told.remark,
        "seller_note": told.seller_note,
        "pieces": sum(line.quantity for line in lines),
        "grams": sum(line.quantity * line.grams for line in lines),
        "gifts": sum(line.quantity for line in lines if line.gift),
        "refund_requested": told.refund_requested,
    }


def _address(told: Told, _gathered: Gathered) -> Facts:
    safe = told.confidence >= SAFE_ADDRESS
    return {
        "known": bool(told.division),
        "confidence": told.confidence,
        "quality": "certain" if told.confidence >= CERTAIN else "likely" if safe else "unsure",
        "division": told.division,
        "province": told.province,
    }


def _buyer(told: Told, gathered: Gathered) -> Facts:
    return gathered.buyers[told.id]


def _blacklist(told: Told, gathered: Gathered) -> Facts:
    kinds = gathered.barred.get(told.id, ())
    return {"hit": bool(kinds), **{kind: kind in kinds for kind in ("phone", "buyer", "address")}}


def _twin(told: Told, gathered: Gathered) -> Facts:
    return {"found": told.id in gathered.twins}


def _stock(told: Told, gathered: Gathered) -> Facts:
    missing = gathered.missing.get(told.id, {})
    return {"missing": sum(missing.values()), "skus": sorted(missing)}


def _risk(told: Told, gathered: Gathered) -> Facts:
    """Score an order out of 100; docs/review-rules.md says the points."""
    buyer = gathered.buyers[told.id]
    points = (
        (100, bool(gathered.barred.get(told.id))),
        (25 * buyer["refusals_90d"], True),
        (10 * buyer["refunds_90d"], True),
        (20, not buyer["orders_90d"] and told.head["total"] >= LARGE),
        (20, told.confidence < SAFE_ADDRESS),
    )
    return {"score": min(100, sum(some for some, counts in points if counts))}


LARGE: Final = 200_000
"""Minor units from which on a first order adds to its risk."""


def _merge(told: Told, gathered: Gathered) -> Facts:
    return {"orders_30m": gathered.merging.get(told.id, 0)}


def _lines(told: Told, _gathered: Gathered) -> Any:  # noqa: ANN401 # a list, where the others are mappings
    return [{name: getattr(line, name) for name in LISTED} for line in told.lines]


_GROUPS: Final[Mapping[str, Callable[[Told, Gathered], Any]]] = {
    "order": _order,
    "address": _address,
    "buyer": _buyer,
    "blacklist": _blacklist,
    "twin": _twin,
    "stock": _stock,
    "risk": _risk,
    "merge": _merge,
    "lines": _lines,
}
