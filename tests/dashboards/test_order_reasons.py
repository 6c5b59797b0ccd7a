"""Why something of an order needs a person is said in Chinese where the words are ours."""

import re
from typing import Any, Final

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from dashboards.case_view import case_line
from hub.database import rows
from hub.errors import Rejected
from hub.fulfilment.model import ConfirmedParcel, ConfirmLine
from hub.order.receive import take_back
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, batched, confirm, order, placed, stock
from tests.hub.order.changing import answer, cut, send

ENGLISH: Final = re.compile(r"[A-Za-z]{3,}")
NINE: Final = ConfirmLine(sku="apple", quantity=9)


@pytest.mark.parametrize(
    ("cause", "told", "zh"),
    [
        ("over_confirm", "wms-sh: line 1: nothing of apple is open here", "wms-sh: 行 1：没有待发的 apple"),
        ("over_confirm", "wms-sh: apple: 6 confirmed, 5 open", "wms-sh: apple 确认 6 件，待发 5 件"),
        (
            "batch_mismatch",
            "wms-sh: the parcels hold more than the lines say: apple: 9 confirmed, 5 open",
            "wms-sh: 包裹内件数多于明细：apple 确认 9 件，待发 5 件",
        ),
        (
            "confirm_differs",
            "wms-sh: C1 of 12-1 was booked with other pieces or parcels",
            "wms-sh: 12-1 的 C1 已按不同的件数或包裹入账",
        ),
        ("rejected", "wms-sh: fulfilment order 12-1 has ended as cancelled", "wms-sh: 发货单 12-1 已取消"),
        ("change_asked", "mall-pc: lines, address", "mall-pc: 减少件数、收件地址"),
        (
            "change_refused",
            "mall-pc: goods: the hub's own change stands",
            "mall-pc: 增加商品: 以中台的修改为准",
        ),
        ("change_refused", "sh, bj: it leaves as it was", "sh, bj: 按原样发出"),
        ("change_refused", "sh: 已拣货", "sh: 已拣货"),
        ("paid_late", "mall-pc: order 12 was closed before its deposit was paid", "mall-pc: 订单 12 在付定金前已关闭"),
        ("return_differs", "L1 apple: 2 to come, 1 arrived", "L1 apple：应到 2 件，实到 1 件"),
        (
            "return_differs",
            "pear: 1 that the order does not have or had back before",
            "pear：有 1 件不属于此单或此前已退",
        ),
        ("intercept_refused", "SF1: delivered, though it was to be brought back", "SF1: 本应退回，却已签收"),
        ("malformed", "nobody has said what is in it", "nobody has said what is in it"),
    ],
)
def test_what_a_case_of_an_order_says_is_said_in_chinese(cause: str, told: str, zh: str) -> None:
    assert (case_line(cause, told, "zh"), case_line(cause, told, "en")) == (zh, told)


def in_chinese(cause: str, message: str) -> str:
    """Give what is left of a case's line but for names of goods and connections."""
    return case_line(cause, message, "zh").replace("mall-pc", "").replace("apple", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": (NINE,)},
        {"lines": (batched("apple", 2),), "parcels": ()},
        {"lines": (ConfirmLine(sku="ghost", quantity=1),), "confirm_key": "K2"},
        {"lines": (batched("apple", 1, 2, 2),), "confirm_key": "K2"},
        {"parcels": (ConfirmedParcel(lines=(NINE,)),), "confirm_key": "K2"},
        {"final": True},
        {"code": "2611000000000000-1"},
        {"code": "none"},
    ],
)
def test_why_a_confirm_is_not_booked_leaves_no_english(session: Session, changes: dict[str, Any]) -> None:
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 5}))
    one = confirm(order_id, 1, {"apple": 1}, "K1", final=False)
    record_confirm(session, one, AT)
    again = {"lines": (ConfirmLine(sku="apple", quantity=1),), **changes}
    with pytest.raises(Rejected) as caught:
        record_confirm(session, one.model_copy(update=again), AT)
    said = in_chinese("over_confirm", f"wms: {caught.value.message}").replace("wms", "").replace("ghost", "")
    assert not ENGLISH.search(said)


def test_what_comes_too_late_is_said_without_english(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    one = order({"apple": 5})
    order_id = placed(session, one)
    send(session, order_id)
    cut(session, order_id, L1=1)
    answer(session, order_id, 1, stopped=False)
    record_confirm(session, confirm(order_id, 1, {"apple": 5}), AT)
    take_back(session, replace(one, order=one.order.model_copy(update={"withdrawn": True})), AT)
    told = rows(session, "select cause, message from case_file order by cause")
    assert [case.cause for case in told] == ["change_refused", "withdrawn_late"]
    assert not [case for case in told if ENGLISH.search(in_chinese(case.cause, case.message))]
