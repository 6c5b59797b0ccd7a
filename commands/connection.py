"""Connections at a terminal: how each fares, pausing one and letting it go on, testing it, and giving it a token."""

import sys
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.prompt import Prompt
from rich.table import Table
from rich.text import Text

from commands.reach import Reach, operator, reached
from commands.screen import ERROR, OUT, add_row, give, say, words
from hub.access import Token
from hub.errors import Malformed, NotFound, TryLater
from hub.health import PollView, healths, polls_of
from hub.polls import PROBE
from hub.settings import Connection
from hub.tending import ask_for_probe, give_token, pause_for, resume_for

WAIT_S: Final = 30.0
"""How long a test waits for a worker to have made the call."""

STATES: Final = {
    "working": ("正常", "working"),
    "failing": ("失败中", "failing"),
    "lagging": ("积压", "lagging"),
    "token_ends": ("令牌将过期", "token ends soon"),
    "paused": ("已暂停", "paused"),
    "silent": ("尚无调用", "no call yet"),
}

connection_app = typer.Typer(help=words("连接", "connections"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Name = Annotated[str, typer.Argument(help=words("连接名", "the connection's name"))]
Reason = Annotated[str, typer.Option(help=words("原因，写入审计日志", "why; goes to the audit log"))]


@connection_app.command("ls", help=words("列出连接及其状态", "list connections and how they fare"))
def list_connections(*, as_json: AsJson = False) -> None:
    now = _now()
    with reached() as reach, reach.database.transaction() as session:
        found = healths(session, list(reach.settings.connections), now)
        kinds = {name: one.kind for name, one in reach.settings.connections.items()}
    if as_json:
        told = [
            {"kind": kinds[one.connection], "state": one.state(now), **one.model_dump(mode="json")} for one in found
        ]
        give(told, as_json=True)
        return
    heads = (("连接", "connection"), ("类型", "kind"), ("状态", "state"), ("待发送", "waiting"), ("已停止", "dead"))
    table = Table(*(words(*head) for head in (*heads, ("最近一次错误", "last error"))))
    for one in found:
        state = words(*STATES[one.state(now)])
        error = one.reason or one.error
        add_row(table, one.connection, kinds[one.connection], state, str(one.open), str(one.dead), error)
    OUT.print(table)


@connection_app.command("pause", help=words("暂停一个连接", "let nothing of a connection be sent or asked for"))
def pause_connection(name: Name, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        pause_for(session, operator(), name, _settings_of(reach, name), reason, _now())
    say("已暂停", "paused")


@connection_app.command("resume", help=words("恢复一个连接", "let a paused connection go on"))
def resume_connection(name: Name, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        resume_for(session, operator(), name, _settings_of(reach, name), reason, _now())
    say("已恢复", "it goes on")


@connection_app.command("test", help=words("让工作进程做一次无害的调用", "have the worker make a harmless call"))
def run_test(
    name: Name, wait_s: Annotated[float, typer.Option("--wait", help=words("最多等待秒数", "seconds at most"))] = WAIT_S
) -> None:
    asked_at, until = _now(), monotonic() + wait_s
    with reached() as reach:
        with reach.database.transaction() as session:
            ask_for_probe(session, operator(), name, _settings_of(reach, name), asked_at)
        while (answer := _probe(reach, name)) is None or not _is_over(answer, asked_at):
            if monotonic() > until:
                raise TryLater(f"no worker has tested {name} within {wait_s:g} s: is one running?", code="no_worker")
            sleep(0.2)
    if answer.last_error:
        ERROR.print(f"[red]{words('失败', 'failed')}[/]", Text(answer.last_error), soft_wrap=True)
        raise typer.Exit(1)
    say("连通", "it works")


@connection_app.command("token", help=words("设置连接的令牌（标准输入 JSON）", "give a connection its token (JSON)"))
def set_token(name: Name) -> None:
    shape = '{"access": …, "refresh": …, "expires_at": …}'
    token = _read_token(Prompt.ask(shape, password=True) if sys.stdin.isatty() else sys.stdin.read())
    with reached() as reach, reach.database.transaction() as session:
        give_token(session, operator(), name, _settings_of(reach, name), token, _now())
    say("令牌已保存", "the token is kept")


def _settings_of(reach: Reach, name: str) -> Connection:
    found = reach.settings.connections.get(name)
    if found is None:
        raise NotFound(f"there is no connection {name}", code="unknown_connection")
    return found


def _probe(reach: Reach, name: str) -> PollView | None:
    with reach.database.transaction() as session:
        return next((poll for poll in polls_of(session, [name]) if poll.name == PROBE), None)


def _is_over(probe: PollView, asked_at: datetime) -> bool:
    """Say whether the poll has been taken on and finished since: only then is it planned for later."""
    return probe.run_at > asked_at and probe.lease_until is None


def _read_token(text: str) -> Token:
    """Read a token; what is wrong is named by its field, for the values are secret."""
    try:
        return Token.model_validate_json(text)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or one["type"] for one in error.errors()) or "token"
    raise Malformed(f"this is no token: {fields}", code="token_malformed", field=fields)


def _now() -> datetime:
    return datetime.now(UTC)
