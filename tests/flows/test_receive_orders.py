from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.receive_orders import ReceiveOrders
from hub.database import rows
from hub.inbox import claim, keep
from hub.partitions import make_partitions
from tests.hub.making import open_causes, stock
from tests.staging import encoded, order_of, settings_in

NOW = datetime.now(UTC)


@pytest.fixture
def taker(tmp_path: Path) -> ReceiveOrders:
    return ReceiveOrders(Registry(settings_in(tmp_path)), ZoneInfo("Asia/Shanghai"), 50)


def take(session: Session, taker: ReceiveOrders, *bodies: bytes, connection: str = "mall-pc") -> list[str]:
    """Receive these bodies and give what became of them."""
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 100}})
    for no, body in enumerate(bodies):
        keep(session, connection, "order", str(no), body, NOW)
    taker.handle(session, claim(session, taker.kinds, taker.batch, NOW), NOW)
    return [one.state for one in rows(session, "select state from inbox order by id")]


def test_orders_are_read_by_their_channel_and_placed_together(session: Session, taker: ReceiveOrders) -> None:
    bodies = [encoded({"type": "order.paid", "data": order_of("A")}), encoded(order_of("B"))]
    assert take(session, taker, *bodies) == ["done", "done"]
    assert [one.shop for one in rows(session, "select shop from sales_order")] == ["pc", "pc"]


def test_a_bad_order_is_parked_with_its_cause_and_delays_nobody(session: Session, taker: ReceiveOrders) -> None:
    bodies = [b"{", encoded(order_of("A")), encoded(order_of("B", {"ghost": 1})), encoded(order_of("C", total="1.00"))]
    assert take(session, taker, *bodies) == ["parked", "done", "parked", "parked"]
    assert sorted(open_causes(session)) == ["malformed", "totals", "unknown_sku"]


def test_the_same_order_twice_in_a_batch_is_one(session: Session, taker: ReceiveOrders) -> None:
    first, again = encoded(order_of("A")), encoded({"type": "order.paid", "data": order_of("A")})
    assert take(session, taker, first, again) == ["done", "done"]
    assert len(rows(session, "select id from sales_order")) == 1


def test_no_case_shows_anything_personal(session: Session, taker: ReceiveOrders) -> None:
    receiver = {**order_of()["receiver"], "phone": "10000000042x"}
    take(session, taker, encoded(order_of("A", receiver=receiver)), encoded(order_of("B", receiver="金丝雀")))
    cases = rows(session, "select to_jsonb(case_file)::text as shown from case_file")
    inbox = rows(session, "select error as shown from inbox")
    assert len(cases) == 2
    assert not any(word in one.shown for one in [*cases, *inbox] for word in ("10000000042", "金丝雀"))
