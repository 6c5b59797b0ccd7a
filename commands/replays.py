"""Repair of many at a terminal: count what a filter matches, let a job work it off, and turn the job."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.errors import Malformed
from hub.replay_filter import ACTS, Act, Wanted, What, read_filter
from hub.replay_outlook import Outlook
from hub.replay_view import JobView, get_job, list_items, list_jobs
from hub.replays import TYPED_ABOVE, dry_run, pause_job, resume_job, set_rate, start_job, stop_job
from hub.roles import Actor

replay_app = typer.Typer(help=words("批量修复调用或报文", "repair many calls or messages"), invoke_without_command=True)

SHOWN: Final = 100
COUNTS: Final[Mapping[str, tuple[str, str]]] = {
    "eligible": ("可处理", "to be acted on"),
    "again": ("其中已完成、将再次调用", "of these completed, and called once more"),
    "wrong_state": ("状态不符", "in another state"),
    "done": ("已完成或已取消", "ended already"),
    "not_repeatable": ("再次调用会造成重复", "a second call would do harm"),
    "holds_stock": ("占用库存，不能跳过", "hold stock"),
    "in_doubt": ("可能已执行", "may have been executed"),
    "duplicate": ("重复或已在其他任务中", "named twice, or in another job"),
}

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Reason = Annotated[str, typer.Option(help=words("原因，写入审计日志", "why; goes to the audit log"))]
JobId = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help=words("任务编号", "the job's number"))]
Sought = Annotated[
    str,
    typer.Option(
        "--filter",
        help=words(
            "条件：connection=sap,error=http_500,since=2h；多值用 |", "connection=sap,error=http_500,since=2h; a|b"
        ),
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help=words("已完成的也再调用（仅限无害的流程）", "also what has completed"))
]
Although = Annotated[
    bool,
    typer.Option(
        "--although-it-may-have-been-executed", help=words("也跳过可能已执行的", "also skip what may be executed")
    ),
]
PerSecond = Annotated[float, typer.Argument(help=words("每秒件数", "things a second"))]


@replay_app.callback()
def replay(
    context: typer.Context,
    sought: Sought = "",
    what: Annotated[What, typer.Option(help=words("调用或报文", "calls or messages"))] = What.STEP,
    act: Annotated[Act | None, typer.Option(help=words("动作", "what to do with each"))] = None,
    reason: Reason = "",
    rate: Annotated[float, typer.Option(help=words("每秒件数", "things a second"))] = 5,
    confirm: Annotated[int | None, typer.Option(help=words("件数，超过 500 时必填", "their number; above 500"))] = None,
    *,
    only_count: Annotated[bool, typer.Option("--dry-run", help=words("只统计，不改动", "count only"))] = False,
    again: Again = False,
    although: Although = False,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    if not sought.strip(" ,"):
        told = (
            "say which: --filter connection=sap,error=http_500, with --dry-run first; or ls, show, pause, resume, stop"
        )
        raise Malformed(told, code="replay_filter")
    now = datetime.now(UTC)
    wanted = Wanted(
        what=what,
        act=act or ACTS[what][0],
        filter=read_filter(sought, now),
        again=again,
        although_it_may_have_been_executed=although,
    )
    if only_count:
        with reached() as reach, reach.database.transaction() as session:
            outlook = dry_run(session, operator(), wanted, now)
        _print_outlook(outlook, as_json=as_json)
        return
    with reached() as reach, reach.database.transaction() as session:
        job_id = start_job(session, operator(), wanted, now, reason=reason, rate_per_s=rate, confirm=confirm)
        job = get_job(session, operator(), job_id)
    give(job.model_dump(mode="json") if as_json else str(job_id), as_json=as_json)
    say(f"任务 {job_id} 已开始，共 {job.total} 件", f"job {job_id} has begun, with {job.total} things")


@replay_app.command("ls", help=words("列出修复任务", "list jobs"))
def ls(*, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        jobs = list_jobs(session, operator(), limit=SHOWN).jobs
    if as_json:
        give([one.model_dump(mode="json") for one in jobs], as_json=True)
        return
    table = _table_of_jobs()
    for one in jobs:
        _add_row(table, one)
    OUT.print(table)


@replay_app.command("show", help=words("查看任务的进度与明细", "show a job, how far it is and what became of each"))
def show(
    job: JobId,
    after: Annotated[int, typer.Option(min=0, help=words("从第几件之后开始", "begin behind this place"))] = 0,
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = get_job(session, operator(), job)
        page = list_items(session, operator(), job, after=after, limit=SHOWN)
    if as_json:
        give({**found.model_dump(mode="json"), **page.model_dump(mode="json")}, as_json=True)
        return
    table = _table_of_jobs()
    _add_row(table, found)
    OUT.print(table)
    heads = (("序号", "place"), ("编号", "no"), ("结果", "became"), ("说明", "why"), ("现状", "is now"))
    things = Table(*(words(*head) for head in heads))
    for one in page.items:
        add_row(things, str(one.place), str(one.thing_id), one.state, one.outcome, one.now)
    OUT.print(things)
    if page.next is not None:
        say(f"还有更多：--after {page.next}", f"there are more: --after {page.next}")


@replay_app.command("pause", help=words("暂停任务", "let a job rest"))
def pause(job: JobId, reason: Reason) -> None:
    _turn(pause_job, job, reason)


@replay_app.command("resume", help=words("继续任务", "let a paused job go on"))
def resume(job: JobId, reason: Reason) -> None:
    _turn(resume_job, job, reason)


@replay_app.command("stop", help=words("终止任务，未处理的保持原样", "end a job; what is left stays as it is"))
def stop(job: JobId, reason: Reason) -> None:
    _turn(stop_job, job, reason)


@replay_app.command("rate", help=words("调整任务的速率", "let a job go on faster or slower"))
def rate(job: JobId, per_second: PerSecond) -> None:
    with reached() as reach, reach.database.transaction() as session:
        set_rate(session, operator(), job, per_second, datetime.now(UTC))
    say(f"任务 {job}：每秒 {per_second:g} 件", f"job {job}: {per_second:g} a second")


def _turn(act: Callable[[Session, Actor, int, str, datetime], None], job: int, reason: str) -> None:
    with reached() as reach, reach.database.transaction() as session:
        act(session, operator(), job, reason, datetime.now(UTC))
        state = get_job(session, operator(), job).state
    say(f"任务 {job}：{state}", f"job {job} is {state}")


def _print_outlook(outlook: Outlook, *, as_json: bool) -> None:
    if as_json:
        give(outlook.model_dump(mode="json"), as_json=True)
        return
    counts = Table(words("统计", "counted"), words("件数", "how many"))
    for name, head in COUNTS.items():
        if name == "eligible" or getattr(outlook, name):
            counts.add_row(words(*head), str(getattr(outlook, name)))
    OUT.print(counts)
    heads = (("编号", "no"), ("流程或类型", "flow or kind"), ("连接", "connection"), ("状态", "state"), ("判定", "is"))
    sample = Table(*(words(*head) for head in heads))
    for one in outlook.sample:
        add_row(sample, str(one.id), one.what, one.connection, one.state, words(*COUNTS[one.lot]))
    OUT.print(sample)
    if outlook.more:
        say("匹配过多，请缩小范围", "too many match: narrow the filter")
    elif outlook.eligible:
        number = f" --confirm {outlook.eligible}" if outlook.eligible > TYPED_ABOVE else ""
        say(f"执行：去掉 --dry-run，加 --reason …{number}", f"to do it: without --dry-run, with --reason …{number}")


def _table_of_jobs() -> Table:
    heads = (
        *(("任务", "job"), ("对象", "what"), ("动作", "act"), ("状态", "state"), ("共", "all"), ("等待", "waiting")),
        *(("完成", "done"), ("略过", "left"), ("失败", "failed"), ("每秒", "a second"), ("谁", "who"), ("原因", "why")),
    )
    return Table(*(words(*head) for head in heads))


def _add_row(table: Table, one: JobView) -> None:
    counts = (one.total, one.waiting, one.done, one.left_out, one.failed)
    told = (str(one.id), one.what, one.act, one.state, *(str(n) for n in counts), f"{one.rate_per_s:g}")
    add_row(table, *told, one.actor, one.reason)
