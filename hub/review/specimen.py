"""One order's facts as an example: the names that expressions may use, and the kind of value that each has.

docs/review-rules.md says what each means; a fact that is added is added there as well (a test compares them).
"""

from collections.abc import Mapping
from typing import Any, Final

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
        "lines": 2,
        "pieces": 3,
        "grams": 1_500,
        "gifts": 1,
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
