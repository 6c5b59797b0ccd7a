"""A storefront's order as a trade of Taobao: the same goods and amounts in the platform's words, its people masked."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, Final, cast

from sandbox.baskets import StorefrontOrder

_CHINA = timezone(timedelta(hours=8))
_FIRST_TID: Final = 10**18  # the platform's numbers have 19 digits today
_TIDS: Final = 8 * 10**18
_NAMES: Final = {
    ("promotion", "merchant"): "会员专享价",
    ("promotion", "platform"): "平台满减",
    ("coupon", "brand"): "品牌优惠券",
    ("coupon", "merchant"): "店铺优惠券",
}
_INVOICE_EVERY: Final = 7
_MEMO_EVERY: Final = 5
_MESSAGE_EVERY: Final = 9

Fields = Mapping[str, Any]


def tid_of(order: StorefrontOrder) -> int:
    """The trade's number, the same every time."""
    return _FIRST_TID + _hash(cast("str", order.payload["external_id"])) % _TIDS


def oids_of(order: StorefrontOrder) -> dict[str, int]:
    """The sub-orders' numbers by line id: an only one has the trade's own, as on the platform."""
    lines, tid = cast("list[Fields]", order.payload["lines"]), tid_of(order)
    return {line["line_id"]: tid + (n if len(lines) > 1 else 0) for n, line in enumerate(lines, 1)}


def trade_of(order: StorefrontOrder) -> dict[str, object]:
    """The whole trade, as taobao.trade.fullinfo.get would give it when it has just been paid."""
    payload, tid = cast("Fields", order.payload), tid_of(order)
    orders = _sub_orders(order)
    shared = sum(_fen(one["part_mjz_discount"]) for one in orders)
    paid_at = _clock(payload["paid_at"])
    trade: dict[str, object] = {
        "tid": tid,
        "tid_str": str(tid),
        "status": "WAIT_SELLER_SEND_GOODS",
        "type": "fixed",
        "title": "测试旗舰店",
        "seller_nick": "测试旗舰店",
        "created": _clock(payload["placed_at"]),
        "pay_time": paid_at,
        "modified": paid_at,
        "num": orders[0]["num"] if len(orders) == 1 else 0,
        "total_fee": _yuan(sum(_fen(one["price"]) * one["num"] for one in orders)),
        "adjust_fee": orders[0]["adjust_fee"] if len(orders) == 1 else "0.00",
        "discount_fee": _yuan(shared),
        "post_fee": payload["freight"],
        "payment": payload["total"],
        "orders": {"order": orders},
        "is_part_consign": False,
        "shipping_type": "express",
    }
    promotions = list(_promotions(order))
    if promotions:
        trade["promotion_details"] = {"promotion_detail": promotions}
    return trade | _buyer(payload["buyer"]) | _receiver(payload["receiver"]) | _extras(tid, payload["remark"])


def in_steps(trade: Mapping[str, object], deposit: str) -> dict[str, object]:
    """Give a trade as it is while only its deposit was paid (yuan, as text); its balance makes it `in_full`."""
    return {
        **trade,
        "type": "step",
        "status": "WAIT_BUYER_PAY",
        "step_trade_status": "FRONT_PAID_FINAL_NOPAID",
        "step_paid_fee": deposit,
    }


def in_full(trade: Mapping[str, object]) -> dict[str, object]:
    """Give a trade that was paid in steps when its balance has come."""
    steps = {"step_trade_status": "FRONT_PAID_FINAL_PAID", "step_paid_fee": trade["payment"]}
    return {**trade, "type": "step", "status": "WAIT_SELLER_SEND_GOODS", **steps}


def _sub_orders(order: StorefrontOrder) -> list[dict[str, Any]]:
    payload, oids = cast("Fields", order.payload), oids_of(order)
    given: dict[str | None, int] = {}
    for discount in payload["discounts"]:
        line_id = discount.get("line_id")
        given[line_id] = given.get(line_id, 0) + _fen(discount["amount"])
    lines: list[Fields] = payload["lines"]
    gross = [_times(line["unit_price"], line["quantity"]) for line in lines]
    net = [amount - given.get(line["line_id"], 0) for line, amount in zip(lines, gross, strict=True)]
    shares = _shares(given.get(None, 0), net)
    orders = [
        _sub_order(oids[line["line_id"]], line, amount, amount - left, share)
        for line, amount, left, share in zip(lines, gross, net, shares, strict=True)
    ]
    if len(orders) == 1:
        orders[0]["payment"] = payload["total"]  # with one sub-order its payment is the trade's, postage and all
    return orders


