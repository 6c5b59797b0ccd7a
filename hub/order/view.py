"""An order as its storefront, a person at a terminal and the console see it. Nothing here is personal data."""

from datetime import date, datetime
from typing import Any

from hub.document import Document


class LineView(Document):
    line_no: int
    line_id: str
    kind: str
    channel_sku: str
    sku: str
    title: str
    ordered: int
    allocated: int
    shipped: int
    delivered: int
    returned: int
    cancelled: int
    amount: int
    discount: int


class HoldView(Document):
    """Why an order waits: all of it, or the line or the fulfilment order that is named."""

    type: str
    rule: str
    since: datetime
    line_no: int | None = None
    fulfilment: str | None = None


class ParcelView(Document):
    """A parcel that has left; `status` is its courier's word for it, `intercept` what came of stopping it; or empty.

    `intercept_note` is what the courier said of it; where it could not be asked, `intercept_code` names the error.
    """

    courier: str
    tracking_no: str
    shipped_at: datetime
    status: str
    status_at: datetime | None
    intercept: str
    intercept_note: str
    intercept_code: str


class FulfilmentView(Document):
    """What one location ships, by the `courier` that it is told.

    `promised_on` is the day of arrival by which it was sourced, where rate cards said it.
    """

    code: str
    location: str
    attempt: int
    execution: str
    negotiation: str
    courier: str | None
    promised_on: date | None


class ChangeView(Document):
    """A change that was wished: what kinds of, and what became of it; `note` says why not all of it."""

    no: int
    kinds: list[str]
    state: str
    note: str
    since: datetime


class RefundView(Document):
    """Money that is to be given back, in minor units, its freight with it; of that `set_off` was not paid yet.

    The rest moves, in `parts` to the payments that brought it; `reference` is the payer's own number of the refund.
    """

    no: int
    amount: int
    freight: int
    set_off: int
    state: str
    reference: str
    since: datetime
    parts: list[dict[str, Any]]


class DueView(Document):
    """What is to be paid for goods that a change has added, in minor units; `set_off` of it needs no paying."""

    no: int
    amount: int
    set_off: int
    state: str
    since: datetime


class LinkView(Document):
    """An order that this one follows from (`origin`), or that follows from it (`follower`).

    `return_code` is the return of the first for which the second was made, if it was for one.
    """

    relation: str
    order: str
    external_id: str
    type: str
    return_code: str | None


class ReturnHead(Document):
    """A return of some of the goods, or of money alone, and where it stands."""

    no: int
    code: str
    kind: str
    state: str
    since: datetime


class OrderView(Document):
    """An order as its storefront sees it, in minor units; `balance` is left to pay; the id is text, for JavaScript."""

    id: str
    external_id: str
    shop: str
    lifecycle: str
    payment: str
    fulfilment: str
    currency: str
    goods: int
    discount: int
    freight: int
    total: int
    deposit: int | None = None
    balance: int | None = None
    balance_due_at: datetime | None = None
    placed_at: datetime
    created_at: datetime
    province: str
    city: str
    county: str
    lines: tuple[LineView, ...] = ()
    holds: tuple[HoldView, ...] = ()
    fulfilments: tuple[FulfilmentView, ...] = ()
    parcels: tuple[ParcelView, ...] = ()
    changes: tuple[ChangeView, ...] = ()
    refunds: tuple[RefundView, ...] = ()
    dues: tuple[DueView, ...] = ()
    links: tuple[LinkView, ...] = ()
    returns: tuple[ReturnHead, ...] = ()


class OrderPage(Document):
    """Orders, newest first; `next` is the cursor of the following page, empty at the end."""

    orders: tuple[OrderView, ...]
    next: str
