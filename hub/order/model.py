"""The canonical order: the one shape that every channel's orders are read into."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self

import msgspec
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from hub.document import PRINTABLE, Code, Document, Moment
from hub.errors import Malformed
from hub.money import MINOR_DIGITS, times
from hub.unfit import Unfit

SIX_PLACES: Final = Decimal("0.000001")


def _six_places(price: Decimal) -> Decimal:
    """Write a price with its six places: 9.9 and 9.90 are one price, also to the payload hash."""
    written = price.quantize(SIX_PLACES)
    if written != price:
        raise Unfit("单价最多 6 位小数", "a price has at most six places")
    return written


Phrase = Annotated[str, StringConstraints(max_length=200, pattern=PRINTABLE)]
Fen = Annotated[int, Field(ge=0, le=10**12)]
Paid = Annotated[int, Field(gt=0, le=10**12)]
Pieces = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class OrderType(StrEnum):
    NORMAL = "normal"
    PRESALE = "presale"
    EXCHANGE = "exchange"
    RESHIP = "reship"
    GIFT = "gift"
    O2O = "o2o"


class Source(StrEnum):
    """What reduced the price."""

    COUPON = "coupon"
    PROMOTION = "promotion"
    POINTS = "points"
    GIFT_CARD = "gift_card"
    SHIPPING = "shipping"
    PLATFORM = "platform"


class Funder(StrEnum):
    """Who bears a reduction."""

    MERCHANT = "merchant"
    PLATFORM = "platform"
    BRAND = "brand"
    DISTRIBUTOR = "distributor"


class Buyer(Document):
    ref: Code
    nick: Phrase = ""


class Receiver(Document):
    """Whom and where to: personal data, sealed at rest and never logged.

    A platform that keeps people to itself gives them masked (138****0000) with a `token` that its own partners open.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTABLE)]
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9*][0-9* -]{5,19}$")]
    token: Annotated[str, StringConstraints(max_length=500, pattern=r"^[\w.:@/+=$~#-]*$")] = ""
    province: Phrase = ""
    city: Phrase = ""
    county: Phrase = ""
    town: Phrase = ""
    street: Phrase
    postcode: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,10}$")] = ""

    @model_validator(mode="after")
    def be_reachable(self) -> Self:
        """Refuse a masked phone that no token stands for: nobody could deliver."""
        if "*" in self.phone and not self.token:
            raise Unfit("电话已打码，且没有平台的收件人标识", "the phone is masked and no token stands for it")
        return self


class Invoice(Document):
    """The invoice a buyer asks for; `kind` in the channel's word. Personal data: a title is often a name."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
    kind: Phrase = ""
    tax_no: Phrase = ""


class OrderLine(Document):
    """One commercial line; `unit_price` is in major units (yuan), before any reduction.

    With `refund_requested` the buyer asks the money of it back, and that is not settled yet.
    """

    external_line_id: Code
    channel_sku: Code
    title: Phrase = ""
    quantity: Pieces
    unit_price: Annotated[Decimal, Field(ge=0, lt=10**14), AfterValidator(_six_places)]
    gift: bool = False
    refund_requested: bool = False


class Adjustment(Document):
    """A reduction as the channel stated it; without a line it is of the whole order. `amount` in minor units."""

    source: Source
    code: Phrase = ""
    amount: Fen
    funder: Funder = Funder.MERCHANT
    external_line_id: Code | None = None


class Order(Document):
    """An order as a channel placed it: a commercial fact that no later step rewrites.

    `deposit` is how much was paid at `deposit_paid_at`, where the channel says it, and the rest of the total is to be
    paid by `balance_due_at`. `withdrawn` is the channel's word that the buyer has taken it back; it says nothing of the
    contents. `reservation` names the cart whose held pieces the order takes.
    """

    external_id: Code
    source_revision: int = Field(default=1, ge=1, le=2**53)
    type: OrderType = OrderType.NORMAL
    placed_at: Moment
    placed_at_raw: Phrase
    paid_at: Moment | None = None
    deposit_paid_at: Moment | None = None
    deposit: Paid | None = None
    balance_due_at: Moment | None = None
    currency: str = "CNY"
    buyer: Buyer
    receiver: Receiver
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=500)]
    adjustments: Annotated[tuple[Adjustment, ...], Field(max_length=200)] = ()
    freight: Fen = 0
    total: Fen
    remark: Annotated[str, StringConstraints(max_length=1000, pattern=PRINTABLE)] = ""
    seller_note: Annotated[str, StringConstraints(max_length=1000, pattern=PRINTABLE)] = ""
    invoice: Invoice | None = None
    withdrawn: bool = False
    reservation: Code | None = None

    @model_validator(mode="after")
    def hang_together(self) -> Self:
        """Refuse what cannot be one order: two lines of one id, a reduction of no line, an unknown currency."""
        ids: set[str | None] = {line.external_line_id for line in self.lines}
        if len(ids) != len(self.lines):
            raise Unfit("有两个订单行的行号相同", "two lines have the same line id")
        strangers = {one.external_line_id for one in self.adjustments} - ids - {None}
        if strangers:
            named = ", ".join(sorted(map(str, strangers)))
            raise Unfit(f"优惠指向没有的订单行：{named}", f"a discount names a line that is not there: {named}")
        if self.currency not in MINOR_DIGITS:
            known = ", ".join(MINOR_DIGITS)
            raise Unfit(f"币种只能是 {known}", f"currency {self.currency} is not one of {known}")
        return self

    @model_validator(mode="after")
    def have_paid_its_deposit(self) -> Self:
        """Refuse a deposit that was never paid, or that is more than the order comes to."""
        if self.deposit is not None and self.deposit_paid_at is None:
            told = "there is a deposit, but deposit_paid_at does not say when it was paid"
            raise Unfit("有定金，但 deposit_paid_at 没有写明何时支付", told)
        if self.deposit is not None and self.deposit > self.total:
            told = f"the deposit {self.deposit} is more than the total {self.total}"
            raise Unfit(f"定金 {self.deposit} 超过总额 {self.total}", told)
        return self

    @property
    def goods(self) -> int:
        """Σ unit price x pieces, each line rounded half up, in minor units."""
        return sum(times(line.unit_price, line.quantity, self.currency) for line in self.lines)

    @property
    def discount(self) -> int:
        return sum([adjustment.amount for adjustment in self.adjustments])


class ShopOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order together with where it came from; it is made of what was looked at already."""

    brand: str
    shop: str
    channel: str
    platform: str = "OTHER"
    order: Order


def check_totals(order: Order, goods: int | None = None) -> None:
    """Make sure that goods − discounts + freight is the total; `goods` for who has summed them up already.

    Raises: Malformed naming the figures that do not add up.
    """
    goods = order.goods if goods is None else goods
    expected = goods - order.discount + order.freight
    if expected != order.total:
        raise Malformed(
            f"goods {goods} − discounts {order.discount} + freight {order.freight} = {expected}, "
            f"but the order says {order.total} (minor units of {order.currency})",
            code="totals",
            field="total",
        )
