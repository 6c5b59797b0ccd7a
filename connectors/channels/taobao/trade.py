"""A trade of Taobao as the canonical order: which of its many amounts count, and who bears its reductions.

What counts: a sub-order is worth price x num + adjust_fee; discount_fee (its own promotions) and part_mjz_discount (its
share of the trade's) reduce it; post_fee comes on top; the sum is the trade's payment. A sub-order's own payment is not
used: with one sub-order it includes the postage, with several not. Red packets, points and coupon_fee are how a buyer
pays: they lie within payment and reduce nothing. Source: taobao.trade.fullinfo.get, field descriptions, read 2026-11.
"""

import hashlib
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from connectors.reading import make_as, read_struct
from hub.order.model import Funder, Order, Source
from mappings.table import Table

CLOSED: Final = frozenset({"TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO"})
"""States of a trade that was taken back, or of a sub-order that must not be sent.

Was such a sub-order paid all the same, the totals of its trade tell a person.
"""

NOTHING_PAID: Final = "FRONT_NOPAID_FINAL_NOPAID"
DEPOSIT_PAID: Final = "FRONT_PAID_FINAL_NOPAID"
"""Steps (step_trade_status) of a trade whose balance is still to be paid; step_paid_fee is what was paid so far."""

SHIPPABLE: Final = frozenset({"WAIT_SELLER_SEND_GOODS", "SELLER_CONSIGNED_PART"})
"""Paid, and something is left to send. Left out: not paid, but for a deposit (WAIT_BUYER_PAY, TRADE_NO_CREATE_PAY,
PAY_PENDING, WAIT_PRE_AUTH_CONFIRM), not to be sent until a group is full (PAID_FORBID_CONSIGN, whose change is listed
as well), wholly sent (WAIT_BUYER_CONFIRM_GOODS, TRADE_BUYER_SIGNED, TRADE_FINISHED). What is closed comes as well:
taken back."""

WANTED: Final = SHIPPABLE | CLOSED

REFUND_ASKED: Final = frozenset({"WAIT_SELLER_AGREE", "WAIT_BUYER_RETURN_GOODS", "WAIT_SELLER_CONFIRM_GOODS"})
"""A sub-order's refund_status while its refund is neither refused (SELLER_REFUSE_BUYER) nor over (CLOSED, SUCCESS)."""

SOURCES: Final = (
    (re.compile("红包|平台|补贴"), Source.PLATFORM),
    (re.compile("积分|淘金币|集分宝"), Source.POINTS),
    (re.compile("购物金|礼品卡"), Source.GIFT_CARD),
    (re.compile("包邮|免邮|运费"), Source.SHIPPING),
    (re.compile("券"), Source.COUPON),
)
FUNDED_BY_PLATFORM: Final = "红包,平台,补贴,淘金币,集分宝,天猫积分,88VIP"
"""Words in a promotion's name; the platform says nowhere who bears one, so a shop may name its own."""

OPEN_UID: Final = re.compile(r"[\w.:@/+-]{1,64}", re.ASCII)
SIX_PLACES: Final = Decimal("0.000001")


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a table has read already: no document yet, so no time is spent on checking it twice."""


class Whereto(Shape, frozen=True):
    """The receiver, masked as it comes, with the token that stands for it."""

    name: str
    street: str
    phone: str = ""
    landline: str = ""
    token: str = ""
    province: str = ""
    city: str = ""
    county: str = ""
    town: str = ""
    postcode: str = ""


class SubOrder(Shape, frozen=True):
    """A line of a trade; amounts in fen."""

    external_line_id: str
    quantity: int
    price: int
    adjust_fee: int
    discount_fee: int
    shared_fee: int
    gift: bool
    status: str = ""
    refund_status: str = ""
    outer_sku_id: str = ""
    outer_iid: str = ""
    sku_id: str = ""
    num_iid: str = ""
    title: str = ""


class Promotion(Shape, frozen=True):
    """A reduction in fen, of the trade or the sub-order that `of` numbers."""

    of: str
    amount: int
    name: str = ""
    code: str = ""


class Nick(Shape, frozen=True):
    """Who has bought: the platform's own number of the buyer for us, or no more than a nick."""

    open_uid: str = ""
    nick: str = ""


class Trade(Shape, frozen=True):
    """A trade as the mapping table reads it, amounts in fen."""

    external_id: str
    status: str
    type: str
    placed_at: datetime
    placed_at_raw: str
    modified: datetime
    total: int
    freight: int
    receiver: Whereto
    lines: tuple[SubOrder, ...]
    paid_at: datetime | None = None
    step_status: str = ""
    step_paid: int = 0
    buyer: Nick = Nick()
    buyer_invoice: str = ""
    invoice_type: str = ""
    invoice_kind: str = ""
    promotions: tuple[Promotion, ...] = ()
    remark: str = ""
    seller_note: str = ""


def is_wanted(trade: Mapping[str, object]) -> bool:
    """Say whether a trade, or a row that lists one, is for us; of those that wait for money only with a deposit."""
    status = trade.get("status")
    return status in WANTED or (status == "WAIT_BUYER_PAY" and trade.get("step_trade_status") == DEPOSIT_PAID)


