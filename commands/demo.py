"""The demo: the hub and its partners for real on this machine, for a person who looks on and mends what fails."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

from commands.reach import local_station
from commands.scenery import ERP, MALLS, SHOPS
from commands.screen import ERROR, OUT, say, words
from commands.sending import PUSHED, post, trickle
from commands.stage import ADMIN, CONSOLE, Stage, furnish_stage, raise_curtain
from commands.station import PORTS
from hub.errors import NeedsOperator
from hub.postgres_probe import is_free
from sandbox.baskets import StorefrontOrder, orders
from sandbox.sap_books import switch

TOKEN_LIFE_S: Final = 30 * 86_400
PACE_S: Final = 1.0
"""Between two orders, once the first rush is over."""


def run_show(count: int) -> int:
    """Run the demo for a person until Ctrl-C, in the station that other commands use by default."""
    taken = [str(port) for port in PORTS.values() if not is_free(port)]
    if taken:
        raise NeedsOperator(f"these ports are taken: {', '.join(taken)}; end what listens there", code="port_taken")
    station = local_station()
    postgres = station.postgres()
    try:
        with ERROR.status(words("正在启动数据库", "starting the database")):
            url = postgres.start()
        with ERROR.status(words("正在启动接口、工作进程、运营台与沙箱", "starting API, worker, console and partners")):
            goods = list(orders(count, int(time.time()), list(SHOPS)))
            stage = raise_curtain(station, PORTS, url, goods, token_life_s=TOKEN_LIFE_S)
        with ERROR.status(words("正在布置商品与库存", "laying out products and stock")):
            furnish_stage(stage, goods)
        _introduce(stage, goods)
        _play(stage, goods)
        _wait_for_end(stage)
    except KeyboardInterrupt:
        say("正在停止……", "stopping …")
    finally:
        station.stop()
        postgres.stop(force=True)
    return 0


def _play(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    """Send a first rush, then one order after the other, with two things on the way for a person to find and mend."""
    rush = len(goods) * 2 // 5
    post(stage, goods[:rush])
    post(stage, [_with_unknown_product(stage, goods[rush:])])
    switch(stage.address("sap"), "auth")
    say(
        "现在有两处故障等您处理：一个未对应的商品，和拒绝登录的 SAP（请看运营台“异常”）",
        "two things wait for you now: a product that is bound to nothing, and a SAP that refuses our logon "
        "(see Exceptions in the console)",
    )
    for _ in trickle(stage, goods[rush:], PACE_S):
        _check_processes(stage)


def _with_unknown_product(stage: Stage, goods: Sequence[StorefrontOrder]) -> StorefrontOrder:
    """Make an order of the old mall whose first product the catalogue does not know under this code."""
    one = next((order for order in goods if order.connection == PUSHED), goods[0])
    payload: dict[str, Any] = json.loads(json.dumps(one.payload))
    payload["external_id"] = f"{payload['external_id']}-new"
    payload["lines"][0]["sku"] = f"NEW-{payload['lines'][0]['sku']}"
    stage.accepted.pop((SHOPS[PUSHED], payload["external_id"]), None)
    return StorefrontOrder(PUSHED, payload)


def _introduce(stage: Stage, goods: Sequence[StorefrontOrder]) -> None:
    """Tell a person where everything is and what to try."""
    order = next(one.payload["external_id"] for one in goods if one.connection in MALLS)
    api, sap = stage.api, stage.address("sap")
    client = "mall-pc"
    books = "  ".join(f"{stage.address(name)}/books" for name in ("wms", "storefront", "taobao", "kdniao", "sf"))
    shelves = "  ".join(f"{stage.address(name)}/stock" for name in ("storefront", "taobao"))
    OUT.print(
        words(
            f"\n[bold]运行中[/]  接口 {api}  文档 {api}/docs  指标 {api}/metrics\n"
            f"运营台 {stage.address('console')}  用户名 {ADMIN}，密码 {stage.station.secret(CONSOLE)}\n"
            f"凭据：客户端 {client}，密钥在 {stage.station.secrets_folder / client}\n"
            f"沙箱账本：{books}\n渠道显示的库存：{shelves}\n"
            "\n试一试（另开一个终端，在本目录下粘贴）：",
            f"\n[bold]running[/]  API {api}  documentation {api}/docs  figures {api}/metrics\n"
            f"console {stage.address('console')}  name {ADMIN}, password {stage.station.secret(CONSOLE)}\n"
            f"credentials: client {client}, its secret in {stage.station.secrets_folder / client}\n"
            f"sandbox books: {books}\nwhat channels offer: {shelves}\n"
            "\ntry (paste in another terminal, in this folder):",
        ),
        soft_wrap=True,
    )
    for command in (
        f"curl -s $(./oms sign GET '/v1/orders?limit=3') '{api}/v1/orders?limit=3'",
        f"curl -s $(./oms sign POST /v1/orders --example) --data-binary @.oms-example.json {api}/v1/orders",
        f"curl -s {api}/readyz && ./oms order trace {order}",
        "./oms stock ls --limit 9",
        f"curl -s -X DELETE {sap}/_mock/faults && ./oms connection resume {ERP} --reason unlocked",
    ):
        OUT.print(f"  {command}", soft_wrap=True, markup=False)
    say("\nCtrl-C 结束", "\nCtrl-C ends it")


def _wait_for_end(stage: Stage) -> None:
    """Stay until a person ends it, or a process dies."""
    while True:
        _check_processes(stage)
        time.sleep(0.5)


def _check_processes(stage: Stage) -> None:
    """Raises: NeedsOperator when a process of the demo has ended."""
    for name, process in stage.station.processes.items():
        if process.poll() is not None:
            log = stage.station.folder / "logs" / f"{name}.log"
            raise NeedsOperator(f"{name} has ended; see {log}", code="process_ended")
