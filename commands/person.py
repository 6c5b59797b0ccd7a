"""Who may sign in to the console: let people in, list them, give another password, shut them out."""

import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.people import add_person, list_people, set_password, shut_out
from hub.roles import Role
from hub.visits import end_visits

person_app = typer.Typer(help=words("运营台用户", "who may sign in to the console"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Name = Annotated[str, typer.Argument(help=words("登录名", "the name to sign in with"))]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help=words("从标准输入读取密码", "read the password from standard input"))
]


@person_app.command("add", help=words("新增用户，密码只显示一次", "let a person in; the password is printed once"))
def add(
    name: Name,
    role: Annotated[list[Role], typer.Option(help=words("角色，可重复", "a role; may be repeated"))],
    display: Annotated[str, typer.Option(help=words("显示名", "the name others see"))] = "",
    brand: Annotated[list[str] | None, typer.Option(help=words("限于品牌，可重复", "only this brand; repeat"))] = None,
    shop: Annotated[list[str] | None, typer.Option(help=words("限于店铺，可重复", "only this shop; repeat"))] = None,
    *,
    password_stdin: FromStdin = False,
) -> None:
    password = _password(stdin=password_stdin)
    with reached() as reach, reach.database.transaction() as session:
        add_person(
            session,
            name=name,
            password=password,
            roles=role,
            at=datetime.now(UTC),
            display=display,
            brands=brand or (),
            shops=shop or (),
            by=operator().name,
        )
    _tell(name, password, stdin=password_stdin)


@person_app.command("ls", help=words("列出用户", "list people"))
def ls(*, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        people = list_people(session)
    if as_json:
        give([one.model_dump(mode="json") for one in people], as_json=True)
        return
    heads = (("登录名", "name"), ("显示名", "display"), ("角色", "roles"), ("品牌", "brands"), ("店铺", "shops"))
    table = Table(*(words(*head) for head in heads), words("状态", "state"))
    for one in people:
        state = words("可登录", "may sign in") if one.active else words("已停用", "shut out")
        add_row(table, one.name, one.display, *(" ".join(part) for part in (one.roles, one.brands, one.shops)), state)
    OUT.print(table)


@person_app.command("password", help=words("重设密码并结束其全部会话", "give another password; ends every visit"))
def password(name: Name, *, password_stdin: FromStdin = False) -> None:
    chosen, now = _password(stdin=password_stdin), datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        set_password(session, name, chosen, operator().name, now)
        end_visits(session, name, now)
    _tell(name, chosen, stdin=password_stdin)


@person_app.command("revoke", help=words("停用用户并结束其全部会话", "shut a person out at once"))
def revoke(name: Name) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        shut_out(session, name, operator().name, now)
        ended = end_visits(session, name, now)
    say(f"已停用，结束会话 {ended} 个", f"shut out; {ended} visits ended")


def _password(*, stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if stdin else secrets.token_urlsafe(18)


def _tell(name: str, chosen: str, *, stdin: bool) -> None:
    """Print a password that was made here, this once; one that was read is known already."""
    say(f"{name} 可以登录运营台", f"{name} may sign in to the console")
    if not stdin:
        give(chosen, as_json=False)
