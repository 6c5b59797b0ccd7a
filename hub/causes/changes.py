"""Causes of orders that somebody changed or cancelled, and of the money that follows."""

from collections.abc import Mapping
from typing import Final

from hub.causes.cause import Cause, Remedy
from hub.language import Words

CHANGES: Final[Mapping[str, Cause]] = {
    "cancel_refused": Cause(
        Words("仓库拒绝取消，货物将继续发出", "The warehouse refuses to cancel: the goods will ship"),
        Words(
            "联系仓库拦截，或到货后退货；处理后执行 ./oms case resolve {case} --reason …",
            "stop the parcel with the warehouse or take the goods back, then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "联系仓库拦截，或到货后退货；处理后填写结果并关闭",
            "Ask the warehouse to stop the parcel, or take the goods back; then close the case",
        ),
    ),
    "stopped_after_sent": Cause(
        Words("仓库答复已停发，但此前已报告发货", "A location says it stopped what it had told was sent"),
        Words(
            "向仓库核实货物是否离库，必要时拦截或退货；处理后执行 ./oms case resolve {case} --reason …",
            "ask the location whether the goods have left, have them stopped or returned if so, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "向仓库核实货物是否离库，必要时拦截或退货；处理后填写结果并关闭",
            "Ask the location whether the goods have left, have them stopped or returned; then close the case",
        ),
    ),
    "change_refused": Cause(
        Words("订单未能全部按要求变更", "An order is not changed as somebody wished"),
        Words(
            "查看 ./oms order show {subject}，联系仓库、渠道或买家；处理后执行 ./oms case resolve {case} --reason …",
            "see ./oms order show {subject}, call location, channel or buyer, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "查看订单的变更记录，联系仓库、渠道或买家；处理后填写结果并关闭",
            "See the order's changes, call the location, the channel or the buyer; then close the case",
        ),
    ),
    "change_asked": Cause(
        Words("渠道的修改与中台的修改不同，待人决定", "The channel's change differs from the hub's: somebody decides"),
        Words(
            "采用渠道的：./oms order decide {subject} --take --reason …；保留中台的：--keep",
            "take the channel's: ./oms order decide {subject} --take --reason …; keep the hub's: --keep",
        ),
        Remedy.BY_HAND,
        Words(
            "在订单页采用渠道的修改或保留中台的，随即结案",
            "Take the channel's or keep the hub's on the order's page: that closes this",
        ),
    ),
    "paid_late": Cause(
        Words("订单已关闭或取消，买家所付须退回", "An order has ended: what its buyer has paid has to go back"),
        Words(
            "退款或请买家重新下单；处理后执行 ./oms case resolve {case} --reason …",
            "refund it or have it ordered again, then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words("退款或请买家重新下单，处理后结案", "Refund it or have it ordered again, then resolve"),
    ),
    "refund_failed": Cause(
        Words("退款失败，或须手工退款", "A refund has failed, or has to be made by hand"),
        Words(
            "失败的查明原因后重新退款，渠道无从得知的手工退款；并执行 ./oms order refunded 登记，随即结案",
            "find out why and refund it again, by hand if no channel knows the order, then run ./oms order refunded: "
            "that closes this",
        ),
        Remedy.BY_HAND,
        Words("查明原因后退款并登记", "Find out why, make the refund and mark it done"),
    ),
    "intercept": Cause(
        Words("包裹已发出，需要快递拦截", "A parcel that has left is to be stopped on its way"),
        Words(
            "向快递申请拦截并告知结果；处理后执行 ./oms case resolve {case} --reason …",
            "ask the courier to stop it, then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words("向快递申请拦截，处理后结案", "Ask the courier to stop it, then resolve"),
    ),
    "intercept_refused": Cause(
        Words("包裹未能拦截", "A parcel was not stopped on its way"),
        Words(
            "查看 ./oms order show {subject}；可用 ./oms order cancel … --intercept 再次申请，或等签收后办理退货；"
            "处理后执行 ./oms case resolve {case} --reason …",
            "see ./oms order show {subject}; ask again by ./oms order cancel … --intercept, or take the goods back "
            "once they have arrived; then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "原因见说明；可再次申请拦截，或等签收后办理退货，处理后结案",
            "Its words say why: ask again, or take the goods back once they have arrived, then resolve",
        ),
    ),
    "intercept_uncovered": Cause(
        Words("快递退回的货物没有对应的退货单", "A parcel comes back with goods that no return awaits"),
        Words(
            "查看 ./oms order show {subject} 的退货单；核对到货后执行 ./oms case resolve {case} --reason …",
            "see the returns in ./oms order show {subject}; look after what arrives, then run "
            "./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "对照订单的退货单，到货后安排入库与退款，处理后结案",
            "Compare it with the order's returns, see to the goods and their money when they arrive, then resolve",
        ),
    ),
    "withdrawn_late": Cause(
        Words("买家已在渠道撤单，但货物已发出", "The buyer has taken the order back, but goods have left"),
        Words(
            "拦截包裹或等待退货；处理后执行 ./oms case resolve {case} --reason …",
            "stop the parcel or await its return; then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words("拦截包裹或等待退货，处理后结案", "Stop the parcel or await its return, then resolve"),
    ),
    "return_differs": Cause(
        Words("退回的货物与申请不符", "What came back is not what was to come back"),
        Words(
            "货物已如实入库；查看 ./oms order show {subject}，与买家或仓库核实，"
            "处理后执行 ./oms case resolve {case} --reason …",
            "the goods are in stock as they came: see ./oms order show {subject}, ask the buyer or the location, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "货物已如实入库，退款只按实收件数；与买家或仓库核实，处理后填写结果并关闭",
            "The goods are in stock as they came, and only they were refunded: ask the buyer or the location, "
            "then close the case",
        ),
    ),
}
