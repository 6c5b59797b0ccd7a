"""What is promised of a counter, at a terminal: safety stock, back-order limit, and whose number counts."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.reach import operator, reached
from commands.screen import say, words
from hub.errors import Malformed
from hub.inventory.adjust import Limits, set_limits, set_safety
from hub.inventory.ledger import StockKey
from hub.inventory.table import Authority
from hub.inventory.view import get_place


def limit(
    sku: Annotated[str, typer.Argument(help=words("SKU 编码", "the SKU's code"))],
    location: Annotated[str, typer.Argument(help=words("仓库", "the location"))],
    safety: Annotated[int | None, typer.Option(help=words("安全库存", "pieces kept back"))] = None,
    backorder: Annotated[int | None, typer.Option(help=words("超卖上限", "pieces promised beforehand"))] = None,
    authority: Annotated[Authority | None, typer.Option(help=words("以谁的数量为准", "whose number counts"))] = None,
) -> None:
    at, limits = datetime.now(UTC), Limits(backorder, authority)
    if safety is None and limits == Limits():
        raise Malformed("say what to set", code="nothing_set", zh="请说明要设置的内容")
    with reached() as reach, reach.database.transaction() as session:
        brand, owner = get_place(session, location)
        key = StockKey(location, sku, owner)
        if safety is not None:
            set_safety(session, operator().name, brand, key, safety, at)
        if limits != Limits():
            set_limits(session, operator().name, brand, key, limits, at)
    say("已设定", "it is set")
