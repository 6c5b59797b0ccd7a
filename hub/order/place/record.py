"""Lay a normalised order out as rows; what is personal is sealed here and nowhere else."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from hub.address.match import Match
from hub.keyring import Keyring, SubjectKey
from hub.order.model import Order, ShopOrder
from hub.order.rules.normalise import NormalLine, NormalOrder, Share, mains_of
from hub.order.status import Fulfilment, Payment
from hub.sourcing.model import Want


def order_record(
    order_id: int,
    one: NormalOrder,
    digest: bytes,
    subject: tuple[int, SubjectKey],
    ring: Keyring,
    at: datetime,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """Give the row of sales_order, but for its lifecycle, which sourcing decides."""
    shop_order, order = one.shop_order, one.order
    brand, to, phone = shop_order.brand, order.receiver, order.receiver.phone
    subject_id, key = subject
    return {
        "id": order_id,
        "brand": brand,
        "version": 1,
        "created_at": at,
        "updated_at": at,
        "shop": shop_order.shop,
        "channel": shop_order.channel,
        "platform": shop_order.platform,
        "external_id": order.external_id,
        "source_revision": order.source_revision,
        "payload_hash": digest,
        "type": order.type,
        "payment": payment_of(order),
        "fulfilment": Fulfilment.NONE,
        "currency": order.currency,
        "goods": one.goods,
        "discount": order.discount + one.gift_discount,
        "freight": order.freight,
        "total": order.total,
        "subject_id": subject_id,
        **_sealed(order_id, one, key),
        # A masked phone is nobody's number: only its token may find it.
        "phone_index": ring.index("phone", brand, to.token if "*" in phone else plain_phone(phone)),
        "phone_tail_index": ring.index("phone_tail", brand, phone_tail(phone)),
        **_placed(one.place),
        "postcode": to.postcode,
        "placed_at": order.placed_at,
        "placed_at_raw": order.placed_at_raw,
        "business_date": order.placed_at.astimezone(zone).date(),
        "paid_at": order.paid_at,
        "deposit": order.deposit,
        "balance_due_at": order.balance_due_at,
    }


def _placed(found: Match) -> dict[str, Any]:
    """Give the columns of where an address lies."""
    return {
        "division": found.code,
        "province": found.province.name if found.province else "",
        "city": found.city.name if found.city else "",
        "county": found.county.name if found.county else "",
        "town": found.town.name if found.town else "",
        "address_confidence": Decimal(str(found.confidence)),
    }


def payment_of(order: Order) -> Payment:
    """Say how far an order is paid when it comes."""
    if order.paid_at:
        return Payment.PAID
    return Payment.DEPOSIT_PAID if order.deposit_paid_at else Payment.UNPAID


_LEFT_OUT: Final = ("source_revision", "seller_note", "withdrawn", "reservation")
_LATER: Final = ("deposit_paid_at", "deposit", "balance_due_at")
"""Left out where they are not there: orders are hashed as they were before there were deposits."""

_JSON: Final = msgspec.json.Encoder()
"""It writes the bytes that pydantic writes, by which all orders are known, in half the time."""


def payload_hash(shop_order: ShopOrder) -> bytes:
    """Name an order's contents: the canonical order as JSON, so that spaces and key order do not matter.

    What may move at the channel while the order stays the same is left out: its revision, which every parcel counts up,
    the seller's own note, whether the buyer has taken it back, and which cart it was.
    """
    order = shop_order.order
    contents, lines = vars(order).copy(), [vars(line).copy() for line in order.lines]
    for name in _LEFT_OUT:
        del contents[name]
    for name in _LATER:
        if contents[name] is None:
            del contents[name]
    if not [line for line in lines if line["refund_requested"]]:
        for line in lines:
            del line["refund_requested"]  # as _LATER is
    contents["buyer"], contents["receiver"], contents["lines"] = vars(order.buyer), vars(order.receiver), lines
    contents["adjustments"] = [vars(one) for one in order.adjustments]
    contents["invoice"] = order.invoice and vars(order.invoice)
    return hashlib.sha256(_JSON.encode(contents)).digest()


ALWAYS: Final = frozenset(("receiver_name", "receiver_phone", "receiver_street"))
"""What is sealed of every order, even where it is empty."""


def _sealed(order_id: int, one: NormalOrder, key: SubjectKey) -> dict[str, bytes | None]:
    """Seal the personal fields; what is not there stays empty."""
    order = one.order
    to = order.receiver
    plain = {
        "buyer_nick": order.buyer.nick,
        "receiver_name": to.name,
        "receiver_phone": to.phone,
        "receiver_street": street_of(one),
        "receiver_token": to.token,
        "remark": order.remark,
        "seller_note": order.seller_note,
        "invoice": order.invoice.model_dump_json() if order.invoice else "",
    }
    there = {column: text for column, text in plain.items() if text or column in ALWAYS}
    sealed = key.seal_all([(text.encode(), place_of(column, order_id)) for column, text in there.items()])
    return dict.fromkeys(plain) | dict(zip(there, sealed, strict=True))


def street_of(one: NormalOrder) -> str:
    """Give the street text to seal; what was written in fields that name no known division is kept with it.

    People write their names and doors into any field, so nothing that the table does not know is kept in plain text.
    """
    to, place = one.order.receiver, one.place
    pairs = ((to.province, place.province), (to.city, place.city), (to.county, place.county), (to.town, place.town))
    unknown: list[str] = []
    found: list[str] = []
    for text, division in pairs:
        if division is not None:
            found.append(division.name)
        elif text and text != "市辖区":
            unknown.append(text)
    if not unknown:
        return to.street
    # 上海市 is sent as province and city.
    kept = [text for text in unknown if not [name for name in found if name.startswith(text)]]
    return " ".join([*kept, to.street])


def place_of(column: str, order_id: int) -> str:
    """Name where a sealed field of an order belongs."""
    return f"sales_order|{column}|{order_id}"


OF_MOBILE: Final = 11
WITH_COUNTRY: Final = re.compile(r"(?:00)?86(\d{11})")


def plain_phone(phone: str) -> str:
    """Bring a phone number to the digits it is searched by: no spaces, no dashes, no +86 or 0086."""
    digits = phone if phone.isdecimal() else "".join([char for char in phone if char.isdigit()])
    found = WITH_COUNTRY.fullmatch(digits) if len(digits) > OF_MOBILE else None
    return found[1] if found else digits


def phone_tail(phone: str) -> str:
    """Give the last four digits of a phone number, or nothing when they are masked."""
    tail = phone.replace(" ", "").replace("-", "")[-4:]
    return tail if tail.isdigit() else ""


LINE_COLUMNS: Final = (
    *("order_id", "line_no", "external_line_id", "kind", "parent_no", "channel_sku", "sku", "title", "storage"),
    *("grams", "gift", "unit_price", "amount", "discount", "ordered", "allocated"),
    *("shipped", "delivered", "returned", "cancelled", "refund_requested"),
)
SHARE_COLUMNS: Final = (
    *("order_id", "no", "line_no", "source", "code", "funder", "rule_version", "source_amount", "amount"),
)


def line_records(
    order_id: int, lines: Sequence[NormalLine], allocated: Mapping[tuple[int, int], int]
) -> Iterator[tuple[Any, ...]]:
    """Give the rows of order_line; `allocated` pieces by (order, line)."""
    for one in lines:
        product = one.product
        yield (
            *(order_id, one.line_no, one.external_line_id, one.kind, one.parent_no, one.channel_sku),
            *(product.sku, product.title, product.storage, product.grams, one.gift, one.unit_price),
            *(one.amount, one.discount, one.ordered, allocated.get((order_id, one.line_no), 0), 0, 0, 0, 0),
            one.refund_requested,
        )


def share_records(order_id: int, shares: Sequence[Share]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of price_adjustment."""
    for one in shares:
        of = one.adjustment
        yield (
            *(order_id, one.no, one.line_no, of.source, of.code, of.funder),
            *("largest-remainder-2", of.amount, one.amount),
        )


def wants_of(lines: Sequence[NormalLine], day: date, *, valued: bool = False) -> Iterator[Want]:
    """Give what must be shipped: every line but virtual goods and the bundles, whose components stand for them.

    `day` is today in the business zone. A gift goes with its main item, else with the last item before it.
    """
    mains = mains_of(lines)
    for line in lines:
        if not line.ships:
            continue
        product, with_no = line.product, mains.get(line.line_no, 0)
        if product.traits is None and not with_no and not valued:
            yield Want(line.line_no, product.sku, line.ordered, product.storage, product.grams)
        else:
            traits = product.traits and product.traits.on(day)
            fen = each_fen(line.amount - line.discount, line.ordered)
            yield Want(*(line.line_no, product.sku, line.ordered, product.storage, product.grams), traits, fen, with_no)


def each_fen(net: int, ordered: int) -> int:
    """Say what one piece of a line was sold for, rounded up: a limit of value errs on the safe side."""
    return -(-net // ordered)
