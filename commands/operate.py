"""What operations staff do from a terminal: look at an order, let it go on, replay, retry, bind a product."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from msgspec import to_builtins
from rich.table import Table
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from commands.happening_words import KINDS
from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.audit import record
from hub.cases import assign, explain, open_list, resolve_by_hand
from hub.catalogue.describe import describe
from hub.catalogue.find import bind
from hub.catalogue.model import Storage
from hub.causes.reasons import line_of
from hub.database import row
from hub.errors import Conflict, NotFound
from hub.language import language
from hub.order.find import get_order
from hub.order.holds.resume import release_holds, release_part
from hub.order.trace.timeline import trace
from hub.repair import discard_message, replay_message, retry_step
from hub.worklist import NOBODY, get_case

order_app = typer.Typer(help=words("查看与处理订单", "look at orders and let them go on"), no_args_is_help=True)
inbox_app = typer.Typer(help=words("收件箱", "the inbox"), no_args_is_help=True)
step_app = typer.Typer(help=words("对外调用", "outbound calls"), no_args_is_help=True)
case_app = typer.Typer(help=words("异常单", "cases"), no_args_is_help=True)
sku_app = typer.Typer(help=words("商品", "products"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Reason = Annotated[str, typer.Option(help=words("原因，写入审计日志", "why; goes to the audit log"))]
Number = Annotated[str, typer.Argument(help=words("订单号（中台或店铺单号）", "the hub's number, or the shop's own"))]


@order_app.command("show", help=words("查看一个订单", "show an order"))
def show_order(number: Number, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        view = get_order(session, order_id_of(session, number), operator())
    if as_json:
        give(view.model_dump(mode="json"), as_json=True)
        return
    from commands.order_show import print_order  # noqa: PLC0415 # the console's words are loaded where they are told

    print_order(view)


@order_app.command("trace", help=words("列出订单发生过的一切", "print everything that happened to an order"))
def trace_order(number: Number, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        order_id = order_id_of(session, number)
        get_order(session, order_id, operator())
        happenings = trace(session, order_id)
    if as_json:
        give([one.model_dump(mode="json") for one in happenings], as_json=True)
        return
    heads = [
        words(*head) for head in (("时间", "time"), ("事项", "what"), ("谁", "who"), ("内容", "told"), ("说明", "why"))
    ]
    traces = sorted({str(one.detail["trace"]) for one in happenings if one.detail.get("trace")})
    caption = f"{words('链路', 'traces')}: {', '.join(traces)}" if traces else None
    table = Table(*heads, title=f"{words('订单', 'order')} {order_id}", caption=caption, show_lines=False)
    for one in happenings:
        what = words(*KINDS[one.what])
        add_row(table, f"{one.at.astimezone():%m-%d %H:%M:%S.%f}"[:-3], what, one.whom, one.told, one.why[:240])
    OUT.print(table)


@order_app.command("release", help=words("解除订单的等待并继续", "release an order's holds and let it go on"))
def release_order(
    number: Number,
    reason: Reason,
    division: Annotated[str, typer.Option(help=words("更正后的区划代码", "the corrected division code"))] = "",
    hold: Annotated[
        int | None, typer.Option(help=words("只解除这一个明细或发货单的挂起", "this hold of a line or delivery alone"))
    ] = None,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        at, order_id = _now().astimezone(ZoneInfo(reach.settings.business_zone)), order_id_of(session, number)
        if hold is None:
            plans = release_holds(session, order_id, operator(), reason, at, division=division)
        else:
            plans = release_part(session, order_id, hold, operator(), reason, at)
        unmet = sum(take.quantity for plan in plans for take in plan.unmet)
    say(f"已继续；仍缺 {unmet} 件", f"it goes on; {unmet} pieces still have no source")


@inbox_app.command("replay", help=words("修正后重新处理一条报文", "try a message again after its cause was mended"))
def replay(inbox_id: int, reason: Reason = "") -> None:
    with reached() as reach, reach.database.transaction() as session:
        replay_message(session, operator(), inbox_id, reason, _now())
    say("已重新排队，工作进程会处理", "it waits for the worker again")


@inbox_app.command("discard", help=words("作废一条已搁置的报文", "set a parked message aside for good"))
def discard(inbox_id: int, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        discard_message(session, operator(), inbox_id, reason, _now())
    say("已作废", "set aside")


@step_app.command("retry", help=words("重试一个已停止的调用", "try a dead call again"))
def retry(step_id: int, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        retry_step(session, operator(), step_id, reason, _now())
    say("已重新排队", "it is due again")


@case_app.command("ls", help=words("列出未处理的异常单", "list open cases"))
def list_cases(*, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        cases = open_list(session)
    told = [_tell(one) for one in cases]
    if as_json:
        give(told, as_json=True)
        return
    heads = [
        words(*head)
        for head in (
            *(("编号", "no"), ("异常", "case"), ("对象", "subject")),
            *(("负责人", "whose"), ("原因", "cause"), ("处理办法", "what to do")),
        )
    ]
    table = Table(*heads)
    for case, one in zip(cases, told, strict=True):
        said = one | {"message": line_of(case.cause, case.message, language())}
        add_row(table, *(str(said[key]) for key in ("id", "what", "subject", "assignee", "message", "how")))
    OUT.print(table)


@case_app.command("assign", help=words("把异常单交给某人", "give a case to somebody"))
def assign_case(
    case_id: int, person: Annotated[str, typer.Argument(help=words("登录名；- 表示无人", "their name; - for nobody"))]
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        get_case(session, operator(), case_id)
        assign(session, operator(), [case_id], "" if person == NOBODY else person, _now())
    say("已分派", "assigned")


@case_app.command("resolve", help=words("关闭只能人工了结的异常单", "close a case that only a person can end"))
def resolve_case(case_id: int, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        resolve_by_hand(session, operator(), case_id, reason, _now())
    say("已关闭", "closed")


@sku_app.command("bind", help=words("把渠道商品对应到 SKU", "bind a channel's product to a SKU"))
def bind_sku(
    connection: Annotated[str, typer.Argument(help=words("连接（店铺）", "the shop's connection"))],
    channel_sku: str,
    sku: str,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = reach.settings.connections.get(connection)
        if found is None:
            raise NotFound(f"there is no connection {connection}", code="unknown_connection")
        bind(session, found.brand, found.shop, channel_sku, sku, _now())
        record(session, _now(), operator().name, "sku.bind", f"sku:{sku}", shop=found.shop, channel_sku=channel_sku)
    say("已对应", "bound")


@sku_app.command("describe", help=words("查看或修改商品的运输属性", "how a product travels: see it or change it"))
def describe_sku(
    sku: str,
    storage: Annotated[Storage | None, typer.Option(help=words("温层；none 为虚拟", "none: virtual"))] = None,
    hazard: Annotated[str | None, typer.Option(help=words("危险品类别，如 9", "class of danger, like 9"))] = None,
    cm3: Annotated[int | None, typer.Option(help=words("单件体积（立方厘米）", "volume of one piece"))] = None,
    supplier: Annotated[str | None, typer.Option(help=words("代发供应商", "who sends it himself"))] = None,
    available_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=words("最早可发日期", "the first day it can be sent"))
    ] = None,
    *,
    oversize: Annotated[bool | None, typer.Option(help=words("超大件", "needs another service"))] = None,
    bonded: Annotated[bool | None, typer.Option(help=words("保税", "under customs bond"))] = None,
    as_json: AsJson = False,
) -> None:
    named = {"hazard": hazard, "cm3": cm3, "supplier": supplier, "oversize": oversize, "bonded": bonded}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if available_from is not None:
        changes["available_from"] = available_from.date()
    with reached() as reach, reach.database.transaction() as session:
        travels, traits = describe(session, operator(), sku, _now(), storage=storage, **changes)
    told = {"sku": sku, "storage": travels, **to_builtins(traits)}
    give(told if as_json else ", ".join(f"{name} {value}" for name, value in told.items()), as_json=as_json)


def _tell(case: Row[Any]) -> dict[str, Any]:
    what, how = explain(case.cause, case.subject, case.detail | {"case": case.id}, language())
    return {
        "id": case.id,
        "since": case.created_at,
        "times": case.times,
        "subject": case.subject,
        "assignee": case.assignee,
        "message": case.message,
        "what": what,
        "how": how,
    }


def order_id_of(session: Session, number: str) -> int:
    """Find an order by the hub's number, or by a shop's own in any shop.

    Raises: NotFound; Conflict when two shops use the same number.
    """
    if number.isascii() and number.isdigit() and len(number) == 16:  # noqa: PLR2004 # hub.ids
        return int(number)
    found = row(
        session,
        "select count(*) as n, min(order_id) as id from order_key where external_id = :n and payload_hash <> ''",
        n=number,
    )
    if found is None or not found.n:
        raise NotFound(f"there is no order {number}", code="unknown_order")
    if found.n > 1:
        raise Conflict(f"{found.n} shops have an order {number}: use the hub's number", code="ambiguous_number")
    return found.id


def _now() -> datetime:
    return datetime.now(UTC)
