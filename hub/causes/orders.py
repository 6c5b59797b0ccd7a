"""Causes of orders that wait for a person before they can be shipped."""

from collections.abc import Mapping
from typing import Final

from hub.causes.cause import Cause, Remedy
from hub.language import Words

_RELEASE: Final = Words(
    "核对后执行 ./oms order release {subject} --reason …", "check it, then run ./oms order release {subject} --reason …"
)

ORDERS: Final[Mapping[str, Cause]] = {
    "address": Cause(
        Words("收货地址无法识别", "The receiver's address cannot be placed"),
        Words(
            "联系买家确认后执行 ./oms order release {subject} --division 区划代码 --reason …",
            "ask the buyer, then run ./oms order release {subject} --division CODE --reason …",
        ),
        Remedy.DIVISION,
        Words("联系买家确认，选择正确的区县后放行", "Ask the buyer, choose the right county and let the order go on"),
    ),
    "review": Cause(
        Words("订单需要人工审核", "The order needs a person's review"),
        _RELEASE,
        Remedy.RELEASE,
        Words("核对订单，填写原因后放行", "Check the order, then let it go on with a reason"),
    ),
    "stock": Cause(
        Words("库存不足，订单未能全部分配", "Not enough stock: part of the order has no source"),
        Words(
            "到货后系统会自动再寻源；不想等待时执行 ./oms order release {subject} --reason …",
            "it is sourced again by itself when stock has come; to try at once, run ./oms order release {subject} "
            "--reason …",
        ),
        Remedy.RELEASE,
        Words(
            "到货后系统自动再寻源并结案；不想等待时填写原因并放行",
            "When stock has come, it is sourced again by itself; let it go on to try at once",
        ),
    ),
    "reroute_tries": Cause(
        Words("订单多次被拒或短发，已停止自动改派", "An order was refused or short too often: it is rerouted no more"),
        Words(
            "核对后执行 ./oms order reroute {subject} --to 地点 --reason …，或取消订单",
            "check it, then run ./oms order reroute {subject} --to LOCATION --reason …, or cancel it",
        ),
        Remedy.BY_HAND,
        Words("核对后人工改派或取消，处理后结案", "Reroute it by hand or cancel it, then resolve"),
    ),
}
