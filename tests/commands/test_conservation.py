from typing import Any

import pytest
from sqlalchemy.orm import Session

from commands.conservation import RULES, Verdict, in_flight, verify
from hub.audit import seal
from hub.database import rows, run
from hub.order.progress import record_confirm
from tests.hub.making import confirm, coupon, order, placed, stock

BREACHES = {
    "reductions add up": "update sales_order set discount = discount - 1, total = total + 1",
    "every reduction is shared exactly": "update price_adjustment set amount = amount - 1",
    "goods are the sum of lines": "update order_line set amount = amount + 1",
    "ordered = shipped + open + cancelled": "update order_line set ordered = ordered + 1",
    "order lines agree with fulfilment lines": "update fulfilment_line set quantity = quantity + 1",
    "fulfilment lines agree with parcels": "update parcel_line set quantity = quantity + 1",
    "stock promised is what fulfilment orders hold": "update stock_level set allocated = allocated + 1",
    "one order a key": """create temp table twin as select * from sales_order;
                          update twin set id = id + 1000; insert into sales_order select * from twin""",
    "every key has its order": "update order_key set order_id = order_id + 1000",
    "every message became something": """
        insert into inbox (received_at, connection, kind, message_id, body, state, run_at, attempts, error_code, error)
        values ('2026-11-11', 'mall-pc', 'order', 'm', '', 'done', '2026-11-11', 0, '', '')""",
    "ledger = counters": "update stock_level set on_hand = on_hand + 1",
    "nothing in flight": "update step set state = 'pending', settled_at = null",
    "the audit chain is whole": "update audit_entry set actor = 'nobody' where place = 1",
    "every accepted payload has its order": "update sales_order set external_id = 'other'",
    "pieces shipped agree with the warehouses' books": """
        update fulfilment_line set shipped = 1, released = 1; update order_line set shipped = 1, cancelled = 1""",
    "every fulfilment order has its document": """
        update fulfilment_order set code = code || '9'""",
    "every shipment was told": "update shipment set no = 2; update parcel set shipment_no = 2",
}
KEYS = {("pc", "T1"): "mall-pc"}


@pytest.fixture
def order_id(session: Session) -> int:
    """Give an order that has gone the whole way."""
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 2}, adjustments=(coupon(100),)))
    record_confirm(session, confirm(order_id, 1, {"apple": 2}), order({"apple": 1}).order.placed_at)
    run(session, "update step set state = 'done', settled_at = now()")
    seal(session)
    return order_id


def books(
    order_id: int, *, documents: int = 1, shipped: int = 2, effects: int = 1
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the books of the warehouses and of the storefronts as they should be."""
    pushes: list[dict[str, Any]] = [
        {"method": "deliveryorder.confirm", "quantities": {"1": shipped}},
        {"method": "other", "quantities": {}},
    ]
    wms: dict[str, Any] = {"documents": {"wms-sh": {f"{order_id}-1": {"pushes": pushes, "documents": documents}}}}
    return wms, {"mall-pc": {f"shipment:{order_id}-1": {"effects": effects}}}


def test_a_whole_order_breaks_no_rule(session: Session, order_id: int) -> None:
    assert verify(session, KEYS, *books(order_id)) == Verdict(shipped=1)
    assert set(in_flight(session).values()) == {0}


@pytest.mark.parametrize("rule", BREACHES)
def test_every_breach_is_found(session: Session, order_id: int, rule: str) -> None:
    run(session, "set local session_replication_role = replica")
    for table in ("sales_order", "order_line", "price_adjustment", "fulfilment_line", "stock_level"):
        for one in rows(
            session,
            "select conname from pg_constraint where contype = 'c' and conrelid = cast(:t as regclass)",
            t=table,
        ):
            run(session, f"alter table {table} drop constraint {one.conname}")
    for statement in BREACHES[rule].split(";"):
        run(session, statement)
    found = verify(session, KEYS, *books(order_id)).broken
    assert any(one.startswith(f"{rule}: ") for one in found), found


def test_every_rule_of_the_database_has_its_breach() -> None:
    assert RULES.keys() <= BREACHES.keys()


@pytest.mark.parametrize(
    ("change", "lost", "duplicated"), [({"documents": 2}, 0, 1), ({"effects": 2}, 0, 1), ({"shipped": 3}, 0, 0)]
)
def test_what_partners_have_twice_is_found(
    session: Session, order_id: int, change: dict[str, int], lost: int, duplicated: int
) -> None:
    verdict = verify(session, KEYS, *books(order_id, **change))
    assert len(verdict.broken) == 1
    assert (verdict.lost, verdict.duplicated) == (lost, duplicated)


def test_what_partners_never_heard_of_is_lost(session: Session, order_id: int) -> None:
    assert order_id
    verdict = verify(session, {**KEYS, ("pc", "T2"): "mall-pc"}, {"documents": {}}, {})
    assert (verdict.lost, verdict.duplicated) == (3, 0)


def test_what_partners_made_up_is_a_double(session: Session, order_id: int) -> None:
    wms, told = books(order_id)
    wms["documents"]["wms-sh"]["9-1"] = {"pushes": [], "documents": 1}
    verdict = verify(session, {}, wms, {**told, "mall-h5": {"shipment:9-1": {"effects": 1}}})
    assert (verdict.lost, verdict.duplicated) == (0, 3)
