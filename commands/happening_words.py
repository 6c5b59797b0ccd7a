"""Words of what happened to an order, as its trace names each kind, for a person at a terminal."""

from collections.abc import Mapping
from typing import Final

from hub.language import Words

KINDS: Final[Mapping[str, Words]] = {
    "inbox": Words("收到报文", "message"),
    "placed": Words("下单", "placed"),
    "follows": Words("来源订单", "follows from"),
    "gift": Words("赠品", "gift"),
    "hold": Words("挂起", "hold"),
    "hold released": Words("解除挂起", "hold released"),
    "split": Words("拆单", "split"),
    "route": Words("寻源", "route"),
    "fulfilment": Words("履约单", "fulfilment"),
    "merge window": Words("等待合单", "merge window"),
    "merge": Words("合单", "merge"),
    "unmerge": Words("合单拆开", "unmerge"),
    "shipment": Words("发货", "shipment"),
    "handover": Words("虚拟商品交付", "handover"),
    "step": Words("待办调用", "step"),
    "call": Words("调用", "call"),
    "parcel": Words("物流", "parcel"),
    "amount due": Words("应补款", "amount due"),
    "refund": Words("应退款", "refund"),
    "sale posted": Words("销售过账", "sale posted"),
    "goods issue": Words("发货过账", "goods issue"),
    "case": Words("异常单", "case"),
    "case resolved": Words("异常单关闭", "case resolved"),
    "audit": Words("操作", "audit"),
}
