"""`oms order return`: goods that come back, at a terminal: ask, approve or reject, say what arrived."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.table import Table

from commands.operate import AsJson, Number, Reason, order_id_of
from commands.order import Lines, mine, order_app, read_pieces
from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.aftersale.ask import ask_return
from hub.aftersale.decide import approve_return, reject_return, send_back, withdraw_return
from hub.aftersale.model import Arrived, Goods
from hub.aftersale.receive import receive_return
from hub.aftersale.status import Fault, ReturnKind, ReturnState
from hub.aftersale.view import returns_of
from hub.aftersale.wish import Sent, Terms, Wish
from hub.errors import Malformed
from hub.inventory.condition import Condition
from hub.language import language
from hub.order.find import get_order

__all__ = ["order_app"]

return_app = typer.Typer(help=words("退货与仅退款", "goods that come back, or their money alone"), no_args_is_help=True)
order_app.add_typer(return_app, name="return")

No = Annotated[int, typer.Argument(min=1, max=10**9, help=words("退货序号", "which return"))]
Place = Annotated[str, typer.Option(help=words("收货地点", "the location that receives it"))]


@return_app.command("ask", help=words("申请退货或仅退款", "ask for goods to come back, or for their money alone"))
def ask(
    number: Number,
    reason: Reason,
    line: Lines = None,
    to: Place = "",
    *,
    money_only: Annotated[bool, typer.Option("--money-only", help=words("仅退款", "no goods come back"))] = False,
    our_fault: Annotated[
        bool, typer.Option("--our-fault", help=words("商家责任，运费随全部退货退还", "the freight goes back as well"))
    ] = False,
) -> None:
    kind = ReturnKind.REFUND_ONLY if money_only else ReturnKind.RETURN_REFUND
    fault = Fault.MERCHANT if our_fault else Fault.BUYER
    with reached() as reach, reach.database.transaction() as session:
        wish = Wish(kind, list(read_pieces(line or []).items()), fault, reason, to)
        terms = Terms.of(reach.settings.orders)
        no = ask_return(session, mine(session, number), wish, operator().name, terms, datetime.now(UTC))
    say(f"退货 {no} 待审核", f"return {no} waits to be approved")


@return_app.command("ls", help=words("列出订单的退货", "list an order's returns"))
def list_returns(number: Number, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        order_id = order_id_of(session, number)
        get_order(session, order_id, operator())
        found = returns_of(session, order_id)
    if as_json:
        give(found.model_dump(mode="json"), as_json=True)
        return
    from dashboards.words import state_of  # noqa: PLC0415 # the console's words are loaded where they are told

    heads = (
        *(("序号", "no"), ("类型", "kind"), ("状态", "state"), ("地点", "location"), ("行", "line")),
        *(("商品", "sku"), ("申请", "asked"), ("实收", "arrived"), ("残次", "damaged"), ("已退款", "refunded")),
        ("换货单", "exchange"),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found.returns:
        kind, state = (
            state_of(axis, value).words.say(language())
            for axis, value in (("return_kind", one.kind), ("return", one.state))
        )
        for of in one.lines:
            counts = (of.asked, of.arrived, of.damaged, of.refunded)
            told = (*map(str, counts), ", ".join(one.exchanges) or "—")
            add_row(table, str(one.no), kind, state, one.location or "—", of.line_id, of.sku, *told)
    OUT.print(table)


@return_app.command("approve", help=words("同意退货", "approve a return"))
def approve(number: Number, no: No, reason: Reason = "", to: Place = "") -> None:
    with reached() as reach, reach.database.transaction() as session:
        here = datetime.now(ZoneInfo(reach.settings.business_zone))
        state = approve_return(session, mine(session, number), no, operator().name, here, location=to, reason=reason)
    _tell(state)


@return_app.command("reject", help=words("拒绝退货", "reject a return"))
def reject(number: Number, no: No, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        _tell(reject_return(session, mine(session, number), no, operator().name, reason, datetime.now(UTC)))


@return_app.command("withdraw", help=words("撤回退货", "let a return go of which nothing will come"))
def withdraw(number: Number, no: No, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        _tell(withdraw_return(session, mine(session, number), no, operator().name, reason, datetime.now(UTC)))


@return_app.command("sent", help=words("登记寄回的运单", "say with whom the goods are on their way"))
def send(
    number: Number,
    no: No,
    courier: Annotated[str, typer.Option(help=words("快递公司编码", "the courier's code"))],
    tracking_no: Annotated[str, typer.Option(help=words("运单号", "the waybill's number"))],
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        _tell(
            send_back(
                session, mine(session, number), no, Sent(courier, tracking_no), operator().name, datetime.now(UTC)
            )
        )


@return_app.command("receive", help=words("登记实收", "say what has arrived"))
def receive(
    number: Number,
    no: No,
    document: Annotated[
        str, typer.Option(help=words("收货单号，同一单号只记一次", "its document; each is taken in once"))
    ],
    goods: Annotated[
        list[str], typer.Option(help=words("SKU:件数，可重复；残次写 SKU:件数:damaged", "sku:pieces[:damaged]"))
    ],
    at: Place = "",
    *,
    more: Annotated[bool, typer.Option("--more", help=words("还有后续到货", "more will come"))] = False,
) -> None:
    try:
        arrived = Arrived(document=document, goods=tuple(map(_goods, goods)), final=not more, location=at)
    except ValidationError as error:
        raise Malformed("name the document by which it came", code="malformed", field="document") from error
    with reached() as reach, reach.database.transaction() as session:
        here = datetime.now(ZoneInfo(reach.settings.business_zone))
        _tell(receive_return(session, mine(session, number), no, arrived, operator().name, here))


def _goods(told: str) -> Goods:
    """Read what arrived of a SKU.

    Raises: Malformed.
    """
    sku, _, rest = told.partition(":")
    n, _, condition = rest.partition(":")
    if not (n.isascii() and n.isdigit() and condition in {"", *Condition}):
        raise Malformed(f"{told} is not SKU:PIECES or SKU:PIECES:damaged", code="pieces", field="goods")
    values = {"sku": sku, "pieces": int(n), "condition": condition or Condition.SALEABLE}
    try:
        return Goods.model_validate(values)
    except ValueError as error:
        raise Malformed(f"{told} cannot be meant", code="pieces", field="goods") from error


def _tell(state: ReturnState) -> None:
    from dashboards.words import state_of  # noqa: PLC0415 # as above

    say(f"退货状态：{state_of('return', state).words.say('zh')}", f"the return is {state}")
