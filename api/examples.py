"""What the OpenAPI document says of raw bodies: their schema and an example of each."""

import json
from typing import Any, Final

from hub.inventory.adjust import MOST

EXAMPLE: Final[dict[str, Any]] = {
    "external_id": "EXAMPLE-000001",
    "placed_at": "2026-11-11T10:00:00+08:00",
    "paid_at": "2026-11-11T10:00:05+08:00",
    "currency": "CNY",
    "buyer": {"id": "buyer-1"},
    "receiver": {
        "name": "收件人甲",
        "phone": "10000000001",
        "province": "广东省",
        "city": "深圳市",
        "district": "南山区",
        "street": "测试路1号",
    },
    "lines": [{"line_id": "1", "sku": "P1000", "title": "样品", "quantity": 2, "unit_price": "12.50"}],
    "freight": "6.00",
    "discounts": [{"source": "coupon", "code": "NEW", "amount": "3.00", "funder": "merchant"}],
    "total": "28.00",
    "remark": "",
}

TEXT: Final = {"type": "string"}
YUAN: Final = {"type": "string", "pattern": r"^\d+(\.\d{1,2})?$", "description": "元，最多两位小数 · yuan"}
TIME: Final = {"type": "string", "format": "date-time", "description": "含时区 · with its offset"}
_LINE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["line_id", "sku", "quantity", "unit_price"],
    "properties": {
        "line_id": TEXT,
        "sku": TEXT,
        "title": TEXT,
        "quantity": {"type": "integer", "minimum": 1},
        "unit_price": {"type": "string", "description": "优惠前单价（元）· before discounts, yuan"},
        "gift": {"type": "boolean"},
    },
}
_DISCOUNT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["source", "amount"],
    "properties": {
        "source": {"enum": ["coupon", "promotion", "points", "gift_card", "shipping", "platform"]},
        "code": TEXT,
        "amount": YUAN,
        "funder": {"enum": ["merchant", "platform", "brand", "distributor"]},
        "line_id": {"type": "string", "description": "缺省为整单优惠 · without it, of the whole order"},
    },
}
RECEIVER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "phone", "province", "city", "street"],
    "properties": dict.fromkeys(("name", "phone", "province", "city", "district", "town", "street", "postcode"), TEXT),
}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["external_id", "placed_at", "buyer", "receiver", "lines", "total"],
    "properties": {
        "external_id": {"type": "string", "maxLength": 64, "description": "店铺内唯一 · unique in the shop"},
        "placed_at": TIME,
        "paid_at": TIME,
        "deposit_paid_at": TIME,
        "deposit": {**YUAN, "description": "已付定金（元），须有 deposit_paid_at · the deposit that was paid, yuan"},
        "balance_due_at": {**TIME, "description": "尾款截止时间，过时关单 · closed if the rest is not paid by then"},
        "currency": {"type": "string", "default": "CNY"},
        "buyer": {"type": "object", "required": ["id"], "properties": {"id": TEXT, "nick": TEXT}},
        "receiver": RECEIVER,
        "lines": {"type": "array", "minItems": 1, "items": _LINE},
        "freight": YUAN,
        "discounts": {"type": "array", "items": _DISCOUNT},
        "total": {**YUAN, "description": "商品 − 优惠 + 运费 · goods − discounts + freight"},
        "remark": TEXT,
        "type": {"enum": ["normal", "presale", "exchange", "reship", "gift", "o2o"], "default": "normal"},
        "reservation": {
            "type": "string",
            "maxLength": 64,
            "description": "购物车预占号，订单取走其预占的件数 · the ref of a cart, whose held pieces the order takes",
        },
    },
}


