"""Runs at a terminal: list outbound calls, show one with its attempts or its lane, skip or cancel one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.errors import NotFound
from hub.order.reveal import known_values
from hub.repair import cancel_step
from hub.replay_filter import moment_of, order_ids_of
from hub.replay_steps import skip_step
from hub.runs import AttemptView, RunView, Wanted, attempts_of, get_run, lane_of, list_runs
from hub.steps import StepState

runs_app = typer.Typer(help=words("对外调用的运行记录", "outbound calls, live and finished"), no_args_is_help=True)

TOLD: Final = 120
"""Characters of an error in a table."""

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Reason = Annotated[str, typer.Option(help=words("原因，写入审计日志", "why; goes to the audit log"))]
RunId = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help=words("调用编号", "the call's number"))]


@runs_app.command("ls", help=words("列出调用，最新的在前", "list calls, the newest first"))
def ls(
    state: Annotated[StepState | None, typer.Option(help=words("状态", "its state"))] = None,
    flow: Annotated[str, typer.Option(help=words("流程", "its flow"))] = "",
    connection: Annotated[str, typer.Option(help=words("连接", "its connection"))] = "",
    order: Annotated[str, typer.Option(help=words("订单号（中台或店铺单号）", "the hub's number, or the shop's"))] = "",
    since: Annotated[str, typer.Option(help=words("起始时间，如 2h、3d 或 ISO", "since 2h, 3d or an ISO time"))] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help=words("最多几条", "how many at most"))] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        orders = order_ids_of(session, [order]) if order else None
        if orders == []:
            raise NotFound(f"there is no order {order}", code="unknown_order")
        wanted = Wanted(
            state=state or "",
            flow=flow,
            connection=connection,
            order_ids=orders,
            since=moment_of(since, now) if since else None,
        )
        page = list_runs(session, operator(), wanted, at=now, before=None, limit=limit)
    _print_runs(page.runs, as_json=as_json)
    if page.next is not None:
        say("还有更多：加大 --limit 或缩小范围", "there are more: raise --limit or narrow it")


@runs_app.command("show", help=words("查看一次调用及其每次尝试（已脱敏）", "show a call and its attempts, masked"))
def show(run_id: RunId, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        run = get_run(session, operator(), run_id)
        attempts = attempts_of(session, run, known_values(session, run.order_id))
    if as_json:
        told = [one.model_dump(mode="json") for one in attempts]
        give({**run.model_dump(mode="json"), "attempts": told}, as_json=True)
        return
    _print_runs([run], as_json=False)
    for one in attempts:
        _print_attempt(one)


@runs_app.command("lane", help=words("列出该调用所在顺序道的全部调用", "list the whole lane of a call"))
def lane(run_id: RunId, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        _print_runs(lane_of(session, operator(), run_id), as_json=as_json)


@runs_app.command("skip", help=words("放弃一个已停止的调用，让其顺序道继续", "give a dead call up; its lane goes on"))
def skip(
    run_id: RunId,
    reason: Reason,
    *,
    although: Annotated[
        bool,
        typer.Option(
            "--although-it-may-have-been-executed",
            help=words("即使对方可能已执行", "even if the partner may have executed it"),
        ),
    ] = False,
) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        skip_step(session, operator(), run_id, reason, now, although_it_may_have_been_executed=although)
    say("已跳过，顺序道继续", "skipped; its lane goes on")


@runs_app.command("cancel", help=words("取消一个确定未执行的调用", "take away a call that was never executed"))
def cancel(run_id: RunId, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        cancel_step(session, operator(), run_id, reason, datetime.now(UTC))
    say("已取消", "cancelled")


def _print_runs(found: Sequence[RunView], *, as_json: bool) -> None:
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    if not found:
        say("没有符合条件的调用", "no call matches")
        return
    heads = (
        *(("编号", "no"), ("流程", "flow"), ("连接", "connection"), ("状态", "state"), ("订单", "order")),
        *(("次数", "tries"), ("创建", "made"), ("错误", "error")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found:
        doubt = words("（可能已执行）", " (may have been executed)") if one.doubt else ""
        error = f"{one.error_code or ''} {one.last_error}".strip()[:TOLD]
        made = f"{one.created_at.astimezone():%m-%d %H:%M:%S}"
        order = one.external_id or str(one.order_id or "")
        row = (str(one.id), one.flow, one.connection, one.state + doubt, order, str(one.attempts), made, error)
        add_row(table, *row)
    OUT.print(table)


def _print_attempt(one: AttemptView) -> None:
    head = f"#{one.token} {one.started_at.astimezone():%Y-%m-%d %H:%M:%S %z} {one.took_s:.3f} s {one.outcome}"
    OUT.print(f"{head} {one.error_code} {one.error}".rstrip(), markup=False, soft_wrap=True)
    if one.unreadable:
        OUT.print(f"  {one.unreadable}", markup=False, soft_wrap=True)
    for said in one.exchanges:
        OUT.print(f"  → {said.request}\n{said.request_body}", markup=False, soft_wrap=True)
        answer = said.error if said.status is None else f"{said.status}\n{said.answer_body}"
        OUT.print(f"  ← {answer}", markup=False, soft_wrap=True)
