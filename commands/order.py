"""What operations staff change about an order from a terminal: cancel it or some of it, its address, its route."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from commands.holds import order_app
from commands.operate import Number, Reason, order_id_of
from commands.reach import Reach, operator, reached
from commands.screen import say, words
from hub.aftersale.exchange import exchange_for
from hub.errors import Malformed
from hub.merge.group import hold_together
from hub.money import minor_units
from hub.order.amend import amend
from hub.order.change.begin import change, reroute
from hub.order.change.cancel import cancel
from hub.order.change.channel import decide
from hub.order.change.due import check_charge
from hub.order.change.follow_up import Again, follow_up
from hub.order.change.pay import pay, pay_deposit
from hub.order.change.refund import mark_refund
from hub.order.change.revision import Author, Wish
from hub.order.change.table import ChangeState, Charge, RefundState
from hub.order.change.wanted import PRICE, WantedLine, pieces_of, wish_lines
from hub.order.find import get_order
from hub.order.lock import lock_order
from hub.order.model import OrderType
from hub.order.reread import reread
from hub.order.ship.intercept import Asked, ask_intercept
from hub.roles import Permission

__all__ = ["order_app"]

AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)

Wanted = Annotated[
    list[str] | None,
    typer.Option(
        "--want",
        help=words(
            "行号=件数[,渠道商品[,单价]]，可重复；新的行号即加一行",
            "line=pieces[,sku[,price]], as often as needed; a line that is new is added",
        ),
    ),
]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", help=words("行号:件数，可重复", "line:pieces, as often as needed")),
]


@order_app.command("cancel", help=words("取消订单或其中几件", "cancel an order, or some pieces of it"))
def cancel_order(
    number: Number,
    reason: Reason,
    line: Lines = None,
    *,
    by_buyer: Annotated[
        bool, typer.Option("--by-buyer", help=words("买家要取消", "it is the buyer who wants it"))
    ] = False,
    intercept: Annotated[
        bool, typer.Option("--intercept", help=words("拦截已发出的包裹", "have parcels that have left stopped"))
    ] = False,
) -> None:
    if intercept and line:
        zh, en = "包裹只能整件拦截，不能指定 --line", "parcels are stopped whole: no --line with --intercept"
        raise Malformed(en, code="malformed", zh=zh)
    with reached() as reach, reach.database.transaction() as session:
        order_id = mine(session, number)
        if intercept:
            _tell_asked(ask_intercept(session, order_id, operator().name, reason, _now(reach)))
            return
        keep = by_buyer and reach.settings.orders.deposit == "keep"
        if line:
            wish = Wish(pieces=pieces_of(session, order_id, read_pieces(line)))
            author = Author(operator().name, reason)
            _tell(change(session, order_id, wish, author, _now(reach), keep_deposit=keep))
            return
        state = cancel(session, order_id, operator().name, reason, _now(reach), keep_deposit=keep)
    say(f"订单状态：{state}", f"the order is {state}")


@order_app.command(
    "change", help=words("修改收件人、地址、备注或商品", "change the receiver, the address, the remark or the goods")
)
def change_order(  # each is an option of the command
    number: Number,
    reason: Reason,
    name: Annotated[str | None, typer.Option(help=words("收件人", "who receives it"))] = None,
    phone: Annotated[str | None, typer.Option(help=words("电话", "their phone"))] = None,
    province: Annotated[str | None, typer.Option(help=words("省", "province"))] = None,
    city: Annotated[str | None, typer.Option(help=words("市", "city"))] = None,
    county: Annotated[str | None, typer.Option(help=words("区县", "county"))] = None,
    street: Annotated[str | None, typer.Option(help=words("详细地址", "street"))] = None,
    remark: Annotated[str | None, typer.Option(help=words("备注", "remark"))] = None,
    want: Wanted = None,
    *,
    free: Annotated[bool, typer.Option("--free", help=words("差价免收", "what it costs more is given away"))] = False,
) -> None:
    """Change what is given; the rest of the address stays as it is. What costs more waits until that is paid."""
    given = {"name": name, "phone": phone, "province": province, "city": city, "county": county, "street": street}
    said = {field: value for field, value in given.items() if value is not None}
    with reached() as reach, reach.database.transaction() as session:
        order_id = mine(session, number)
        old = reread(session, order_id).order.receiver
        pieces, added = wish_lines(session, order_id, [_wanted(one) for one in want or ()])
        charge = Charge.FREE if free else Charge.PAY
        if added:
            check_charge(charge, reach.settings.orders.charges)
        wish = Wish(pieces, amend(old, said, remark), added=added, charge=charge)
        _tell(change(session, order_id, wish, Author(operator().name, reason), _now(reach)))


@order_app.command(
    "paid", help=words("登记订单、定金或差价已付", "say that an order, its deposit or what was due was paid")
)
def pay_order(
    number: Number,
    amount: Annotated[str, typer.Option(help=words("金额（元），如 20.00", "how much, in yuan: 20.00"))],
    reference: Annotated[str, typer.Option(help=words("支付单号", "the payer's own number"))],
    *,
    deposit: Annotated[bool, typer.Option("--deposit", help=words("付的是定金", "it is the deposit"))] = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        at = _now(reach)
        order_id = mine(session, number)
        paid = _minor(session, order_id, amount)
        if deposit:
            pay_deposit(session, order_id, operator().name, at, paid, reference=reference)
            state = lock_order(session, order_id).lifecycle
        else:
            state = pay(session, order_id, operator().name, at, at, amount=paid, reference=reference)
    say(f"订单状态：{state}", f"the order is {state}")


def _minor(session: Session, order_id: int, text: str) -> int:
    """Read an amount of an order as people write it. Raises: Malformed."""
    if not AMOUNT.fullmatch(text):
        raise Malformed(f"not an amount such as 20.00: {text}", code="amount", field="amount")
    return minor_units(Decimal(text), get_order(session, order_id, operator()).currency)


@order_app.command("refunded", help=words("登记退款结果", "say what became of a refund"))
def refund_order(
    number: Number,
    no: Annotated[int, typer.Argument(help=words("退款序号", "which refund"))],
    reference: Annotated[str, typer.Option(help=words("退款单号，或失败原因", "the payer's number, or why not"))],
    *,
    failed: Annotated[bool, typer.Option("--failed", help=words("退款失败", "it could not be paid"))] = False,
) -> None:
    state = RefundState.FAILED if failed else RefundState.DONE
    with reached() as reach, reach.database.transaction() as session:
        order_id = mine(session, number)
        mark_refund(session, order_id, no, state, reference, operator().name, _now(reach))
    say("已登记", "it is noted")


@order_app.command("reroute", help=words("人工改派", "source an order's fulfilment orders anew"))
def reroute_order(
    number: Number,
    reason: Reason,
    no: Annotated[
        list[int] | None,
        typer.Option(help=words("履约单序号，缺省为全部；0：待货源", "which ones; all of them; 0: what waits")),
    ] = None,
    to: Annotated[str, typer.Option(help=words("只派给该地点", "the only location to take"))] = "",
    avoid: Annotated[list[str] | None, typer.Option(help=words("不派给该地点", "a location to avoid"))] = None,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        wish = Wish(route=no or (), target=to, avoid=frozenset(avoid or ()))
        author = Author(operator().name, reason)
        _tell(reroute(session, mine(session, number), wish, author, _now(reach)))
    say("理由见 ./oms route explain", "./oms route explain tells why")


@order_app.command("reship", help=words("补发或换货", "send shipped goods once more, or others in exchange"))
def reship_order(
    number: Number,
    reason: Reason,
    line: Annotated[list[str], typer.Option("--line", help=words("行号:件数", "line:pieces"))],
    sku: Annotated[str, typer.Option(help=words("换成的渠道商品，只限一行", "in exchange, for one line"))] = "",
    back: Annotated[
        int | None,
        typer.Option("--return", min=1, max=10**9, help=words("换货所对应的退货序号", "in exchange for which return")),
    ] = None,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        lines = [Again(name, pieces, sku) for name, pieces in read_pieces(line).items()]
        if sku and len(lines) > 1:
            raise Malformed("name one line for --sku", code="follow_up", field="sku")
        kind = OrderType.EXCHANGE if sku else OrderType.RESHIP
        author, zone, now = Author(operator().name, reason), ZoneInfo(reach.settings.business_zone), _now(reach)
        first = mine(session, number)
        if back is None:
            made = follow_up(session, first, kind, lines, author, now, zone)
        else:
            made = exchange_for(session, first, back, lines, author, now, zone)
    say(f"新订单 {made}", f"the new order is {made}")


@order_app.command("decide", help=words("采用渠道的修改或保留中台的", "take a channel's change or keep the hub's"))
def decide_change(
    number: Number,
    reason: Reason,
    *,
    take: Annotated[
        bool, typer.Option("--take/--keep", help=words("采用渠道的，或保留中台的", "the channel's, or the hub's"))
    ],
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        author = Author(operator().name, reason)
        _tell(decide(session, mine(session, number), author, _now(reach), take=take))


def mine(session: Session, number: str) -> int:
    """Find an order that the person at the terminal may work on."""
    order_id = order_id_of(session, number)
    person = operator()
    person.require(Permission.WORK_ORDERS)
    hold_together(session, order_id)  # its mates in a delivery with it, lowest id first, as everybody locks them
    order = lock_order(session, order_id)
    person.require_scope(order.brand, order.shop)
    return order_id


def read_pieces(lines: list[str]) -> dict[str, int]:
    """Read lines with their pieces.

    Raises: Malformed.
    """
    found: dict[str, int] = {}
    for one in lines:
        line, _, n = one.rpartition(":")
        if not (line and n.isascii() and n.isdigit() and int(n)):
            raise Malformed(f"{one} is not LINE:PIECES", code="unknown_line", field="line")
        found[line] = found.get(line, 0) + int(n)
    return found


def _wanted(one: str) -> WantedLine:
    """Read what a line is to have.

    Raises: Malformed.
    """
    line, _, rest = one.rpartition("=")
    pieces, _, of = rest.partition(",")
    sku, _, price = of.partition(",")
    if not (line and pieces.isascii() and pieces.isdigit()) or (price and not PRICE.fullmatch(price)):
        raise Malformed(f"{one} is not LINE=PIECES,SKU,PRICE", code="unknown_line", field="want")
    return WantedLine(line, int(pieces), sku, price)


def _tell(state: ChangeState) -> None:
    told = {
        ChangeState.APPLIED: ("已修改", "changed"),
        ChangeState.WAITING: ("已征询仓库，等待答复", "the location is asked; it waits for the answer"),
        ChangeState.PART: ("部分修改", "changed in part"),
        ChangeState.REFUSED: ("未修改", "not changed"),
        ChangeState.ASKED: ("待人决定", "somebody has to decide"),
    }
    say(*told[state])


def _tell_asked(asked: Asked) -> None:
    told = (
        (asked.by_wire, "已向快递申请拦截 {n} 个包裹", "couriers are asked to stop {n} parcels"),
        (asked.before, "{n} 个包裹此前已申请拦截", "{n} parcels were asked for before"),
        (asked.by_hand, "已请人拦截 {n} 个包裹", "somebody is asked to stop {n} parcels"),
    )
    for n, zh, en in told:
        if n:
            say(zh.format(n=n), en.format(n=n))


def _now(reach: Reach) -> datetime:
    return datetime.now(UTC).astimezone(ZoneInfo(reach.settings.business_zone))
