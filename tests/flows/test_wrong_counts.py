"""Wrong numbers of stock, one after the other in any order: each line is booked or refused with its reason."""

import re
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
from hub.causes.count_reasons import in_chinese
from hub.database import row, rows
from hub.inbox import claim, keep, read
from hub.inventory.counted import MOST
from hub.inventory.reconcile import check_books
from hub.partitions import make_partitions
from sandbox.qimen_stock import StockItem, StockPush, ToldLot, write_change, write_count
from tests.hub.making import OWNER, add_sku, order, placed, stock
from tests.staging import settings_in

NOW = datetime.now(UTC)
NUMBERS = count()
ENGLISH = re.compile(r"\b(the|there|its|line|of|is|no|cannot|more|batch|before|report)\b")
QUANTITY = st.one_of(
    st.integers(-120, 120).map(str),
    st.sampled_from([str(2**63), str(-(2**63)), str(10**18 - 1), "2.0", "1.5", "1e3", "NaN", "Infinity", "x", " 4 "]),
    st.sampled_from(["", "-0", "+3", "٣", "0x10", "1_000", str(MOST), str(MOST + 1), str(-MOST)]),
)
LOT = st.builds(
    ToldLot,
    code=st.sampled_from(["A", "B", "", "A" * 101]),
    quantity=QUANTITY,
    expires=st.sampled_from(["", "2027-05-01", "2020-01-01", "2027-02-30", "0000-00-00"]),
)
ITEM = st.builds(
    StockItem,
    sku=st.sampled_from(["apple", "apple", "pear", "basket", "nothing", "a" * 300]),
    quantity=QUANTITY,
    total=st.none() | QUANTITY,
    type=st.sampled_from(["ZP", "ZP", "ZP", "CC", "ZT", "XX"]),
    lots=st.lists(LOT, max_size=2).map(tuple),
)
TIMES = st.sampled_from(
    [
        *("0001-01-01 00:00:00", "0001-01-01 08:05:00", "1999-01-01 00:00:00", "9999-12-31 23:59:59", "", "soon"),
        *((NOW + timedelta(hours=8, minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S") for minutes in (-90, -5, 0, 5, 90)),
    ]
)
PUSH = st.tuples(
    st.sampled_from(["stock_count", "stock_change"]),
    st.fixed_dictionaries(
        {
            "items": st.lists(ITEM, min_size=1, max_size=3).map(tuple),
            "warehouse": st.sampled_from(["sh", "sh", "sh", "bj", "nowhere"]),
            "owner": st.sampled_from([OWNER, OWNER, "somebody"]),
            "out_biz_code": st.sampled_from(["B1", "B2", "B3"]),
            "pages": st.sampled_from([1, 1, 2]),
        }
    ),
    TIMES,
)


@pytest.fixture
def taker(session: Session, tmp_path: Path) -> ReceiveStock:
    """Have sixty of a hundred apples promised."""
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 100, "pear": 5}, "bj": {"apple": 9}})
    add_sku(session, "basket", parts={"apple": 2})
    placed(session, order({"apple": 60}))
    return ReceiveStock(Registry(settings_in(tmp_path)))


def push(session: Session, taker: ReceiveStock, kind: str, values: dict[str, Any], when: str) -> int:
    """Have a report come as a warehouse of Shanghai writes it, and give its row."""
    wanted = StockPush.model_validate({"connection": "wms-sh", "kind": "count", **values})
    body = (write_count if kind == "stock_count" else write_change)(wanted, NOW)
    body = re.sub(rb"(<(?:checkTime|changeTime)>)[^<]*", rb"\g<1>" + when.encode(), body)
    inbox_id, _ = keep(session, "wms-sh", kind, f"{values['out_biz_code']}-{next(NUMBERS)}", body, NOW)
    taker.handle(session, claim(session, taker.kinds, taker.batch, NOW), NOW)
    return inbox_id


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PUSH, min_size=1, max_size=4))
def test_whatever_is_counted_counters_are_right_and_what_is_refused_is_told(
    session: Session, taker: ReceiveStock, pushes: list[tuple[str, dict[str, Any], str]]
) -> None:
    with session.begin_nested() as example:
        for kind, values, when in pushes:
            inbox_id = push(session, taker, kind, values, when)
            assert_told_and_right(session, inbox_id)
            _short_is_told(session)
        example.rollback()


def assert_told_and_right(session: Session, inbox_id: int) -> None:
    """Make sure that what was refused of a message is a case, in Chinese too, and that the books hold."""
    found = read(session, inbox_id)
    assert found.state in {"done", "parked", "superseded"}
    told = rows(
        session,
        "select cause, message from case_file where subject = :it and state = 'open'",
        it=f"inbox:{inbox_id}",
    )
    assert not [one for one in told if one.cause == "stock_report" and ENGLISH.search(in_chinese(one.message))]
    assert bool(told) == (found.state == "parked")
    assert check_books(session) == []
    assert not rows(session, "select 1 from stock_level where on_hand not between 0 and :most", most=MOST)


def _short_is_told(session: Session) -> None:
    """Make sure that pieces that are promised and not there call a person."""
    short = row(session, "select sum(short) as n from stock_level")
    told = rows(session, "select 1 from case_file where cause = 'stock_short' and state = 'open'")
    assert bool(short and short.n) <= bool(told)
