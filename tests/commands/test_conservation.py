import pytest
from sqlalchemy.orm import Session

from commands.conservation import RULES, Verdict, held_up, in_flight, verify
from hub.audience import set_audience
from hub.audit import seal
from hub.connections import pause
from hub.database import rows, run
from hub.fulfilment.courier import CourierStatus, Track, TrackEvent
from hub.order.ship.progress import record_confirm
from hub.order.ship.track import record_tracks
from tests.hub.making import AT, BRAND, confirm, coupon, order, placed, stock

NAME = """insert into named_lot (order_id, no, line_no, lot, location, sku, owner, condition, quantity, due)
          select order_id, no, 1, 'A', location, 'apple', owner, 'saleable', 1,"""
BREACHES = {
    "reductions add up": "update sales_order set discount = discount - 1, total = total + 1",
    "every reduction is shared exactly": "update price_adjustment set amount = amount - 1",
    "no line costs less than nothing": "update order_line set discount = amount + 1",
    "goods are the sum of lines": "update order_line set amount = amount + 1",
    "ordered = shipped + open + cancelled": "update order_line set ordered = ordered + 1",
    "a hold ends with its line or fulfilment order": """
        insert into order_hold (order_id, no, type, blocks, rule, rule_version, evidence, created_at, resolver,
                                released_by, reason, line_no)
        select order_id, 1, 'fraud', array['route'], 'r', 'r@1', '{}', '2026-11-11', '', '', '', 1
        from fulfilment_order""",
    "order lines agree with fulfilment lines": "update fulfilment_line set quantity = quantity + 1",
    "fulfilment lines agree with parcels": "update parcel_line set quantity = quantity + 1",
    "no counter promises more than it may": "update stock_level set allocated = allocated + 99",
    "stock promised is what fulfilment orders hold": "update stock_level set allocated = allocated + 1",
    "lots named are of deliveries that are open": f"{NAME} 0 from fulfilment_order",
    "no more lots are named than is open of their lines": f"{NAME} 1 from fulfilment_order",
    "lots that left are no more than their parcels hold": """
        insert into shipped_lot (order_id, shipment_no, line_no, sku, lot, quantity, assumed)
        select order_id, no, 1, 'apple', 'A', 9, 0 from shipment""",
    "what came back is what returns took in": "update order_line set returned = 1",
    "what returns refund is the share of their pieces": """
        insert into return_line (order_id, no, line_no, asked, arrived, damaged, refunded)
        select order_id, 1, line_no, 1, 0, 0, 1 from order_line""",
    "what is sold before it arrives is open of its lines": """
        insert into presold_line (order_id, line_no, sku, shop, pieces)
        select order_id, line_no, sku, 'pc', 1 from order_line""",
    "what is counted as sold before it arrives is what order lines wait for": """
        insert into presold_count (sku, shop, pieces) values ('apple', 'pc', 1)""",
    "a quota counts what its shop has sold and holds": """
        insert into channel_quota (brand, version, created_at, updated_at, sku, shop, location, mode, amount, used)
        select 'demo', 1, '2026-11-01', '2026-11-01', 'apple', 'pc', '', 'cap', 9, 1""",
    "one order a key": """create temp table twin as select * from sales_order;
                          update twin set id = id + 1000; insert into sales_order select * from twin""",
    "every key has its order": "update order_key set order_id = order_id + 1000",
    "every message became something": """
        insert into inbox (received_at, connection, kind, message_id, body, state, run_at, attempts, error_code, error)
        values ('2026-11-11', 'mall-pc', 'order', 'm', '', 'done', '2026-11-11', 0, '', '')""",
    "stock held is what reservations hold": "update stock_level set soft = soft + 1",
    "ledger = counters": "update stock_level set on_hand = on_hand + 1",
    "nothing in flight": "update step set state = 'pending', settled_at = null",
    "the audit chain is whole": "update audit_entry set actor = 'nobody' where place = 1",
    "every accepted payload has its order": "update sales_order set external_id = 'other'",
    "every parcel that is followed has arrived": "update parcel_track set status = 'trouble'",
    "what arrived is what the parcels held": "update order_line set delivered = 1",
    "every fulfilment order that shipped is posted": "delete from posting",
    "what the ERP books is what was paid": "update posting set freight = freight + 1",
}
KEYS = {("pc", "T1"): "mall-pc"}


@pytest.fixture
def order_id(session: Session) -> int:
    """Give an order that has gone the whole way: shipped, posted, delivered."""
    set_audience(session, {(BRAND, "erp"): "sap", (BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 9}})
    order_id = placed(session, order({"apple": 2}, adjustments=(coupon(100),)))
    record_confirm(session, confirm(order_id, 1, {"apple": 2}), order({"apple": 1}).order.placed_at)
    arrived = TrackEvent(at=AT, status=CourierStatus.DELIVERED)
    track = Track(courier="SF", tracking_no="SF-c1", status=CourierStatus.DELIVERED, events=(arrived,))
    record_tracks(session, "kdniao", [track], AT)
    run(session, "update step set state = 'done', settled_at = now()")
    seal(session)
    return order_id


def test_a_whole_order_breaks_no_rule(session: Session, order_id: int) -> None:
    assert order_id
    assert verify(session, KEYS) == Verdict(shipped=1, delivered=1)
    assert set(in_flight(session).values()) == {0}


@pytest.mark.parametrize("rule", BREACHES)
def test_every_breach_is_found(session: Session, order_id: int, rule: str) -> None:
    assert order_id
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
    found = verify(session, KEYS).broken
    assert any(one.startswith(f"{rule}: ") for one in found), found


def test_every_rule_of_the_database_has_its_breach() -> None:
    assert RULES.keys() <= BREACHES.keys()


def test_what_was_accepted_and_is_not_there_is_lost(session: Session, order_id: int) -> None:
    assert order_id
    verdict = verify(session, {**KEYS, ("pc", "T2"): "mall-pc"})
    assert (verdict.lost, verdict.duplicated) == (1, 0)


def test_what_nobody_sent_is_a_double(session: Session, order_id: int) -> None:
    assert order_id
    verdict = verify(session, {})
    assert (verdict.lost, verdict.duplicated) == (0, 1)


def test_what_waits_for_a_partner_that_is_away_can_be_left_out(session: Session, order_id: int) -> None:
    assert order_id
    run(session, "update step set state = 'pending', settled_at = null where connection = 'sap'")
    assert [in_flight(session)["steps"] > 0, in_flight(session, ["sap"])["steps"]] == [True, 0]


def test_what_holds_calls_back_is_said(session: Session, order_id: int) -> None:
    run(session, "update step set state = 'pending', last_error = 'logon failed' where order_id = :id", id=order_id)
    connections = [one.connection for one in rows(session, "select distinct connection from step order by 1")]
    pause(session, connections[0], "system", "logon failed", AT)
    told = held_up(session)
    assert told[0].startswith(f"{connections[0]}: ")
    assert "paused: logon failed, e.g. logon failed" in told[0]
    assert all("breaker closed" in one for one in told[1:])
