"""The causes that call a person: what each means, and how to go on from a terminal and on the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.language import Words


class Remedy(StrEnum):
    """What ends a case; the console offers it beside the case."""

    REPLAY = "replay"
    BIND = "bind"
    DIVISION = "division"
    RELEASE = "release"
    RETRY = "retry"
    RESUME = "resume"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a person is called, and what that person does: `how` names commands, `hint` what the console offers."""

    what: Words
    how: Words
    remedy: Remedy
    hint: Words


_RELEASE: Final = Words(
    "核对后执行 ./oms order release {subject} --reason …", "check it, then run ./oms order release {subject} --reason …"
)
_REPLAY: Final = Words("修正后执行 ./oms inbox replay {inbox}", "mend it, then run ./oms inbox replay {inbox}")
_REPLAY_HINT: Final = Words(
    "修正原因后点“重新处理”；若报文不应处理则作废", "Mend the cause, then replay; or set it aside"
)

CAUSES: Final[Mapping[str, Cause]] = {
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
            "补货后执行 ./oms order release {subject} --reason …",
            "when stock has come, run ./oms order release {subject} --reason …",
        ),
        Remedy.RELEASE,
        Words("补货后填写原因并放行，系统重新寻源", "When stock has come, let it go on: it is sourced again"),
    ),
    "over_confirm": Cause(
        Words("仓库发货数量超过应发", "The warehouse confirms more than was asked"),
        _REPLAY,
        Remedy.REPLAY,
        _REPLAY_HINT,
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
    "change_refused": Cause(
        Words("仓库拒绝修改，订单未能全部按要求变更", "A location refuses: the order is not changed as wished"),
        Words(
            "查看 ./oms order show {subject}，联系仓库或买家；处理后执行 ./oms case resolve {case} --reason …",
            "see ./oms order show {subject}, call location or buyer, then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words("联系仓库或买家；处理后填写结果并关闭", "Call the location or the buyer; then close the case"),
    ),
    "change_asked": Cause(
        Words("渠道的修改与中台的修改不同，待人决定", "The channel's change differs from the hub's: somebody decides"),
        Words(
            "采用渠道的：./oms order decide {subject} --take --reason …；保留中台的：--keep",
            "take the channel's: ./oms order decide {subject} --take --reason …; keep the hub's: --keep",
        ),
        Remedy.BY_HAND,
        Words(
            "在命令行采用渠道的修改或保留中台的，随即结案",
            "Take the channel's or keep the hub's at a terminal: that closes this",
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
        Words("退款失败", "A refund has failed"),
        Words(
            "查明原因后重新退款，并执行 ./oms order refunded 登记，随即结案",
            "find out why and refund it again, then run ./oms order refunded: that closes this",
        ),
        Remedy.BY_HAND,
        Words("查明原因后重新退款并登记", "Find out why, refund it again and mark it done"),
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
    "reroute_tries": Cause(
        Words("订单多次被拒或短发，已停止自动改派", "An order was refused or short too often: it is rerouted no more"),
        Words(
            "核对后执行 ./oms order reroute {subject} --to 地点 --reason …，或取消订单",
            "check it, then run ./oms order reroute {subject} --to LOCATION --reason …, or cancel it",
        ),
        Remedy.BY_HAND,
        Words("核对后人工改派或取消，处理后结案", "Reroute it by hand or cancel it, then resolve"),
    ),
    "step_dead": Cause(
        Words("对外调用失败，已停止重试", "An outbound call failed for good"),
        Words(
            "处理原因后执行 ./oms step retry {step} --reason …",
            "mend the cause, then run ./oms step retry {step} --reason …",
        ),
        Remedy.RETRY,
        Words("查看伙伴的应答，处理原因后重试", "Look at the partner's answer, mend the cause, then try again"),
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
    "poll_failed": Cause(
        Words("无法从渠道取得订单", "a channel cannot be asked for its orders"),
        Words(
            "查看 ./oms connection ls 中的错误并更正；下次成功后自动结案",
            "see the error in ./oms connection ls and mend it; the next success closes this",
        ),
        Remedy.BY_HAND,
        Words("查看该连接页面上的错误并更正；下次成功后自动结案", "see the error on the connection's page and mend it"),
    ),
    "connection_paused": Cause(
        Words("连接已暂停：凭据或地址不被接受", "A connection is paused: its credentials or address are refused"),
        Words(
            "更正凭据后执行 ./oms connection resume {subject} --reason …",
            "put the credentials right, then run ./oms connection resume {subject} --reason …",
        ),
        Remedy.RESUME,
        Words("更正凭据或地址后恢复连接", "Put credentials or address right, then let the connection go on"),
    ),
    "backlog": Cause(
        Words("对伙伴的调用积压", "Calls to a partner wait too long"),
        Words(
            "查看 ./oms connection ls：伙伴是否应答、是否暂停、限流是否过低；赶上后自动结案",
            "see ./oms connection ls: does it answer, is it paused, is its rate too low? it closes once they catch up",
        ),
        Remedy.BY_HAND,
        Words(
            "在连接页面查看伙伴是否应答、是否暂停、限流是否过低；赶上后自动结案",
            "See on the connection's page whether it answers, is paused, or its rate is too low; it closes by itself",
        ),
    ),
    "stock_drift": Cause(
        Words("库存计数与账本不符", "A stock counter is not what its ledger says"),
        Words(
            "通知平台工程师；查清原因并更正后关闭：./oms case resolve {case}",
            "call a platform engineer; once found and put right: ./oms case resolve {case}",
        ),
        Remedy.BY_HAND,
        Words(
            "通知平台工程师；查清原因并更正后关闭",
            "Call a platform engineer; close it once the reason is found and it is put right",
        ),
    ),
    "stock_push": Cause(
        Words("渠道库存未能如数告知", "A channel is not told of its stock as it stands"),
        Words(
            "大量商品将归零：核对库存，属实则执行 ./oms case resolve {case} --reason … 放行；被渠道拒收：更正商品对应",
            "many SKUs would go to zero: check the stock; if true, ./oms case resolve {case} --reason … lets them go; "
            "if the channel refuses SKUs, mend their bindings",
        ),
        Remedy.BY_HAND,
        Words(
            "大量商品将归零：核对库存，属实则结案放行，更正库存则自动结案；被渠道拒收：更正商品对应，每小时自动重试",
            "Many SKUs would go to zero: check, then close this to let them pass; put the stock right and it closes "
            "by itself. SKUs that the channel refuses: mend their bindings; they are told again every hour",
        ),
    ),
    "stock_report": Cause(
        Words("库存报告有无法采用的明细", "A stock report has lines that cannot be used"),
        Words(
            "更正商品、库位或由仓库重发后执行 ./oms inbox replay {inbox}；已采用的明细不会重复记账",
            "mend the SKU or location, then run ./oms inbox replay {inbox}; lines already taken are not booked again",
        ),
        Remedy.REPLAY,
        Words(
            "更正商品或库位后重新处理；已采用的明细不会重复记账",
            "Mend the SKU or location, then replay; lines already taken are not booked again",
        ),
    ),
    "stock_short": Cause(
        Words("盘点少于已承诺数量", "A count found fewer pieces than are promised"),
        Words(
            "受影响的未下发订单会自动改派；其余请与仓库核实，补足后执行 ./oms case resolve {case} --reason …",
            "orders not yet at the location are sourced again; ask the location about the rest, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "受影响的未下发订单会自动改派，不再短缺时自动结案；其余请与仓库核实",
            "Orders not yet at the location are sourced again, and this closes by itself once nothing is short; "
            "ask the location about the rest",
        ),
    ),
    "lot_drift": Cause(
        Words("发货批次与批次账不符", "A delivery left of other lots than the books have"),
        Words(
            "请仓库按批次盘点上报，收到后自动结案；或核对后执行 ./oms case resolve {case} --reason …",
            "have the warehouse count by lots, which closes it; or check it, "
            "then run ./oms case resolve {case} --reason …",
        ),
        Remedy.BY_HAND,
        Words(
            "请仓库按批次盘点上报，收到后自动结案；数量未受影响",
            "Have the warehouse count by lots: it closes by itself then. What is on hand is right",
        ),
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
