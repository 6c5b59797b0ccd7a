"""One order's facts as an example: the names that expressions may use, and the kind of value that each has.

docs/review-rules.md says what each means; a fact that is added is added there as well (a test compares them).
"""

from collections.abc import Mapping
from typing import Any, Final

from hub.review.verdict import Scope

SPECIMEN: Final[Mapping[str, Any]] = {
    "order": {
        "brand": "demo",
        "shop": "pc",
        "channel": "mall-pc",
        "platform": "OTHER",
        "type": "normal",
        "currency": "CNY",
        "goods": 12_000,
        "discount": 1_000,
        "freight": 0,
        "total": 11_000,
        "paid": True,
        "remark": "",
        "seller_note": "",
        "lines": 2,
        "pieces": 3,
        "grams": 1_500,
        "gifts": 1,
        "refund_requested": False,
    },
    "address": {"known": True, "confidence": 1.0, "quality": "certain", "division": "310115", "province": "上海市"},
    "buyer": {"orders_90d": 2, "refusals_90d": 0, "refunds_90d": 0},
    "blacklist": {"hit": False, "phone": False, "buyer": False, "address": False},
    "twin": {"found": False},
    "stock": {"missing": 0, "skus": ["A"]},
    "risk": {"score": 0},
    "merge": {"orders_30m": 0},
    "lines": [
        {"sku": "A", "storage": "ambient", "quantity": 2, "grams": 500, "price": 60.0, "amount": 12_000, "gift": False},
        {"sku": "B", "storage": "ambient", "quantity": 1, "grams": 500, "price": 0.0, "amount": 0, "gift": True},
    ],
}

LINE: Final[Mapping[str, Any]] = {
    "no": 1,
    "kind": "item",
    "sku": "A",
    "storage": "ambient",
    "quantity": 2,
    "grams": 500,
    "price": 60.0,
    "amount": 12_000,
    "discount": 1_000,
    "gift": False,
    "missing": 0,
    "arrives_in_days": 0,
    "refund_requested": False,
}

FULFILMENT: Final[Mapping[str, Any]] = {
    "location": "sh",
    "courier": "SF",
    "attempt": 1,
    "lines": 1,
    "pieces": 2,
    "gifts": 0,
    "value": 11_000,
    "grams": 1_000,
    "skus": ["A"],
}

OWN: Final[Mapping[Scope, Mapping[str, Mapping[str, Any]]]] = {
    Scope.ORDER: {},
    Scope.LINE: {"line": LINE},
    Scope.FULFILMENT: {"fulfilment": FULFILMENT},
}
"""The group of facts that only rules of a scope may ask: of the one line or fulfilment order they are asked about."""

SPECIMENS: Final[Mapping[Scope, Mapping[str, Any]]] = {scope: {**SPECIMEN, **own} for scope, own in OWN.items()}
"""All facts that rules of a scope may ask."""
