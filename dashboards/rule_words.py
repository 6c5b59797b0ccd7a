"""Words of review rules: how a version stands, what each fact means, what an expression may use, how facts are told."""

from collections.abc import Mapping
from typing import Any, Final

from dashboards.filters import money, number, percent
from dashboards.tone import State, Tone, state
from hub.language import Words
from hub.review.verdict import Scope

RULE: Final = {
    "draft": state("草稿", "Draft", Tone.WAITING),
    "in_force": state("生效中", "In force", Tone.GOOD),
    "retired": state("已停用", "Retired", Tone.ENDED),
}
FACT: Final = {
    "order": state("订单", "The order"),
    "address": state("收货地址", "Its address"),
    "buyer": state("买家", "Its buyer"),
    "blacklist": state("黑名单", "The blacklist"),
    "twin": state("重复下单", "An order like it"),
    "stock": state("库存", "Stock"),
    "risk": state("风控", "Risk"),
    "merge": state("合单", "Merging"),
    "lines": state("明细（列表）", "Its lines (a list)"),
    "line": state("本明细（仅明细行规则）", "This line (rules of lines)"),
    "fulfilment": state("本发货单（仅发货单规则）", "This fulfilment order (rules of these)"),
    "refund_requested": state("退款申请", "Refunds asked for"),
}
AXES: Final[Mapping[str, Mapping[str, State]]] = {"rule": RULE, "fact": FACT}

FACTS: Final[Mapping[str, Words]] = {
    "order.brand": Words("品牌", "brand"),
    "order.shop": Words("店铺", "shop"),
    "order.channel": Words("渠道连接", "channel's connection"),
    "order.platform": Words("平台", "platform"),
    "order.type": Words("订单类型", "type of order"),
    "order.currency": Words("币种", "currency"),
    "order.goods": Words("商品金额（分）", "goods, in fen"),
    "order.discount": Words("优惠金额（分）", "reductions, in fen"),
    "order.freight": Words("运费（分）", "freight, in fen"),
    "order.total": Words("订单金额（分）", "total, in fen"),
    "order.paid": Words("已付款", "paid"),
    "order.remark": Words("买家备注（不留痕）", "buyer's remark (never kept)"),
    "order.seller_note": Words("卖家备注（不留痕）", "seller's note (never kept)"),
    "order.lines": Words("明细行数", "number of lines"),
    "order.pieces": Words("件数", "pieces"),
    "order.grams": Words("总重（克）", "weight, in grams"),
    "order.gifts": Words("赠品件数", "gifts"),
    "order.refund_requested": Words("申请退款或取消，尚未了结", "refund or cancellation asked for and not settled"),
    "address.known": Words("地址已识别", "address is known"),
    "address.confidence": Words("识别把握（0–1）", "how certain, 0–1"),
    "address.quality": Words("识别质量", "quality"),
    "address.division": Words("区划代码", "code of its division"),
    "address.province": Words("省份", "province"),
    "buyer.orders_90d": Words("90 天订单数", "orders in 90 days"),
    "buyer.refusals_90d": Words("90 天拒收数", "refusals in 90 days"),
    "buyer.refunds_90d": Words("90 天退款数", "refunds in 90 days"),
    "blacklist.hit": Words("命中任一名单", "on any list"),
    "blacklist.phone": Words("手机号在名单中", "phone is listed"),
    "blacklist.buyer": Words("买家在名单中", "buyer is listed"),
    "blacklist.address": Words("地址在名单中", "address is listed"),
    "twin.found": Words("有同买家同金额的近单", "a like order came before"),
    "stock.missing": Words("缺货件数", "pieces nobody has"),
    "stock.skus": Words("缺货 SKU（列表）", "SKUs nobody has (a list)"),
    "risk.score": Words("风险分", "score of risk"),
    "merge.orders_30m": Words("30 分钟内同收件人订单", "orders to this recipient in 30 minutes"),
    "lines.sku": Words("SKU", "SKU"),
    "lines.storage": Words("温区", "temperature"),
    "lines.quantity": Words("件数", "pieces"),
    "lines.grams": Words("单重（克）", "weight of one, in grams"),
    "lines.price": Words("单价（元）", "price of one, in yuan"),
    "lines.amount": Words("金额（分）", "amount, in fen"),
    "lines.gift": Words("赠品", "is a gift"),
    "line.no": Words("行号", "its number"),
    "line.kind": Words("类型：单品、套装组件或赠品", "item, component or gift"),
    "line.sku": Words("SKU", "SKU"),
    "line.storage": Words("温区", "temperature"),
    "line.quantity": Words("件数", "pieces"),
    "line.grams": Words("单重（克）", "weight of one, in grams"),
    "line.price": Words("单价（元）", "price of one, in yuan"),
    "line.amount": Words("金额（分）", "amount, in fen"),
    "line.discount": Words("优惠金额（分）", "reductions, in fen"),
    "line.gift": Words("赠品", "is a gift"),
    "line.missing": Words("缺货件数", "pieces nobody has"),
    "line.arrives_in_days": Words("几天后可发", "days until it can be sent"),
    "line.refund_requested": Words("申请退款，尚未了结", "refund asked for and not settled"),
    "fulfilment.location": Words("发货地", "location"),
    "fulfilment.courier": Words("快递", "courier"),
    "fulfilment.attempt": Words("第几次下发", "which attempt"),
    "fulfilment.lines": Words("明细行数", "number of lines"),
    "fulfilment.pieces": Words("件数", "pieces"),
    "fulfilment.gifts": Words("赠品件数", "gifts"),
    "fulfilment.value": Words("应付金额（分）", "what is paid for it, in fen"),
    "fulfilment.grams": Words("总重（克）", "weight, in grams"),
    "fulfilment.skus": Words("SKU（列表）", "SKUs (a list)"),
}
"""What each value means that an expression may name; those of `lines` are of one line."""

