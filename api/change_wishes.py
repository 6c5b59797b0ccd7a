"""What callers send to change an order: which shape it has."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hub.document import PRINTABLE, Document, Moment
from hub.order.change.table import Charge, RefundState
from hub.order.model import Code, Phrase, Pieces
from hub.order.quote import AskedLine
from hub.unfit import Unfit


class CancelledLine(Document):
    line_id: Code
    quantity: Pieces


class LineWish(Document):
    """How many pieces of a line are wanted, and of what; 0 is none. A line that is new needs goods and a price."""

    line_id: Code
    quantity: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
    sku: Code | None = None
    unit_price: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")] | None = None
    title: Phrase = ""


def check_once(lines: Sequence[CancelledLine | LineWish | AskedLine]) -> None:
    """Refuse a line that is named twice: which of its quantities is meant is not known.

    Raises: Unfit.
    """
    if len({one.line_id for one in lines}) != len(lines):
        raise Unfit("有订单行重复", "a line is named twice")


class CancelWish(Document):
    """Why an order is cancelled, or only some pieces of it, and who wants it; the reason goes to the audit log.

    A parcel is stopped with all that is in it: `intercept` goes with no `lines`.
    """

    by: Literal["merchant", "buyer"] = "merchant"
    reason: Phrase = ""
    lines: Annotated[tuple[CancelledLine, ...], Field(max_length=500)] = ()
    intercept: bool = False

    @model_validator(mode="after")
    def name_lines_once(self) -> Self:
        check_once(self.lines)
        return self

    @model_validator(mode="after")
    def stop_whole_parcels(self) -> Self:
        if self.intercept and self.lines:
            raise Unfit("包裹只能整件拦截，不能指定 lines", "parcels are stopped whole: no lines with intercept")
        return self


class ReceiverWish(Document):
    """Whom and where to, in the words in which an order is posted."""

    name: str
    phone: str
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    street: str
    postcode: str = ""


class ChangeWish(Document):
    """What is different now; what is left out stays as it is."""

    receiver: ReceiverWish | None = None
    remark: Annotated[str, Field(max_length=1000, pattern=PRINTABLE)] | None = None
    lines: Annotated[tuple[LineWish, ...], Field(max_length=500)] = ()
    charge: Literal[Charge.PAY, Charge.FREE] = Charge.PAY
    reason: Phrase = ""

    @model_validator(mode="after")
    def name_lines_once(self) -> Self:
        check_once(self.lines)
        if self.charge is Charge.FREE and not self.reason:
            raise Unfit("赠送须填写原因", "what is given away needs a reason")
        return self


class AgainWish(Document):
    """Pieces of a shipped line to be sent: the same goods, or those of `sku` in exchange."""

    line_id: Code
    quantity: Pieces
    sku: Code | None = None


class FollowUpWish(Document):
    """Goods in exchange, perhaps for those of a return (`return_no`), or once more; nothing is charged."""

    type: Literal["exchange", "reship"]
    return_no: Annotated[int, Field(ge=1, le=10**9, strict=True)] | None = None
    lines: Annotated[tuple[AgainWish, ...], Field(min_length=1, max_length=500)]
    reason: Phrase = ""

    @model_validator(mode="after")
    def exchange_for_a_return(self) -> Self:
        if self.return_no is not None and self.type != "exchange":
            raise Unfit("针对退货单的只能是换货", "what is for a return is an exchange")
        return self


class PaymentWish(Document):
    """A payment of the order, or of what is due for goods added to it; without an amount, of all there is to pay.

    With `deposit` it is that of its deposit, and the rest is to be paid by `balance_due_at`. The amount is in major
    units (yuan), as in every body that is posted here.
    """

    paid_at: Moment
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")] | None = None
    reference: Phrase = ""
    deposit: bool = False
    balance_due_at: Moment | None = None

    @model_validator(mode="after")
    def say_how_much(self) -> Self:
        if self.deposit and self.amount is None:
            raise Unfit("请填写定金金额", "say how much the deposit was")
        return self


class RefundWish(Document):
    """What became of a refund, with the payer's own number of it."""

    state: Literal[RefundState.DONE, RefundState.FAILED] = RefundState.DONE
    reference: Phrase = ""
