"""A gift strategy as the documentation of the API shows it."""

from typing import Final

from api.examples import TEXT, body_of

COUNT: Final = {"type": "integer", "minimum": 1}
FEN: Final = {"type": "integer", "minimum": 0}

GIFT: Final = body_of(
    {
        "type": "object",
        "required": ["brand", "name", "gives"],
        "properties": {
            "brand": TEXT,
            "name": TEXT,
            "shops": {"type": "array", "items": TEXT, "description": "缺省为全部店铺 · every shop without them"},
            "starts_at": {"type": "string", "format": "date-time"},
            "ends_at": {"type": "string", "format": "date-time"},
            "skus": {
                "type": "array",
                "maxItems": 500,
                "items": TEXT,
                "description": "缺省为全部商品 · all that is sold",
            },
            "min_fen": FEN,
            "min_pieces": FEN,
            "most_times": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1},
            "gives": {
                "type": "array",
                "minItems": 1,
                "maxItems": 10,
                "items": {
                    "type": "object",
                    "required": ["sku"],
                    "properties": {"sku": TEXT, "instead": TEXT, "pieces": COUNT, "value_fen": FEN},
                },
            },
            "rank": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 100},
            "group": TEXT,
            "first_orders": COUNT,
            "most_pieces": COUNT,
            "once_per_member": {"type": "boolean", "default": False},
            "if_out": {
                "enum": ["leave_out", "replace", "wait"],
                "default": "leave_out",
                "description": "赠品缺货时：不送、换送、照送并等货 · when the gift has run out",
            },
            "funder": {"enum": ["merchant", "platform", "brand", "distributor"], "default": "merchant"},
        },
    },
    {
        "brand": "demo",
        "name": "spring",
        "min_fen": 10_000,
        "first_orders": 100,
        "gives": [{"sku": "P1000", "pieces": 1}],
    },
)
