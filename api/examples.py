"""What the OpenAPI document says of raw bodies: their schema and an example of each."""

import json
from typing import Any, Final

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
PIECES: Final = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
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
