"""Sourcing policies at a terminal: list and show them, draft one, put it in force, retire it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.untried import Untried
from commands.version_words import STATES
from commands.written import read_file
from hub.language import language
from hub.order.rules.policy import POLICY, built_in
from hub.sourcing.bounds import LONGEST
from hub.sourcing.policies import draft_policy, get_policy, list_policies, publish_policy, retire_policy

policy_app = typer.Typer(
    help=words("寻源策略：草稿 → 生效 → 停用", "sourcing policies: draft, in force, retired"), no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Brand = Annotated[str, typer.Option(help=words("品牌", "the brand"))]
Version = Annotated[str, typer.Argument(help=words("策略版本", "the policy's version"))]
Revision = Annotated[int, typer.Argument(help=words("审阅过的草稿修订号", "the revision of the draft that was read"))]
Reason = Annotated[str, typer.Option(help=words("原因，写入审计日志", "why; goes to the audit log"))]


@policy_app.command("ls", help=words("列出各品牌的策略版本", "list the versions of all brands"))
def ls(brand: Brand = "", *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        found = list_policies(session, operator(), brand)
    if as_json:
        give([one.model_dump(mode="json") for one in found], as_json=True)
        return
    built_in = POLICY.version
    say(f"未设策略的品牌使用内置策略 {built_in}", f"a brand without one in force is sourced by the built-in {built_in}")
    heads = (("品牌", "brand"), ("版本", "version"), ("修订", "revision"), ("状态", "state"))
    more = (("经过", "by whom and when"), ("说明", "note"))
    table = Table(*(words(*head) for head in (*heads, *more)))
    for one in found:
        acts = (
            (words("起草", "drafted"), one.drafted_by, one.drafted_at),
            (words("发布", "published"), one.published_by, one.published_at),
            (words("停用", "retired"), one.retired_by, one.retired_at),
        )
        told = [f"{act} {whom} {at.astimezone():%Y-%m-%d %H:%M}" for act, whom, at in acts if at]
        named = (one.brand, one.version, "" if one.revision is None else str(one.revision))
        add_row(table, *named, STATES[one.state].say(language()), "; ".join(told), one.note)
    OUT.print(table)


@policy_app.command("show", help=words("显示策略原文（不填版本：内置）", "print a version, or the built-in one"))
def show(
    version: Annotated[str, typer.Argument(help=words("策略版本", "the policy's version"))] = "", brand: Brand = ""
) -> None:
    if not version:
        give(built_in(language=language()), as_json=False)
        return
    with reached() as reach, reach.database.transaction() as session:
        give(get_policy(session, brand, version), as_json=False)


@policy_app.command("draft", help=words("保存草稿（TOML 文件）", "keep a draft (a TOML file)"))
def draft(file: Annotated[Path, typer.Argument(help=words("策略文件", "the file"))]) -> None:
    content = read_file(file, "malformed_policy", LONGEST)
    with reached() as reach, reach.database.transaction() as session:
        policy = draft_policy(session, operator(), content, POLICY.version, datetime.now(UTC))
    say(
        f"已保存草稿 {policy.version}，修订 {policy.revision}；先用 route simulate 比较，再发布",
        f"kept {policy.version} as a draft, revision {policy.revision}; compare it by route simulate, then publish it",
    )


@policy_app.command("publish", help=words("发布草稿，下一批订单起生效", "put a draft in force from the next batch on"))
def publish(version: Version, revision: Revision, brand: Brand, reason: Reason, untried: Untried = "") -> None:
    with reached() as reach, reach.database.transaction() as session:
        at = datetime.now(UTC)
        publish_policy(session, operator(), brand, version, reason, at, revision=revision, untried=untried)
    say(f"{brand} 已按 {version} 寻源", f"{brand} is sourced by {version} now")


@policy_app.command("retire", help=words("停用，恢复内置策略", "retire it: the built-in policy holds again"))
def retire(version: Version, brand: Brand, reason: Reason) -> None:
    with reached() as reach, reach.database.transaction() as session:
        retire_policy(session, operator(), brand, version, reason, datetime.now(UTC))
    say(f"{brand} 恢复使用内置策略", f"{brand} is sourced by the built-in policy again")
