"""Causes of messages that cannot be booked as they came."""

from collections.abc import Mapping
from typing import Final

from hub.causes.cause import Cause, Remedy
from hub.language import Words

_REPLAY: Final = Words("修正后执行 ./oms inbox replay {inbox}", "mend it, then run ./oms inbox replay {inbox}")
_REPLAY_HINT: Final = Words(
    "修正原因后点“重新处理”；若报文不应处理则作废", "Mend the cause, then replay; or set it aside"
)

MESSAGES: Final[Mapping[str, Cause]] = {
    "malformed": Cause(Words("报文无法读取", "The message cannot be read"), _REPLAY, Remedy.REPLAY, _REPLAY_HINT),
    "unknown_sku": Cause(
        Words("渠道商品未对应到 SKU", "A channel product is bound to no SKU"),
        Words(
            "先 ./oms sku bind 绑定商品，再 ./oms inbox replay {inbox}",
            "bind it with ./oms sku bind, then run ./oms inbox replay {inbox}",
        ),
        Remedy.BIND,
        Words(
            "选择 SKU，绑定后自动重新处理等待该商品的全部报文", "Choose its SKU; every message that waits is replayed"
        ),
    ),
    "totals": Cause(Words("订单金额不平", "The order's totals do not add up"), _REPLAY, Remedy.REPLAY, _REPLAY_HINT),
    "order_conflict": Cause(
        Words("同一单号内容不同", "One order number with two contents"), _REPLAY, Remedy.REPLAY, _REPLAY_HINT
    ),
    "rejected": Cause(
        Words("报文与已有记录矛盾", "The message contradicts what is recorded"), _REPLAY, Remedy.REPLAY, _REPLAY_HINT
    ),
    "over_confirm": Cause(
        Words("仓库发货数量超过应发", "The warehouse confirms more than was asked"),
        _REPLAY,
        Remedy.REPLAY,
        _REPLAY_HINT,
    ),
    "confirm_differs": Cause(
        Words("仓库以同一单号先后发来不同的发货内容", "The warehouse tells two different things under one number"),
        Words(
            "向仓库核实：是另一次发货则请其换用新单号重发；再作废本条（./oms inbox discard {inbox} --reason …）",
            "ask the warehouse: if it is another shipment, have it told under a number of its own; then set this aside "
            "(./oms inbox discard {inbox} --reason …)",
        ),
        Remedy.REPLAY,
        Words(
            "向仓库核实：是另一次发货则编辑报文换用新单号，否则作废",
            "Ask the warehouse: edit the message to bear a number of its own if it is another shipment, else set it "
            "aside",
        ),
    ),
    "batch_mismatch": Cause(
        Words("批次数量与明细数量不符", "The batch quantities contradict their line"),
        _REPLAY,
        Remedy.REPLAY,
        _REPLAY_HINT,
    ),
    "earlier_confirm_parked": Cause(
        Words(
            "前一条发货确认尚未处理，本条不能视为短发",
            "An earlier confirm waits, so this one cannot be told from a short one",
        ),
        Words(
            "先处理或作废前一条（./oms inbox discard），再 ./oms inbox replay {inbox}",
            "replay or set aside the earlier one (./oms inbox discard), then run ./oms inbox replay {inbox}",
        ),
        Remedy.REPLAY,
        Words("先处理或作废前一条，再重新处理本条", "Replay or set aside the earlier one first, then replay this one"),
    ),
    "unknown_document": Cause(
        Words("仓库单号不存在", "No such fulfilment order"), _REPLAY, Remedy.REPLAY, _REPLAY_HINT
    ),
    "our_fault": Cause(
        Words("系统处理报文时出错", "The hub failed on a message"),
        Words(
            "通知平台工程师；修复后执行 ./oms inbox replay {inbox}",
            "call a platform engineer; once mended run ./oms inbox replay {inbox}",
        ),
        Remedy.REPLAY,
        Words("通知平台工程师；修复后点“重新处理”", "Call a platform engineer; once mended, replay it"),
    ),
}
