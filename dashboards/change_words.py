"""Words of what is changed about orders: what of it, what became of that, and whose word it was."""

from collections.abc import Mapping
from typing import Final

from dashboards.tone import State, Tone, state

CHANGE: Final = {
    "waiting": state("等待仓库答复", "Waits for the location", Tone.WAITING),
    "asked": state("等待人工决定", "Somebody decides", Tone.WAITING),
    "applied": state("已生效", "Applied", Tone.GOOD),
    "part": state("部分生效", "Applied in part", Tone.FAILED),
    "refused": state("未生效", "Refused", Tone.FAILED),
}
CHANGE_KIND: Final = {
    "lines": state("减少件数", "Fewer pieces"),
    "goods": state("增加商品", "Goods added"),
    "address": state("收件地址", "Address"),
    "remark": state("备注", "Remark"),
    "route": state("发货地点", "Route"),
}
CHANGE_SOURCE: Final = {
    "hub": state("中台", "Here"),
    "channel": state("渠道", "Channel"),
}
CHANGE_NOTE: Final = {
    "some of it has no source there": state("该地点无法全部供货", "Some of it has no source there"),
    "the hub's own change stands": state("以中台的修改为准", "The hub's own change stands"),
    "the channel has said something newer": state("渠道已有更新的修改", "The channel has said something newer"),
    "the order was cancelled": state("订单已取消", "The order was cancelled"),
    "the order was not paid in time": state("订单逾期未付款", "The order was not paid in time"),
}
"""Why a change was not made, or not all of it; a location's own words stand as they are."""
HIDDEN: Final = {
    "name": state("姓名有变", "Another name"),
    "phone": state("电话有变", "Another phone"),
    "street": state("门牌有变", "Street changed"),
    "remark": state("备注有变", "Remark changed"),
}
"""What was changed and reads the same behind the mask."""
ENDING: Final = {
    "cancelled": state("已撤回", "Taken back"),
    "rejected": state("仓库拒收", "The location refused it"),
    "unmerged": state("合单拆开，另行发货", "No longer travels with others: shipped by itself"),
    "stopped": state("仓库已停发，另行发货", "The location stopped it: shipped by another"),
    "not paid in time": state("逾期未付款", "Not paid in time"),
    "a line of it is held": state("其中一行被挂起", "A line of it is held"),
    "counted short": state("盘点短缺或批次锁定，库存不足", "A count or a blocked lot left too few"),
}
"""Why a fulfilment order of ours has ended; a location's own words stand as they are."""
SEEN: Final = {
    "order": state("订单", "The order"),
    "revision": state("修改", "Change"),
    "document": state("履约单", "Fulfilment order"),
    "hold": state("挂起", "Hold"),
    "line": state("商品行", "Line"),
    "return": state("退货", "Return"),
}
"""Kinds of things that are otherwise than somebody saw them."""

AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "change": CHANGE,
    "change_kind": CHANGE_KIND,
    "change_source": CHANGE_SOURCE,
    "change_note": CHANGE_NOTE,
    "seen": SEEN,
    "hidden": HIDDEN,
    "ending": ENDING,
}