def _sub_order(oid: int, line: Fields, gross: int, discount: int, share: int) -> dict[str, Any]:
    """One sub-order; what does not divide into a price of two decimals is the seller's adjustment, up or down."""
    num = line["quantity"]
    price = gross // num if oid % 2 else -(-gross // num)
    number = _hash(line["sku"])
    return {
        "oid": oid,
        "oid_str": str(oid),
        "status": "WAIT_SELLER_SEND_GOODS",
        "refund_status": "NO_REFUND",
        "title": line["title"],
        "num_iid": number % 10**12,
        "sku_id": str(number % 10**13),
        "outer_iid": line["sku"],
        "outer_sku_id": line["sku"] if number % 3 else "",
        "num": num,
        "price": _yuan(price),
        "adjust_fee": _yuan(gross - price * num),
        "discount_fee": _yuan(discount),
        "part_mjz_discount": _yuan(share),
        "total_fee": _yuan(gross - discount),
        "payment": _yuan(gross - discount),
        "divide_order_fee": _yuan(gross - discount - share),
        "seller_type": "B",
    }


def _promotions(order: StorefrontOrder) -> Iterator[dict[str, object]]:
    oids, tid = oids_of(order), tid_of(order)
    for discount in cast("list[Fields]", order.payload["discounts"]):
        number = _hash(discount["code"])
        yield {
            "id": oids[discount["line_id"]] if "line_id" in discount else tid,
            "promotion_name": _NAMES[discount["source"], discount["funder"]],
            "promotion_id": f"{discount['source']}-{number % 10**9}_{number % 10**11}",
            "promotion_desc": f"省{discount['amount']}元",
            "discount_fee": discount["amount"],
        }


def _buyer(buyer: Fields) -> dict[str, object]:
    uid = hashlib.blake2b(buyer["id"].encode(), digest_size=16).hexdigest()
    return {"buyer_nick": f"{buyer['nick'][0]}**", "buyer_open_uid": f"AA{uid}"}


def _receiver(to: Fields) -> dict[str, object]:
    token = hashlib.blake2b("|".join(map(str, to.values())).encode(), digest_size=24).hexdigest()
    return {
        "receiver_name": f"{to['name'][0]}**",
        "receiver_mobile": f"{to['phone'][:3]}****{to['phone'][-4:]}",
        "receiver_phone": "",
        "receiver_state": to["province"],
        "receiver_city": to["city"],
        "receiver_district": to["district"],
        "receiver_town": to["town"],
        "receiver_address": f"{to['street'][:2]}***",
        "receiver_zip": "000000",
        "oaid": f"{token}==",
    }


def _extras(tid: int, remark: str) -> dict[str, object]:
    extras: dict[str, object] = {"buyer_message": remark}
    if tid % _MESSAGE_EVERY == 0:
        extras["buyer_message"] = f"{remark}谢谢"
    if tid % _MEMO_EVERY == 0:
        extras["seller_memo"] = "老客户"
    if tid % _INVOICE_EVERY == 0:
        extras |= {"invoice_name": f"测试公司{tid % 1000}", "invoice_type": "明细", "invoice_kind": "1"}
    return extras


def _shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Cut an amount along the running sum of the weights: the shares are whole, and their sum is the amount."""
    marks, total = [0], 0
    for weight in weights:
        total += weight
        marks.append(total)
    whole = max(total, 1)  # goods that are wholly given away have nothing left to share over
    return [amount * after // whole - amount * before // whole for before, after in pairwise(marks)]


def _times(price: str, quantity: int) -> int:
    return int((Decimal(price) * quantity * 100).to_integral_value(ROUND_HALF_UP))


def _fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _clock(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(_CHINA):%Y-%m-%d %H:%M:%S}"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
