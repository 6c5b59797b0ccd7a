"""Shapes and examples of what is said of returns, for the API's documentation."""

from typing import Any, Final

from api.examples import TEXT, TIME, body_of

_REASON: Final = {"type": "string", "maxLength": 200, "description": "写入审计日志 · goes to the audit log"}
_COURIER: Final = {"type": "string", "maxLength": 64, "description": "快递公司编码 · the courier's code"}
_NUMBER: Final = {"type": "string", "maxLength": 64, "description": "运单号 · the waybill's number"}
_LOCATION: Final = {
    "type": "string",
    "description": "收货地点，缺省为配置所指或原发货地点 · who receives it; else as is set, or who shipped it",
}
ASK: Final[dict[str, Any]] = body_of(
    {
        "type": "object",
        "required": ["lines"],
        "properties": {
            "kind": {
                "enum": ["return_refund", "refund_only"],
                "default": "return_refund",
                "description": "退货退款或仅退款 · goods come back, or money alone goes back",
            },
            "fault": {
                "enum": ["buyer", "merchant"],
                "default": "buyer",
                "description": "买家原因或商家责任，决定运费是否退 · whose fault it is decides about the freight",
            },
            "reason": _REASON,
            "location": _LOCATION,
            "courier": _COURIER,
            "tracking_no": _NUMBER,
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["line_id", "quantity"],
                    "properties": {
                        "line_id": {
                            **TEXT,
                            "description": "套装的某一件写作 行号/SKU · a part of a bundle is named LINE/SKU",
                        },
                        "quantity": {"type": "integer", "minimum": 1},
                    },
                },
            },
        },
    },
    {"lines": [{"line_id": "1", "quantity": 1}], "fault": "buyer", "reason": "wrong size"},
)
APPROVE: Final[dict[str, Any]] = body_of(
    {"type": "object", "properties": {"location": _LOCATION, "reason": _REASON}}, {"reason": "within seven days"}
)
REASON: Final[dict[str, Any]] = body_of(
    {"type": "object", "properties": {"reason": _REASON}}, {"reason": "worn already"}
)
SENT: Final[dict[str, Any]] = body_of(
    {
        "type": "object",
        "required": ["courier", "tracking_no"],
        "properties": {"courier": _COURIER, "tracking_no": _NUMBER},
    },
    {"courier": "SF", "tracking_no": "SF1234567890"},
)
RECEIVE: Final[dict[str, Any]] = body_of(
    {
        "type": "object",
        "required": ["document", "goods"],
        "properties": {
            "document": {
                "type": "string",
                "maxLength": 200,
                "description": "收货单号，同一单号只记一次 · whoever receives it names it; once for each name",
            },
            "final": {"type": "boolean", "default": True, "description": "还有后续则为否 · false when more will come"},
            "arrived_at": TIME,
            "location": _LOCATION,
            "goods": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["sku", "pieces"],
                    "properties": {
                        "sku": TEXT,
                        "pieces": {"type": "integer", "minimum": 0},
                        "condition": {"enum": ["saleable", "damaged"], "default": "saleable"},
                        "line_ref": {"type": "string", "description": "中台行号，可省略 · the hub's line, if known"},
                        "lot": {"type": "string", "maxLength": 100},
                        "produced_on": {"type": "string", "format": "date"},
                        "expires_on": {"type": "string", "format": "date"},
                    },
                },
            },
        },
    },
    {"document": "RK-20261120-1", "goods": [{"sku": "P1039156", "pieces": 1, "condition": "damaged"}]},
)