def read_trade(table: Table, trade: Mapping[str, object], funded_by_platform: Sequence[str]) -> Order:
    """Bring a trade into the canonical order; one that does not add up stays as it is, for placing to refuse.

    Raises: Malformed.
    """
    return make_as(
        Order, f"{table.name}[order]", _order_of(read_struct(Trade, table, "order", trade), funded_by_platform)
    )


def _order_of(trade: Trade, funded_by_platform: Sequence[str]) -> dict[str, object]:
    withdrawn = trade.status in CLOSED
    lines = [one for one in trade.lines if withdrawn or one.status not in CLOSED]
    to = trade.receiver
    return {
        "external_id": trade.external_id,
        "source_revision": int(trade.modified.timestamp()),
        "type": trade.type,
        "placed_at": trade.placed_at,
        "placed_at_raw": trade.placed_at_raw,
        **_paid(trade),
        "buyer": {"ref": _buyer_ref(trade), "nick": trade.buyer.nick},
        "receiver": _receiver_of(to),
        "lines": [_line_of(one) for one in lines],
        "adjustments": [
            {"source": _source_of(one), "code": one.code or one.name, "amount": one.amount, "external_line_id": one.of}
            | {"funder": _funder_of(one, funded_by_platform)}
            for one in _reductions(trade, lines)
        ],
        "freight": trade.freight,
        "total": trade.total,
        "remark": trade.remark,
        "seller_note": trade.seller_note,
        "invoice": _invoice_of(trade),
        "withdrawn": withdrawn,
    }


def _paid(trade: Trade) -> dict[str, object]:
    """Say what of a trade was paid: of one that is paid in steps the deposit alone, until its last step is."""
    if trade.step_status == DEPOSIT_PAID and trade.status not in CLOSED:
        return {"deposit_paid_at": trade.paid_at or trade.modified, "deposit": trade.step_paid or None}
    return {"paid_at": None if trade.step_status == NOTHING_PAID else trade.paid_at}


def _receiver_of(to: Whereto) -> dict[str, str]:
    return {
        "name": to.name,
        "phone": to.phone or to.landline,
        "token": to.token,
        "province": to.province,
        "city": to.city,
        "county": to.county,
        "town": to.town,
        "street": to.street,
        "postcode": to.postcode,
    }


def _line_of(one: SubOrder) -> dict[str, object]:
    """Make a line; adjust_fee is part of its price, which times num rounds to the fen again (up to 10,000 pieces)."""
    price = Decimal(one.price * one.quantity + one.adjust_fee) / 100 / one.quantity
    return {
        "external_line_id": one.external_line_id,
        "channel_sku": one.outer_sku_id or one.outer_iid or one.sku_id or one.num_iid,
        "title": one.title,
        "quantity": one.quantity,
        "unit_price": price.quantize(SIX_PLACES),
        "gift": one.gift,
        "refund_requested": one.refund_status in REFUND_ASKED,
    }


def _reductions(trade: Trade, lines: Sequence[SubOrder]) -> Iterator[Promotion]:
    """Give every line's reductions, named by the promotions as far as those reach.

    The lines' amounts are what counts; promotions without an amount, or with one that is in no line, only lose a name.
    """
    named: defaultdict[str, deque[Promotion]] = defaultdict(deque)
    for promotion in trade.promotions:
        named[promotion.of].append(promotion)
    for line in lines:
        yield from _cover(line.discount_fee, line.external_line_id, named[line.external_line_id])
    for line in lines:
        yield from _cover(line.shared_fee, line.external_line_id, named[trade.external_id])


def _cover(amount: int, oid: str, named: deque[Promotion]) -> Iterator[Promotion]:
    """Take an amount from the first promotions; what is left of the last stays for the next line."""
    while amount > 0 and named:
        promotion = named.popleft()
        part = min(amount, promotion.amount)
        if part < promotion.amount:
            named.appendleft(replace(promotion, amount=promotion.amount - part))
        if part > 0:
            yield replace(promotion, of=oid, amount=part)
        amount -= max(part, 0)
    if amount:
        yield Promotion(of=oid, amount=amount)


def _source_of(promotion: Promotion) -> Source:
    return next((source for words, source in SOURCES if words.search(promotion.name)), Source.PROMOTION)


def _funder_of(promotion: Promotion, funded_by_platform: Sequence[str]) -> Funder:
    return Funder.PLATFORM if any(word in promotion.name for word in funded_by_platform) else Funder.MERCHANT


def _buyer_ref(trade: Trade) -> str:
    """Name the buyer the same in every trade; a masked nick is many people's, so its buyer is known by the trade."""
    if OPEN_UID.fullmatch(trade.buyer.open_uid):
        return trade.buyer.open_uid
    known = trade.buyer.open_uid or trade.buyer.nick
    if not known or "*" in known:
        return f"trade-{trade.external_id}"
    return f"nick-{hashlib.sha256(known.encode()).hexdigest()[:32]}"


def _invoice_of(trade: Trade) -> dict[str, str] | None:
    kind = f"{trade.invoice_kind} {trade.invoice_type}".strip()
    return {"title": trade.buyer_invoice, "kind": kind} if trade.buyer_invoice else None
