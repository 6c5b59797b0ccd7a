"""The bodies of requests about stock, with their examples, for the API's own pages."""

from typing import Final

from api.examples import PIECES, TEXT, YUAN, body_of
from hub.inventory.adjust import MOST

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
                    "properties": {"sku": TEXT, "quantity": PIECES},
                },
            },
            "ttl_s": {
                "type": "integer",
                "minimum": 30,
                "maximum": 86_400,
                "default": 900,
                "description": "保留秒数 · for how many seconds",
            },
            "division": {
                "type": "string",
                "description": "收货地区划代码（region 同义）；只预占能发往该地的仓 · where it goes (or region): held "
                "only where an order to there would be sourced from",
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
QUOTE: Final = body_of(
    {
        "type": "object",
        "required": ["division", "lines"],
        "properties": {
            "division": {"type": "string", "description": "收货地官方区划代码，最好到区县 · best a county's code"},
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["line_id", "sku", "quantity"],
                    "properties": {
                        "line_id": TEXT,
                        "sku": TEXT,
                        "quantity": PIECES,
                        "unit_price": {**YUAN, "description": "按金额拆单时需要 · needed where value splits parcels"},
                    },
                },
            },
        },
    },
    {"division": "310115", "lines": [{"line_id": "1", "sku": "P1000", "quantity": 2, "unit_price": "12.50"}]},
)
