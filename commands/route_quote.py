"""How goods would be sent if they were ordered now, at a terminal."""

from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.table import Table

from commands.reach import reached
from commands.screen import OUT, add_row, give, say, words
from hub.database import run
from hub.errors import Malformed
from hub.order.quote import AskedLine, Quote, QuotedLine, quote
from hub.unfit import malformed

LONGEST: Final = 18
"""Digits of a number of pieces: Python reads no number of thousands of them."""


def ask(
    division: Annotated[str, typer.Argument(help=words("收货地官方区划代码", "the official code of where to"))],
    goods: Annotated[list[str], typer.Argument(help=words("SKU=件数", "goods as SKU=pieces"))],
    brand: Annotated[str, typer.Option(help=words("品牌", "the brand"))],
    shop: Annotated[str, typer.Option(help=words("店铺（按其编码）", "a shop, for codes of its own"))] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))] = False,
) -> None:
    lines = [_line(no, one) for no, one in enumerate(goods, 1)]
    with reached() as reach, reach.database.transaction() as session:
        run(session, "set transaction read only")
        here = datetime.now(UTC).astimezone(ZoneInfo(reach.settings.business_zone))
        told = quote(session, brand, shop, division, lines, here)
    if as_json:
        give(told.model_dump(mode="json"), as_json=True)
        return
    _print(told)


def _line(no: int, written: str) -> AskedLine:
    """Read SKU=pieces.

    Raises: Malformed.
    """
    sku, _, pieces = written.rpartition("=")
    if not (sku and pieces.isascii() and pieces.isdigit() and len(pieces) <= LONGEST):
        text, zh = f"{written[:60]}: write SKU=pieces", f"{written[:60]}：请写成 SKU=件数"
        raise Malformed(text, field="goods", zh=zh)
    try:
        return AskedLine.model_validate({"line_id": str(no), "sku": sku, "quantity": int(pieces)})
    except ValidationError as error:
        raise malformed(error, whole="goods") from error


def _print(told: Quote) -> None:
    heads = (("地点", "location"), ("快递", "courier"), ("送达", "arrives"), ("货品", "goods"))
    table = Table(*(words(*head) for head in heads))
    for one in told.parcels:
        arrives = one.arrives_on.isoformat() if one.arrives_on else "–"
        add_row(table, one.location or "", one.courier or "–", arrives, _goods(one.lines))
    OUT.print(table)
    for one in told.later:
        day = one.available_from.isoformat()
        say(f"{day} 起可发：{_goods([one])}", f"can be sent from {day}: {_goods([one])}")
    if told.virtual:
        say(f"无需发货：{_goods(told.virtual)}", f"need no parcel: {_goods(told.virtual)}")
    if told.short:
        say(f"无货源：{_goods(told.short)}", f"without a source: {_goods(told.short)}")
    if told.unknown:
        say(f"没有此商品：{', '.join(told.unknown)}", f"no such goods: {', '.join(told.unknown)}")


def _goods(lines: list[QuotedLine] | tuple[QuotedLine, ...]) -> str:
    return ", ".join(f"{one.sku} × {one.quantity}" for one in lines)
