"""Junk in any field of a stock report becomes a case, or is taken: never a failure of ours or a wrong counter."""

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import tostring

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.receive_stock import ReceiveStock
from hub.inbox import claim, keep, read
from hub.inventory.ledger import drift
from hub.partitions import make_partitions
from sandbox.qimen_stock import StockItem, StockPush, write_change, write_count
from tests.flows.test_junk_pushes import JUNK, spoil
from tests.hub.making import OWNER, stock
from tests.staging import settings_in

NOW = datetime.now(UTC)
NUMBERS = count()
ITEMS = [
    StockItem(sku="apple", quantity="-3", total="90", batches=("-1", "-2")),
    StockItem(sku="pear", quantity="2", type="CC"),
]


@pytest.fixture
def taker(session: Session, tmp_path: Path) -> ReceiveStock:
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 100, "pear": 5}})
    return ReceiveStock(Registry(settings_in(tmp_path)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["stock_count", "stock_change"]),
    changes=st.lists(st.tuples(st.integers(0, 99), st.one_of(st.none(), JUNK)), min_size=1, max_size=3),
)
def test_junk_in_a_stock_report_leaves_counters_right(
    session: Session, taker: ReceiveStock, kind: str, changes: list[tuple[int, str | None]]
) -> None:
    number = f"J{next(NUMBERS)}"
    values = {"connection": "wms-sh", "kind": "count", "warehouse": "sh", "owner": OWNER, "out_biz_code": number}
    wanted = StockPush.model_validate({**values, "items": ITEMS})
    root = fromstring((write_count if kind == "stock_count" else write_change)(wanted, NOW))
    for place, text in changes:
        spoil(root, place, text)
    inbox_id, _ = keep(session, "wms-sh", kind, number, tostring(root), NOW)
    taker.handle(session, claim(session, taker.kinds, taker.batch, NOW), NOW)
    assert read(session, inbox_id).state in {"done", "parked", "superseded"}
    assert drift(session) == []
