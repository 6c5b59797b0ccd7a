"""What is wrong with stock or its reports, in Chinese: a case keeps the reason as it was written when it came."""

import re
from collections.abc import Sequence
from typing import Final

CAUSES: Final = frozenset({"lot_drift", "stock_gap", "stock_push", "stock_report", "stock_short"})
"""Causes whose cases say something in words of ours; what a partner said stands as it is."""

REASONS: Final[Sequence[tuple[re.Pattern[str], str]]] = tuple(
    (re.compile(en), zh)
    for en, zh in (
        (r"there is no such SKU that is counted", "没有此 SKU，或其不计库存"),
        (r"a batch of more pieces than anybody has, or of fewer than none", "批次数量大得不可信，或小于零"),
        (r"more pieces than anybody has", "数量大得不可信"),
        (r"its batches add up to something else", "批次数量合计与明细不符"),
        (r"a batch code that is too long", "批次号过长"),
        (r"its batch is of no day there is", "批次日期无效"),
        (r"its quantity is no whole number of pieces", "数量不是整数件"),
        (r"there is no (?:inventory|stock) type ('[^']*')", r"没有库存类型 \1"),
        (r"it is counted in ('[^']*'), which is no piece", r"计量单位 \1 不是件"),
        (r"(-?\d+) on hand cannot become (-?\d+)", r"在库 \1 件，不能变为 \2 件"),
        (
            r"under this number it was a count of (-?\d+) (\S+) at (\S+) before",
            r"此行号此前报过：\3 的 \2 盘点为 \1 件",
        ),
        (r"under this number it was a change of (-?\d+) (\S+) at (\S+) before", r"此行号此前报过：\3 的 \2 变动 \1 件"),
        (r"the count is of (.+?), which has not come yet", r"盘点时间 \1 尚未到来"),
        (r"\bon its way \(", "在途（"),
        (r"no number of pieces that anybody has", "数量不可信"),
        (r"page (\d+) of this count has counted it, too", r"本次盘点第 \1 页已盘过"),
        (r"a full count names nothing", "全量盘点没有任何明细"),
        (r"(\S+) has no location (\S+) of owner (\S*)", r"\1 没有库位 \2（货主 \3）"),
        (r"\bline (\d+) \(", r"第 \1 行（"),
        (r"(?<=\S)\): ", "）："),
        (r"\breport (.{1,60}?): ", r"报告 \1："),
        (r" and (\d+) more$", r"，另有 \1 条"),
        (r"\bcounted (\d+), promised (\d+): (\d+) short", r"盘点 \1 件，已承诺 \2 件，短缺 \3 件"),
        (r"\blots blocked, promised (\d+): (\d+) short", r"有批次锁定，已承诺 \1 件，短缺 \2 件"),
        (
            r" names (\d+) of (\d+) counters with pieces: the others stay as they were",
            r" 只列出 \2 条在库记录中的 \1 条，其余保持不变",
        ),
        (r"\ba late count: (.+) when it was taken", r"迟到的盘点（账上为盘点时）：\1"),
        (r"\ba change: ", "变动："),
        (r"(\d+) of ([^;]+?) left, (\d+) there", r"批次 \2 出库 \1 件，账上 \3 件"),
        (r"(\d+) of ([^;]+?) left, none known", r"批次 \2 出库 \1 件，账上没有"),
        (r"(\d+) SKUs would go to zero at once and are held back", r"\1 个 SKU 将同时归零，已暂缓推送"),
        (r" refuses the stock of ", " 拒收以下 SKU 的库存："),
    )
)
"""Our words and what stands for them; SKUs, places and numbers stay as they are."""


def in_chinese(message: str) -> str:
    """Say in Chinese what is wrong with stock, or why a report's lines were not taken."""
    for pattern, zh in REASONS:
        message = pattern.sub(zh, message)
    return message
