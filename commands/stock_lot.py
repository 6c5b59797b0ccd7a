"""Lots at a terminal: which orders got pieces of one (recall), and which are not to be sold."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.stock import AsJson, Limit, stock_app
from hub.inventory.lot_block import EVERYWHERE, LotName, block_lot, list_blocks, unblock_lot
from hub.inventory.quota_view import brand_of
from hub.order.lot_orders import orders_of_lot

__all__ = ["stock_app"]

Lot = Annotated[str, typer.Argument(help=words("批号", "the lot"))]
OfSku = Annotated[str, typer.Option("--sku", help=words("SKU 编码", "the SKU's code"))]
At = Annotated[str, typer.Option("--location", help=words("仓库（不填：全部仓库）", "a location; else everywhere"))]
Why = Annotated[str, typer.Option("--reason", help=words("原因", "why"))]


@stock_app.command(
    "lot", help=words("列出收到某批次商品的订单（召回）", "list the orders that got pieces of a lot (recall)")
)
def lot_orders(
    lot: Lot,
    sku: OfSku = "",
    after: Annotated[str, typer.Option(help=words("从该游标之后开始", "begin behind this cursor"))] = "",
    limit: Limit = 50,
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = orders_of_lot(session, operator(), lot, sku, after=after, limit=limit)
    if as_json:
        give([one.model_dump(mode="json") for one in found.orders], as_json=True)
    elif found.orders:
        heads = (
            *(
                ("订单", "order"),
                ("店铺", "shop"),
                ("SKU", "SKU"),
                ("已发", "shipped"),
                ("其中推定", "of them assumed"),
            ),
            *(("待发", "still to leave"), ("收件人", "receiver"), ("电话", "phone")),
        )
        table = Table(*(words(*head) for head in heads))
        for one in found.orders:
            counts = (str(n) for n in (one.shipped, one.assumed, one.due))
            add_row(table, one.external_id, one.shop, one.sku, *counts, one.name, one.phone)
        OUT.print(table)
    else:
        say("没有订单收到该批次", "no order got pieces of it")
    if found.next:
        say(f"还有更多：--after '{found.next}'", f"there are more: --after '{found.next}'")


@stock_app.command("block-lot", help=words("锁定批次，不再销售", "have a lot sold no more"))
def block(lot: Lot, sku: OfSku, reason: Why, location: At = EVERYWHERE) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        here = now.astimezone(ZoneInfo(reach.settings.business_zone))
        name = LotName(sku=sku, lot=lot, location=location)
        made = block_lot(session, operator().name, brand_of(session, sku), name, reason, here)
    say(
        f"已锁定：{made.pieces} 件不再销售；释放购物车 {made.carts} 个，已承诺而不足 {made.lacking} 件将改派",
        f"blocked: {made.pieces} pieces are sold no more; carts let go: {made.carts}; "
        f"promised pieces that find another source: {made.lacking}",
    )


@stock_app.command("unblock-lot", help=words("解锁批次，恢复销售", "let a lot be sold again"))
def unblock(lot: Lot, sku: OfSku, reason: Why, location: At = EVERYWHERE) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        name = LotName(sku=sku, lot=lot, location=location)
        freed = unblock_lot(session, operator().name, brand_of(session, sku), name, reason, now)
    say(f"已解锁：{freed.pieces} 件恢复销售", f"unblocked: {freed.pieces} pieces may be sold again")
    if freed.still_blocked:
        where = ", ".join(one or words("全部仓库", "everywhere") for one in freed.still_blocked)
        say(f"该批次仍被锁定：{where}", f"the lot is still blocked: {where}")


@stock_app.command("blocked-lots", help=words("列出已锁定的批次", "list the lots that are blocked"))
def blocked(sku: OfSku = "", *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_blocks(session, None, sku)
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    if not found:
        say("没有锁定的批次", "no lot is blocked")
        return
    heads = (
        *(("SKU", "SKU"), ("批号", "lot"), ("仓库", "location"), ("件数", "pieces"), ("锁定人", "by")),
        *(("时间", "since"), ("原因", "why")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found:
        where = one.location or words("全部仓库", "everywhere")
        since = f"{one.blocked_at.astimezone():%Y-%m-%d %H:%M}"
        add_row(table, one.sku, one.lot, where, str(one.pieces), one.actor, since, one.reason)
    OUT.print(table)
