"""Words of holds: which rule of the hub's own holds, how much of an order, and which acts that blocks."""

from collections.abc import Mapping
from typing import Final

from dashboards.tone import State, Tone, state

HOLD_RULE: Final = {
    "unplaced_address": state("地址无法识别", "Address not placed"),
    "unpaid": state("订单未付款", "Order not paid"),
    "amount_due": state("差价未付", "Difference not paid"),
    "presale": state("预售订单", "Presale order"),
    "presale_limit": state("超过预售上限", "Beyond a pre-sale limit"),
    "arrival": state("商品未到发货日", "Goods to come"),
    "flash_sale_limit": state("超过秒杀限购", "Beyond a flash sale's limit"),
    "twin": state("疑似重复下单", "Looks ordered twice"),
    "remark_asks": state("备注有要求", "Remark asks for something"),
    "heavier_than": state("超重", "Too heavy"),
    "total_above": state("大额订单", "Large amount"),
    "no_source": state("无货源", "No source"),
    "reroute_tries": state("多次改派未成", "Rerouted in vain"),
    "rule_failed": state("规则求值失败", "A rule failed"),
    "cancel": state("申请取消", "Cancellation asked for"),
    "refund_asked": state("买家申请退款", "Refund asked for"),
}
BLOCKED: Final = {
    "route": state("分仓", "Routing"),
    "release": state("下发仓库", "Sending to the location"),
}
SCOPE: Final = {
    "order": state("整单", "Orders"),
    "line": state("明细行", "Lines"),
    "fulfilment": state("发货单", "Fulfilment orders"),
}
"""What a rule is asked of, and its hold holds."""

LET_GO: Final = {
    "paid": state("已付款", "Paid"),
    "not paid in time": state("逾期未付款", "Not paid in time"),
    "nothing is due any more": state("已无待付差价", "Nothing is due any more"),
    "cancelled": state("已取消", "Cancelled"),
    "the location refused": state("仓库未同意", "The location refused"),
    "changed": state("订单已修改", "The order was changed"),
    "sourced": state("已有货源", "Sourced"),
    "the day was moved": state("到货日已变更", "The day was moved"),
    "expired": state("挂起到期", "Ran out"),
    "over": state("已了结", "Over"),
    "shipped": state("已发货", "Shipped"),
}
"""Why the hub itself let a hold go."""

DUE: Final = {
    "open": state("待付", "To be paid", Tone.WAITING),
    "paid": state("已付", "Paid", Tone.GOOD),
    "set_off": state("已抵扣", "Set off", Tone.GOOD),
}
REFUND: Final = {
    "due": state("待退", "To be refunded", Tone.WAITING),
    "asked": state("已通知退款", "Asked for", Tone.RUNNING),
    "done": state("已退", "Refunded", Tone.GOOD),
    "failed": state("退款失败", "Refund failed", Tone.FAILED),
    "set_off": state("已抵扣", "Set off", Tone.GOOD),
}
AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "hold_rule": HOLD_RULE,
    "blocked": BLOCKED,
    "let_go": LET_GO,
    "scope": SCOPE,
    "due": DUE,
    "refund": REFUND,
}
