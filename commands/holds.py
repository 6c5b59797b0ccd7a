"""The holds that wait for somebody, at a terminal: which orders, lines or fulfilment orders, why and since when."""

from typing import Annotated

import typer
from rich.table import Table

from commands.operate import AsJson, order_app
from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.order.holds.view import HoldView, Wanted, list_holds
from hub.review.verdict import HoldType, Scope

__all__ = ["order_app"]

Limit = Annotated[int, typer.Option(min=1, max=500, help=words("最多列出多少条", "how many at most"))]
Shop = Annotated[str, typer.Option(help=words("店铺", "of this shop"))]
Brand = Annotated[str, typer.Option(help=words("品牌", "of this brand"))]
Rule = Annotated[str, typer.Option(help=words("规则", "by this rule"))]


@order_app.command("holds", help=words("列出等待处理的挂起，最早的订单在前", "list live holds, the oldest order first"))
def holds(
    kind: Annotated[HoldType | None, typer.Option("--type", help=words("挂起类型", "of this type"))] = None,
    scope: Annotated[
        Scope | None, typer.Option(help=words("挂起整单、明细行或发货单", "that hold orders, lines or deliveries"))
    ] = None,
    rule: Rule = "",
    brand: Brand = "",
    shop: Shop = "",
    limit: Limit = 50,
    after: Annotated[str, typer.Option(help=words("从上一页的游标继续", "go on from the cursor of a page"))] = "",
    *,
    as_json: AsJson = False,
) -> None:
    wanted = Wanted(type=kind or "", scope=scope or "", rule=rule, brand=brand, shop=shop)
    with reached() as reach, reach.database.transaction() as session:
        found = list_holds(session, operator(), wanted, after=after, limit=limit)
    if as_json:
        give(found.model_dump(mode="json"), as_json=True)
        return
    heads = (
        ("订单", "order"),
        ("挂起", "hold"),
        ("挂起部分", "of"),
        ("类型", "type"),
        ("规则", "rule"),
        ("起始", "since"),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found.holds:
        since = f"{one.created_at.astimezone():%Y-%m-%d %H:%M}"
        add_row(table, one.external_id, one.key, _part(one), one.type, one.rule, since)
    OUT.print(table)
    if found.next:
        say(f"还有更多：--after {found.next}", f"there may be more: --after {found.next}")


def _part(one: HoldView) -> str:
    if one.scope is Scope.LINE:
        return words(f"明细行 {one.line_no} {one.sku}", f"line {one.line_no} {one.sku}")
    if one.scope is Scope.FULFILMENT:
        return words(f"发货单 {one.fulfilment_no} {one.location}", f"delivery {one.fulfilment_no} {one.location}")
    return words("整单", "the order")
