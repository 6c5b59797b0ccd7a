"""Every word of the hub's states that pages show, in both languages, with the tone that colours it.

A state is named by its axis and its value, because axes share values: an accepted order waits, an accepted document is
agreed upon.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboards import change_words, engine_words, hold_words, rule_words, stock_words
from dashboards.tone import State, Tone, state
from hub.causes.known import CAUSES

LIFECYCLE: Final = {
    "received": state("已接收", "Received", Tone.RUNNING),
    "accepted": state("等待中", "Waiting", Tone.WAITING),
    "in_fulfilment": state("履约中", "In fulfilment", Tone.RUNNING),
    "completed": state("已完成", "Completed", Tone.GOOD),
    "cancelled": state("已取消", "Cancelled", Tone.ENDED),
    "closed": state("已关闭", "Closed", Tone.ENDED),
}
PAYMENT: Final = {
    "unpaid": state("未付款", "Unpaid", Tone.WAITING),
    "deposit_paid": state("已付定金", "Deposit paid", Tone.WAITING),
    "authorised": state("已授权", "Authorised", Tone.RUNNING),
    "partial": state("部分付款", "Partly paid", Tone.WAITING),
    "paid": state("已付款", "Paid", Tone.GOOD),
    "partially_refunded": state("部分退款", "Partly refunded", Tone.WAITING),
    "refunded": state("已退款", "Refunded", Tone.ENDED),
}
FULFILMENT: Final = {
    "none": state("未发货", "Not shipped"),
    "partial": state("部分发货", "Partly shipped", Tone.RUNNING),
    "shipped": state("已发货", "Shipped", Tone.GOOD),
    "delivered": state("已签收", "Delivered", Tone.GOOD),
}
EXECUTION: Final = {
    "open": state("待作业", "Open", Tone.WAITING),
    "scheduled": state("已排期", "Scheduled", Tone.WAITING),
    "on_hold": state("已挂起", "On hold", Tone.WAITING),
    "in_progress": state("作业中", "In progress", Tone.RUNNING),
    "closed": state("已完结", "Closed", Tone.GOOD),
    "incomplete": state("缺货完结", "Incomplete", Tone.FAILED),
    "cancelled": state("已取消", "Cancelled", Tone.ENDED),
}
NEGOTIATION: Final = {
    "unsubmitted": state("未下发", "Not submitted"),
    "submitted": state("已下发", "Submitted", Tone.RUNNING),
    "accepted": state("已接单", "Accepted", Tone.GOOD),
    "rejected": state("已拒单", "Rejected", Tone.FAILED),
    "cancel_requested": state("取消中", "Cancelling", Tone.WAITING),
    "cancel_accepted": state("同意取消", "Cancel accepted", Tone.ENDED),
    "cancel_rejected": state("拒绝取消", "Cancel refused", Tone.FAILED),
}
STEP: Final = {
    "waiting": state("排队", "Waiting", Tone.WAITING),
    "pending": state("待执行", "Pending", Tone.WAITING),
    "in_flight": state("执行中", "Running", Tone.RUNNING),
    "unknown": state("结果待确认", "Outcome unknown", Tone.WAITING),
    "done": state("成功", "Done", Tone.GOOD),
    "dead": state("已停止", "Dead", Tone.DEAD),
    "cancelled": state("已取消", "Cancelled", Tone.ENDED),
}
INBOX: Final = {
    "received": state("待处理", "Received", Tone.WAITING),
    "done": state("已处理", "Done", Tone.GOOD),
    "refused": state("已拒绝", "Refused", Tone.FAILED),
    "parked": state("已搁置", "Parked", Tone.FAILED),
    "superseded": state("已作废", "Set aside", Tone.ENDED),
}
COURIER: Final = {
    "awaited": state("待揽收", "Awaited", Tone.WAITING),
    "collected": state("已揽收", "Collected", Tone.RUNNING),
    "in_transit": state("运输中", "In transit", Tone.RUNNING),
    "out_for_delivery": state("派送中", "Out for delivery", Tone.RUNNING),
    "ready_for_pickup": state("待取件", "Ready for pickup", Tone.WAITING),
    "delivered": state("已签收", "Delivered", Tone.GOOD),
    "trouble": state("异常", "Trouble", Tone.FAILED),
    "returned": state("已退回", "Returned", Tone.ENDED),
}
INTERCEPT: Final = {
    "asked": state("拦截申请中", "Asked to be stopped", Tone.RUNNING),
    "accepted": state("拦截退回中", "Being brought back", Tone.RUNNING),
    "rejected": state("拦截被拒", "Not stopped", Tone.FAILED),
    "unknown": state("拦截结果待确认", "Stopping: outcome unknown", Tone.WAITING),
    "back": state("拦截已退回", "Brought back", Tone.GOOD),
}
HOLD: Final = {
    "address": state("地址", "Address", Tone.WAITING),
    "fraud": state("风控", "Risk", Tone.WAITING),
    "remark": state("备注", "Remark", Tone.WAITING),
    "presale": state("预售", "Presale", Tone.WAITING),
    "refund_requested": state("申请退款", "Refund requested", Tone.WAITING),
    "stock": state("缺货", "Stock", Tone.WAITING),
    "finance": state("款项", "Finance", Tone.WAITING),
    "duplicate": state("疑似重复", "Duplicate", Tone.WAITING),
    "merge_window": state("等待合单", "Merge window", Tone.WAITING),
    "review": state("规则待核", "Rule to check", Tone.WAITING),
}
CASE: Final = {
    "open": state("未处理", "Open", Tone.FAILED),
    "resolved": state("已处理", "Resolved", Tone.GOOD),
}
MERGING: Final = {
    "on": state("合单", "Merges", Tone.GOOD),
    "off": state("不合单", "Does not merge", Tone.ENDED),
}
ORDER_TYPE: Final = {
    "normal": state("普通", "Normal"),
    "presale": state("预售", "Presale"),
    "exchange": state("换货", "Exchange"),
    "reship": state("补发", "Reship"),
    "gift": state("赠品", "Gift"),
    "o2o": state("门店", "O2O"),
}
GIFT: Final = {
    "given": state("已赠送", "Given", Tone.GOOD),
    "exhausted": state("已赠完", "All were given", Tone.WAITING),
    "had_already": state("会员已领过", "Had by this member", Tone.WAITING),
    "out_of_stock": state("赠品缺货", "It had run out", Tone.WAITING),
    "other_shop": state("不含此店铺", "Not for this shop"),
    "too_early": state("尚未开始", "Has not begun"),
    "too_late": state("已结束", "Is over"),
    "no_such_product": state("没有参与商品", "None of its products"),
    "amount": state("金额不足", "Too little money"),
    "pieces": state("件数不足", "Too few pieces"),
    "group_taken": state("同组已赠", "Its group gave already"),
}
ROLE: Final = {
    "viewer": state("只读", "Viewer"),
    "analyst": state("分析", "Analyst"),
    "operator": state("运营", "Operator"),
    "supervisor": state("主管", "Supervisor"),
    "admin": state("管理员", "Admin"),
}
CONNECTION: Final = {
    "working": state("正常", "Working", Tone.GOOD),
    "failing": state("失败中", "Failing", Tone.FAILED),
    "lagging": state("积压", "Lagging", Tone.WAITING),
    "token_ends": state("令牌将过期", "Token ends soon", Tone.WAITING),
    "paused": state("已暂停", "Paused", Tone.FAILED),
    "silent": state("尚无调用", "No call yet"),
}
RETURN: Final = {
    "requested": state("待审核", "To be decided", Tone.WAITING),
    "approved": state("待寄回", "Awaited", Tone.RUNNING),
    "sent": state("寄回中", "On its way back", Tone.RUNNING),
    "received": state("已入库", "Received", Tone.GOOD),
    "closed": state("已退款", "Refunded alone", Tone.GOOD),
    "rejected": state("已拒绝", "Rejected", Tone.ENDED),
    "withdrawn": state("已撤回", "Withdrawn", Tone.ENDED),
}
RETURN_KIND: Final = {
    "return_refund": state("退货退款", "Goods and money"),
    "refund_only": state("仅退款", "Money alone"),
}
AFTERSALE: Final = {
    "none": state("未退回", "Nothing is back"),
    "under_way": state("售后中", "Under way", Tone.RUNNING),
    "part": state("部分退回", "Back in part", Tone.ENDED),
    "whole": state("全部退回", "All is back", Tone.ENDED),
}
FAULT: Final = {
    "buyer": state("买家原因", "The buyer's wish"),
    "merchant": state("商家责任", "The merchant's fault"),
}
FLOW: Final = {
    "release_fulfilment": state("下发发货单", "Release to warehouse"),
    "cancel_fulfilment": state("通知仓库取消", "Cancel at warehouse"),
    "announce_return": state("下发退货单", "Announce a return"),
    "notify_shipment": state("回传发货", "Tell the channel"),
    "notify_handover": state("回传虚拟发货", "Tell of goods handed over"),
    "post_handover": state("虚拟商品销售过账", "Post the sale of virtual goods"),
    "notify_closure": state("回传关闭", "Tell of closing"),
    "notify_change": state("回传改单", "Tell of a change"),
    "notify_refund": state("通知退款", "Tell of a refund"),
    "subscribe_parcel": state("订阅物流", "Subscribe to courier"),
    "ask_parcel": state("查询物流", "Ask the courier"),
    "intercept_parcel": state("快递拦截", "Have a parcel stopped"),
    "post_sale": state("销售过账", "Post the sale"),
    "post_goods_issue": state("发货过账", "Post the goods issue"),
    "push_stock": state("推送库存", "Tell the stock"),
    "alert_stock": state("发送库存预警", "Send stock alerts"),
}
POLL: Final = {
    "orders": state("拉取订单", "Fetch orders"),
    "hints": state("读取消息", "Read hints"),
    "stock": state("查询库存", "Ask for stock"),
    "token": state("更新令牌", "Renew the token"),
    "probe": state("连通测试", "Probe"),
}
MESSAGE: Final = {
    "order": state("订单", "Order"),
    "confirm": state("发货确认", "Confirm"),
    "report": state("作业进度", "Report"),
    "track": state("物流轨迹", "Track"),
    "stock_count": state("库存盘点", "Stock count"),
    "stock_change": state("库存异动", "Stock change"),
    "return_confirm": state("退货入库确认", "Return confirm"),
}

REMEDY: Final = {
    "replay": state("修正并重新处理", "Mend and replay"),
    "bind": state("绑定商品并重新处理", "Bind and replay"),
    "division": state("更正地址", "Correct the address"),
    "release": state("审核放行", "Review and release"),
    "retry": state("查看并重试", "Look and retry"),
    "resume": state("更正凭据并恢复", "Mend and resume"),
    "by_hand": state("人工处理", "Handle by hand"),
}

AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "gift": GIFT,
    "lifecycle": LIFECYCLE,
    "payment": PAYMENT,
    "fulfilment": FULFILMENT,
    "execution": EXECUTION,
    "negotiation": NEGOTIATION,
    "step": STEP,
    "inbox": INBOX,
    "courier": COURIER,
    "intercept": INTERCEPT,
    "hold": HOLD,
    "case": CASE,
    "merging": MERGING,
    "order_type": ORDER_TYPE,
    "role": ROLE,
    "connection": CONNECTION,
    "flow": FLOW,
    "return": RETURN,
    "return_kind": RETURN_KIND,
    "fault": FAULT,
    "aftersale": AFTERSALE,
    "poll": POLL,
    "message": MESSAGE,
    "remedy": REMEDY,
    **change_words.AXES,
    **engine_words.AXES,
    **hold_words.AXES,
    **rule_words.AXES,
    **stock_words.AXES,
}


def state_of(axis: str, value: str) -> State:
    """Give a state's word and tone; one that a later version has written is shown as it is."""
    return AXES[axis].get(value) or state(value, value)


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
