import json
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from dashboards.comparison import Comparison, Fate, compare, leaves, read_tree
from hub.order.trace.head import trace_head
from hub.roles import SYSTEM
from tests.hub.making import coupon, order, placed, stock

KIND = "channels.storefront"
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def compared(session: Session) -> Comparison:
    stock(session, {"sh": {"apple": 5}})
    head = trace_head(session, placed(session, order({"apple": 2}, adjustments=(coupon(300, "L1"),))), SYSTEM)
    theirs = {
        "external_id": "T1",
        "placed_at": "2026-11-11T10:00:00+08:00",
        "buyer": {"id": "***"},
        "receiver": {"province": "上海", "street": "***"},
        "lines": [{"line_id": "L1", "sku": "apple", "quantity": "2", "unit_price": "10.00"}],
        "discounts": [{"source": "coupon", "amount": "3.00"}],
        "total": "17.00",
        "campaign": {"name": "double-eleven"},
    }
    found = compare(KIND, json.dumps({"type": "order.paid", "data": theirs}), head, ZONE)
    assert found
    return found


@pytest.mark.parametrize(
    ("target", "source", "fate", "ours"),
    [
        ("external_id", "data.external_id", Fate.SAME, "T1"),
        ("placed_at", "data.placed_at", Fate.SAME, "2026-11-11T10:00:00+08:00"),
        ("currency", "data.currency", Fate.FILLED, "CNY"),
        ("receiver.province", "data.receiver.province", Fate.TURNED, "上海市"),
        ("receiver.street", "data.receiver.street", Fate.SEALED, ""),
        ("lines[0].quantity", "data.lines[].quantity", Fate.SAME, "2"),
        ("adjustments[0].amount", "data.discounts[].amount", Fate.TURNED, "300"),
        ("total", "data.total", Fate.TURNED, "1700"),
    ],
)
def test_each_field_says_where_it_came_from_and_what_it_became(
    compared: Comparison, target: str, source: str, fate: Fate, ours: str
) -> None:
    pair = next(one for one in compared.pairs if one.target == target)
    assert (pair.source, pair.fate, pair.ours) == (source, fate, ours)


def test_what_no_field_takes_is_listed(compared: Comparison) -> None:
    assert compared.unused == [("type", "order.paid"), ("data.campaign.name", "double-eleven")]


@pytest.mark.parametrize("text", ["", "not json", "<open>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_cannot_be_read_is_no_comparison(session: Session, text: str) -> None:
    stock(session, {"sh": {"apple": 5}})
    head = trace_head(session, placed(session, order({"apple": 1})), SYSTEM)
    assert compare(KIND, text, head, ZONE) is None
    assert compare("channels.nowhere", "{}", head, ZONE) is None
    assert compare("warehouses.qimen", "{}", head, ZONE) is None


def test_xml_is_read_as_nested_objects_with_lists() -> None:
    tree = read_tree("<order><id>1</id><line><sku>a</sku></line><line><sku>b</sku></line></order>")
    assert tree == {"id": "1", "line": [{"sku": "a"}, {"sku": "b"}]}
    assert list(leaves(tree)) == [("id", "1"), ("line[].sku", "a")]
