"""Every word of the hub's states that pages show, in both languages, with the tone that colours it.

A state is named by its axis and its value, because axes share values: an accepted order waits, an accepted document is
agreed upon.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.causes import CAUSES
from hub.language import Words


class Tone(StrEnum):
    """What a colour says; a badge always carries its word as well."""

    GOOD = "good"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    DEAD = "dead"
    ENDED = "ended"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class State:
    words: Words
    tone: Tone


def _state(zh: str, en: str, tone: Tone = Tone.PLAIN) -> State:
    return State(Words(zh, en), tone)


LIFECYCLE: Final = {
    "received": _state("已接收", "Received", Tone.RUNNING),
    "accepted": _state("等待中", "Waiting", Tone.WAITING),
    "in_fulfilment": _state("履约中", "In fulfilment", Tone.RUNNING),
    "completed": _state("已完成", "Completed", Tone.GOOD),
    "cancelled": _state("已取消", "Cancelled", Tone.ENDED),
    "closed": _state("已关闭", "Closed", Tone.ENDED),
}
PAYMENT: Final = {
    "unpaid": _state("未付款", "Unpaid", Tone.WAITING),
    "deposit_paid": _state("已付定金", "Deposit paid", Tone.WAITING),
    "authorised": _state("已授权", "Authorised", Tone.RUNNING),
    "partial": _state("部分付款", "Partly paid", Tone.WAITING),
    "paid": _state("已付款", "Paid", Tone.GOOD),
    "partially_refunded": _state("部分退款", "Partly refunded", Tone.WAITING),
    "refunded": _state("已退款", "Refunded", Tone.ENDED),
}
FULFILMENT: Final = {
    "none": _state("未发货", "Not shipped"),
    "partial": _state("部分发货", "Partly shipped", Tone.RUNNING),
    "shipped": _state("已发货", "Shipped", Tone.GOOD),
    "delivered": _state("已签收", "Delivered", Tone.GOOD),
}
EXECUTION: Final = {
    "open": _state("待作业", "Open", Tone.WAITING),
    "scheduled": _state("已排期", "Scheduled", Tone.WAITING),
    "on_hold": _state("已挂起", "On hold", Tone.WAITING),
    "in_progress": _state("作业中", "In progress", Tone.RUNNING),
    "closed": _state("已完结", "Closed", Tone.GOOD),
    "incomplete": _state("缺货完结", "Incomplete", Tone.FAILED),
    "cancelled": _state("已取消", "Cancelled", Tone.ENDED),
}
NEGOTIATION: Final = {
    "unsubmitted": _state("未下发", "Not submitted"),
    "submitted": _state("已下发", "Submitted", Tone.RUNNING),
    "accepted": _state("已接单", "Accepted", Tone.GOOD),
    "rejected": _state("已拒单", "Rejected", Tone.FAILED),
    "cancel_requested": _state("取消中", "Cancelling", Tone.WAITING),
    "cancel_accepted": _state("同意取消", "Cancel accepted", Tone.ENDED),
    "cancel_rejected": _state("拒绝取消", "Cancel refused", Tone.FAILED),
}
STEP: Final = {
    "waiting": _state("排队", "Waiting", Tone.WAITING),
    "pending": _state("待执行", "Pending", Tone.WAITING),
    "in_flight": _state("执行中", "Running", Tone.RUNNING),
    "unknown": _state("结果待确认", "Outcome unknown", Tone.WAITING),
    "done": _state("成功", "Done", Tone.GOOD),
    "dead": _state("已停止", "Dead", Tone.DEAD),
    "cancelled": _state("已取消", "Cancelled", Tone.ENDED),
}
INBOX: Final = {
    "received": _state("待处理", "Received", Tone.WAITING),
    "done": _state("已处理", "Done", Tone.GOOD),
    "refused": _state("已拒绝", "Refused", Tone.FAILED),
    "parked": _state("已搁置", "Parked", Tone.FAILED),
    "superseded": _state("已作废", "Set aside", Tone.ENDED),
}
COURIER: Final = {
    "awaited": _state("待揽收", "Awaited", Tone.WAITING),
    "collected": _state("已揽收", "Collected", Tone.RUNNING),
    "in_transit": _state("运输中", "In transit", Tone.RUNNING),
    "out_for_delivery": _state("派送中", "Out for delivery", Tone.RUNNING),
    "ready_for_pickup": _state("待取件", "Ready for pickup", Tone.WAITING),
    "delivered": _state("已签收", "Delivered", Tone.GOOD),
    "trouble": _state("异常", "Trouble", Tone.FAILED),
    "returned": _state("已退回", "Returned", Tone.ENDED),
}
HOLD: Final = {
    "address": _state("地址", "Address", Tone.WAITING),
    "fraud": _state("风控", "Risk", Tone.WAITING),
    "remark": _state("备注", "Remark", Tone.WAITING),
    "presale": _state("预售", "Presale", Tone.WAITING),
    "refund_requested": _state("申请退款", "Refund requested", Tone.WAITING),
    "stock": _state("缺货", "Stock", Tone.WAITING),
    "finance": _state("未付款", "Finance", Tone.WAITING),
    "duplicate": _state("疑似重复", "Duplicate", Tone.WAITING),
    "merge_window": _state("等待合单", "Merge window", Tone.WAITING),
}
CASE: Final = {
    "open": _state("未处理", "Open", Tone.FAILED),
    "resolved": _state("已处理", "Resolved", Tone.GOOD),
}
ORDER_TYPE: Final = {
    "normal": _state("普通", "Normal"),
    "presale": _state("预售", "Presale"),
    "exchange": _state("换货", "Exchange"),
    "reship": _state("补发", "Reship"),
    "gift": _state("赠品", "Gift"),
    "o2o": _state("门店", "O2O"),
}
ROLE: Final = {
    "viewer": _state("只读", "Viewer"),
    "analyst": _state("分析", "Analyst"),
    "operator": _state("运营", "Operator"),
    "supervisor": _state("主管", "Supervisor"),
    "admin": _state("管理员", "Admin"),
}
CONNECTION: Final = {
    "working": _state("正常", "Working", Tone.GOOD),
    "failing": _state("失败中", "Failing", Tone.FAILED),
    "lagging": _state("积压", "Lagging", Tone.WAITING),
    "token_ends": _state("令牌将过期", "Token ends soon", Tone.WAITING),
    "paused": _state("已暂停", "Paused", Tone.FAILED),
    "silent": _state("尚无调用", "No call yet"),
}
BREAKER: Final = {
    "closed": _state("放行", "Closed", Tone.GOOD),
    "open": _state("熔断", "Open", Tone.FAILED),
    "half_open": _state("试探中", "Half-open", Tone.WAITING),
}
SCHEDULE: Final = {
    "done": _state("正常", "On time", Tone.GOOD),
    "running": _state("执行中", "Running", Tone.RUNNING),
    "failed": _state("上次失败", "Last run failed", Tone.FAILED),
    "overdue": _state("逾期未执行", "Overdue", Tone.FAILED),
    "paused": _state("已暂停", "Paused", Tone.WAITING),
    "never": _state("尚未执行", "Not yet run", Tone.PLAIN),
}
SLOT: Final = {
    "running": _state("执行中", "Running", Tone.RUNNING),
    "done": _state("成功", "Done", Tone.GOOD),
    "failed": _state("失败", "Failed", Tone.FAILED),
}
ASKING: Final = {
    "good": _state("正常", "On time", Tone.GOOD),
    "running": _state("拉取中", "Asking now", Tone.RUNNING),
    "failing": _state("失败中", "Failing", Tone.FAILED),
    "overdue": _state("逾期", "Overdue", Tone.FAILED),
    "paused": _state("已暂停", "Paused", Tone.WAITING),
    "held": _state("随连接暂停", "Connection paused", Tone.WAITING),
    "on_demand": _state("按需", "When asked", Tone.PLAIN),
    "never": _state("尚未执行", "Not yet asked", Tone.PLAIN),
}
FLOW: Final = {
    "release_fulfilment": _state("下发发货单", "Release to warehouse"),
    "cancel_fulfilment": _state("通知仓库取消", "Cancel at warehouse"),
    "notify_shipment": _state("回传发货", "Tell the channel"),
    "subscribe_parcel": _state("订阅物流", "Subscribe to courier"),
    "ask_parcel": _state("查询物流", "Ask the courier"),
    "post_sale": _state("销售过账", "Post the sale"),
    "post_goods_issue": _state("发货过账", "Post the goods issue"),
}
POLL: Final = {
    "orders": _state("拉取订单", "Fetch orders"),
    "hints": _state("读取消息", "Read hints"),
    "token": _state("更新令牌", "Renew the token"),
    "probe": _state("连通测试", "Probe"),
}
MESSAGE: Final = {
    "order": _state("订单", "Order"),
    "confirm": _state("发货确认", "Confirm"),
    "report": _state("作业进度", "Report"),
    "track": _state("物流轨迹", "Track"),
}

REMEDY: Final = {
    "replay": _state("修正并重新处理", "Mend and replay"),
    "bind": _state("绑定商品并重新处理", "Bind and replay"),
    "division": _state("更正地址", "Correct the address"),
    "release": _state("审核放行", "Review and release"),
    "retry": _state("查看并重试", "Look and retry"),
    "resume": _state("更正凭据并恢复", "Mend and resume"),
    "by_hand": _state("人工处理", "Handle by hand"),
}

AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "lifecycle": LIFECYCLE,
    "payment": PAYMENT,
    "fulfilment": FULFILMENT,
    "execution": EXECUTION,
    "negotiation": NEGOTIATION,
    "step": STEP,
    "inbox": INBOX,
    "courier": COURIER,
    "hold": HOLD,
    "case": CASE,
    "order_type": ORDER_TYPE,
    "role": ROLE,
    "connection": CONNECTION,
    "breaker": BREAKER,
    "schedule": SCHEDULE,
    "slot": SLOT,
    "asking": ASKING,
    "flow": FLOW,
    "poll": POLL,
    "message": MESSAGE,
    "remedy": REMEDY,
}


def state_of(axis: str, value: str) -> State:
    """Give a state's word and tone; one that a later version has written is shown as it is."""
    return AXES[axis].get(value) or _state(value, value)


@dataclass(frozen=True, slots=True)
class Said:
    """A state's word in one language, and its tone."""

    text: str
    tone: Tone


def speaker(language: str) -> Callable[[str, str], Said]:
    """Give the templates' `word(axis, value)`."""

    def word(axis: str, value: str) -> Said:
        found = state_of(axis, value)
        return Said(found.words.say(language), found.tone)

    return word


def cause_speaker(language: str) -> Callable[[str], str]:
    """Give the templates' `cause(name)`: what a case is about."""

    def cause(name: str) -> str:
        return CAUSES[name].what.say(language) if name in CAUSES else name

    return cause


def hint_speaker(language: str) -> Callable[[str], str]:
    """Give the templates' `case_how(name)`: what a person does about a case on the console."""

    def case_how(name: str) -> str:
        return CAUSES[name].hint.say(language) if name in CAUSES else ""

    return case_how


def remedy_of(name: str) -> str:
    """Name what ends a case of this cause; templates say its word by the axis remedy."""
    return CAUSES[name].remedy if name in CAUSES else "by_hand"