SCOPES: Final[Mapping[Scope, tuple[Words, str]]] = {
    Scope.ORDER: (
        Words("每单判断一次，成立则整单等待", "Asked once of each order; all of it waits"),
        "order.total > 500000 && buyer.orders_90d == 0",
    ),
    Scope.LINE: (
        Words(
            "逐条明细判断，只有成立的明细等待，其余照常发货", "Asked of each line; that line waits, the rest goes on"
        ),
        'line.sku == "P1000" && line.missing > 0',
    ),
    Scope.FULFILMENT: (
        Words(
            "逐张发货单判断，成立的那张占用库存但不下发仓库",
            "Asked of each fulfilment order; that one keeps its stock and is not sent to its location",
        ),
        'fulfilment.value > 300000 && fulfilment.courier != "SF"',
    ),
}
"""What each scope of a rule does, with an example."""

EXAMPLES: Final = (
    (Words("超过 5,000 元的新买家", "A new buyer above ¥5,000"), "order.total > 500000 && buyer.orders_90d == 0"),
    (Words("备注要求暂缓发货", "The remark asks to wait"), 'order.remark.contains("先别发")'),
    (Words("单行超过 20 件的非赠品", "More than 20 of one line"), "lines.exists(l, l.quantity > 20 && !l.gift)"),
    (Words("黑名单", "The blacklist"), "blacklist.hit"),
)
FEN: Final = frozenset({
    *("order.goods", "order.discount", "order.freight", "order.total"),
    *("line.amount", "line.discount", "fulfilment.value"),
})  # fmt: skip
FAILURES: Final[Mapping[str, Words]] = {
    "missing_key": Words("缺少所引用的值", "a value it names is not there"),
    "missing_item": Words("列表中没有该项", "a list has no such item"),
    "division_by_zero": Words("除以零", "a division by zero"),
    "number_out_of_bounds": Words("数值越界", "a number out of bounds"),
    "wrong_type": Words("类型不符", "a value of another type"),
    "too_dear": Words("行数过多，求值会太慢", "it would take too long for so many lines"),
    "cannot_be_evaluated": Words("无法求值", "it cannot be evaluated"),
    "cannot_be_read": Words("当前版本无法读取该表达式", "this release cannot read it"),
    "not_a_bool": Words("结果不是真或假", "it is neither true nor false"),
}
"""Why a rule could not be asked, by the words that the hub keeps of it."""

_YES: Final = Words("是", "yes")
_NO: Final = Words("否", "no")


def failure_of(word: str, language: str) -> str:
    """Say why a rule failed."""
    return FAILURES[word].say(language) if word in FAILURES else word


def fact_told(name: str, value: object, currency: str, language: str) -> str:
    """Say one fact that a rule has looked at: its meaning without the unit, and its value as people write it."""
    called = FACTS[name].say(language).partition("（" if language == "zh" else ", ")[0] if name in FACTS else name
    return f"{called} {_written(name, value, currency, language)}"


def kind_of(value: Any) -> str:  # noqa: ANN401 # a fact of any kind
    """Name the kind of a fact as CEL does."""
    kinds = {bool: "bool", int: "int", float: "double", str: "string", list: "list"}
    return kinds[type(value)]


def _written(name: str, value: object, currency: str, language: str) -> str:
    if isinstance(value, bool):
        return (_YES if value else _NO).say(language)
    if name in FEN and isinstance(value, int):
        return money(value, currency)
    if name == "address.confidence" and isinstance(value, float):
        return percent(value)
    return number(value) if isinstance(value, (int, float)) else str(value)
