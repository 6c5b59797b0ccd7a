"""What operations staff do from a terminal: look at an order, let it go on, replay, retry, bind a product."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from commands.reach import operator, reached
from commands.screen import OUT, give, say, words
from hub.audit import record
from hub.cases import explain, open_list, resolve
from hub.catalogue.find import bind
from hub.database import row, run
from hub.errors import Conflict, NotFound
from hub.inbox import InboxState, discard, reopen
from hub.language import language
from hub.order.cancel import cancel
from hub.order.find import get_order
from hub.order.resume import release_holds
from hub.order.trace import trace
from hub.roles import Actor, Permission

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
        view = get_order(session, _order_id(session, number), operator())
    give(view.model_dump(mode="json") if as_json else view, as_json=as_json)


@order_app.command("trace", help=words("列出订单发生过的一切", "print everything that happened to an order"))
def trace_order(number: Number, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        order_id = _order_id(session, number)
        get_order(session, order_id, operator())
        happenings = trace(session, order_id)
    if as_json:
        give([one.model_dump(mode="json") for one in happenings], as_json=True)
        return
    heads = [
        words(*head) for head in (("时间", "time"), ("事项", "what"), ("谁", "who"), ("内容", "told"), ("说明", "why"))
    ]
    table = Table(*heads, title=f"{words('订单', 'order')} {order_id}", show_lines=False)
    for one in happenings:
        table.add_row(f"{one.at.astimezone():%H:%M:%S.%f}"[:-3], one.what, one.whom, one.told, one.why[:240])
    OUT.print(table)


@order_app.command("release", help=words("解除订单的等待并继续", "release an order's holds and let it go on"))
def release_order(
    number: Number,
    reason: Reason,
    division: Annotated[str, typer.Option(help=words("更正后的区划代码", "the corrected division code"))] = "",
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        plans = release_holds(session, _order_id(session, number), operator(), reason, _now(), division=division)
        unmet = sum(take.quantity for plan in plans for take in plan.unmet)
    say(f"已继续；仍缺 {unmet} 件", f"it goes on; {unmet} pieces still have no source")


@order_app.command("cancel", help=words("取消订单", "cancel an order"))
def cancel_order(number: Number, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        state = cancel(session, _order_id(session, number), operator().name, reason, _now())
    say(f"订单状态：{state}", f"the order is {state}")


@inbox_app.command("replay", help=words("修正后重新处理一条报文", "try a message again after its cause was mended"))
def replay(inbox_id: int, reason: Reason = "") -> None:
    actor = operator()
    actor.require(Permission.REPLAY)
    with reached() as reach, reach.database.transaction() as session:
        message = reopen(session, inbox_id, _now())
        if message.state not in {InboxState.PARKED, InboxState.REFUSED}:
            raise Conflict(f"message {inbox_id} is {message.state}: there is nothing to replay", code="inbox_state")
        _put_right(session, actor, "inbox.replay", f"inbox:{message.id}", reason)
    say("已重新排队，工作进程会处理", "it waits for the worker again")


@inbox_app.command("discard", help=words("作废一条已搁置的报文", "set a parked message aside for good"))
def discard_message(inbox_id: int, reason: Reason) -> None:
    actor = operator()
    actor.require(Permission.REPLAY)
    with reached() as reach, reach.database.transaction() as session:
        if not discard(session, inbox_id, _now()):
            raise Conflict(f"message {inbox_id} is not parked", code="inbox_state")
        _put_right(session, actor, "inbox.discard", f"inbox:{inbox_id}", reason)
    say("已作废", "set aside")


@step_app.command("retry", help=words("重试一个已停止的调用", "try a dead call again"))
def retry_step(step_id: int, reason: Reason) -> None:
    actor = operator()
    actor.require(Permission.REPLAY)
    with reached() as reach, reach.database.transaction() as session:
        changed = run(
            session,
            """update step set state = 'unknown', run_at = :at, attempts = 0, settled_at = null
               where id = :id and state = 'dead'""",
            at=_now(),
            id=step_id,
        )
        if not changed:
            raise Conflict(f"step {step_id} is not dead", code="step_state")
        _put_right(session, actor, "step.retry", f"step:{step_id}", reason)
    say("已重新排队", "it is due again")


@case_app.command("ls", help=words("列出未处理的异常单", "list open cases"))
def list_cases(*, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        cases = open_list(session)
    told = [
        {"id": one.id, "since": one.created_at, "times": one.times, "subject": one.subject, "message": one.message}
        | dict(zip(("what", "how"), explain(one.cause, one.subject, one.detail, language()), strict=True))
        for one in cases
    ]
    if as_json:
        give(told, as_json=True)
        return
    heads = [
        words(*head) for head in (("异常", "case"), ("对象", "subject"), ("原因", "cause"), ("处理办法", "what to do"))
    ]
    table = Table(*heads)
    for one in told:
        table.add_row(str(one["what"]), str(one["subject"]), str(one["message"]), str(one["how"]))
    OUT.print(table)


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


def _put_right(session: Session, actor: Actor, act: str, subject: str, reason: str) -> None:
    """Write what a person did about a subject into the audit log, and close its cases."""
    record(session, _now(), actor.name, act, subject, reason=reason)
    resolve(session, subject, _now(), actor.name, reason or "replayed")


def _order_id(session: Session, number: str) -> int:
    """Find an order by the hub's number, or by a shop's own in any shop.

    Raises: NotFound; Conflict when two shops use the same number.
    """
    if number.isascii() and number.isdigit() and len(number) == 16:  # noqa: PLR2004 # hub.ids
        return int(number)
    found = row(session, "select count(*) as n, min(order_id) as id from order_key where external_id = :n", n=number)
    if found is None or not found.n:
        raise NotFound(f"there is no order {number}", code="unknown_order")
    if found.n > 1:
        raise Conflict(f"{found.n} shops have an order {number}: use the hub's number", code="ambiguous_number")
    return found.id


def _now() -> datetime:
    return datetime.now(UTC)
