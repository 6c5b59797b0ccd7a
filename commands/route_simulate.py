"""What a draft of a sourcing policy would have come to, beside what is in force, at a terminal."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from commands.reach import operator, reached
from commands.screen import OUT, add_row, give, say, words
from commands.written import read_file
from hub.order.rehearse.batch import Batches
from hub.order.rehearse.policies import Comparison, compare_policies
from hub.order.rehearse.tally import Figures, Side
from hub.order.rules.policy import POLICY
from hub.sourcing.bounds import LONGEST, read_draft
from hub.sourcing.policies import check_locations
from hub.sourcing.words import amount
from hub.trials import TrialKind, note_trial


def simulate(
    policy: Annotated[Path, typer.Option(help=words("策略草稿（TOML 文件）", "the draft, a TOML file"))],
    days: Annotated[int, typer.Option(min=1, max=3_650, help=words("最近几天的需求", "what was asked in days"))] = 7,
    *,
    as_json: Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))] = False,
) -> None:
    written = read_file(policy, "malformed_policy", LONGEST)
    draft = read_draft(written)
    with reached() as reach, reach.database.transaction() as session:
        check_locations(session, draft)
        here = datetime.now(UTC).astimezone(ZoneInfo(reach.settings.business_zone))
        told = compare_policies(session, draft, POLICY, here - timedelta(days=days))
    with reached() as reach, reach.database.transaction() as session:  # another one: a trial itself may not write
        note_trial(session, TrialKind.POLICY, written, told.seen(operator(), days, here))
    if as_json:
        give(told.model_dump(mode="json"), as_json=True)
    elif not told.orders:
        say("这些天没有寻源记录，不算试算", "nothing was sourced in these days, so this was no trial")
    else:
        _print(told)


def _print(told: Comparison) -> None:
    now, then = told.in_force, told.draft
    title = words(f"{told.brand}：{told.orders} 次寻源", f"{told.brand}: {told.orders} times sourced")
    caption = words(f"改变去向的订单 {told.moved}", f"would ship otherwise: {told.moved}")
    heads = (words("指标", "measure"), now.version, then.version, words("差异", "difference"))
    table = Table(*heads, title=title, caption=caption)
    for cells in _measures(now.total, then.total):
        add_row(table, *cells)
    OUT.print(table)
    for side in (now, then):
        _print_used_up(side)
        if side.batches:
            _print_batches(side.version, side.batches)


def _print_batches(version: str, told: Batches) -> None:
    cost, in_turn, gap = amount(told.cost, "CNY"), amount(told.greedy_cost, "CNY"), f"{told.gap:.2%}"
    say(
        f"{version} 达到一起决定所需单数的批次 {told.came}，其中一起决定 {told.together}（{told.orders} 单）："
        f"合计 {cost}，逐单为 {in_turn}，差距 {gap}",
        f"{version}: batches with enough orders {told.came}, decided together {told.together} ({told.orders} orders): "
        f"{cost} in all, {in_turn} one after another, gap {gap}",
    )


def _print_used_up(side: Side) -> None:
    if side.emptied:
        told = ", ".join(f"{code} {n}" for code, n in side.emptied.items())
        say(
            f"{side.version} 用尽库存，后续订单缺货的 SKU 数：{told}",
            f"{side.version} used up SKUs that later orders then missed: {told}",
        )
    if side.full_days:
        told = ", ".join(f"{code} {n}" for code, n in side.full_days.items())
        say(f"{side.version} 当日单量达上限的天数：{told}", f"{side.version} filled all places of days: {told}")


def _measures(now: Figures, then: Figures) -> list[tuple[str, ...]]:
    counts = (
        (words("包裹", "parcels"), now.parcels, then.parcels),
        (words("一包发齐的订单", "orders whole in one parcel"), now.one_parcel, then.one_parcel),
        (words("有货源的件数", "pieces with a source"), now.pieces, then.pieces),
    )
    costs = (
        (words("成本（按现行价）", "cost at prices in force"), now.cost, then.cost),
        (words("成本（按各自价）", "cost at their own prices"), now.own_cost, then.own_cost),
    )
    parts = [
        (words("满足率", "fill"), now.fill, then.fill),
        *(
            (words(f"占比 {code}", f"share of {code}"), now.share.get(code, 0.0), then.share.get(code, 0.0))
            for code in sorted({*now.share, *then.share})
        ),
    ]
    told = ("—" if days is None else f"{days:.2f}" for days in (now.days, then.days))
    sooner = f"{then.days - now.days:+.2f}" if now.days is not None and then.days is not None else "—"
    return [
        *((name, str(was), str(would), f"{would - was:+}") for name, was, would in counts),
        *((name, amount(was, "CNY"), amount(would, "CNY"), _more(was, would)) for name, was, would in costs),
        (words("平均公里", "mean km"), f"{now.km:.1f}", f"{then.km:.1f}", f"{then.km - now.km:+.1f}"),
        (words("平均到达天数", "mean days until arrival"), *told, sooner),
        *((name, f"{was:.1%}", f"{would:.1%}", f"{would - was:+.1%}") for name, was, would in parts),
    ]


def _more(was: int, would: int) -> str:
    part = f" ({(would - was) / was:+.1%})" if was else ""
    return f"{'+' if would >= was else '-'}{amount(abs(would - was), 'CNY')}{part}"
