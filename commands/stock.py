"""Stock at a terminal: what is where, how shops share it, and what partners have counted."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.stock_limits import limit
from commands.stock_presale import presale_app
from commands.stock_sale import sale_app
from dashboards.stock_words import AXES
from hub.errors import NotFound
from hub.inventory.quota import Quota, drop_quota, set_quota
from hub.inventory.quota_view import brand_of, find_quotas, shops_of
from hub.inventory.reconcile import check_stock
from hub.inventory.report_view import SHOWS as REPORT_SHOWS
from hub.inventory.report_view import LineView, get_report, lines_of, list_reports
from hub.inventory.report_view import Wanted as WantedReports
from hub.inventory.reservation_table import EVERYWHERE, QuotaMode
from hub.inventory.verified import forget_verified
from hub.inventory.view import SHOWS, LevelView, Wanted, get_place, list_levels
from hub.language import language

stock_app = typer.Typer(help=words("库存", "stock"), no_args_is_help=True)
quota_app = typer.Typer(help=words("设置或取消店铺配额", "give a shop a quota, or take it away"), no_args_is_help=True)
stock_app.add_typer(quota_app, name="quota")
stock_app.add_typer(sale_app, name="sale")
stock_app.add_typer(presale_app, name="presale")

LINES_SHOWN: Final = 200

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help=words("最多几条", "how many at most"))]
Place = Annotated[str, typer.Option("--location", help=words("仓库", "the location"))]
Connection = Annotated[str, typer.Option(help=words("连接", "the connection"))]
Sku = Annotated[str, typer.Argument(help=words("SKU 编码", "the SKU's code"))]
Shop = Annotated[str, typer.Argument(help=words("店铺", "the shop"))]
At = Annotated[str, typer.Option("--location", help=words("仓库（不填：全部合计）", "a location; else all together"))]


@stock_app.command("ls", help=words("列出库存计数", "list counters"))
def ls(
    sku: Annotated[str, typer.Option(help=words("编码或名称的一部分", "a part of code or title"))] = "",
    location: Place = "",
    show: Annotated[str, typer.Option(help=words("只看：", "only: ") + ", ".join(SHOWS))] = "",
    after: Annotated[str, typer.Option(help=words("从该游标之后开始", "begin behind this cursor"))] = "",
    limit: Limit = 50,
    *,
    as_json: AsJson = False,
) -> None:
    wanted = Wanted(find=sku, location=location, show=show)
    with reached() as reach, reach.database.transaction() as session:
        here = datetime.now(UTC).astimezone(ZoneInfo(reach.settings.business_zone))
        page = list_levels(session, None, wanted, here, after=after.replace("|", "\n"), limit=limit)
    if as_json:
        give([one.model_dump(mode="json") for one in page.levels], as_json=True)
    else:
        _print_levels(page.levels)
    if page.next:
        cursor = page.next.replace("\n", "|")
        say(f"还有更多：--after '{cursor}'", f"there are more: --after '{cursor}'")


@stock_app.command("quotas", help=words("列出店铺配额", "list the shops' quotas"))
def quotas(
    sku: Annotated[str, typer.Option(help=words("SKU 编码", "the SKU's code"))] = "",
    shop: Annotated[str, typer.Option(help=words("店铺", "the shop"))] = "",
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = find_quotas(session, sku, shop)
    if as_json:
        give([{**one.model_dump(mode="json"), "left": _left(one)} for one in found], as_json=True)
        return
    if not found:
        say("没有配额：所有店铺共享全部可用库存", "there is no quota: all shops share all that is free")
        return
    heads = (
        *(("SKU", "SKU"), ("店铺", "shop"), ("仓库", "location"), ("方式", "quota")),
        *(("数量", "amount"), ("已售", "sold"), ("剩余", "left")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found:
        sign = "%" if one.mode is QuotaMode.PERCENTAGE else ""
        left = _left(one)
        place = one.location or words("全部合计", "all together")
        told = (f"{one.amount}{sign}", str(one.used), "—" if left is None else str(left))
        add_row(table, one.sku, one.shop, place, _word("quota", one.mode), *told)
    OUT.print(table)


@quota_app.command("set", help=words("设置或修改配额", "give a shop a quota, or change it"))
def set_one(
    sku: Sku,
    shop: Shop,
    mode: Annotated[QuotaMode, typer.Argument(help=words("方式", "its own pieces, a part, or at most"))],
    amount: Annotated[int, typer.Argument(min=0, help=words("件数或百分比", "pieces, or percent"))],
    location: At = EVERYWHERE,
) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        brand = brand_of(session, sku)
        if shop not in shops_of(reach.settings.connections, brand) and not find_quotas(session, sku, shop):
            raise NotFound(f"{brand} has no shop {shop}", code="unknown_shop", field="shop")
        if location != EVERYWHERE and get_place(session, location)[0] != brand:
            raise NotFound(f"{brand} has no location {location}", code="unknown_location", field="location")
        quota = Quota(sku=sku, shop=shop, location=location, mode=mode, amount=amount)
        set_quota(session, operator().name, brand, quota, now)
    say("已设定", "it is set")


@quota_app.command("drop", help=words("取消配额", "let a shop share like any other again"))
def drop(sku: Sku, shop: Shop, location: At = EVERYWHERE) -> None:
    now = datetime.now(UTC)
    with reached() as reach, reach.database.transaction() as session:
        if not drop_quota(session, operator().name, sku, shop, location, now):
            raise NotFound(f"{shop} has no such quota of {sku}", code="unknown_quota")
    say("已取消", "it is gone")


stock_app.command("limit", help=words("设置安全库存、超卖上限、数量权威", "set what is promised of a counter"))(limit)


@stock_app.command("reports", help=words("列出伙伴的库存上报及差异", "list what partners counted, and the drift"))
def reports(
    location: Place = "",
    connection: Connection = "",
    show: Annotated[str, typer.Option(help=words("只看：", "only: ") + ", ".join(REPORT_SHOWS))] = "",
    limit: Limit = 50,
    *,
    as_json: AsJson = False,
) -> None:
    wanted = WantedReports(location=location, connection=connection, show=show)
    with reached() as reach, reach.database.transaction() as session:
        page = list_reports(session, None, wanted, limit=limit)
    if as_json:
        give([{**one.model_dump(mode="json"), "state": one.state} for one in page.reports], as_json=True)
        return
    heads = (
        *(("报告", "report"), ("页", "page"), ("连接", "connection"), ("仓库", "location"), ("状态", "state")),
        *(("行", "lines"), ("差异行", "differing"), ("差异件数", "drift"), ("被拒", "refused"), ("盘点", "counted")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in page.reports:
        named = (one.report, f"{one.page}/{one.pages}", one.connection, one.location)
        counts = (str(n) for n in (one.lines, one.differing, one.drift, one.refused))
        add_row(table, *named, _word("report", one.state), *counts, _clock(one.counted_at))
    OUT.print(table)
    if page.next:
        say("还有更多：加大 --limit 或缩小范围", "there are more: raise --limit or narrow it")


@stock_app.command("report", help=words("逐行查看一份上报", "show a report line by line"))
def report(
    connection: Annotated[str, typer.Argument(help=words("连接", "the connection"))],
    name: Annotated[str, typer.Argument(metavar="REPORT", help=words("报告单号", "the report's number"))],
    number: Annotated[int, typer.Option("--page", min=0, help=words("第几页", "which page of it"))] = 1,
    after: Annotated[int, typer.Option(min=0, help=words("从第几行之后开始", "begin behind this line"))] = 0,
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        one, pages = get_report(session, None, connection, name, number)
        page = lines_of(session, one, after=after, limit=LINES_SHOWN)
    if as_json:
        lines = [{**line.model_dump(mode="json"), "why": line.why} for line in page.lines]
        give({**one.model_dump(mode="json"), "pages_kept": list(pages), "lines_of": lines}, as_json=True)
        return
    _print_lines(page.lines)
    if one.refused:
        say(f"另有 {one.refused} 行被拒，见异常单", f"lines refused besides: {one.refused}; see their case")
    if page.next is not None:
        say(f"还有更多：--after {page.next}", f"there are more: --after {page.next}")


@stock_app.command("check", help=words("核对库存计数与流水账", "check counters against their ledger"))
def check(
    *,
    full: Annotated[bool, typer.Option(help=words("重读整本流水账", "read the whole ledger again"))] = False,
    anew: Annotated[bool, typer.Option(help=words("作废以往核对结果", "forget what was verified before"))] = False,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        if anew:
            forget_verified(session, operator().name, datetime.now(UTC))
        found = check_stock(session, full=full)
    if as_json:
        give([{"rule": rule, "subject": subject, "what": what} for rule, subject, what in found], as_json=True)
    elif found:
        table = Table(*(words(*head) for head in (("规则", "rule"), ("对象", "of"), ("不符", "how it is broken"))))
        for one in found:
            add_row(table, *one)
        OUT.print(table)
    else:
        say("库存计数与流水账相符", "counters and ledger agree")
    if found:
        raise typer.Exit(1)


def _print_levels(found: Sequence[LevelView]) -> None:
    heads = (
        *(("SKU", "SKU"), ("仓库", "location"), ("状态", "state"), ("可承诺", "to promise"), ("在库", "on hand")),
        *(("占用", "allocated"), ("购物车", "in carts"), ("安全库存", "safety"), ("在途", "coming in")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found:
        counts = (one.promised, one.on_hand, one.allocated, one.soft, one.safety, one.incoming)
        add_row(table, one.sku, one.location, _word("stock", one.state), *(str(n) for n in counts))
    OUT.print(table)


def _print_lines(lines: Sequence[LineView]) -> None:
    heads = (
        *(("行", "line"), ("SKU", "SKU"), ("类型", "kind"), ("对方上报", "they told"), ("我方账面", "we had")),
        *(("差异", "difference"), ("结果", "became"), ("原因", "why")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in lines:
        later = f" ({_clock(one.later_at)} {one.later_report})" if one.later_at else ""
        counts = (str(one.said), str(one.was), f"{one.difference:+d}")
        told = (_word("verdict", one.verdict), _word("line", one.why) + later)
        add_row(table, str(one.no), one.sku, _word("counting", one.kind), *counts, *told)
    OUT.print(table)


def _word(axis: str, value: str) -> str:
    """Say how something stands in the words of the console."""
    return AXES[axis][value].words.say(language())


def _left(one: Quota) -> int | None:
    """Give what is left of an amount of pieces; of a part there is no such number."""
    return None if one.mode is QuotaMode.PERCENTAGE else one.left


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%m-%d %H:%M:%S}"
