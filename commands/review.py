"""Review rules at a terminal: see them, draft one, try it on past orders, put it in force, retire it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.table import Table

from commands.blacklist import blacklist_app
from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.untried import Untried
from commands.version_words import STATES
from hub.errors import Malformed
from hub.language import language
from hub.order.rehearse.rule import Tried, rehearse
from hub.review.publish import NewRule, draft_rule, publish_rule, retire_rule, said_by
from hub.review.rules import RuleView, list_rules, rule_versions
from hub.review.verdict import Act, Holding, HoldType, Scope
from hub.roles import Role
from hub.scope import check_names
from hub.trials import TrialKind, note_trial
from hub.unfit import malformed

review_app = typer.Typer(help=words("审单规则与黑名单", "review rules and the blacklist"), no_args_is_help=True)
review_app.add_typer(blacklist_app, name="blacklist")

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Name = Annotated[str, typer.Argument(help=words("规则名", "the rule's name"))]
No = Annotated[int, typer.Argument(help=words("版本", "the version"))]


@review_app.command("ls", help=words("列出草稿与生效的规则", "list drafts and the rules in force"))
def ls(
    *,
    retired: Annotated[bool, typer.Option("--retired", help=words("包括已停用的", "the retired as well"))] = False,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_rules(session, operator(), retired=retired)
    _print(found, as_json=as_json)


@review_app.command("show", help=words("显示一条规则的全部版本", "show all versions of a rule"))
def show(name: Name, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = rule_versions(session, operator(), name)
    _print(found, as_json=as_json)


@review_app.command("draft", help=words("起草规则的新版本，尚不生效", "write a rule's next version; not in force yet"))
def draft(
    name: Name,
    expression: Annotated[str, typer.Option(help=words("CEL 条件", "the condition, in CEL"))],
    brand: Annotated[str | None, typer.Option(help=words("限于品牌", "only this brand"))] = None,
    shop: Annotated[str | None, typer.Option(help=words("限于店铺", "only this shop"))] = None,
    kind: Annotated[
        HoldType | None, typer.Option("--type", help=words("成立时挂起的类型", "hold, as this type"))
    ] = None,
    releases: Annotated[
        list[HoldType] | None, typer.Option(help=words("成立时放行的类型，可重复", "let go holds of this type; repeat"))
    ] = None,
    scope: Annotated[
        Scope,
        typer.Option(help=words("按整单、明细行或发货单判断并挂起", "ask of, and hold, orders, lines or deliveries")),
    ] = Scope.ORDER,
    blocks: Annotated[
        list[Act] | None, typer.Option(help=words("挂起期间不做的事，可重复", "what a hold blocks; repeat"))
    ] = None,
    expires_after_s: Annotated[
        int | None, typer.Option(help=words("多少秒后自动放行", "a hold ends by itself after so many seconds"))
    ] = None,
    resolver: Annotated[
        Role | None, typer.Option(help=words("须由此角色放行", "who may let it go, at the least"))
    ] = None,
    why: Annotated[str, typer.Option(help=words("说明", "what it is for"))] = "",
) -> None:
    if (kind is None) == (not releases):
        raise Malformed("give either --type, to hold, or --releases, to let go", code="verdict", field="type")
    held = {"kind": "hold", "type": kind, "expires_after_s": expires_after_s, "resolver": resolver}
    verdict = {"kind": "release", "releases": releases} if releases else held | ({"blocks": blocks} if blocks else {})
    verdict["scope"] = scope
    rule = _read({"name": name, "brand": brand, "shop": shop, "expression": expression, "verdict": verdict, "why": why})
    with reached() as reach, reach.database.transaction() as session:
        if brand:
            check_names(reach.settings.connections, brand, shop or "")
        made = draft_rule(session, operator(), rule, datetime.now(UTC))
    say(
        f"已起草 {name} 第 {made.no} 版；先试算：./oms review try {name}",
        f"drafted version {made.no} of {name}; try it first: ./oms review try {name}",
    )


@review_app.command("try", help=words("在过去的订单上试算，不改动任何数据", "try it on past orders; changes nothing"))
def try_rule(
    name: Name,
    no: Annotated[int | None, typer.Option("--version", help=words("版本，默认最新", "which; else the newest"))] = None,
    days: Annotated[int, typer.Option(min=1, max=90, help=words("最近几天", "orders of the last days"))] = 7,
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        versions = rule_versions(session, operator(), name)
        chosen = next((one for one in versions if no in {None, one.no}), None)
        if chosen is None:
            raise Malformed(f"{name} has no version {no}", code="unknown_rule", field="version")
        rule = NewRule.model_validate(chosen.model_dump(include=set(NewRule.model_fields)))
        here = datetime.now(ZoneInfo(reach.settings.business_zone))
        said = rehearse(session, operator(), rule, here, days)
        note_trial(session, TrialKind.RULE, said_by(rule), said.seen(operator(), here))
    if as_json:
        give(said.model_dump(mode="json"), as_json=True)
    else:
        _tell(said, holds=isinstance(rule.verdict, Holding))


@review_app.command("publish", help=words("使草稿生效，替换当前版本", "put a draft in force instead of what is"))
def publish(name: Name, no: No, untried: Untried = "") -> None:
    with reached() as reach, reach.database.transaction() as session:
        publish_rule(session, operator(), name, no, datetime.now(UTC), untried=untried)
    say(f"{name} 第 {no} 版已生效", f"version {no} of {name} is in force")


@review_app.command("retire", help=words("停用生效的版本或作废草稿", "take a version out of force, or drop a draft"))
def retire(name: Name, no: No, reason: Annotated[str, typer.Option(help=words("原因", "why"))]) -> None:
    with reached() as reach, reach.database.transaction() as session:
        retire_rule(session, operator(), name, no, reason, datetime.now(UTC))
    say(f"{name} 第 {no} 版已停用；已挂起的订单不变", f"version {no} of {name} is retired; what it holds stays held")


def _read(given: Mapping[str, Any]) -> NewRule:
    """Read a rule from what was typed.

    Raises: Malformed naming the first thing that does not fit.
    """
    try:
        return NewRule.model_validate(given)
    except ValidationError as error:
        raise malformed(error, "rule") from error


def _print(found: Sequence[RuleView], *, as_json: bool) -> None:
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    heads = (("规则", "rule"), ("范围", "for"), ("条件", "condition"), ("结果", "then"), ("状态", "state"))
    table = Table(*(words(*head) for head in heads))
    for one in found:
        of = "/".join(filter(None, (one.brand, one.shop))) or words("全部", "all")
        state = STATES[one.state].say(language())
        add_row(table, f"{one.name}@{one.no}", of, one.expression, _verdict(one), state)
    OUT.print(table)


def _part(scope: Scope) -> str:
    """Name what a rule is asked of, where that is no whole order."""
    parts = {Scope.ORDER: "", Scope.LINE: words("明细行 ", "lines "), Scope.FULFILMENT: words("发货单 ", "deliveries ")}
    return parts[scope]


def _verdict(rule: RuleView) -> str:
    verdict = rule.verdict
    part = _part(verdict.scope)
    if not isinstance(verdict, Holding):
        return words("放行 ", "let go ") + part + ", ".join(verdict.releases)
    told = words("挂起 ", "hold ") + part + f"{verdict.type} ({', '.join(verdict.blocks)})"
    if verdict.expires_after_s:
        told += words(f"，{verdict.expires_after_s} 秒后自动放行", f", for {verdict.expires_after_s} s")
    return told + (words("，放行者 ", ", until ") + verdict.resolver if verdict.resolver else "")


def _tell(said: Tried, *, holds: bool) -> None:
    act = words("会挂起", "would hold") if holds else words("会放行", "would let go")
    lines = [
        words(f"最近 {said.days} 天 {said.looked} 单", f"{said.looked} orders of the last {said.days} days")
        + words("（更早的未看）", " (older ones not looked at)") * said.more,
        *([f"{words('判断', 'asked')}: {_part(said.scope)}{said.asked}"] if said.scope is not Scope.ORDER else []),
        f"{act}: {said.hit}  {' '.join(said.samples)}",
        words("算不出而会挂起", "would hold for it fails")
        + f": {sum(said.failed.values())}  {' '.join(said.failed_samples)}",
        *(f"  {kind}: {count}" for kind, count in said.failed.items()),
    ]
    if said.left_out:
        lines.append(words(f"已删除个人信息而未看: {said.left_out}", f"left out, their people erased: {said.left_out}"))
    if said.as_now:
        names = ", ".join(said.as_now)
        lines.append(words(f"按现在而非当时计算: {names}", f"as it is now, not as it was: {names}"))
    if not said.looked:
        lines.append(words("没有订单可看，不算试算", "no order was looked at, so this was no trial"))
    give("\n".join(lines), as_json=False)
