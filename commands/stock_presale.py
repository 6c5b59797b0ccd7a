"""Pre-sale limits at a terminal: how many pieces may be sold before they arrive."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.inventory.presale import EVERY_SHOP, MOST, Presale, drop_presale, find_presales, set_presale
from hub.inventory.quota_view import brand_of, check_shop

presale_app = typer.Typer(help=words("预售上限", "pre-sale limits"), no_args_is_help=True)

Sku = Annotated[str, typer.Argument(help=words("SKU 编码", "the SKU's code"))]
Shop = Annotated[str, typer.Option(help=words("店铺（不填：全部合计）", "a shop; else all together"))]


@presale_app.command("set", help=words("设置到货前最多可售件数", "limit what is sold before it arrives"))
def set_one(
    sku: Sku,
    amount: Annotated[int, typer.Argument(min=0, max=MOST, help=words("件数", "pieces"))],
    shop: Shop = EVERY_SHOP,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        brand = brand_of(session, sku)
        check_shop(reach.settings.connections, brand, shop)
        presale = Presale(sku=sku, shop=shop, amount=amount)
        set_presale(session, operator().name, brand, presale, datetime.now(UTC))
    say("已设定", "it is set")


@presale_app.command("drop", help=words("取消预售上限", "take a limit away"))
def drop(sku: Sku, shop: Shop = EVERY_SHOP) -> None:
    with reached() as reach, reach.database.transaction() as session:
        drop_presale(session, operator().name, sku, shop, datetime.now(UTC))
    say("已取消", "it is gone")


@presale_app.command("ls", help=words("列出预售上限", "list pre-sale limits as they stand"))
def ls(
    sku: Annotated[str, typer.Option(help=words("SKU 编码", "the SKU's code"))] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))] = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = find_presales(session, None, sku)
    if as_json:
        give([{**one.model_dump(), "left": one.left} for one in found], as_json=True)
        return
    if not found:
        say("没有预售上限", "there is no pre-sale limit")
        return
    heads = (("SKU", "SKU"), ("店铺", "shop"), ("上限", "limit"), ("已预售", "sold"), ("剩余", "left"))
    table = Table(*(words(*head) for head in heads))
    for one in found:
        shop = one.shop or words("全部合计", "all together")
        add_row(table, one.sku, shop, str(one.amount), str(one.sold), str(one.left))
    OUT.print(table)
