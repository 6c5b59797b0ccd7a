"""Couriers' rate cards at a terminal: load an edition from CSV, list what is there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.written import read_file
from hub.sourcing.cards import list_cards, load_card
from hub.sourcing.rates import LONGEST

rates_app = typer.Typer(help=words("快递价目表", "couriers' rate cards"), no_args_is_help=True)

Brand = Annotated[str, typer.Option(help=words("品牌", "the brand"))]


@rates_app.command("load", help=words("载入一版价目表（CSV）", "load an edition of a rate card (CSV)"))
def load(
    file: Annotated[Path, typer.Argument(help=words("价目表文件", "the file"))],
    brand: Brand,
    edition: Annotated[str, typer.Option(help=words("版次，供策略引用", "its name, for policies to say"))],
) -> None:
    content = read_file(file, "malformed_rates", LONGEST)
    with reached() as reach, reach.database.transaction() as session:
        card = load_card(session, operator(), brand, edition, content, datetime.now(UTC))
    say(f"已载入 {len(card.rates)} 行", f"loaded {len(card.rates)} lines")


@rates_app.command("ls", help=words("列出价目表", "list the rate cards"))
def ls(
    brand: Brand = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))] = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_cards(session, brand)
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    heads = (("品牌", "brand"), ("版次", "edition"), ("载入", "loaded"), ("经手", "by"), ("摘要", "digest"))
    table = Table(*(words(*head) for head in heads))
    for one in found:
        loaded = f"{one.loaded_at.astimezone():%Y-%m-%d %H:%M}"
        add_row(table, one.brand, one.edition, loaded, one.loaded_by, one.digest[:12])
    OUT.print(table)
