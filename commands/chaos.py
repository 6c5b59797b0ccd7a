"""`oms chaos`: runs that try to break the flow engine, and say whether anything was lost, doubled or out of order."""

from typing import Annotated

import typer

from commands.mode import Mode
from commands.operate import AsJson
from commands.screen import words

chaos_app = typer.Typer(
    help=words("混沌测试：验证不丢、不重、不乱序", "try to lose, double or disorder something"), no_args_is_help=True
)


@chaos_app.command(
    "simulate", help=words("确定性模拟真实引擎，时间与崩溃点由种子决定", "simulate the real engine, seed by seed")
)
def simulate(
    *,
    seeds: Annotated[int, typer.Option(min=1, help=words("种子数", "how many seeds"))] = 500,
    seed: Annotated[
        int | None, typer.Option(help=words("只重放这一个种子并打印经过", "replay this seed alone, and print it"))
    ] = None,
    plant: Annotated[str, typer.Option(help=words("植入的缺陷名", "the name of a fault to plant"))] = "",
    as_json: AsJson = False,
) -> None:
    from commands.simulate import run_simulation  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_simulation(seeds, seed, plant, as_json=as_json))


@chaos_app.command(
    "kill",
    help=words("真实进程，随机强杀工作进程、数据库与消息队列", "kill real workers, database and broker at random"),
)
def kill(
    *,
    mode: Annotated[Mode, typer.Option(help=words("执行方式", "how steps are run"))] = Mode.EMBEDDED,
    jobs: Annotated[int, typer.Option(min=10, help=words("任务数", "how many jobs"))] = 200,
    seed: Annotated[int, typer.Option(help=words("随机种子", "the seed of the kills"))] = 1,
    as_json: AsJson = False,
) -> None:
    from commands.massacre import run_massacre  # noqa: PLC0415 # as above

    raise typer.Exit(run_massacre(mode, jobs, seed, as_json=as_json))
