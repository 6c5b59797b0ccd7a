"""Causes of stock that is not what somebody says it is."""

from collections.abc import Mapping
from typing import Final

from hub.causes.cause import Cause, Remedy
from hub.language import Words

COUNTS: Final[Mapping[str, Cause]] = {
    "stock_drift": Cause(
        Words("库存计数与账本不符", "A stock counter is not what its ledger says"),
        Words(
            "通知平台工程师；查清原因并更正后关闭：./oms case resolve {case}",
            "call a platform engineer; once found and put right: ./oms case resolve {case}",
        ),
        Remedy.BY_HAND,
        Words(
            "通知平台工程师；查清原因并更正后关闭",
            "Call a platform engineer; close it once the reason is found and it is put right",
        ),
    ),
    "stock_gap": Cause(
        Words("盘点未列出大部分在库商品", "A count names too little of what was there"),
        Words(
            "未列出的商品库存保持不变。请与仓库核实：属实则执行 ./oms case resolve {case} --reason …，下一次盘点即采用",
            "what it does not name stays as it was. Ask the location: if it is gone, "
            "./oms case resolve {case} --reason … has the next count taken over",
        ),
        Remedy.BY_HAND,
        Words(
            "未列出的商品库存保持不变。请与仓库核实：属实则结案，下一次盘点即采用；盘点补全后自动结案",
            "What it does not name stays as it was. Ask the location: if it is gone, close this and the next count "
            "is taken over. It closes by itself once a count names enough",
        ),
    ),
    "stock_push": Cause(
        Words("渠道库存未能如数告知", "A channel is not told of its stock as it stands"),
        Words(
            "大量商品将归零：核对库存，属实则执行 ./oms case resolve {case} --reason … 放行；被渠道拒收：更正商品对应",
            "many SKUs would go to zero: check the stock; if true, ./oms case resolve {case} --reason … lets them go; "
            "if the channel refuses SKUs, mend their bindings",
        ),
        Remedy.BY_HAND,
        Words(
            "大量商品将归零：核对库存，属实则结案放行，更正库存则自动结案；被渠道拒收：更正商品对应，每小时自动重试",
            "Many SKUs would go to zero: check, then close this to let them pass; put the stock right and it closes "
            "by itself. SKUs that the channel refuses: mend their bindings; they are told again every hour",
        ),
    ),
    "stock_report": Cause(
        Words("库存报告有无法采用的明细", "A stock report has lines that cannot be used"),
        Words(
            "更正商品、库位或由仓库重发后执行 ./oms inbox replay {inbox}；已采用的明细不会重复记账",
            "mend the SKU or location, then run ./oms inbox replay {inbox}; lines already taken are not booked again",
        ),
        Remedy.REPLAY,
        Words(
            "更正商品或库位后重新处理；已采用的明细不会重复记账",
            "Mend the SKU or location, then replay; lines already taken are not booked again",
        ),
    ),
    "stock_short": Cause(
        Words("可售少于已承诺数量", "Fewer pieces can be sold than are promised"),
        Words(
            "受影响的未下发订单会自动改派；其余请与仓库核实，补足后执行 ./oms case resolve {case} --reason …",
            "orders not yet at the location are sourced again; ask the location about the rest, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "受影响的未下发订单会自动改派，不再短缺时自动结案；其余请与仓库核实",
            "Orders not yet at the location are sourced again, and this closes by itself once nothing is short; "
            "ask the location about the rest",
        ),
    ),
    "lot_drift": Cause(
        Words(
            "发货、变动或迟到的盘点与批次账不符",
            "A delivery, a change or a late count is of other lots than the books have",
        ),
        Words(
            "请仓库按批次盘点上报，收到后自动结案；或核对后执行 ./oms case resolve {case} --reason …",
            "have the warehouse count by lots, which closes it; or check it, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "请仓库按批次盘点上报，收到后自动结案；数量未受影响",
            "Have the warehouse count by lots: it closes by itself then. What is on hand is right",
        ),
    ),
}
