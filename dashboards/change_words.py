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
SEEN: Final = {
    "order": state("订单", "The order"),
    "revision": state("修改", "Change"),
    "document": state("履约单", "Fulfilment order"),
    "hold": state("挂起", "Hold"),
    "line": state("商品行", "Line"),
}
"""Kinds of things that are otherwise than somebody saw them."""

AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "change": CHANGE,
    "change_kind": CHANGE_KIND,
    "change_source": CHANGE_SOURCE,
    "seen": SEEN,
}
