import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import NeedsOperator, NotFound
from hub.fulfilment.model import ConfirmedParcel, ConfirmLine
from hub.order.posting.sold import SoldLine, sold_pieces
from hub.order.ship.outbound import read_cancel_wish, read_delivery, read_shipment
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, OWNER, RECEIVER, add_sku, confirm, coupon, order, placed, stock

BOX = [SoldLine(1, "L1", "box", None, 2), SoldLine(2, "L1", "box", 1, 4), SoldLine(3, "L1", "box", 1, 2)]
"""Two boxes, each of two of line 2 and one of line 3."""


def test_a_location_is_told_what_to_ship_to_whom(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 2}, adjustments=(coupon(101),)))
    delivery = read_delivery(session, order_id, 1, AT)
    assert (delivery.code, delivery.warehouse_code, delivery.owner_code) == (f"{order_id}-1", "sh", OWNER)
    assert [(line.sku, line.quantity, line.unit_price) for line in delivery.lines] == [("apple", 2, 949)]
    assert (delivery.receiver.name, delivery.receiver.phone) == (RECEIVER.name, RECEIVER.phone)
    assert (delivery.sender.city, delivery.sender.county, delivery.receiver.county) == (
        "上海市",
        "浦东新区",
        "浦东新区",
    )


def test_a_discount_above_the_price_is_no_price_below_zero(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, adjustments=(coupon(1500, "L1"),), freight=600))
    assert read_delivery(session, order_id, 1, AT).lines[0].unit_price == 0


def test_nothing_is_sent_of_an_erased_buyer(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    run(session, "update subject set data_key = null")
    with pytest.raises(NeedsOperator, match="erased"):
        read_delivery(session, order_id, 1, AT)


def test_documents_that_are_not_there_are_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="no fulfilment order 7-1"):
        read_delivery(session, 7, 1, AT)
    with pytest.raises(NotFound, match="no fulfilment order 7-1"):
        read_cancel_wish(session, 7, 1)
    with pytest.raises(NotFound, match="no shipment 7-1"):
        read_shipment(session, 7, 1)


def test_a_cancel_wish_names_the_document(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    wish = read_cancel_wish(session, order_id, 1)
    assert (wish.code, wish.warehouse_code, wish.owner_code, wish.order_type) == (
        f"{order_id}-1",
        "sh",
        OWNER,
        "normal",
    )


def test_a_channel_is_told_parcel_by_parcel_in_its_own_words(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 5}})
    order_id = placed(session, order({"apple": 2, "pear": 1}))
    first = ConfirmedParcel(courier_code="SF", tracking_no="A", lines=(ConfirmLine(sku="apple", quantity=2),))
    second = ConfirmedParcel(courier_code="YTO", tracking_no="B", lines=(ConfirmLine(sku="pear", quantity=1),))
    record_confirm(session, confirm(order_id, 1, {"apple": 2, "pear": 1}, parcels=(first, second)), AT)
    notice = read_shipment(session, order_id, 1)
    told = [(one.tracking_no, [(line.external_line_id, line.quantity) for line in one.lines]) for one in notice.parcels]
    assert told == [("A", [("L1", 2)]), ("B", [("L2", 1)])]
    assert (notice.key, notice.external_id) == (f"shipment:{order_id}-1", "T1")


def test_a_bundle_is_told_by_its_own_line_as_often_as_it_is_whole(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 5}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    order_id = placed(session, order({"box": 2}))
    record_confirm(session, confirm(order_id, 1, {"apple": 3, "pear": 2}, "c1", final=False), AT)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, "c2"), AT)
    told = [line for no in (1, 2) for line in read_shipment(session, order_id, no).parcels[0].lines]
    assert [(line.external_line_id, line.channel_sku, line.quantity) for line in told] == [("L1", "box", 1)] * 2


@given(st.permutations([2, 2, 2, 2, 3, 3]), st.integers(1, 6))
def test_however_the_parts_travel_every_bundle_is_told_once(pieces: list[int], size: int) -> None:
    parcels = [pieces[start : start + size] for start in range(0, 6, size)]
    told = sold_pieces([{no: parcel.count(no) for no in set(parcel)} for parcel in parcels], BOX)
    assert sum(one.get(1, 0) for one in told) == 2
    assert all(set(one) <= {1} for one in told)
