import pytest

from dashboards.case_view import case_line
from hub.causes.count_reasons import in_chinese


@pytest.mark.parametrize(
    ("told", "zh"),
    [
        (
            "wms-sh: line 1 (apple): 100 on hand cannot become -3; line 2 (X): there is no such SKU that is counted",
            "wms-sh: 第 1 行（apple）：在库 100 件，不能变为 -3 件; 第 2 行（X）：没有此 SKU，或其不计库存",
        ),
        (
            "line 3 (pear): under this number it was a count of 7 apple at sh before and 12 more",
            "第 3 行（pear）：此行号此前报过：sh 的 apple 盘点为 7 件，另有 12 条",
        ),
        ("report R 1: wms-sh has no location bj of owner ", "报告 R 1：wms-sh 没有库位 bj（货主 ）"),
        ("line 1 (apple): there is no inventory type 'XX'", "第 1 行（apple）：没有库存类型 'XX'"),
        ("line 1 (P1): it is counted in 'KG', which is no piece", "第 1 行（P1）：计量单位 'KG' 不是件"),
        ("line 2 (P1): page 1 of this count has counted it, too", "第 2 行（P1）：本次盘点第 1 页已盘过"),
        ("what a partner said", "what a partner said"),
    ],
)
def test_why_a_count_was_not_taken_is_said_in_chinese(told: str, zh: str) -> None:
    assert in_chinese(told) == zh


@pytest.mark.parametrize(
    ("cause", "told", "zh"),
    [
        ("stock_short", "counted 3, promised 5: 2 short", "盘点 3 件，已承诺 5 件，短缺 2 件"),
        ("stock_short", "lots blocked, promised 5: 2 short", "有批次锁定，已承诺 5 件，短缺 2 件"),
        (
            "stock_gap",
            "R 1 names 2 of 40 counters with pieces: the others stay as they were",
            "R 1 只列出 40 条在库记录中的 2 条，其余保持不变",
        ),
        ("lot_drift", "a change: 3 of A 1 left, 1 there", "变动：批次 A 1 出库 3 件，账上 1 件"),
        (
            "lot_drift",
            "a late count: 3 of A left, 1 there when it was taken",
            "迟到的盘点（账上为盘点时）：批次 A 出库 3 件，账上 1 件",
        ),
        (
            "lot_drift",
            "26-1: 3 of A left, none known; 2 of B left, 1 there",
            "26-1: 批次 A 出库 3 件，账上没有; 批次 B 出库 2 件，账上 1 件",
        ),
        (
            "stock_push",
            "pc: 30 SKUs would go to zero at once and are held back",
            "pc: 30 个 SKU 将同时归零，已暂缓推送",
        ),
        ("stock_push", "pc refuses the stock of apple (no)", "pc 拒收以下 SKU 的库存：apple (no)"),
    ],
)
def test_what_is_wrong_with_stock_is_said_in_chinese(cause: str, told: str, zh: str) -> None:
    assert (case_line(cause, told, "zh"), case_line(cause, told, "en")) == (zh, told)


@pytest.mark.parametrize(
    ("cause", "language", "said"),
    [
        ("stock_report", "zh", "第 1 行（X）：批次号过长"),
        ("stock_report", "en", "line 1 (X): a batch code that is too long"),
        ("malformed", "zh", "line 1 (X): a batch code that is too long"),
    ],
)
def test_only_what_a_stock_report_was_told_is_said_so_on_the_console(cause: str, language: str, said: str) -> None:
    assert case_line(cause, "line 1 (X): a batch code that is too long", language) == said
