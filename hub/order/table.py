"""Tables of the order centre; an order and its children are partitioned by the order's id, which carries its month."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, Index, text

from hub.columns import Entity, Table, document, moment, names, number, one_of, price, sealed, words
from hub.order.model import Funder, OrderType, Source
from hub.order.status import Fulfilment, Lifecycle, Payment

BY_ORDER: Final = {"postgresql_partition_by": "RANGE (order_id)"}


class LineKind(StrEnum):
    """An item is sold and shipped; a bundle is sold, its components are shipped; a gift of the hub's is not sold."""

    ITEM = "item"
    BUNDLE = "bundle"
    COMPONENT = "component"
    GIFT = "gift"


class OrderKey(Table, table=True):
    """Which orders there are already; unpartitioned, because a unique key cannot span partitions.

    `said` is what the channel has said last of an order that it has revised.
    """

    shop: str = words(primary_key=True)
    external_id: str = words(primary_key=True)
    order_id: int = number(unique=True)
    payload_hash: bytes = sealed()
    said: dict[str, Any] | None = document(default=None)


class SalesOrder(Entity, table=True):
    """The commercial fact of one order, with the axes of its state; amounts in minor units of `currency`.

    Of the total `deposit` was paid first; the rest is to be paid by `balance_due_at`.
    """

    __table_args__ = (
        one_of("type", OrderType),
        one_of("lifecycle", Lifecycle),
        one_of("payment", Payment),
        one_of("fulfilment", Fulfilment),
        CheckConstraint("total = goods - discount + freight", name="total"),
        Index("ix_sales_order_shop", "shop", "id"),
        Index("ix_sales_order_phone", "phone_index"),
        Index("ix_sales_order_phone_tail", "brand", "phone_tail_index"),
        Index("ix_sales_order_subject", "subject_id", "placed_at"),
        Index(
            "ix_sales_order_open",
            "lifecycle",
            "id",
            postgresql_where=text("lifecycle in ('accepted', 'received', 'in_fulfilment')"),
        ),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    id: int = number(primary_key=True)
    shop: str = words()
    channel: str = words()
    platform: str = words(default="OTHER")
    external_id: str = words()
    source_revision: int = number()
    payload_hash: bytes = sealed()
    type: str = words()
    lifecycle: str = words()
    payment: str = words()
    fulfilment: str = words()
    currency: str = words()
    goods: int = number()
    discount: int = number()
    freight: int = number()
    total: int = number()
    subject_id: int = number(foreign_key="subject.id")
    buyer_nick: bytes | None = sealed(default=None)
    receiver_name: bytes = sealed()
    receiver_phone: bytes = sealed()
    receiver_street: bytes = sealed()
    receiver_token: bytes | None = sealed(default=None)
    phone_index: bytes = sealed()
    phone_tail_index: bytes = sealed()
    remark: bytes | None = sealed(default=None)
    seller_note: bytes | None = sealed(default=None)
    invoice: bytes | None = sealed(default=None)
    division: str = words()
    province: str = words()
    city: str = words()
    county: str = words()
    town: str = words()
    postcode: str = words()
    address_confidence: Decimal | None = price(default=None)
    placed_at: datetime = moment()
    placed_at_raw: str = words()
    business_date: date
    paid_at: datetime | None = moment(default=None)
    payment_reference: str | None = words(default=None)
    deposit: int | None = number(default=None)
    balance_due_at: datetime | None = moment(default=None)


class OrderLine(Table, table=True):
    """One line and what has become of its pieces: ordered = shipped + cancelled + what is still open."""

    __table_args__ = (
        one_of("kind", LineKind),
        CheckConstraint("ordered > 0", name="ordered"),
        CheckConstraint("cancelled >= 0 and allocated >= 0 and shipped >= 0", name="counters"),
        CheckConstraint("allocated + shipped + cancelled <= ordered", name="no_more_than_ordered"),
        CheckConstraint("delivered between 0 and shipped", name="delivered"),
        CheckConstraint("returned between 0 and shipped", name="returned"),
        CheckConstraint("kind <> 'bundle' or (allocated = 0 and shipped = 0)", name="bundles_do_not_ship"),
        CheckConstraint("(kind = 'component') = (parent_no is not null)", name="components_have_parents"),
        Index("ix_order_line_sku", "sku", "order_id"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    external_line_id: str = words()
    kind: str = words()
    parent_no: int | None = number(default=None)
    channel_sku: str = words()
    sku: str = words()
    title: str = words()
    storage: str = words()
    grams: int = number()
    gift: bool = False
    unit_price: Decimal = price()
    amount: int = number()
    discount: int = number()
    ordered: int = number()
    allocated: int = number(default=0)
    shipped: int = number(default=0)
    delivered: int = number(default=0)
    returned: int = number(default=0)
    cancelled: int = number(default=0)
    refund_requested: bool = False


class PriceAdjustment(Table, table=True):
    """One line's share of one reduction, or the freight's, as line 0; all of a `no` add up to its `source_amount`."""

    __table_args__ = (
        one_of("source", Source),
        one_of("funder", Funder),
        CheckConstraint("amount between 0 and source_amount", name="share"),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    line_no: int = number(primary_key=True)
    source: str = words()
    code: str = words()
    funder: str = words()
    rule_version: str = words()
    source_amount: int = number()
    amount: int = number()


class OrderHold(Table, table=True):
    """Why an order waits, which acts that blocks, who let it go on, and who may (a role; none is anybody at work).

    It holds one line where it names one, one fulfilment order where it names that, else the whole order.
    Of goods that nobody has, `looked_at` says when they were last looked for in vain although some pieces were free,
    and `looked` is a digest of which.
    """

    __table_args__ = (
        CheckConstraint("line_no is null or fulfilment_no is null", name="one_scope"),
        Index(
            "uq_order_hold_line",
            *("order_id", "line_no", "rule", "rule_version"),
            unique=True,
            postgresql_where=text("released_at is null and line_no is not null"),
        ),
        Index(
            "uq_order_hold_fulfilment",
            *("order_id", "fulfilment_no", "rule", "rule_version"),
            unique=True,
            postgresql_where=text("released_at is null and fulfilment_no is not null"),
        ),
        Index("ix_order_hold_open", "type", "order_id", postgresql_where=text("released_at is null")),
        Index(
            "ix_order_hold_expiring",
            "expires_at",
            postgresql_where=text("released_at is null and expires_at is not null"),
        ),
        BY_ORDER,
    )
    order_id: int = number(primary_key=True)
    no: int = number(primary_key=True)
    type: str = words()
    blocks: list[str] = names()
    rule: str = words()
    rule_version: str = words()
    evidence: dict[str, Any] = document()
    created_at: datetime = moment()
    expires_at: datetime | None = moment(default=None)
    resolver: str = words(default="")
    released_at: datetime | None = moment(default=None)
    released_by: str = words(default="")
    reason: str = words(default="")
    line_no: int | None = number(default=None)
    fulfilment_no: int | None = number(default=None)
    looked_at: datetime | None = moment(default=None)
    looked: str | None = words(default=None)
