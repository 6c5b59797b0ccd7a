"""What each schedule is for, in plain words of both languages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hub.language import Words


@dataclass(frozen=True, slots=True)
class Chore:
    """A schedule's name for the eye, and what its work does, with what becomes of it while it is paused."""

    called: Words
    does: Words


def _chore(zh: str, en: str, zh_does: str, en_does: str) -> Chore:
    return Chore(Words(zh, en), Words(zh_does, en_does))


CHORES: Final[Mapping[str, Chore]] = {
    "audit.seal": _chore(
        "审计封链",
        "Seal the audit log",
        "把新写入的审计记录接入防篡改的链；暂停时记录照常写入，恢复后补接。",
        "Chains what the audit log has gained, so that no change goes unseen. While paused, entries wait unchained.",
    ),
    "merge.windows": _chore(
        "合单窗口到时",
        "Close merge windows",
        "合单等待到时的发货单下发仓库；暂停时它们一直等待，恢复后补发。",
        "Sends what has waited long enough for orders to travel with. While paused it waits on.",
    ),
    "steps.history": _chore(
        "归档已结束的调用",
        "Move finished runs",
        "把已结束的调用移入按月历史表，让在途表保持小而快。",
        "Moves finished runs to the monthly history, which keeps the table of live ones small and quick.",
    ),
    "steps.parked": _chore(
        "唤醒漏排的顺序道",
        "Wake missed lanes",
        "补上前面已无阻塞、却还在排队的调用；平时由前一个调用结束时唤醒。",
        "Starts runs that still wait although nothing stands before them; a net under what starts them otherwise.",
    ),
    "clients.forget": _chore(
        "清理接口幂等键",
        "Forget clients' keys",
        "删除过期的随机数和幂等键；暂停只会占用空间。",
        "Deletes nonces and idempotency keys that have had their time. Pausing it costs space only.",
    ),
    "visits.forget": _chore(
        "清理登录会话",
        "Forget old visits",
        "删除已过期的登录会话；过期会话本来就不能用。",
        "Deletes sign-ins that have ended; they open nothing any more either way.",
    ),
    "holds.expire": _chore(
        "结束到期的挂起",
        "End holds that are due",
        "到期的挂起自动结束，订单继续寻源或下发；暂停时订单一直等到有人放行。",
        "Ends holds whose time is over, and their orders go on. While paused, such orders wait for a person.",
    ),
    "holds.restocked": _chore(
        "为缺货订单再寻源",
        "Source orders that lacked stock",
        "缺货的商品到货或释放后，从最早的订单起自动寻源；寻源后仍缺的，只更新挂起与异常单的缺货内容。暂停时订单一直等到有人放行。",
        "When goods that orders lack have come or are free again, gives them to those orders, the oldest first. "
        "While paused, such orders wait for a person.",
    ),
    "parcels.ask": _chore(
        "查询沉默的包裹",
        "Ask about silent parcels",
        "对长时间没有轨迹的包裹主动查询快递；暂停时只等快递推送。",
        "Asks couriers about parcels that have been silent for long. While paused, only what couriers push is known.",
    ),
    "postings.missed": _chore(
        "补记漏过账",
        "Post what was missed",
        "品牌后来才接入 ERP 时，补记最近 31 天内已结束、已发货却未过账的履约单；暂停时只在履约单结束当时过账。",
        "Posts what has shipped, ended within 31 days and was never posted, as its brand had no ERP then. "
        "While paused, a fulfilment order is posted only as it ends.",
    ),
    "stock.look": _chore(
        "发现库存变动",
        "Look what stock has moved",
        "每秒找出变动的 SKU，算出各店铺可售数并推送，同时判断库存预警；暂停时渠道数量和预警不再更新。",
        "Finds each second which SKUs have moved, and has shops told and alerts raised. While paused, neither is.",
    ),
    "stock.sweep": _chore(
        "轮查可售数",
        "Compare what shops are told",
        "轮流核对全部 SKU 的可售数（配额、安全库存、预售的改动不产生变动记录），并重推过久未推或被拒收的数量。",
        "Compares every SKU in turn, for quotas, safety stock and pre-sales change without a movement, and tells "
        "again what was told long ago or refused.",
    ),
    "stock.blocked": _chore(
        "让出锁定批次",
        "Let carts go of blocked lots",
        "盘点或出库使锁定批次之外的可售不足时，先让最新的购物车让出，仍不足的生成异常单。暂停时购物车照旧占用。",
        "When counts or deliveries leave too little beside a blocked lot, has the newest carts let go, and opens a "
        "case for what is lacking still. While paused, carts hold what they hold.",
    ),
    "stock.short": _chore(
        "改派短缺订单",
        "Source short orders again",
        "盘点发现短缺或批次被锁定时，把尚未下发给该仓的最新订单改派到别处；不再短缺时自动结案。暂停时这些订单留在原仓。",
        "When a count finds too little or a lot is blocked, takes the newest orders that the location has not been "
        "sent elsewhere, and closes the case once nothing is short. While paused, they stay.",
    ),
    "stock.presold": _chore(
        "合计预售计数",
        "Add up what is presold",
        "把同一 SKU、同一店铺的多行预售计数合成一行；暂停时数目不变，只是读取变慢。",
        "Makes one row of the parts that what is presold was counted in. While paused the sums are the same, and slow.",
    ),
    "stock.quotas": _chore(
        "清理未设配额",
        "Forget quotas never set",
        "删除一直没有设定数量的配额行；暂停只会占用空间。",
        "Deletes the rows of quotas that were begun and never set. Pausing it costs space only.",
    ),
    "stock.reports": _chore(
        "清理库存报告",
        "Forget old stock reports",
        "删除 90 天前的盘点与异动明细；盘点水位保留，旧报告不会再被采用。",
        "Deletes partners' stock reports after 90 days. When each counter was last counted stays known.",
    ),
    "stock.reconcile": _chore(
        "核对库存账",
        "Reconcile the stock",
        "每天核对库存计数与账本；不符时生成异常单。暂停时不会发现差异。",
        "Compares each stock counter with its ledger once a day; what differs is a case. While paused nobody looks.",
    ),
    "orders.hold_unpaid": _chore(
        "为未付款订单预占库存",
        "Hold stock for unpaid orders",
        "下单后数秒内为未付款订单预占可用库存，付款后转为订单占用，取消或到期关闭时释放；暂停时新订单不预占。",
        "Holds what is free for an unpaid order until it is paid, cancelled or closed. While paused, nothing is held "
        "for new ones.",
    ),
    "orders.expire": _chore(
        "关闭超时未付款订单",
        "Close unpaid orders",
        "未付款订单到期即关闭并释放库存；暂停时这些订单一直等待付款并占用库存。",
        "Closes orders that nobody paid in time and gives their stock back. While paused they wait and keep it.",
    ),
    "orders.unended": _chore(
        "为无人关闭的未付款订单生成异常单",
        "Call for unpaid orders that nothing closes",
        "渠道未设付款时限的订单，一天仍未付款时生成异常单。暂停时无人得知这些订单。",
        "Opens a case for an order that is unpaid after a day, where its channel sets no time for paying. While paused "
        "nobody hears of them.",
    ),
    "orders.lapse": _chore(
        "撤回逾期未补款的加购",
        "Take back additions that nobody paid",
        "加购后补款逾期的订单恢复原样继续履约；暂停时这些订单一直等待补款。",
        "Puts orders back as they were where nobody paid for what was added. While paused they wait for the payment.",
    ),
    "reservations.expire": _chore(
        "释放到期预留",
        "Let reservations run out",
        "购物车预留到期后把件数放回可售；暂停时到期的预留一直占着库存。",
        "Gives back what carts held for longer than agreed. While paused, those pieces cannot be sold.",
    ),
    "reservations.prune": _chore(
        "清理已结束的预留",
        "Forget old reservations",
        "删除结束已满 7 天的预留；库存账本保留。",
        "Deletes reservations that ended 7 days ago; the stock ledger keeps what they moved.",
    ),
    "replays.work": _chore(
        "推进批量处理",
        "Work replay jobs off",
        "按设定速率推进批量重试、重放等任务；暂停时所有批量任务停在原处。",
        "Takes replay jobs on at their rates. While paused, all of them stand still.",
    ),
    "replays.forget": _chore(
        "清理旧批量任务",
        "Forget old replay jobs",
        "按保留期限删除早已结束的批量任务及其明细；审计记录保留。",
        "Deletes jobs that ended so long ago that retention no longer keeps what they acted on, with their lists. "
        "The audit log keeps what was done.",
    ),
    "steps.backlog": _chore(
        "检查积压",
        "Watch the backlogs",
        "发现处理落后的伙伴并生成异常单；赶上后自动关闭。",
        "Calls a person to partners whose calls wait too long, and takes that back when they have caught up.",
    ),
    "hub.fullness": _chore(
        "检查系统负荷",
        "See how full the hub is",
        "量测系统负荷：已满时，接口请调用方稍后再试，也暂不向渠道拉单。",
        "Measures how full the hub is: when it is, callers are asked for patience and no orders are fetched.",
    ),
    "partitions.make": _chore(
        "建立月分区",
        "Make partitions",
        "提前建好后续月份的分区；暂停超过一个月会无处写入。",
        "Makes the tables of the months to come. Paused beyond a month's end, nothing could be written.",
    ),
    "partitions.drop": _chore(
        "删除过期分区",
        "Drop partitions",
        "按保留期限删除旧月份的数据。",
        "Drops the months that retention no longer keeps.",
    ),
    "schedule.forget": _chore(
        "清理任务记录",
        "Forget old slots",
        "删除定时任务的旧运行记录；失败记录保留一个月。",
        "Deletes old runs of schedules; failures are kept for a month.",
    ),
}
"""By the name under which the worker keeps them."""

POLLS: Final[Mapping[str, Words]] = {
    "orders": Words("向渠道拉取有变化的订单", "Asks the channel for the orders that have changed"),
    "hints": Words("读取平台消息，得知哪些订单有变化", "Reads the platform's messages: which orders have changed"),
    "stock": Words("定时向仓库查询库存", "Asks the warehouse for its stock"),
    "token": Words("在到期前更新访问令牌", "Renews the access token before it ends"),
    "probe": Words("无副作用的连通测试，有人点击时才执行", "A harmless call, made only when somebody asks for it"),
}


def chore_speaker(language: str) -> Callable[[str], tuple[str, str]]:
    """Give the templates' `chore(name)`: how a schedule is called and what it does; an unknown one by its name."""

    def chore(name: str) -> tuple[str, str]:
        found = CHORES.get(name)
        return (found.called.say(language), found.does.say(language)) if found else (name, "")

    return chore


def poll_speaker(language: str) -> Callable[[str], str]:
    """Give the templates' `poll_does(name)`: what a poll asks for."""

    def poll_does(name: str) -> str:
        found = POLLS.get(name)
        return found.say(language) if found else ""

    return poll_does
