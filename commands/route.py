"""Sourcing at a terminal: why goods come from where they do, and whether stored decisions still come out the same."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from commands.reach import operator, reached
from commands.route_calendar import calendar_app
from commands.route_policy import policy_app
from commands.route_quote import ask
from commands.route_rates import rates_app
from commands.route_simulate import simulate
from commands.screen import OUT, add_row, give, say, words
from hub.errors import NotFound
from hub.language import language
from hub.order.find import get_orders
from hub.order.trace.explain import Carrier, ExplainedCandidate, ExplainedDecision, Routing, routing_of
from hub.replay_filter import order_ids_of
from hub.sourcing import words as told_in
from hub.sourcing.rerun import Rerun, Sameness, rerun, stored_decisions
from hub.sourcing.split_words import cut_by

route_app = typer.Typer(help=words("寻源", "sourcing"), no_args_is_help=True)
route_app.add_typer(policy_app, name="policy")
route_app.add_typer(rates_app, name="rates")
route_app.add_typer(calendar_app, name="calendar")
route_app.command("simulate", help=words("用近日需求比较策略草稿与现行策略", "compare a draft with what is in force"))(
    simulate
)
route_app.command(
    "quote", help=words("试算：若现在下单将如何发货", "how goods would be sent if they were ordered now")
)(ask)

DAYS: Final = 7

AsJson = Annotated[bool, typer.Option("--json", help=words("输出 JSON", "print JSON"))]
Number = Annotated[str, typer.Argument(help=words("订单号（中台或店铺单号）", "the hub's number, or the shop's own"))]


@route_app.command("explain", help=words("说明订单为何从这些仓发货", "say why an order ships from where it does"))
def explain(order: Number, *, as_json: AsJson = False) -> None:
    with reached() as reach, reach.database.transaction() as session:
        routing = routing_of(session, order, operator())
    if as_json:
        give(routing.model_dump(mode="json"), as_json=True)
        return
    if not routing.decisions:
        say("尚未寻源：查看订单的等待原因", "it has not been sourced yet: see what the order waits for")
    for one in routing.decisions:
        _print_decision(one, routing)


@route_app.command("replay", help=words("重算已存决策并逐字节比较", "make stored decisions again, and compare"))
def replay(
    orders: Annotated[list[str] | None, typer.Argument(help=words("订单号", "orders, by any of their numbers"))] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help=words("最近几天的决策", "of the last days"))] = DAYS,
    *,
    as_json: AsJson = False,
) -> None:
    with reached() as reach, reach.database.transaction() as session:
        ids = _ids_of(session, orders) if orders else None
        since = None if orders else datetime.now(UTC) - timedelta(days=days)
        told = rerun(stored_decisions(session, ids, since))
    _print_rerun(told, as_json=as_json)
    if told.counts[Sameness.DIFFERENT]:
        raise typer.Exit(1)


def _ids_of(session: Session, numbers: Sequence[str]) -> list[int]:
    """Give the orders of these numbers.

    Raises: NotFound for the first number that no order has: what is left out must not look the same.
    """
    ids: list[int] = []
    for number in numbers:
        found = get_orders(session, order_ids_of(session, [number]), operator())
        if not found:
            raise NotFound(f"there is no order {number[:20]}", code="unknown_order")
        ids += found
    return ids


def _print_decision(one: ExplainedDecision, routing: Routing) -> None:
    currency = routing.currency
    head = words("决策", "decision")
    title = (
        f"{head} {routing.id}/{one.no} · {one.decided_at.astimezone():%Y-%m-%d %H:%M:%S} · {one.policy} · {one.solver}"
    )
    wanted = ", ".join(f"{want.sku} × {want.quantity}" for want in one.wants)
    cost, bound = (told_in.amount(fen, currency) for fen in (one.cost, one.bound))
    least = "" if one.batch else words(f"，下界 {bound}（差距 {one.gap:.1%}）", f", bound {bound} (gap {one.gap:.1%})")
    caption = words(f"需求 {wanted}；成本 {cost}{least}", f"wanted {wanted}; cost {cost}{least}")
    heads = (
        *(("仓库", "location"), ("结果", "verdict"), ("公里", "km"), ("件数", "pieces"), ("成本", "cost")),
        *(("操作", "handling"), ("首重", "parcel"), ("续重", "weight"), ("距离", "distance"), ("罚分", "penalty")),
        *((("库存周数", "weeks of supply"), ("清仓优先", "markdown")) if _weighed(one) else ()),
    )
    table = Table(*(words(*each) for each in heads), title=title, caption=caption)
    for candidate in one.candidates:
        add_row(table, *_cells(candidate, currency, weighed=_weighed(one)))
    OUT.print(table)
    say(f"  拆分：{cut_by(one.cut_by, 'zh')}", f"  cut off by: {cut_by(one.cut_by, 'en')}")
    if one.batch:
        give(f"  {told_in.batched(one.batch, currency, language())}", as_json=False)
    for each in one.candidates:
        if each.what_if:
            why = told_in.counterfactual(each.what_if, each.lost_by, currency, language())
            give(f"  {each.code}: {why}", as_json=False)
    for each in one.carriers:
        give(f"  {_carrier(each, one, currency)}", as_json=False)
    if one.unmet:
        lacking = ", ".join(f"{take.sku} × {take.quantity}" for take in one.unmet)
        say(f"无货源：{lacking}", f"without a source: {lacking}")
    if one.unfilled:
        fen = told_in.amount(one.unfilled, currency)
        say(f"有货未给，计 {fen}", f"left although it was there, counted as {fen}")
    if one.replays is False:
        say("此决策重算结果不同", "this decision does not come out the same again")


def _carrier(each: Carrier, one: ExplainedDecision, currency: str) -> str:
    cost, freight = told_in.amount(each.cost, currency), told_in.amount(each.freight, currency)
    head = words(
        f"{each.code} × {each.courier}（{each.method}）：运费 {freight}，成本 {cost}，{each.days} 天到",
        f"{each.code} × {each.courier} ({each.method}): freight {freight}, cost {cost}, there in {each.days} days",
    )
    if each.verdict == "chosen":
        return f"{head} · {told_in.verdict('chosen', language())} · {one.promises.get(each.code, '')}"
    lost = words("差 ", "lost by ") + told_in.amount(each.lost_by, currency) if each.lost_by else ""
    return f"{head} · {lost or told_in.verdict(each.verdict, language())}"


def _weighed(one: ExplainedDecision) -> bool:
    return any(each.parts and (each.parts.supply or each.parts.markdown) for each in one.candidates)


def _cells(one: ExplainedCandidate, currency: str, *, weighed: bool) -> tuple[str, ...]:
    parts = one.parts
    costs = (
        (parts.total, parts.handling, parts.parcel, parts.weight, parts.distance, parts.penalty)
        if parts
        else (None,) * 6
    )
    more = ((parts.supply, parts.markdown) if parts else (None, None)) if weighed else ()
    told = ("—" if fen is None else told_in.amount(fen, currency) for fen in (*costs, *more))
    name = words(one.name_zh, one.name_en)
    whom = one.code if name == one.code else f"{one.code} {name}"
    return (whom, told_in.verdict(one.verdict, language()), str(one.km), str(one.pieces), *told)


def _print_rerun(told: Rerun, *, as_json: bool) -> None:
    counts = {one.value: told.counts[one] for one in Sameness}
    if as_json:
        first = [one.model_dump(mode="json") for one in told.first]
        give({**counts, "solvers": dict(told.solvers), "first_differences": first}, as_json=True)
        return
    same, different, other = (told.counts[one] for one in Sameness)
    give(
        words(
            f"相同 {same}，不同 {different}，求解器无法单独重算 {other}",
            f"same {same}, different {different}, by a solver that cannot be asked again {other}",
        ),
        as_json=False,
    )
    for one in told.first:
        give(f"{one.order_id}/{one.no} {one.solver} {one.where}: {one.stored} ≠ {one.again}", as_json=False)
