"""Merging at a terminal: which shops do it and how, who waits for whom, and what travels together."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from sqlalchemy.orm import Session

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from hub.errors import Malformed
from hub.merge.policy import ShopPolicy, brand_of, list_policies, set_policy
from hub.merge.view import GroupView, WaitView, list_groups, list_waits
from hub.order.model import OrderType
from hub.scope import check_names

merge_app = typer.Typer(help=words("合单", "orders that travel together"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help=words("最多几条", "how many at most"))]


@merge_app.command("ls", help=words("列出等待合单的发货单和合单组", "list what waits and what travels together"))
def ls(
    limit: Limit = 50,
    *,
    ended: Annotated[bool, typer.Option("--ended", help=words("包括已结束的", "those that have ended, too"))] = False,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        waits = list_waits(session, operator(), limit)
        groups = list_groups(session, operator(), limit, live=not ended)
    if as_json:
        parts = {"waiting": waits, "groups": groups}
        give({name: [one.model_dump(mode="json") for one in part] for name, part in parts.items()}, as_json=True)
        return
    if not (waits or groups):
        say("没有等待合单或已合并的发货单", "nothing waits and nothing travels together")
        return
    _print_waits(waits)
    _print_groups(groups)


@merge_app.command(
    "policy",
    help=words(
        "查看合单策略，或修改一个店铺的：未给出的选项不变，首次设置时取通常值并开启合单",
        "show the policies, or change a shop's: options not named stay; one without a policy begins with the usual, on",
    ),
)
def policy(
    shop: Annotated[str, typer.Argument(help=words("店铺；不填则列出全部", "the shop; none lists all"))] = "",
    *,
    on: Annotated[bool | None, typer.Option("--on/--off", help=words("是否合单", "whether it merges"))] = None,
    window: Annotated[int | None, typer.Option(help=words("等待分钟数", "minutes to wait"))] = None,
    brand: Annotated[
        list[str] | None,
        typer.Option(help=words("可同行的品牌；只填本品牌即无", "brands that may travel along; its own alone: none")),
    ] = None,
    most_orders: Annotated[
        int | None, typer.Option(help=words("一组最多几单", "orders in one delivery at most"))
    ] = None,
    most_grams: Annotated[
        int | None, typer.Option(help=words("一组最重多少克", "grams in one delivery at most"))
    ] = None,
    never: Annotated[
        list[OrderType] | None, typer.Option(help=words("从不合单的订单类型", "types of orders that never merge"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    wished = {
        "active": on,
        "window_min": window,
        "brands": tuple(sorted(set(brand))) if brand else None,
        "most_orders": most_orders,
        "most_grams": most_grams,
        "never": tuple(one.value for one in never) if never else None,
    }
    changes = {name: value for name, value in wished.items() if value is not None}
    if changes and not shop:
        raise Malformed("name the shop whose policy is to change", code="merge_policy", zh="请给出要修改策略的店铺")
    with reached() as reach, reach.database.transaction() as session:
        if shop:
            owned_by = brand_of(session, reach.settings.connections, shop)
            for one in brand or ():
                check_names(reach.settings.connections, one)
            if changes:
                set_policy(session, operator(), _changed(session, owned_by, shop, changes), datetime.now(UTC))
        found = [one for one in list_policies(session, operator()) if shop in {"", one.shop}]
    _print_policies(found, as_json=as_json)


def _changed(session: Session, brand: str, shop: str, changes: Mapping[str, Any]) -> ShopPolicy:
    """Give a shop's policy as it is to be."""
    now = next((one for one in list_policies(session, operator()) if one.shop == shop), ShopPolicy("", shop))
    others = tuple(one for one in changes.get("brands", now.brands) if one != brand)
    return msgspec.structs.replace(now, **{**changes, "brand": brand, "brands": others})


def _print_policies(found: Sequence[ShopPolicy], *, as_json: bool) -> None:
    if as_json:
        give([{name: getattr(one, name) for name in one.__struct_fields__} for one in found], as_json=True)
        return
    if not found:
        say("没有店铺合单", "no shop merges")
        return
    heads = (
        *(("店铺", "shop"), ("品牌", "brand"), ("合单", "merges"), ("等待分钟", "minutes"), ("同行品牌", "along with")),
        *(("最多单数", "most orders"), ("最重克数", "most grams"), ("从不合单", "never")),
    )
    table = Table(*(words(*head) for head in heads))
    for one in found:
        active = words("是", "yes") if one.active else words("否", "no")
        limits = (str(one.most_orders), str(one.most_grams))
        row = (one.shop, one.brand, active, str(one.window_min), ", ".join(one.brands), *limits, ", ".join(one.never))
        add_row(table, *row)
    OUT.print(table)


def _print_waits(waits: Sequence[WaitView]) -> None:
    heads = (("等待中的发货单", "waiting"), ("店铺单号", "order"), ("店铺", "shop"), ("仓库", "location"))
    table = Table(*(words(*head) for head in (*heads, ("等到", "until"), ("同收件人", "beside it"))))
    for one in waits:
        add_row(table, *(one.code, one.external_id, one.shop, one.location, _moment(one.until), str(one.mates)))
    OUT.print(table)


def _print_groups(groups: Sequence[GroupView]) -> None:
    heads = (("合单发货单", "document"), ("仓库", "location"), ("订单", "orders"), ("合并时间", "made"))
    table = Table(*(words(*head) for head in (*heads, ("状态", "state"))))
    for one in groups:
        ending = {"": words("进行中", "open"), "over": words("已结束", "over")}.get(
            one.ending, words("已拆开", "apart")
        )
        add_row(table, *(one.document, one.location, ", ".join(one.external_ids), _moment(one.made_at), ending))
    OUT.print(table)


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%m-%d %H:%M:%S}"
