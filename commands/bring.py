"""Goods and locations at a terminal: bring them in from a sheet (CSV), all rows or none."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from commands.operate import sku_app
from commands.reach import operator, reached
from commands.screen import OUT, add_row, say, words
from commands.written import read_file
from hub.catalogue.bring import Brought, Goods, bring_goods
from hub.document import Document
from hub.inventory.table import Authority
from hub.language import language
from hub.scope import check_names
from hub.sheet import CODE, LONGEST
from hub.sourcing.bring import Site, bring_locations
from hub.sourcing.location import authorities_of, find_places
from hub.sourcing.words import KINDS

__all__ = ["location_app", "sku_app"]

location_app = typer.Typer(help=words("仓库", "locations"), no_args_is_help=True)


def _sheet(kind: type[Document]) -> Any:  # noqa: ANN401 # as typer declares it
    columns = ", ".join(kind.model_fields)
    zh = f"CSV（UTF-8），首行为列名：{columns}。已有的行只更改表中有的列；空单元格取默认值"
    en = f"a CSV (UTF-8) with the columns {columns}. Rows that are there change in the columns that it has; an empty"
    return typer.Argument(metavar="FILE", help=words(zh, f"{en} cell means the default"))


GoodsSheet = Annotated[Path, _sheet(Goods)]
SiteSheet = Annotated[Path, _sheet(Site)]
Brand = Annotated[str, typer.Option(help=words("品牌", "the brand"))]


@sku_app.command("import", help=words("从 CSV 导入商品与组合商品", "bring goods and bundles in from a CSV"))
def goods(file: GoodsSheet, brand: Brand) -> None:
    written = read_file(file, CODE, LONGEST)
    with reached() as reach, reach.database.transaction() as session:
        check_names(reach.settings.connections, brand)
        _tell(bring_goods(session, operator(), brand, written, datetime.now(UTC)))


@location_app.command("import", help=words("从 CSV 导入仓库", "bring locations in from a CSV"))
def locations(file: SiteSheet, brand: Brand) -> None:
    written = read_file(file, CODE, LONGEST)
    with reached() as reach, reach.database.transaction() as session:
        known = reach.settings.connections
        check_names(known, brand)
        _tell(bring_locations(session, operator(), brand, written, known, datetime.now(UTC)))


@location_app.command("ls", help=words("列出品牌的仓库", "list a brand's locations"))
def ls(brand: Brand) -> None:
    with reached() as reach, reach.database.transaction() as session:
        check_names(reach.settings.connections, brand)
        operator().require_scope(brand, "")
        places = [one for one in find_places(session).values() if one.brand == brand]
        counts = authorities_of(session, brand)
    heads = (
        *(("仓库", "location"), ("类型", "kind"), ("保税", "bonded"), ("货主", "owner")),
        *(("数量权威", "whose number"), ("状态", "state")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in places:
        kind, bonded = KINDS[one.kind].say(language()), words("是", "yes") if one.bonded else ""
        state = words("启用", "active") if one.active else words("已停用", "closed")
        whose = words("本系统", "the hub's") if counts[one.code] is Authority.HUB else words("货主系统", "the owner's")
        add_row(table, one.code, kind, bonded, one.owner, whose, state)
    OUT.print(table)


def _tell(made: Brought) -> None:
    say(
        f"新增 {made.added}，更改 {made.changed}，未变 {made.same}",
        f"added {made.added}, changed {made.changed}, as they were {made.same}",
    )
