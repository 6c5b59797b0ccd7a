"""Gift strategies at a terminal: list, draft from a file, put in force, retire, and try on an order that was placed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from commands.operate import Number, order_id_of
from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.untried import Untried
from hub.gift import strategy as strategies
from hub.gift.model import Rule, Verdict
from hub.order.rehearse.gift import decided, try_rules
from hub.order.rehearse.gift_trial import LONGEST_DAYS, try_strategy
from hub.scope import check_names
from hub.sourcing.words import amount
from hub.trials import TrialKind, note_trial

gift_app = typer.Typer(help=words("赠品策略", "gift strategies"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Brand = Annotated[str, typer.Argument(help=words("品牌", "the brand"))]
Name = Annotated[str, typer.Argument(help=words("策略名", "the strategy's name"))]
No = Annotated[int, typer.Argument(help=words("版本", "which version"))]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=words("JSON 文件", "a JSON file"))]

SAID: Final = {
    "given": ("赠送", "gives"),
    "other_shop": ("不含此店铺", "not for this shop"),
    "too_early": ("尚未开始", "has not begun"),
    "too_late": ("已结束", "is over"),
    "no_such_product": ("没有参与商品", "none of its products"),
    "amount": ("金额不足", "too little money"),
    "pieces": ("件数不足", "too few pieces"),
    "group_taken": ("同组已赠", "its group gave already"),
    "exhausted": ("已赠完", "all were given"),
    "had_already": ("会员已领过", "the member had one"),
    "out_of_stock": ("赠品缺货", "it had run out"),
}
"""Why a strategy gave or did not."""


@gift_app.command("ls", help=words("列出策略的各个版本", "list the versions of strategies"))
def ls(
    brand: Annotated[str, typer.Option(help=words("只看此品牌", "of this brand only"))] = "", *, as_json: AsJson = False
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = strategies.list_strategies(session, operator(), brand)
    if as_json:
        give(found, as_json=True)
        return
    heads = (("品牌", "brand"), ("策略", "strategy"), ("版本", "version"), ("状态", "state"), ("已赠", "given"))
    table = Table(*(words(*head) for head in heads))
    for one in found:
        given = "—" if one["orders"] is None else f"{one['orders']} / {one['pieces']}"
        add_row(table, one["brand"], one["name"], str(one["no"]), one["state"], given)
    OUT.print(table)


@gift_app.command("draft", help=words("由文件起草一个策略", "draft a strategy from a file"))
def draft(file: File) -> None:
    read = strategies.read_strategy(file.read_bytes())
    with reached() as reach, reach.database.transaction() as session:
        for shop in read.shops:
            check_names(reach.settings.connections, read.brand, shop)
        no = strategies.draft(session, operator(), read, datetime.now(UTC))
    say(f"{read.name} 草稿版本 {no}", f"{read.name} is drafted as version {no}")


@gift_app.command("publish", help=words("让草稿生效", "put a draft in force"))
def publish(brand: Brand, name: Name, no: No, untried: Untried = "") -> None:
    with reached() as reach, reach.database.transaction() as session:
        strategies.publish(session, operator(), brand, name, no, datetime.now(UTC), untried=untried)
    say(f"版本 {no} 已生效", f"version {no} is in force")


@gift_app.command("retire", help=words("停用策略", "follow a strategy no more"))
def retire(
    brand: Brand, name: Name, reason: Annotated[str, typer.Option(help=words("原因", "why, for the audit log"))] = ""
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        no = strategies.retire(session, operator(), brand, name, datetime.now(UTC), reason)
    say(f"版本 {no} 已停用", f"version {no} is retired")


@gift_app.command(
    "trial", help=words("在近日订单上试算一个策略文件", "try a strategy's file on orders of the last days")
)
def trial(
    file: File,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help=words("天数", "how many days"))] = 7,
    *,
    as_json: AsJson = False,
) -> None:
    read = strategies.read_strategy(file.read_bytes())
    with reached() as reach, reach.database.transaction() as session:
        at = datetime.now(UTC)
        tried = try_strategy(session, operator(), read, at, days)
        note_trial(session, TrialKind.GIFT, read.model_dump_json(), tried.seen(operator(), at))
    if as_json:
        give(tried.model_dump(mode="json"), as_json=True)
        return
    cost, more = amount(tried.fen, "CNY"), "+" if tried.more else ""
    told = words(
        f"{tried.looked}{more} 单中 {tried.orders} 单获赠，共 {tried.pieces} 件，成本 {cost}，{tried.unpriced} 件无价",
        f"of {tried.looked}{more} orders {tried.orders} would have had it: {tried.pieces} pieces, which cost {cost}, "
        f"{tried.unpriced} of them without a price",
    )
    give(told, as_json=False)
    for code, n in tried.refused.items():
        give(f"  {words(*SAID[code])}: {n}", as_json=False)
    if not tried.looked:
        give(words("没有订单可看，不算试算", "no order was looked at, so this was no trial"), as_json=False)


@gift_app.command("try", help=words("在一个订单上试算", "ask strategies about an order that was placed"))
def try_one(
    number: Number,
    name: Annotated[
        str, typer.Option("--strategy", help=words("只试此策略的最新版本", "its newest version only"))
    ] = "",
    brand: Annotated[str, typer.Option(help=words("该策略的品牌", "that strategy's brand"))] = "",
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        order_id = order_id_of(session, number)
        rules: Sequence[Rule] | None = [strategies.get_strategy(session, brand, name)] if name else None
        verdicts = try_rules(session, operator(), order_id, rules)
        before = decided(session, order_id)
    if as_json:
        give({"would": [_told(one) for one in verdicts], "was": before}, as_json=True)
        return
    heads = (("策略", "strategy"), ("版本", "version"), ("结果", "verdict"), ("次数", "times"), ("依据", "seen"))
    table = Table(*(words(*head) for head in heads))
    told: list[tuple[dict[str, Any], str]] = [(_told(one), "") for one in verdicts]
    told += [(one, words("（下单时）", " (when placed)")) for one in before]
    for one, when in told:
        verdict = words(*SAID[one["verdict"]]) + when
        add_row(table, one["strategy"], str(one["strategy_no"]), verdict, str(one["times"]), _seen(one["seen"]))
    OUT.print(table)


def _told(one: Verdict) -> dict[str, Any]:
    return {
        "strategy": one.rule.strategy.name,
        "strategy_no": one.rule.no,
        "verdict": one.code,
        "seen": one.seen,
        "times": one.times,
        "pieces": one.pieces,
    }


def _seen(seen: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in seen.items())
