"""Words of inventory: how a counter stands, why it moved, what channels were told, what is short."""

from collections.abc import Mapping
from typing import Final

from dashboards.tone import State, Tone, state
from hub.sourcing.words import KINDS

STOCK: Final = {
    "short": state("账面不足", "Short", Tone.FAILED),
    "out": state("无可用", "Nothing free", Tone.FAILED),
    "below": state("低于安全库存", "Below safety stock", Tone.WAITING),
    "closed": state("地点已停用", "Location closed", Tone.ENDED),
    "damaged": state("残次，不售", "Not sold: damaged", Tone.ENDED),
    "foreign": state("其他货主，不售", "Not sold: another owner's", Tone.ENDED),
    "held": state("购物车占用", "Held for carts", Tone.RUNNING),
    "good": state("充足", "Enough", Tone.GOOD),
}
CONDITION: Final = {
    "saleable": state("可售", "Saleable"),
    "damaged": state("残次", "Damaged", Tone.ENDED),
}
KIND: Final = {kind: state(said.zh, said.en.capitalize()) for kind, said in KINDS.items()}
AUTHORITY: Final = {
    "hub": state("本系统", "The hub's"),
    "owner": state("货主系统", "The owner's"),
}
MOVEMENT: Final = {
    "receive": state("入库", "Received"),
    "allocate": state("订单占用", "Allocated"),
    "release": state("订单释放", "Released"),
    "consume": state("出库", "Left"),
    "adjust": state("调整", "Adjusted"),
    "count": state("盘点", "Counted"),
    "hold": state("购物车预占", "Held for a cart"),
    "unhold": state("购物车释放", "Given up by a cart"),
    "expire": state("预占到期", "Hold ran out"),
    "take": state("转为订单", "Taken by an order"),
    "block": state("批次锁定", "Lot blocked"),
    "unblock": state("批次解锁", "Lot unblocked"),
    "return": state("退货入库", "Returned goods in"),
}
RESERVATION: Final = {
    "held": state("预占中", "Held", Tone.RUNNING),
    "taken": state("已转订单", "Taken", Tone.GOOD),
    "released": state("已释放", "Released", Tone.ENDED),
    "expired": state("已到期", "Run out", Tone.ENDED),
}
OFFER: Final = {
    "told": state("一致", "In step", Tone.GOOD),
    "due": state("待同步", "To be told", Tone.WAITING),
    "held": state("已拦截", "Held back", Tone.FAILED),
    "refused": state("渠道拒收", "Refused", Tone.FAILED),
}
QUOTA: Final = {
    "exclusive": state("独占", "Its own pieces"),
    "percentage": state("按比例", "A part"),
    "cap": state("上限", "At most"),
}
VERDICT: Final = {
    "taken": state("已采用", "Taken over", Tone.GOOD),
    "outdated": state("已过时", "Out of date", Tone.ENDED),
    "confirmed": state("随发货确认记账", "By its confirm", Tone.ENDED),
}
REPORT: Final = {
    "agrees": state("一致", "Agrees", Tone.GOOD),
    "differing": state("有差异", "Differs", Tone.WAITING),
    "refused": state("有行被拒", "Lines refused", Tone.FAILED),
    **VERDICT,
}
LINE: Final = {
    "booked": state("差额已入账", "The difference was booked", Tone.WAITING),
    "changed": state("变动已入账", "The change was booked", Tone.GOOD),
    "agrees": state("与账面一致", "Agrees with ours", Tone.GOOD),
    "outdated": state("已有更新的盘点", "A later count stands against it", Tone.ENDED),
    "confirmed": state("由其发货单确认入账", "Booked by the confirm of its delivery", Tone.ENDED),
}
COUNTING: Final = {
    "count": state("盘点", "Count"),
    "change": state("变动", "Change"),
}
ALERT: Final = {
    "stock_out": state("缺货", "Out of stock", Tone.FAILED),
    "low_pieces": state("库存偏低", "Few pieces", Tone.WAITING),
    "low_cover": state("可售天数不足", "Short cover", Tone.WAITING),
}
ALERT_STATE: Final = {
    "open": state("未恢复", "Open", Tone.FAILED),
    "closed": state("已恢复", "Over", Tone.GOOD),
}

AXES: Final[Mapping[str, Mapping[str, State]]] = {
    "stock": STOCK,
    "condition": CONDITION,
    "location_kind": KIND,
    "authority": AUTHORITY,
    "movement": MOVEMENT,
    "reservation": RESERVATION,
    "offer": OFFER,
    "quota": QUOTA,
    "verdict": VERDICT,
    "report": REPORT,
    "line": LINE,
    "counting": COUNTING,
    "alert": ALERT,
    "alert_state": ALERT_STATE,
}
