"""`oms`: every command there is."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.text import Text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from commands import bring, connection, operate, returns
from commands.bench import bench_app
from commands.chaos import chaos_app
from commands.gift import gift_app
from commands.merge import merge_app
from commands.mode import Mode
from commands.person import person_app
from commands.refusal import database_fault, refusal
from commands.replays import replay_app
from commands.review import review_app
from commands.route import route_app
from commands.runs import runs_app
from commands.screen import ERROR, give, say, words
from commands.stock_lot import stock_app
from hub.errors import HubError, Malformed
from hub.language import language

app = typer.Typer(
    help=words("OMS 订单中台", "OMS, the order middle platform"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
db_app = typer.Typer(help=words("数据库", "the database"), no_args_is_help=True)
keys_app = typer.Typer(help=words("密钥", "keys"), no_args_is_help=True)
for name, part in {
    "order": returns.order_app,
    "inbox": operate.inbox_app,
    "step": operate.step_app,
    "runs": runs_app,
    "replay": replay_app,
    "route": route_app,
    "review": review_app,
    "case": operate.case_app,
    "sku": bring.sku_app,
    "location": bring.location_app,
    "gift": gift_app,
    "stock": stock_app,
    "merge": merge_app,
    "connection": connection.connection_app,
    "person": person_app,
    "chaos": chaos_app,
    "bench": bench_app,
    "db": db_app,
    "keys": keys_app,
}.items():
    app.add_typer(part, name=name)

AsJson = operate.AsJson


@app.command("demo", help=words("在本机真实运行整个中台与沙箱伙伴", "run the hub and its sandbox partners for real"))
def demo(
    *,
    check: Annotated[
        bool, typer.Option("--check", help=words("无人值守地自检", "check itself, without a person"))
    ] = False,
    orders: Annotated[int, typer.Option(min=1, max=100_000, help=words("订单数", "how many orders"))] = 300,
    as_json: AsJson = False,
    kill_worker: Annotated[
        bool, typer.Option("--kill-worker", help=words("期间随机强杀工作进程", "kill the worker at random meanwhile"))
    ] = False,
    sap_trouble: Annotated[
        bool, typer.Option("--sap-trouble", help=words("期间让 SAP 轮流出错", "have SAP fail in every way meanwhile"))
    ] = False,
    sap_down: Annotated[
        bool, typer.Option("--sap-down", help=words("SAP 最后才恢复", "have SAP away until all else is done"))
    ] = False,
) -> None:
    from commands.assets import ensure_assets  # noqa: PLC0415 # each command imports what it needs
    from commands.demo import run_show  # noqa: PLC0415 # needs the demo's own packages
    from commands.trial import Trial, run_check  # noqa: PLC0415 # the same

    ensure_assets()
    trial = Trial(kill_worker=kill_worker, sap_trouble=sap_trouble, sap_down=sap_down)
    raise typer.Exit(run_check(orders, trial, as_json=as_json) if check else run_show(orders))


@app.command("api", help=words("启动接口服务", "serve the API"))
def api() -> None:
    from commands.serve import serve_api  # noqa: PLC0415 # each process imports what it runs

    serve_api()


@app.command("console", help=words("启动运营台", "serve the operations console"))
def console() -> None:
    from commands.serve import serve_console  # noqa: PLC0415 # as above

    serve_console()


@app.command("worker", help=words("启动工作进程", "run the worker"))
def worker(*, mode: Annotated[Mode, typer.Option(help=words("执行方式", "how steps are run"))] = Mode.EMBEDDED) -> None:
    from commands.serve import serve_worker  # noqa: PLC0415 # as above

    serve_worker(mode)


@app.command("pool", hidden=True, help=words("工作进程的子进程池", "the pool of a worker that runs by Celery"))
def pool() -> None:
    from commands.pool import serve_pool  # noqa: PLC0415 # as above

    serve_pool()


@app.command("scheduler", help=words("启动定时任务进程", "run the scheduler"))
def scheduler() -> None:
    from commands.serve import serve_scheduler  # noqa: PLC0415 # as above

    serve_scheduler()


@app.command(
    "test",
    help=words("运行全部测试", "run all tests"),
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def run_the_tests(
    context: typer.Context,
    *,
    full: Annotated[bool, typer.Option("--full", help=words("使用大规模次数", "with the large counts"))] = False,
    quick: Annotated[bool, typer.Option("--quick", help=words("使用小规模次数", "with small counts"))] = False,
) -> None:
    from commands.testing import run_tests  # noqa: PLC0415 # as above

    raise typer.Exit(run_tests(context.args, full=full, quick=quick))


@app.command(
    "check", help=words("静态检查：格式、类型、依赖方向、表结构、密钥", "lint, types, imports, schema, secrets")
)
def check(names: Annotated[list[str] | None, typer.Argument(help=words("只做这些", "only these"))] = None) -> None:
    from commands.check import check as run_checks  # noqa: PLC0415 # as above

    raise typer.Exit(run_checks(names or ()))


@app.command("assets", help=words("安装网页资源", "install what the web pages are made with"))
def assets() -> None:
    from commands.assets import ensure_assets  # noqa: PLC0415 # as above

    ensure_assets()


@app.command("lock", help=words("重新锁定依赖版本", "lock the dependencies anew"))
def lock() -> None:
    from commands.lock import lock as relock  # noqa: PLC0415 # as above

    raise typer.Exit(relock())


@app.command("doctor", help=words("检查环境并给出修复办法", "say what is wrong with a set-up and how to mend it"))
def doctor(*, as_json: AsJson = False) -> None:
    from commands.doctor import report  # noqa: PLC0415 # as above

    raise typer.Exit(report(as_json=as_json))


@app.command("sign", help=words("为 curl 生成签名请求头", "sign a call, as options for curl"))
def sign(
    method: str,
    target: Annotated[str, typer.Argument(help=words("路径与查询串", "path and query"))],
    client: Annotated[str, typer.Option(help=words("客户端（连接名）", "the client: a connection"))] = "mall-pc",
    body: Annotated[Path | None, typer.Option(help=words("请求体文件", "file with the body"))] = None,
    *,
    example: Annotated[
        bool, typer.Option("--example", help=words("写出一份可下的示例订单", "write an example order and sign it"))
    ] = False,
) -> None:
    from commands.reach import configured, reached  # noqa: PLC0415 # as above
    from commands.sign import EXAMPLE_FILE, example_order, headers_for  # noqa: PLC0415 # as above

    content = body.read_bytes() if body else b""
    if example:
        with reached() as reach:
            content = example_order(reach.database)
        EXAMPLE_FILE.write_bytes(content)
    headers = headers_for(configured(), client, method, target, content)
    # No spaces, so that the shell's $( … ) hands each word on as it is.
    print(" ".join(f"-H {key}:{value}" for key, value in headers.items()))  # noqa: T201 # what the command is for


@db_app.command("upgrade", help=words("升级表结构并建好分区", "bring the schema up to date and make partitions"))
def db_upgrade() -> None:
    from datetime import UTC, datetime  # noqa: PLC0415 # as above

    from commands.reach import reached  # noqa: PLC0415 # as above
    from hub.migrations import upgrade  # noqa: PLC0415 # as above
    from hub.partitions import make_partitions  # noqa: PLC0415 # as above

    with reached() as reach:
        upgrade(reach.url)
        with reach.database.transaction() as session:
            made = make_partitions(session, datetime.now(UTC))
    say(f"完成，新建分区 {len(made)} 个", f"done, {len(made)} partitions made")


@db_app.command("status", help=words("内置数据库的状态", "the embedded database's state"))
def db_status() -> None:
    from commands.reach import local_station  # noqa: PLC0415 # as above
    from hub.postgres import status  # noqa: PLC0415 # as above

    found = status(local_station().folder / "postgres")
    give(f"{found.folder}: {found.state}", as_json=False)


@keys_app.command("new", help=words("生成一份新的密钥环（机密）", "make a new key ring (a secret)"))
def keys_new() -> None:
    from hub.keyring import Keyring  # noqa: PLC0415 # as above

    print(Keyring.generate())  # noqa: T201 # what the command is for


def _leave(_number: int, _frame: object) -> None:
    """Leave in order when asked to end: what was started is stopped on the way out."""
    raise SystemExit(143)


def _check_encoding(arguments: Sequence[str]) -> None:
    """Refuse bytes that are no UTF-8: neither the database nor the audit log could keep them.

    Raises: Malformed.
    """
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            told = f"{argument.encode(errors='backslashreplace').decode()} is no UTF-8: see how the terminal encodes"
            raise Malformed(told, code="wrong_encoding") from error


def _refuse(error: HubError) -> NoReturn:
    told = Text(refusal(error, language()))  # names what was typed, which is no markup
    ERROR.print(f"[red]{words('错误', 'error')}[/]", told, soft_wrap=True)
    sys.exit(2)


def main() -> None:
    """Run a command; errors that somebody can act on are told in one line, and the exit code is 2."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        _check_encoding(sys.argv[1:])
        app(prog_name="./oms")
    except HubError as error:
        _refuse(error)
    except (OperationalError, ProgrammingError, PoolTimeout) as error:
        _refuse(database_fault(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
