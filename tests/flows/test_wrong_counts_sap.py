"""Wrong numbers in SAP's list of stock, in any order: each SKU is booked or refused with its reason."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.receive_stock import ReceiveStock
from hub.audience import set_audience
from hub.inbox import claim, keep
from hub.inventory.counted import MOST
from hub.order.ship.progress import record_confirm
from hub.partitions import make_partitions
from hub.settings import Connection
from tests.flows.test_poll_stock_sap import OPTIONS, SAP
from tests.flows.test_wrong_counts import assert_told_and_right
from tests.hub.making import BRAND, OWNER, confirm, order, placed, stock
from tests.staging import secret_of, settings_in

NOW = datetime.now(UTC)
NUMBERS = count()
QUANTITY: st.SearchStrategy[Any] = st.one_of(
    st.integers(-120, 120).map(str),
    st.sampled_from(["2.000", "1.5", "1e400", "-1E+999999999", "NaN", "Infinity", "x", "", str(2**63), str(MOST + 1)]),
    st.sampled_from([None, True, 7, -3, 1.5, 2**63, 1e300, {}, ["1"]]),
)
ROW = st.fixed_dictionaries(
    {
        "Material": st.sampled_from(["apple", "apple", "pear", "nothing"]),
        "InventoryStockType": st.sampled_from(["01", "01", "02", "04", "99", ""]),
        "MaterialBaseUnit": st.sampled_from(["PC", "PC", "KG", ""]),
        "InventorySpecialStockType": st.sampled_from(["", "", "K"]),
        "MatlWrhsStkQtyInMatlBaseUnit": QUANTITY,
    }
)
ANSWER = st.tuples(st.lists(ROW, max_size=4), st.integers(-90, 90), st.sampled_from(["sh", "sh", "bj", "nowhere"]))


@pytest.fixture
def taker(session: Session, tmp_path: Path) -> ReceiveStock:
    """Have sixty of a hundred apples promised, and five on their way to a buyer of whom SAP has not heard."""
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 100, "pear": 5}})
    set_audience(session, {(BRAND, "erp"): SAP})
    order_id = placed(session, order({"apple": 60}))
    record_confirm(session, confirm(order_id, 1, {"apple": 5}, final=False), NOW)
    (tmp_path / SAP).write_text(secret_of(SAP))
    made = settings_in(tmp_path)
    sap = Connection(kind="erp.sap", brand=BRAND, base_url="http://127.0.0.1:9", app_key=SAP, options=OPTIONS)
    return ReceiveStock(Registry(made.model_copy(update={"connections": {**made.connections, SAP: sap}})))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANSWER, min_size=1, max_size=3))
def test_whatever_sap_lists_counters_are_right_and_what_is_refused_is_told(
    session: Session, taker: ReceiveStock, answers: list[tuple[list[dict[str, Any]], int, str]]
) -> None:
    with session.begin_nested() as example:
        for listed, minutes, place in answers:
            when = NOW + timedelta(minutes=minutes)
            told = {
                "location": place,
                "owner": OWNER,
                "askedAt": when.isoformat(),
                "asked": [{"sku": sku, "material": sku} for sku in ("apple", "pear", "nothing")],
                "results": listed,
            }
            inbox_id, _ = keep(session, SAP, "stock_count", f"S{next(NUMBERS)}", json.dumps(told).encode(), NOW)
            taker.handle(session, claim(session, taker.kinds, taker.batch, NOW), NOW)
            assert_told_and_right(session, inbox_id)
        example.rollback()
