"""Why something of an order needs a person, in Chinese: a case keeps the reason as it was written when it came."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

CAUSES: Final = frozenset(
    {
        *("batch_mismatch", "change_asked", "change_refused", "confirm_differs", "earlier_confirm_parked"),
        *("intercept_refused", "intercept_uncovered", "order_conflict", "our_fault", "over_confirm", "paid_late"),
        *("refund_failed", "rejected", "return_differs", "totals", "unknown_document", "withdrawn_late"),
    }
)
"""Causes whose cases say something in words of ours; what a partner said stands as it is."""

_ENDED: Final[Mapping[str, str]] = {"closed": "已完结", "incomplete": "已缺货完结", "cancelled": "已取消"}
_STANDS: Final[Mapping[str, str]] = {
    "received": "已接收",
    "accepted": "在等待",
    "in_fulfilment": "在履约",
    "completed": "已完成",
    "cancelled": "已取消",
    "closed": "已关闭",
}
_RETURN: Final[Mapping[str, str]] = {
    "requested": "待审核",
    "closed": "已退款",
    "rejected": "已拒绝",
    "withdrawn": "已撤回",
}
_KINDS: Final[Mapping[str, str]] = {"lines": "减少件数", "goods": "增加商品", "address": "收件地址", "remark": "备注"}

_CONFIRMS: Final[Sequence[tuple[str, str]]] = (
    (r"\bline (\S+): nothing of (\S+) is open here", r"行 \1：没有待发的 \2"),
    (r"\bnothing of (\S+) is open here", r"没有待发的 \1"),
    (r"(?<=: )(\S+): (\d+) confirmed, (\d+) open", r"\1 确认 \2 件，待发 \3 件"),
    (r"\bline (\S+): batches hold (\d+) pieces, the line says (\d+)", r"行 \1：批次合计 \2 件，明细为 \3 件"),
    (r"\bthe parcels hold more than the lines say: ", "包裹内件数多于明细："),
    (r"\bthe parcels hold less than the lines say", "包裹内件数少于明细"),
    (r"(?<=: )(\S+) of (\S+) was booked with other pieces or parcels", r"\2 的 \1 已按不同的件数或包裹入账"),
    (
        r"(?<=: )(\S+) of (\S+) was booked with more to come, and is the last now",
        r"\2 的 \1 入账时还有后续，如今说是最后一次",
    ),
    (r"\binbox row (\d+) waits, so this is not known to be short", r"报文 \1 尚未处理，不能视为短发"),
    *((rf"\bfulfilment order (\S+) has ended as {en}\b", rf"发货单 \1 {zh}") for en, zh in _ENDED.items()),
    (r"\bdelivery (\S+) has ended", r"发货单 \1 已结束"),
    (r"\bthere is no fulfilment order (\S+)", r"没有发货单 \1"),
    (r"(?<=: )(\S+) has no document (\S+)", r"\1 没有发货单 \2"),
    (r"(?<=: )(\S+) travels in document (\S+)", r"\1 已并入发货单 \2"),
    (r"\bthis is not a number of (?:a return of )?ours", "不是本系统的单号"),
)

_ORDERS: Final[Sequence[tuple[str, str]]] = (
    (
        r"\bgoods (-?\d+) − discounts (\d+) \+ freight (\d+) = (-?\d+), but the order says (-?\d+) \(minor.*\)",
        r"商品 \1 − 优惠 \2 + 运费 \3 = \4，订单写的是 \5（最小货币单位）",
    ),
    (r"\bthere is no order (\S+)", r"没有订单 \1"),
    (r"\border (\S+) was placed before with other contents", r"订单 \1 此前已以不同内容下单"),
    (r"\bthe channel's revision names other prices", "渠道的修改改了单价"),
    (r"\bthe channel's revision is of other amounts", "渠道的修改金额不同"),
    (r"\bthe channel's revision may be what the hub told it, or its own", "渠道的修改可能出自中台，也可能出自渠道"),
    (r"\bthe channel's revision comes to (-?\d+) more, its lines to (-?\d+)", r"渠道的修改多出 \1，其明细多出 \2"),
    (r"\bthe channel's revision: ", "渠道的修改："),
    (r"\bsome of this order has left: it can only be returned", "订单已有货物发出，只能退货"),
    (r"\bthe hub's own change stands", "以中台的修改为准"),
    (r"\bit leaves as it was", "按原样发出"),
    (r"\bit was sent or refused meanwhile", "其间已发出或被拒"),
    (r"\ba cancellation of this order is under way", "订单正在取消"),
    (r"\banother change of this order is under way", "订单另有修改在进行"),
    (r"\bwhat is to be changed has left or was cancelled", "要修改的货物已发出或已取消"),
    (r"\ball of line (\S+) \((\S+)\) has left", r"行 \1（\2）已全部发出"),
    (
        r"\bof line (\S+) \((\S+)\) (\d+) pieces are left to be cancelled, not (\d+)",
        r"行 \1（\2）还可取消 \3 件，不能取消 \4 件",
    ),
    (r"\bthe buyer's personal data was erased: nothing can be changed", "买家的个人信息已删除，不能修改"),
    *((rf"\ban order that is {en} cannot be changed", f"订单{zh}，不能修改") for en, zh in _STANDS.items()),
    *(
        (rf"\border (\d+) was {en} before {of} was paid", rf"订单 \1 在{paid}前{zh}")
        for en, zh in _STANDS.items()
        for of, paid in (("it", "付款"), ("its deposit", "付定金"))
    ),
    (
        r"\bcancelled after a part was paid: how much goes back is for a person to say",
        "付了一部分后取消：退多少须由人决定",
    ),
    (
        r"\bwhat was due was not paid in time, and what was added is taken back: the money has to go back",
        "差价逾期未付，增加的商品已撤回：这笔款须退回",
    ),
    (r"\bno channel knows this order: give the money back by hand", "没有渠道知道此单：须手工退款"),
    (r"\bit was not said why", "未说明原因"),
    (r"\bwhoever works on it ends without a word", "处理它的进程无声退出"),
)

_RETURNS: Final[Sequence[tuple[str, str]]] = (
    (r"\bdelivered, though it was to be brought back", "本应退回，却已签收"),
    (r"\bnobody has said what is in it", "不知其中有何货物"),
    *((rf"\bgoods arrived though the return is {en}\b", f"退货单{zh}，货物却已到") for en, zh in _RETURN.items()),
    (r"(\S+) (\S+): (\d+) to come, (\d+) arrived", r"\1 \2：应到 \3 件，实到 \4 件"),
    (r"(\S+) (\S+): (\d+) arrived", r"\1 \2：实到 \3 件"),
    (r"(\S+): (\d+) that the order does not have or had back before", r"\1：有 \2 件不属于此单或此前已退"),
)

REASONS: Final = tuple((re.compile(en), zh) for en, zh in (*_CONFIRMS, *_ORDERS, *_RETURNS))
"""Our words and what stands for them; goods, places and numbers stay as they are."""

_CHANGED: Final = re.compile(r"(?<=: )(?:{0})(?:, (?:{0}))*(?=$|: )".format("|".join(_KINDS)))
"""The kinds of a change that a channel and the hub have both made."""


def in_chinese(message: str) -> str:
    """Say in Chinese why something of an order needs a person."""
    message = _CHANGED.sub(lambda found: "、".join(_KINDS[kind] for kind in found[0].split(", ")), message)
    for pattern, zh in REASONS:
        message = pattern.sub(zh, message)
    return message
