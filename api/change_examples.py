"""Shapes and examples of what changes an order, for the API's documentation."""

from typing import Any, Final

from api.examples import EXAMPLE, RECEIVER, TEXT, TIME, YUAN, body_of

_REASON: Final = {"type": "string", "maxLength": 200, "description": "写入审计日志 · goes to the audit log"}
CANCEL: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "reason": _REASON,
                        "by": {
                            "enum": ["merchant", "buyer"],
                            "default": "merchant",
                            "description": "谁要取消，决定定金是否退还 · who wants it, which decides about a deposit",
                        },
                        "lines": {
                            "type": "array",
                            "description": "只取消这些件数；缺省取消整单 · only these pieces, else the whole order",
                            "items": {
                                "type": "object",
                                "required": ["line_id", "quantity"],
                                "properties": {"line_id": TEXT, "quantity": {"type": "integer", "minimum": 1}},
                            },
                        },
                        "intercept": {
                            "type": "boolean",
                            "default": False,
                            "description": "已发出时请快递整件拦截 · has parcels that left stopped whole: no lines",
                        },
                    },
                },
                "example": {"reason": "the buyer wants one only", "lines": [{"line_id": "1", "quantity": 1}]},
            }
        },
    }
}
CHANGE: Final = body_of(
    {
        "type": "object",
        "properties": {
            "receiver": {**RECEIVER, "description": "新的收件人与地址，整体替换 · replaces the old one as a whole"},
            "remark": {"type": "string", "maxLength": 1000},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["line_id", "quantity"],
                    "properties": {
                        "line_id": TEXT,
                        "quantity": {
                            "type": "integer",
                            "minimum": 0,
                            "description": "要多少件，含已发 · how many are wanted, shipped ones with them",
                        },
                        "sku": {"type": "string", "description": "换成的商品 · other goods in their place"},
                        "unit_price": {
                            "type": "string",
                            "description": "元，新增的行必填 · yuan; a line that is new needs it",
                        },
                        "title": {"type": "string", "maxLength": 200},
                    },
                },
            },
            "charge": {
                "enum": ["pay", "free"],
                "default": "pay",
                "description": "增加的商品由谁承担 · the difference is paid, or given away for a reason",
            },
            "reason": _REASON,
        },
    },
    {"receiver": {**EXAMPLE["receiver"], "street": "测试路2号"}, "reason": "the buyer has moved"},
)
PAYMENT: Final = body_of(
    {
        "type": "object",
        "required": ["paid_at"],
        "properties": {
            "paid_at": TIME,
            "amount": {
                **YUAN,
                "description": "元，缺省为应付全额 · yuan; all that is to be paid without it",
            },
            "reference": {"type": "string", "maxLength": 200, "description": "支付单号 · the payer's own number"},
            "deposit": {
                "type": "boolean",
                "default": False,
                "description": "付的是定金，须有金额 · it is the deposit, whose amount is needed",
            },
            "balance_due_at": {**TIME, "description": "尾款截止时间 · when the rest is due"},
        },
    },
    {"paid_at": "2026-11-11T10:00:05+08:00", "amount": "28.00", "reference": "PAY-20261111-1"},
)
REFUND: Final = body_of(
    {
        "type": "object",
        "properties": {
            "state": {"enum": ["done", "failed"], "default": "done"},
            "reference": {"type": "string", "maxLength": 200, "description": "退款单号 · the payer's own number"},
        },
    },
    {"state": "done", "reference": "RF-20261111-1"},
)
FOLLOW_UP: Final = body_of(
    {
        "type": "object",
        "required": ["type", "lines"],
        "properties": {
            "type": {"enum": ["exchange", "reship"], "description": "换货或补发 · in exchange, or once more"},
            "return_no": {
                "type": "integer",
                "minimum": 1,
                "description": "换货对应的退货序号，不再退款 · for which return, which then pays nothing for it",
            },
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["line_id", "quantity"],
                    "properties": {
                        "line_id": TEXT,
                        "quantity": {"type": "integer", "minimum": 1},
                        "sku": {
                            "type": "string",
                            "description": "换成的商品；缺省为原商品 · without it, the same goods",
                        },
                    },
                },
            },
            "reason": _REASON,
        },
    },
    {"type": "reship", "lines": [{"line_id": "1", "quantity": 1}], "reason": "the parcel was lost"},
)
