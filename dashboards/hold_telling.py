"""What a person is told of a hold: what its rule has seen, and who may let the order go on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from dashboards.filters import money, number, percent
from dashboards.rule_words import fact_told, failure_of
from dashboards.words import state_of
from hub.language import Words
from hub.order.rules.hold import SAFE_ADDRESS
from hub.review.judge import FAILED

GRAMS_PER_KG: Final = 1_000
Seen = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Telling:
    """How a rule's evidence is told: the sentence, and its values out of evidence and currency."""

    words: Words
    values: Callable[[Seen, str], Mapping[str, object]]


TELLINGS: Final[Mapping[str, Telling]] = {
    "unplaced_address": Telling(
        Words("地址识别把握 {sure}，低于 {safe}", "The address is {sure} certain, under {safe}"),
        lambda seen, _: {"sure": percent(seen["confidence"]), "safe": percent(SAFE_ADDRESS)},
    ),
    "unpaid": Telling(Words("尚未收到付款", "No payment has come"), lambda _seen, _: {}),
    "amount_due": Telling(
        Words("改单后尚须付款 {due}", "After a change, {due} is still to be paid"),
        lambda seen, currency: {"due": money(seen["due"], currency)},
    ),
    "presale": Telling(
        Words("预售商品，发货日：{day}", "Presale goods, to be sent from: {day}"),
        lambda seen, _: {"day": seen.get("planned", "—")},
    ),
    "presale_limit": Telling(
        Words(
            "预售 {sku} 上限 {limit} 件，已预售 {sold} 件，本单 {wants} 件",
            "Pre-sale of {sku}: {limit} at most, {sold} are sold; this order wants {wants}",
        ),
        lambda seen, _: {name: seen[name] for name in ("sku", "limit", "sold", "wants")},
    ),
    "arrival": Telling(
        Words("第 {lines} 行自 {day} 起可发", "Lines {lines} can be sent from {day}"),
        lambda seen, _: {"day": seen["planned"], "lines": ", ".join(map(str, seen["lines"]))},
    ),
    "twin": Telling(
        Words("与订单 {order} 买家、店铺、金额相同", "Same buyer, shop and total as order {order}"),
        lambda seen, _: {"order": seen["order"]},
    ),
    "flash_sale_limit": Telling(
        Words(
            "秒杀 {sale}：{sku} 每人限购 {limit} 件，买家已有 {had} 件，本单 {wants} 件",
            "Flash sale {sale}: {limit} of {sku} for each buyer, who has {had}; this order wants {wants}",
        ),
        lambda seen, _: {name: seen[name] for name in ("sale", "sku", "limit", "had", "wants")},
    ),
    "remark_asks": Telling(Words("备注含“{word}”", "The remark says “{word}”"), lambda seen, _: {"word": seen["word"]}),
    "heavier_than": Telling(
        Words("共重 {weight} kg，上限 {limit} kg", "{weight} kg in all, above {limit} kg"),
        lambda seen, _: {
            "weight": number(round(seen["grams"] / GRAMS_PER_KG, 1)),
            "limit": number(round(seen["limit"] / GRAMS_PER_KG, 1)),
        },
    ),
    "total_above": Telling(
        Words("金额 {total}，超过 {limit}", "{total} in all, above {limit}"),
        lambda seen, currency: {"total": money(seen["total"], currency), "limit": money(seen["limit"], currency)},
    ),
    "no_source": Telling(
        Words("缺货：{missing}", "Nobody has {missing}"),
        lambda seen, _: {"missing": ", ".join(f"{sku} × {n}" for sku, n in seen["missing"].items())},
    ),
    "refund_asked": Telling(
        Words("买家已对 {sku} 申请退款，尚未了结", "The buyer asks the money of {sku} back; it is not settled"),
        lambda seen, _: {"sku": seen["sku"]},
    ),
    "reroute_tries": Telling(
        Words("已尝试 {n} 次，最后是 {location}", "{n} attempts, the last at {location}"),
        lambda seen, _: {"n": seen["attempts"], "location": seen["location"]},
    ),
    "rule_failed": Telling(
        Words("规则 {rule} 第 {no} 版：{why}", "Rule {rule}, version {no}: {why}"),
        lambda seen, _: {"rule": seen["rule"], "no": seen["no"], "why": seen["failed"]},
    ),
    "cancel": Telling(
        Words("取消原因：{why}", "Cancelled because: {why}"), lambda seen, _: {"why": seen["reason"] or "—"}
    ),
}
RESOLVERS: Final[Mapping[str, Words]] = {
    "address": Words("运营，选定区县后", "An operator, with the right county"),
    "finance": Words("运营，核实款项后", "An operator, once the money is clear"),
    "stock": Words("运营，到货后", "An operator, when goods have come"),
    "review": Words("运营，核对规则与订单后", "An operator, after a look at rule and order"),
    "refund_requested": Words("系统，取消有结果后", "The hub, once the cancellation is answered"),
}
_OF_ROLE: Final = Words("仅限{role}", "Only: {role}")
_LOOKED_OVER: Final = Words("运营，核对后", "An operator, after a look")


def seen_in(rule: str, seen: Seen, currency: str, language: str) -> str:
    """Say what a rule has seen; what a later version has written is told name by name."""
    telling = TELLINGS.get(rule)
    facts = seen.get("seen")
    if telling is None and isinstance(facts, dict):  # a review rule's own
        values = cast("Seen", facts).items()
        return " · ".join(fact_told(name, value, currency, language) for name, value in values)
    if telling is None:
        return _plainly(seen)
    if rule == FAILED and "failed" in seen:
        seen = {**seen, "failed": failure_of(str(seen["failed"]), language)}
    try:
        return telling.words.say(language, **telling.values(seen, currency))
    except (KeyError, TypeError, AttributeError):  # evidence of another version of the rule
        return _plainly(seen)


def resolver_of(hold_type: str, role: str, language: str) -> str:
    """Say who may let an order go on that is held by this type, and of which role they must be if one is named."""
    if role:
        return _OF_ROLE.say(language, role=state_of("role", role).words.say(language))
    return RESOLVERS.get(hold_type, _LOOKED_OVER).say(language)


def _plainly(seen: Seen) -> str:
    return " · ".join(f"{name}: {value}" for name, value in seen.items())
