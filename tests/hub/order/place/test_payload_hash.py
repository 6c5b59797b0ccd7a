from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hub.order.model import Adjustment, Buyer, Funder, Invoice, Receiver, Source
from hub.order.place.record import payload_hash
from tests.hub.making import order

LATER = datetime(2026, 11, 2, 3, 4, 5, 120_000, tzinfo=UTC)
ODD = '“引号" \\ / <&> \t 𠮷 é\u2028\u0085\x7f😀'
LINE = order({"apple": 1}).order.lines[0]


@pytest.mark.parametrize(
    ("changes", "digest"),
    [
        (
            {"deposit_paid_at": LATER, "paid_at": None},
            "4a2855f4160a49de27b4123a3f684a174a327663c5e0ae6712aa5148868b87f5",
        ),
        (
            {"lines": (LINE.model_copy(update={"refund_requested": True, "unit_price": Decimal("0.000000")}),)},
            "57c06d5c7224b7f62fddcba1b7129ea88ea5852df7e23c48fb5593cfcb2444d0",
        ),
        (
            {"invoice": Invoice(title=ODD, kind="1 明细")},
            "a6dbb18544236ae362742d2a135188413ff7f16996c0ca632e0b74f14b1b1629",
        ),
        (
            {
                "adjustments": (
                    Adjustment(source=Source.COUPON, code=ODD, amount=500, funder=Funder.PLATFORM),
                    Adjustment(source=Source.POINTS, amount=0, external_line_id=LINE.external_line_id),
                )
            },
            "d2f4c179819bb7279fa093ef6311148167c17fbf3448ddedf6b904786f0154bc",
        ),
        (
            {"remark": ODD, "buyer": Buyer(ref="订单é", nick=ODD), "placed_at": LATER},
            "9a4ea952c6c1254e2609adac1ddf8ef07140be0b5d7fd2dc42399594dc898ab9",
        ),
        (
            {"receiver": Receiver(name=ODD, phone="138****0000", token="t==", street=ODD)},
            "6954e1fd18adac771d10888abb58687d2e117c02b36da861e3a644141ab934bc",
        ),
    ],
)
def test_an_order_has_the_hash_that_it_was_stored_under(changes: dict[str, Any], digest: str) -> None:
    assert payload_hash(order({"apple": 1, "milk": 2}, **changes)).hex() == digest
