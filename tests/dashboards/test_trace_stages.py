from datetime import timedelta

from sqlalchemy.orm import Session

from dashboards.trace_line import GROUPS, MARKS, counts_of, line_of, marked
from dashboards.trace_stages import stages_of
from hub.audience import set_audience
from hub.database import run
from hub.fulfilment.courier import CourierStatus, Track
from hub.fulfilment.release import mark_submitted
from hub.order.change.cancel import cancel
from hub.order.change.expire import Terms, expire
from hub.order.change.pay import pay
from hub.order.holds.resume import release_holds
from hub.order.ship.progress import record_confirm
from hub.order.ship.track import record_tracks
from hub.order.trace.goods import trace_goods
from hub.order.trace.head import trace_head
from hub.order.trace.timeline import trace
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, confirm, order, placed, stock


def standings(session: Session, order_id: int) -> str:
    """Write the stages by their standings: "done done now ahead …"."""
    goods = trace_goods(session, order_id)
    stages = stages_of(trace_head(session, order_id, SYSTEM), goods, trace(session, order_id))
    return " ".join(one.standing for one in stages)


def test_a_held_order_stands_still_at_its_check(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, remark="先别发"))
    assert standings(session, order_id) == "done stuck ahead ahead ahead ahead"
    release_holds(session, order_id, SYSTEM, "asked the buyer", AT)
    assert standings(session, order_id) == "done done done now ahead ahead"


def test_an_order_that_waits_for_its_buyer_to_pay_is_not_stuck(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    assert standings(session, order_id) == "done done now ahead ahead ahead ahead"
    pay(session, order_id, "mall-pc", AT, AT)
    assert standings(session, order_id) == "done done done done now ahead ahead"


def test_an_order_that_somebody_let_go_on_unpaid_has_no_payment_to_reach(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    release_holds(session, order_id, SYSTEM, "cash on delivery", AT)
    assert standings(session, order_id) == "done done done now ahead ahead"


def test_an_order_that_was_closed_unpaid_goes_no_further(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    expire(session, {"mall-pc": Terms(timedelta(minutes=5), told=False)}, AT + timedelta(hours=1))
    assert standings(session, order_id) == "done done off off off off off"


def test_an_order_without_stock_stands_still_at_its_route(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    assert standings(session, placed(session, order({"apple": 2}))) == "done done part ahead ahead ahead"
    assert standings(session, placed(session, order({"apple": 2}, "T2"))) == "done done stuck ahead ahead ahead"


def test_a_document_that_the_warehouse_took_is_released(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    mark_submitted(session, order_id, 1, "WMS1", AT)
    assert standings(session, order_id) == "done done done done now ahead"


def test_a_dead_call_stands_in_the_way(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    run(session, "update step set state = 'dead' where order_id = :id", id=order_id)
    assert standings(session, order_id) == "done done done stuck ahead ahead"


def test_goods_that_left_in_part_are_shipped_in_part_and_delivered_when_the_courier_says_so(session: Session) -> None:
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 2}))
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, final=False), AT)
    assert standings(session, order_id) == "done done done done part ahead"
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, "c2"), AT)
    assert standings(session, order_id) == "done done done done done now"
    arrived = [Track(courier="SF", tracking_no=f"SF-{key}", status=CourierStatus.DELIVERED) for key in ("c1", "c2")]
    record_tracks(session, "kdniao", arrived, AT)
    assert standings(session, order_id) == "done done done done done done"


def test_a_parcel_in_trouble_stands_still(session: Session) -> None:
    set_audience(session, {(BRAND, "couriers"): "kdniao"})
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)
    record_tracks(session, "kdniao", [Track(courier="SF", tracking_no="SF-c1", status=CourierStatus.TROUBLE)], AT)
    assert standings(session, order_id).endswith("done stuck")


def test_a_cancelled_order_goes_no_further(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    cancel(session, order_id, "operator-1", "", AT)
    assert standings(session, order_id) == "done done off off off off"


def test_the_erp_is_a_stage_only_where_there_is_one(session: Session) -> None:
    set_audience(session, {(BRAND, "erp"): "sap"})
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)
    assert standings(session, order_id) == "done done done done done now ahead"
    run(session, "update posting set sale_at = :at", at=AT)
    assert standings(session, order_id).endswith("now part")
    run(session, "update posting set issue_at = :at", at=AT)
    assert standings(session, order_id).endswith("now done")


def test_a_happening_is_told_once(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error)
           select id, 1, :at, :at, 'done', '', '' from step""",
        at=AT,
    )
    run(session, "update step set state = 'done'")
    told = [one.what for one in line_of(trace(session, order_id))]
    assert ("step" in told, "call" in told, told.count("placed"), "audit" in told) == (False, True, 1, False)


def test_every_kind_has_its_mark_and_each_group_counts_what_it_shows(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    happenings = trace(session, placed(session, order({"apple": 1}, paid_at=None)))
    assert {one.what for one, _, _ in marked(happenings)} <= MARKS.keys()
    assert set().union(*GROUPS.values()) == MARKS.keys()
    for group, count in counts_of(happenings).items():
        assert len(line_of(happenings, group)) == count
