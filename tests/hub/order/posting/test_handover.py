"""Goods that are only handed over: their channel is told with no parcel, and the ERP books them like any other sale."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import KEYRING, Database, rows
from hub.errors import NotFound
from hub.gift.model import Give
from hub.order.change.table import Charge
from hub.order.change.wanted import WantedLine
from hub.order.holds.resume import release_holds
from hub.order.posting.handover import mark_handover_sold, read_handover, read_handover_sale
from hub.order.posting.sale import read_sale
from hub.order.ship.outbound import read_shipment
from hub.order.ship.progress import record_confirm
from hub.order.trace.timeline import trace
from hub.roles import SYSTEM
from tests.conftest import RING
from tests.hub.gift.giving import put_in_force
from tests.hub.making import AT, BRAND, add_sku, confirm, coupon, order, placed, stock
from tests.hub.order.changing import want
from tests.hub.review.ruling import enforce, holding, rule
from tests.scale import count


def shelve(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    add_sku(session, "set", parts={"card": 2})
    set_audience(session, {(BRAND, "erp"): "sap"})


@pytest.fixture
def goods(session: Session) -> None:
    shelve(session)


def told(session: Session) -> list[tuple[str, str]]:
    found = rows(session, "select flow, connection from step order by id")
    return [(one.flow, one.connection) for one in found if one.flow.endswith("handover")]


@pytest.mark.usefixtures("goods")
def test_channel_and_erp_are_told_of_what_was_handed_over(session: Session) -> None:
    order_id = placed(session, order({"card": 2}))
    assert told(session) == [("notify_handover", "mall-pc"), ("post_handover", "sap")]
    notice, sale = read_handover(session, order_id, 1), read_handover_sale(session, order_id, 1)
    assert [(one.external_line_id, one.quantity) for one in notice.lines] == [("L1", 2)]
    assert (notice.whole, notice.key) == (True, f"handover:{order_id}-v1")
    assert (sale.code, sale.location, [(one.sku, one.quantity, one.amount) for one in sale.lines]) == (
        f"{order_id}-v1",
        "",
        [("card", 2, 2_000)],
    )


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize("sku", ["card", "apple"])
def test_a_reduction_that_takes_freight_off_is_of_the_freight_that_is_booked(session: Session, sku: str) -> None:
    order_id = placed(session, order({sku: 1}, adjustments=(coupon(1_200),), freight=800))
    if sku == "apple":
        record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)
    sale = (read_handover_sale if sku == "card" else read_sale)(session, order_id, 1)
    assert (sale.freight, sum(one.amount for one in sale.lines)) == (600, 0)


@pytest.mark.usefixtures("goods")
def test_what_is_sent_besides_makes_the_notice_a_part_and_bears_the_freight(session: Session) -> None:
    order_id = placed(session, order({"card": 1, "apple": 1}, freight=800))
    assert not read_handover(session, order_id, 1).whole
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)
    assert (read_handover_sale(session, order_id, 1).freight, read_sale(session, order_id, 1).freight) == (0, 800)


@pytest.mark.usefixtures("goods")
def test_a_bundle_of_virtual_goods_is_told_by_its_own_line(session: Session) -> None:
    order_id = placed(session, order({"set": 3}, freight=100))
    notice, sale = read_handover(session, order_id, 1), read_handover_sale(session, order_id, 1)
    assert [(one.channel_sku, one.quantity) for one in notice.lines] == [("set", 3)]
    assert (notice.whole, sale.freight, sum(one.amount for one in sale.lines)) == (True, 100, 3_000)


@pytest.mark.usefixtures("goods")
def test_a_bundle_of_which_a_part_is_sent_is_told_by_its_parcel_and_booked_in_full(session: Session) -> None:
    add_sku(session, "kit", parts={"apple": 2, "card": 1})
    order_id = placed(session, order({"kit": 3, "card": 1}, freight=100))
    notice = read_handover(session, order_id, 1)
    assert ([(one.channel_sku, one.quantity) for one in notice.lines], notice.whole) == ([("card", 1)], False)
    record_confirm(session, confirm(order_id, 1, {"apple": 6}), AT)
    [parcel] = read_shipment(session, order_id, 1).parcels
    assert [(one.channel_sku, one.quantity) for one in parcel.lines] == [("kit", 3)]
    sales = (read_handover_sale(session, order_id, 1), read_sale(session, order_id, 1))
    assert sum(sale.freight + sum(one.amount for one in sale.lines) for sale in sales) == 4_100


@pytest.mark.usefixtures("goods")
def test_a_channel_is_not_told_of_nothing(session: Session) -> None:
    add_sku(session, "kit", parts={"apple": 2, "card": 1})
    placed(session, order({"kit": 3}))
    assert told(session) == [("post_handover", "sap")]


@pytest.mark.usefixtures("goods")
def test_a_gift_of_ours_is_booked_and_not_told(session: Session) -> None:
    put_in_force(session, gives=(Give(sku="card"),))
    order_id = placed(session, order({"apple": 1}))
    assert told(session) == [("post_handover", "sap")]
    assert [one.amount for one in read_handover_sale(session, order_id, 1).lines] == [0]


@pytest.mark.usefixtures("goods")
def test_what_waits_is_told_when_it_is_handed_over(session: Session) -> None:
    enforce(session, rule("true", "kept", verdict=holding(blocks=["release"])))
    order_id = placed(session, order({"card": 1}))
    with pytest.raises(NotFound):
        read_handover(session, order_id, 1)
    release_holds(session, order_id, SYSTEM, "checked", AT)
    assert len(told(session)) == 2


@pytest.mark.usefixtures("goods")
def test_a_brand_without_an_erp_tells_its_channel_alone(session: Session) -> None:
    set_audience(session, {})
    placed(session, order({"card": 1}))
    assert told(session) == [("notify_handover", "mall-pc")]


@pytest.mark.usefixtures("goods")
def test_the_erp_s_number_is_kept(session: Session) -> None:
    order_id = placed(session, order({"card": 1}))
    mark_handover_sold(session, order_id, 1, "S1", AT)
    (one,) = rows(session, "select sale_id, sale_at from handover")
    assert (one.sale_id, one.sale_at) == ("S1", AT)


@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 900), st.booleans())
@settings(max_examples=count(10, 100, 4), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sales_of_an_order_add_up_to_what_is_paid(
    scratch: Database,
    cards: int,
    apples: int,
    off: int,
    bundled: bool,  # noqa: FBT001 # drawn
) -> None:
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        shelve(session)
        bought = {"set" if bundled else "card": cards} | ({"apple": apples} if apples else {})
        order_id = placed(session, order(bought, adjustments=(coupon(off),) if off else (), freight=300))
        sales = [read_handover_sale(session, order_id, 1)]
        if apples:
            record_confirm(session, confirm(order_id, 1, {"apple": apples}), AT)
            sales.append(read_sale(session, order_id, 1))
        (head,) = rows(session, "select total from sales_order where id = :id", id=order_id)
    assert sum(sale.freight + sum(one.amount for one in sale.lines) for sale in sales) == head.total


@pytest.mark.usefixtures("goods")
def test_what_was_handed_over_is_on_the_line_of_time_with_its_sale(session: Session) -> None:
    order_id = placed(session, order({"card": 2, "apple": 1}))
    mark_handover_sold(session, order_id, 1, "S1", AT)
    told = [(one.what, one.told, one.ref) for one in trace(session, order_id)]
    assert ("handover", "card × 2", "1") in told
    assert ("sale posted", "S1", "v1") in told


@pytest.mark.usefixtures("goods")
def test_the_freight_is_booked_once_though_goods_to_be_sent_are_added_to_what_was_handed_over(session: Session) -> None:
    enforce(session, rule("line.sku == 'coin'", "kept", verdict=holding(scope="line", blocks=["release"])))
    add_sku(session, "coin")
    describe(session, SYSTEM, "coin", AT, storage=Storage.NONE)
    order_id = placed(session, order({"card": 1, "coin": 1}, freight=800))
    want(session, order_id, WantedLine("N1", 1, "apple", "5.00", "apple"), charge=Charge.FREE)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT)
    assert (read_handover_sale(session, order_id, 1).freight, read_sale(session, order_id, 1).freight) == (800, 0)
