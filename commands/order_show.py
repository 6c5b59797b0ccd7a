"""An order as a person reads it at a terminal: its head, and a table for each list that is not empty."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from rich.table import Table

from commands.screen import OUT, add_row, give, words
from dashboards.words import state_of
from hub.language import language
from hub.order.view import OrderView, ParcelView
from hub.sourcing.words import amount


class Part(NamedTuple):
    """One list of an order: its title and heads in both languages, and its rows."""

    title: tuple[str, str]
    heads: tuple[tuple[str, str], ...]
    cells: Iterable[tuple[str, ...]]


def print_order(order: OrderView) -> None:
    """Print what an order is and how far it is; nothing personal but the county is in it."""
    total, goods, less, freight = (
        amount(fen, order.currency) for fen in (order.total, order.goods, order.discount, order.freight)
    )
    states = " · ".join(_say(axis, getattr(order, axis)) for axis in ("lifecycle", "payment", "fulfilment"))
    where = " ".join(name for name in (order.province, order.city, order.county) if name)
    head = words("订单", "order")
    give(f"{head} {order.id} · {order.shop} {order.external_id} · {states}", as_json=False)
    money = words(
        f"合计 {total}（商品 {goods}，优惠 {less}，运费 {freight}）",
        f"total {total} (goods {goods}, discount {less}, freight {freight})",
    )
    give(f"{words('下单', 'placed')} {_at(order.placed_at)} · {money} · {where}", as_json=False)
    if order.deposit is not None:
        give(_deposit(order, order.deposit), as_json=False)
    parts = (_lines(order), _fulfilments(order), _holds(order), _parcels(order), *_changes(order))
    for part in (*parts, _returns(order), _links(order)):
        _print(part)


def _deposit(order: OrderView, deposit: int) -> str:
    """Say how much the deposit was, and what is still to be paid by when."""
    said = f"{words('定金', 'deposit')} {amount(deposit, order.currency)}"
    if order.balance is not None:
        said = f"{said} · {words('尾款', 'balance')} {amount(order.balance, order.currency)}"
    if order.balance is not None and order.balance_due_at is not None:
        said = f"{said} · {words('截止', 'due')} {_at(order.balance_due_at)}"
    return said


def _print(part: Part) -> None:
    rows = list(part.cells)
    if not rows:
        return
    table = Table(*(words(*head) for head in part.heads), title=words(*part.title), title_justify="left")
    for row in rows:
        add_row(table, *row)
    OUT.print(table)


def _lines(order: OrderView) -> Part:
    heads = (
        *(("行", "line"), ("商品", "sku"), ("名称", "title"), ("件数", "pieces"), ("已占", "reserved")),
        *(
            ("已发", "shipped"),
            ("签收", "delivered"),
            ("退回", "returned"),
            ("取消", "cancelled"),
            ("金额", "amount"),
            ("优惠", "discount"),
        ),
    )
    cells = (
        (
            *(one.line_id, one.sku, one.title),
            *(str(n) for n in (one.ordered, one.allocated, one.shipped, one.delivered, one.returned, one.cancelled)),
            *(amount(fen, order.currency) for fen in (one.amount, one.discount)),
        )
        for one in order.lines
    )
    return Part(("商品行", "lines"), heads, cells)


def _fulfilments(order: OrderView) -> Part:
    heads = (
        *(("履约单", "number"), ("仓库", "location"), ("作业", "work"), ("协商", "agreed")),
        *(("快递", "courier"), ("预计到达", "promised on"), ("次数", "attempt")),
    )
    cells = (
        (
            *(one.code, one.location, _say("execution", one.execution), _say("negotiation", one.negotiation)),
            *(one.courier or "—", f"{one.promised_on or '—'}", str(one.attempt)),
        )
        for one in order.fulfilments
    )
    return Part(("履约单", "fulfilment orders"), heads, cells)


def _holds(order: OrderView) -> Part:
    heads = (("类型", "type"), ("规则", "rule"), ("挂起部分", "of"), ("起始", "since"))
    cells = (
        (_say("hold", one.type), one.rule, _held(one.line_no, one.fulfilment), _at(one.since)) for one in order.holds
    )
    return Part(("挂起", "holds"), heads, cells)


def _held(line_no: int | None, fulfilment: str | None) -> str:
    if line_no is not None:
        return f"{words('明细行', 'line')} {line_no}"
    return fulfilment or words("整单", "the order")


def _parcels(order: OrderView) -> Part:
    heads = (("快递", "courier"), ("运单号", "tracking number"), ("发出", "shipped"), ("物流", "status"))
    stopped = any(one.intercept for one in order.parcels)
    cells = (
        (
            *(one.courier, one.tracking_no, _at(one.shipped_at), _say("courier", one.status) if one.status else "—"),
            *((_stopped(one),) if stopped else ()),
        )
        for one in order.parcels
    )
    heads = (*heads, ("拦截", "stopping")) if stopped else heads
    return Part(("包裹", "parcels"), heads, cells)


def _stopped(parcel: ParcelView) -> str:
    """Say what came of stopping a parcel, with its courier's words or why it could not be asked."""
    if not parcel.intercept:
        return "—"
    said = _say("intercept", parcel.intercept)
    why = parcel.intercept_note or parcel.intercept_code
    return f"{said}: {why}" if why else said


def _changes(order: OrderView) -> Iterator[Part]:
    """Give what was wished of an order, and the money that moves for it."""
    heads = (("序号", "no"), ("内容", "kinds"), ("结果", "state"), ("说明", "note"), ("时间", "since"))
    told = (
        (
            *(str(one.no), ", ".join(_say("change_kind", kind) for kind in one.kinds), _say("change", one.state)),
            *(_say("change_note", one.note), _at(one.since)),
        )
        for one in order.changes
    )
    yield Part(("修改", "changes"), heads, told)
    heads = (("序号", "no"), ("金额", "amount"), ("冲抵", "set off"), ("状态", "state"), ("时间", "since"))
    for title, axis, found in ((("退款", "refunds"), "refund", order.refunds), (("补款", "dues"), "due", order.dues)):
        yield Part(
            title,
            heads,
            [
                (
                    *(str(one.no), amount(one.amount, order.currency), amount(one.set_off, order.currency)),
                    *(_say(axis, one.state), _at(one.since)),
                )
                for one in found
            ],
        )


def _returns(order: OrderView) -> Part:
    heads = (("序号", "no"), ("单号", "number"), ("类型", "kind"), ("状态", "state"), ("时间", "since"))
    cells = (
        (str(one.no), one.code, _say("return_kind", one.kind), _say("return", one.state), _at(one.since))
        for one in order.returns
    )
    return Part(("退货", "returns"), heads, cells)


def _links(order: OrderView) -> Part:
    heads = (("关系", "relation"), ("订单", "order"), ("店铺单号", "shop's number"), ("类型", "type"))
    relations = {"origin": ("来源", "follows from"), "follower": ("后续", "followed by")}
    named = any(one.return_code for one in order.links)
    cells = (
        (
            *(words(*relations[one.relation]), one.order, one.external_id, _say("order_type", one.type)),
            *((one.return_code or "—",) if named else ()),
        )
        for one in order.links
    )
    return Part(("关联订单", "linked orders"), (*heads, ("退货单", "return")) if named else heads, cells)


def _say(axis: str, value: str) -> str:
    return state_of(axis, value).words.say(language())


def _at(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