def body_of(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    """Describe a raw JSON body for OpenAPI."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


ORDER: Final = body_of(SCHEMA, EXAMPLE)
_ORDERS: Final[dict[str, Any]] = {"type": "array", "minItems": 1, "items": SCHEMA}
_BATCH: Final[dict[str, Any]] = {
    "oneOf": [{"type": "object", "required": ["orders"], "properties": {"orders": _ORDERS}}, _ORDERS]
}
_LINES: Final[dict[str, Any]] = {
    "type": "string",
    "description": "每行一张订单 · one order in each line",
}
BATCH: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _BATCH, "example": {"orders": [EXAMPLE]}},
            "application/x-ndjson": {"schema": _LINES, "example": json.dumps(EXAMPLE, ensure_ascii=False)},
        },
    }
}
RESERVATION: Final = body_of(
    {
        "type": "object",
        "required": ["ref", "lines"],
        "properties": {
            "ref": {
                "type": "string",
                "pattern": "^[A-Za-z0-9._:-]{1,64}$",
                "description": "购物车或预订号，店铺内唯一；不含个人信息 · the cart's own number, unique in the shop; "
                "nothing personal",
            },
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["sku", "quantity"],
                    "properties": {"sku": TEXT, "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000_000}},
                },
            },
            "ttl_s": {
                "type": "integer",
                "minimum": 30,
                "maximum": 86_400,
                "default": 900,
                "description": "保留秒数 · for how many seconds",
            },
            "buyer": {
                "type": "string",
                "maxLength": 64,
                "description": "买家编号；限购商品必填 · the buyer's id; needed where a flash sale limits each buyer",
            },
        },
    },
    {"ref": "cart-20261111-0001", "lines": [{"sku": "P1000", "quantity": 2}], "ttl_s": 900},
)
RULE: Final = body_of(
    {
        "type": "object",
        "required": ["name", "expression", "verdict"],
        "properties": {
            "name": TEXT,
            "brand": {"type": "string", "description": "缺省为全部品牌 · every brand without it"},
            "shop": {"type": "string", "description": "缺省为全部店铺 · every shop without it"},
            "expression": {"type": "string", "maxLength": 1000, "description": "CEL，见 docs/review-rules.md"},
            "verdict": {
                "type": "object",
                "description": "hold：挂起；release：放行 · hold the order, or let holds of some types go",
                "properties": {
                    "kind": {"enum": ["hold", "release"]},
                    "scope": {
                        "enum": ["order", "line", "fulfilment"],
                        "default": "order",
                        "description": "对整单、每条明细或每张发货单判断 · asked of orders, lines or fulfilment orders",
                    },
                    "type": {"type": "string"},
                    "blocks": {"type": "array", "items": {"enum": ["route", "release"]}},
                    "expires_after_s": {"type": "integer", "minimum": 1},
                    "resolver": {"enum": ["operator", "supervisor", "admin"]},
                    "releases": {"type": "array", "items": {"type": "string"}},
                },
            },
            "why": {"type": "string", "maxLength": 200},
        },
    },
    {
        "name": "big_first_order",
        "expression": "buyer.orders_90d == 0 && order.total > 200000",
        "verdict": {"kind": "hold", "type": "fraud", "resolver": "supervisor"},
    },
)
UNTRIED: Final = body_of(
    {
        "type": "object",
        "properties": {
            "untried": {
                "type": "string",
                "maxLength": 200,
                "description": "未试算也要生效的原因，写入审计日志 · why it goes in force untried; to the audit log",
            }
        },
    },
    {"untried": "the goods are recalled: nothing may leave"},
)
RULE_REASON: Final = body_of(
    {"type": "object", "required": ["reason"], "properties": {"reason": TEXT}}, {"reason": "not wanted any more"}
)
LIMITS: Final = body_of(
    {
        "type": "object",
        "required": ["location", "sku"],
        "properties": {
            "location": TEXT,
            "sku": TEXT,
            "owner": {"type": "string", "description": "缺省为该地点的货主 · without it, the location's own"},
            "condition": {"enum": ["saleable", "damaged"], "default": "saleable"},
            "safety": {"type": "integer", "minimum": 0, "maximum": MOST, "description": "安全库存 · pieces kept back"},
            "backorder_limit": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST,
                "description": "超卖上限 · pieces promised early",
            },
            "authority": {"enum": ["hub", "owner"], "description": "数量权威 · whose number counts"},
        },
    },
    {"location": "SH1", "sku": "P1000", "backorder_limit": 50},
)
ADJUSTMENT: Final = body_of(
    {
        "type": "object",
        "required": ["location", "sku", "delta", "reason", "ref"],
        "properties": {
            "location": TEXT,
            "sku": TEXT,
            "owner": {"type": "string", "description": "缺省为该地点的货主 · without it, the location's own"},
            "condition": {"enum": ["saleable", "damaged"], "default": "saleable"},
            "delta": {"type": "integer", "description": "增减件数，不为 0 · pieces more or fewer, not 0"},
            "reason": {"type": "string", "maxLength": 200, "description": "写入审计日志 · goes to the audit log"},
            "ref": {
                "type": "string",
                "description": "调整单号；同一单号只记一次 · the document's own number; it is booked once",
            },
        },
    },
    {"location": "SH1", "sku": "P1000", "delta": -2, "reason": "broken in the aisle", "ref": "ADJ-20261111-1"},
)
LOT: Final = body_of(
    {
        "type": "object",
        "required": ["sku", "lot", "reason"],
        "properties": {
            "sku": TEXT,
            "lot": {"type": "string", "maxLength": 100, "description": "批号，如仓库上报 · as its warehouse names it"},
            "location": {"type": "string", "description": "缺省为全部仓库 · everywhere without it"},
            "reason": {"type": "string", "maxLength": 200, "description": "写入审计日志 · goes to the audit log"},
        },
    },
    {"sku": "P1000", "lot": "B20261101", "location": "SH1", "reason": "mould was found"},
)
SALE: Final = body_of(
    {
        "type": "object",
        "required": ["sku", "sale"],
        "properties": {
            "sku": TEXT,
            "sale": {
                "type": "string",
                "maxLength": 64,
                "description": "活动名称；换名后每位买家重新计数 · its name; under another every buyer begins anew",
            },
            "per_buyer": {
                "type": "integer",
                "minimum": 0,
                "default": 1,
                "description": "每人限购件数，0 为不限 · pieces for each buyer, 0: any",
            },
            "queue_limit": {
                "type": "integer",
                "minimum": 1,
                "default": 2_000,
                "description": "排队人数上限 · how many may wait",
            },
            "hold_s": {"type": "integer", "minimum": 30, "default": 900, "description": "预占秒数 · seconds of a hold"},
            "ends_at": {"type": "string", "format": "date-time", "description": "缺省为不限时 · no end without it"},
        },
    },
    {"sku": "P1000", "sale": "double-11", "per_buyer": 2, "ends_at": "2026-11-11T22:00:00+08:00"},
)
PRESALE: Final = body_of(
    {
        "type": "object",
        "required": ["sku", "amount"],
        "properties": {
            "sku": TEXT,
            "shop": {"type": "string", "description": "缺省为全部店铺合计 · all shops together without it"},
            "amount": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST,
                "description": "到货前最多可售件数 · pieces that may be sold before they arrive",
            },
        },
    },
    {"sku": "P1000", "amount": 500},
)
PRESALE_END: Final = body_of(
    {"type": "object", "required": ["sku"], "properties": {"sku": TEXT, "shop": {"type": "string"}}}, {"sku": "P1000"}
)
SALE_END: Final = body_of({"type": "object", "required": ["sku"], "properties": {"sku": TEXT}}, {"sku": "P1000"})
