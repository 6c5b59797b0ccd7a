"""A candidate in words, Chinese and English: of what kind it is, its fate, and what would have changed that."""

from collections.abc import Mapping
from typing import Final

from hub.language import Words
from hub.money import major_units
from hub.sourcing.counterfactual import Change, WhatIf
from hub.sourcing.model import LocationKind
from hub.sourcing.shared import BatchCost

VERDICTS: Final[Mapping[str, Words]] = {
    "chosen": Words("选中", "chosen"),
    "dearer": Words("更贵", "dearer"),
    "kept": Words("留给其他订单", "kept for other orders of its batch"),
    "short": Words("缺货", "short"),
    "closed": Words("已停用", "closed"),
    "excluded": Words("策略排除", "left out by the policy"),
    "kind": Words("策略排除此类仓", "left out by the policy with all of its kind"),
    "lots": Words("余货均属过期或已锁定批次", "what is left there is of lots that have expired or are blocked"),
    "too_far": Words("超出策略距离", "farther than the policy allows"),
    "outside": Words("超出仓的配送半径", "outside the location's radius"),
    "method": Words("不提供该配送方式", "does not offer the ship method"),
    "not_open": Words("不在营业时间", "not open at the time"),
    "capacity": Words("在途单量已满", "has as many open documents as it may"),
    "day_full": Words("当日单量已满", "has all the documents that its day may have"),
    "no_rate": Words("无快递报价可达", "no courier of the rate card goes there"),
    "other_sender": Words("非此货的发货方（供应商直发）", "does not send these goods: a supplier sends his own"),
    "not_bonded": Words("非保税仓", "not under bond, as these goods are"),
    "storage": Words("不能存放此温层", "cannot store these goods"),
    "rejected_before": Words("曾拒绝此单或对其缺货", "refused this order before, or was short of it"),
    "not_wished": Words("改派时未选此仓", "not asked: a person wished for another"),
    "stays_where_it_was": Words("未询问：货仍由原仓发", "not asked: the goods stay where they were"),
}
KINDS: Final[Mapping[str, Words]] = {
    LocationKind.WAREHOUSE: Words("自营仓", "warehouse"),
    LocationKind.STORE: Words("门店", "store"),
    LocationKind.THIRD_PARTY: Words("第三方仓", "third party's"),
    LocationKind.SUPPLIER: Words("供应商仓", "supplier's"),
}
BATCH: Final = Words(
    "与同批 {parts} 个订单部分一起决定：合计 {cost}，逐单为 {greedy_cost}，"
    "下界 {bound}（差距 {gap}）；单看本单的差距没有意义",
    "decided together with its batch of {parts} parts of orders: {cost} in all, {greedy_cost} one after another, bound "
    "{bound} (gap {gap}); the gap of this order alone says nothing",
)
CHEAPER: Final = Words("差 {lost} 落选；便宜 {by}{near} 即可胜出", "lost by {lost}; wins if it costs {by} less{near}")
NEAR: Final = Words("（或在 {km} 公里以内）", " (or lies within {km} km)")
WINS: Final = Words("即可胜出", "wins")
STILL: Final = Words("仍贵 {amount}", "still loses by {amount}")
NOTHING: Final = Words("仍供不了货", "still has nothing to give")


def verdict(code: str, language: str) -> str:
    """Say a verdict; one without words of its own is shown as it is written."""
    return VERDICTS[code].say(language) if code in VERDICTS else code


def amount(fen: int, currency: str) -> str:
    """Write an amount as people read it: ¥3.20."""
    return f"{'¥' if currency == 'CNY' else currency + ' '}{major_units(fen, currency)}"


def lack(missing: Mapping[str, int]) -> str:
    return ", ".join(f"{sku} × {pieces}" for sku, pieces in sorted(missing.items()))


def counterfactual(told: WhatIf, lost_by: int, currency: str, language: str) -> str:
    """Say what would have had to be otherwise for a candidate, and whether that would have been enough."""
    if told.change is Change.CHEAPER:
        near = NEAR.say(language, km=told.km) if told.km is not None else ""
        return CHEAPER.say(language, lost=amount(lost_by, currency), by=amount(told.by, currency), near=near)
    if told.change is Change.STOCKED:
        head = Words("缺 {what}；若有货", "lacks {what}; with them it").say(language, what=lack(told.pieces))
    else:
        head = Words("若可参与", "if it were let in, it").say(language)
    return f"{head}{'' if language == 'zh' else ' '}{_end(told, currency, language)}"


def batched(told: BatchCost, currency: str, language: str) -> str:
    """Say what a decision's batch costs, and how good that is; the order's own share was not to be the cheapest."""
    costs = {name: amount(getattr(told, name), currency) for name in ("cost", "greedy_cost", "bound")}
    return BATCH.say(language, parts=told.parts, gap=f"{told.gap:.2%}", **costs)


def _end(told: WhatIf, currency: str, language: str) -> str:
    if told.wins:
        return WINS.say(language)
    return STILL.say(language, amount=amount(told.lost_by, currency)) if told.lost_by else NOTHING.say(language)
