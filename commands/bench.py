"""`oms bench`: how fast, with the reference measured in the same run."""

from pathlib import Path
from typing import Annotated

import typer

from commands.operate import AsJson
from commands.screen import words

bench_app = typer.Typer(
    help=words("性能测试，参照值在同一次运行中测得", "how fast, against a reference of the same run"),
    no_args_is_help=True,
)


@bench_app.command("flow", help=words("流程引擎", "the flow engine"))
def flow(
    *,
    steps: Annotated[int, typer.Option(min=1_000, help=words("步骤数", "how many steps"))] = 40_000,
    backlog: Annotated[int, typer.Option(min=10_000, help=words("积压数", "how large a backlog"))] = 1_000_000,
    parked: Annotated[int, typer.Option(min=1_000, help=words("挂起泳道数", "how many parked lanes"))] = 300_000,
    as_json: AsJson = False,
) -> None:
    from commands.bench_flow import run_bench  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_bench(steps, backlog, parked, as_json=as_json))


@bench_app.command(
    "intake", help=words("接单：从收件箱到已路由、已占库存", "orders from the inbox to routed and reserved")
)
def intake(
    *,
    orders: Annotated[int, typer.Option(min=1_000, help=words("订单数", "how many orders"))] = 30_000,
    batch: Annotated[int, typer.Option(min=1, help=words("每个事务的订单数", "orders in one transaction"))] = 500,
    as_json: AsJson = False,
) -> None:
    from commands.bench_intake import run_bench  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_bench(orders, batch, as_json=as_json))


@bench_app.command(
    "post", help=words("接口下单：单个并发与批量", "orders posted to the API, one by one and in batches")
)
def post(
    *,
    orders: Annotated[int, typer.Option(min=500, help=words("订单数", "how many orders"))] = 8_000,
    as_json: AsJson = False,
) -> None:
    from commands.bench_post import run_bench  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_bench(orders, as_json=as_json))


@bench_app.command("growth", help=words("历史增长后的接单与查询", "placing and the console's queries as history grows"))
def growth(
    *,
    full: Annotated[bool, typer.Option("--full", help=words("500 万单历史", "a history of five million"))] = False,
    orders: Annotated[int, typer.Option(min=20_000, help=words("历史订单数", "how long a history"))] = 1_000_000,
    folder: Annotated[
        Path | None, typer.Option(help=words("保留并复用数据的目录", "where the history is kept and used again"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    from commands.bench_growth import run_bench  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_bench(5_000_000 if full else orders, folder, as_json=as_json))


@bench_app.command("hot", help=words("秒杀：单个商品的高并发占用", "a flash sale of one SKU to a crowd"))
def hot(
    *,
    stock: Annotated[int, typer.Option(min=100, help=words("库存数", "how many there are"))] = 10_000,
    wanted: Annotated[int, typer.Option(min=100, help=words("购买人数", "how many buyers want one"))] = 30_000,
    single: Annotated[int, typer.Option(min=64, help=words("逐单参照数", "how many one by one"))] = 2_000,
    as_json: AsJson = False,
) -> None:
    from commands.bench_hot import run_bench  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_bench(stock, wanted, single, as_json=as_json))


@bench_app.command("sourcing", help=words("批量寻源：成本、下界与差距", "a batch sourced: cost, bound and gap"))
def sourcing(
    *,
    orders: Annotated[int, typer.Option(min=1, help=words("订单数", "how many orders"))] = 500,
    warehouses: Annotated[int, typer.Option(min=1, max=300, help=words("仓库数", "how many warehouses"))] = 20,
    stock: Annotated[
        float | None, typer.Option(min=0.01, max=1_000, help=words("库存与需求之比", "stock as a multiple of demand"))
    ] = None,
    capacity: Annotated[
        float | None,
        typer.Option(min=0.01, max=1_000, help=words("产能与订单数之比", "parcels as a multiple of orders")),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help=words("随机种子", "the seed"))] = 1,
    budget: Annotated[
        float | None, typer.Option(min=0.01, max=86_400, help=words("限时（秒）", "seconds to use"))
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(min=1, help=words("限定迭代次数，结果可重现", "iterations to use instead, repeatable"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    from commands.bench_sourcing import run_bench  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(
        run_bench(
            orders,
            warehouses,
            seed,
            stock=stock,
            capacity=capacity,
            budget=budget,
            iterations=iterations,
            as_json=as_json,
        )
    )


@bench_app.command("greedy", help=words("单笔订单寻源的耗时", "how long sourcing one order takes"))
def greedy(*, as_json: AsJson = False) -> None:
    from commands.bench_sourcing import run_greedy  # noqa: PLC0415 # each command imports what it needs

    raise typer.Exit(run_greedy(as_json=as_json))
