"""Flash sales at a terminal: put a SKU into one or change it, see how they stand, end one."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.errors import Malformed
from hub.inventory.hot_sale import MOST, Sale, cool, heat, list_sales
from hub.inventory.quota_view import brand_of

sale_app = typer.Typer(help=words("秒杀", "flash sales"), no_args_is_help=True)

Sku = Annotated[str, typer.Argument(help=words("SKU 编码", "the SKU's code"))]


@sale_app.command("begin", help=words("开始或修改秒杀", "put a SKU into a flash sale, or change it"))
def begin(
    sku: Sku,
    name: Annotated[str, typer.Argument(help=words("活动名称", "the sale's name"))],
    per_buyer: Annotated[
        int, typer.Option(min=0, max=MOST, help=words("每人限购，0 不限", "for each buyer, 0: any"))
    ] = 1,
    queue: Annotated[int, typer.Option(min=1, max=MOST, help=words("排队人数上限", "how many may wait"))] = 2_000,
    hold_s: Annotated[int, typer.Option(min=30, max=86_400, help=words("预占秒数", "seconds of a hold"))] = 900,
    ends: Annotated[
        str, typer.Option(help=words("结束时间（ISO，业务时区）", "its end, ISO, in the business zone"))
    ] = "",
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        ends_at = _moment(ends, ZoneInfo(reach.settings.business_zone)) if ends else None
        sale = Sale(
            brand=brand_of(session, sku),
            sku=sku,
            sale=name.strip(),
            per_buyer=per_buyer,
            queue_limit=queue,
            hold_s=hold_s,
            ends_at=ends_at,
        )
        heat(session, operator().name, sale, datetime.now(UTC))
    say(f"{sku} 已进入秒杀 {sale.sale}", f"{sku} is in the flash sale {sale.sale}")


@sale_app.command("end", help=words("结束秒杀；已预占的保留", "end a flash sale; what is held stays held"))
def end(sku: Sku) -> None:
    with reached() as reach, reach.database.transaction() as session:
        cool(session, operator().name, brand_of(session, sku), sku, datetime.now(UTC))
    say(f"{sku} 的秒杀已结束，已预占的保留", f"the flash sale of {sku} is over; what is held stays held")


@sale_app.command("ls", help=words("列出秒杀", "list flash sales as they stand"))
def ls(
    sku: Annotated[str, typer.Option(help=words("SKU 编码", "the SKU's code"))] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))] = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_sales(session, None, datetime.now(UTC), sku)
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    if not found:
        say("没有秒杀", "no SKU is in a flash sale")
        return
    heads = (
        *(("SKU", "SKU"), ("活动", "sale"), ("每人限购", "for each buyer"), ("排队上限", "may wait")),
        *(("结束", "ends"), ("限购买家", "limited buyers"), ("其件数", "their pieces")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found:
        limit = str(one.per_buyer) if one.per_buyer else words("不限", "any")
        ends = f"{one.ends_at.astimezone():%Y-%m-%d %H:%M}" if one.ends_at else "—"
        ends += words("（已结束）", " (over)") if one.over else ""
        add_row(table, one.sku, one.sale, limit, str(one.queue_limit), ends, str(one.buyers), str(one.pieces))
    OUT.print(table)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        zh = f"无法识别时间 {text[:40]}，请写作 2026-11-11T22:00"
        raise Malformed(f"{text[:40]} is no ISO time such as 2026-11-11T22:00", code="moment", zh=zh) from error
    return read if read.tzinfo else read.replace(tzinfo=zone)
