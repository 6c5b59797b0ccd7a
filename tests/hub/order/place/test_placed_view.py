"""The answer to a placed order is what asking for it would give."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import KEYRING, Database, run
from hub.order.find import get_orders
from hub.order.model import Buyer, Order, OrderLine, OrderType, ShopOrder
from hub.order.place.batch import Placed
from hub.order.place.view import placed_views
from hub.roles import SYSTEM
from tests.conftest import RING
from tests.hub.making import AT, BRAND, RECEIVER, add_sku, coupon, order, place_all, stock
from tests.hub.sourcing.test_cards import in_force, load

SKUS = ("apple", "pear", "ice", "anvil", "box", "rare")
ZONES = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
TIMES = st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 30), timezones=ZONES)  # noqa: DTZ001 # the zones come with it
LINES = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 9)), min_size=1, max_size=5)


@st.composite
def orders(draw: st.DrawFn, no: int) -> ShopOrder:
    """Make an order that may be held, split, sold as bundles, short of stock, or be another one's twin."""
    lines = tuple(
        OrderLine(external_line_id=f"L{n}", channel_sku=sku, quantity=pieces, unit_price=Decimal("10.01"))
        for n, (sku, pieces) in enumerate(draw(LINES), 1)
    )
    county = draw(st.sampled_from(["浦东新区", "无此区"]))
    place: dict[str, Any] = {"county": county} if county == "浦东新区" else {"county": county, "province": "无此省"}
    made = Order(
        external_id=f"T{no}",
        type=draw(st.sampled_from([OrderType.NORMAL, OrderType.PRESALE])),
        placed_at=draw(TIMES),
        placed_at_raw="",
        paid_at=draw(st.sampled_from([AT, None])),
        buyer=Buyer(ref=draw(st.sampled_from(["b1", f"b{no}"]))),
        receiver=RECEIVER.model_copy(update=place),
        lines=lines,
        adjustments=draw(st.sampled_from([(), (coupon(101),), (coupon(7, "L1"), coupon(100))])),
        remark=draw(st.sampled_from(["", "先别发货"])),
        total=0,
    )
    total = made.goods - made.discount + made.freight
    return ShopOrder(brand=BRAND, shop="pc", channel="mall-pc", order=made.model_copy(update={"total": total}))


BATCHES = st.integers(1, 4).flatmap(lambda count: st.tuples(*(orders(no) for no in range(count))))


def furnish(session: Session) -> None:
    add_sku(session, "ice", storage="frozen")
    add_sku(session, "anvil", grams=20_000)
    stock(session, {"sh": {"apple": 9, "rare": 1, "anvil": 20}, "bj": {"apple": 9, "pear": 30}, "gz": {"anvil": 9}})
    add_sku(session, "box", parts={"apple": 1, "pear": 2})
    run(session, "update sku set title = :title where code = 'box'", title='“箱” \\ "box"\t\u2028')


@given(batch=BATCHES)
def test_what_is_answered_is_what_asking_gives(scratch: Database, batch: Sequence[ShopOrder]) -> None:
    with Session(scratch.engine, info={KEYRING: RING}) as session:
        furnish(session)
        placed = [one for one in place_all(session, *batch) if isinstance(one, Placed)]
        asked = get_orders(session, [one.order_id for one in placed], SYSTEM)
        booked = placed[0].booked
        assert booked is not None
        assert placed_views(booked) == {no: view.model_dump_json().encode() for no, view in asked.items()}
        assert len(asked) == len(batch)


def test_holds_bundles_and_splits_are_told(session: Session) -> None:
    furnish(session)
    free = [order(pieces, f"T{no}") for no, pieces in enumerate([{"box": 1}, {"anvil": 3}, {"rare": 2}])]
    placed = place_all(session, *free, order({"apple": 1}, "T3", paid_at=None))
    booked = next(one.booked for one in placed if isinstance(one, Placed))
    assert booked is not None
    opened, split, short, unpaid = (json.loads(view) for _, view in sorted(placed_views(booked).items()))
    assert [line["kind"] for line in opened["lines"]] == ["bundle", "component", "component"]
    assert len(split["fulfilments"]) == 3  # 30 kg a parcel
    assert [hold["type"] for hold in (*short["holds"], *unpaid["holds"])] == ["stock", "finance"]
    assert (split["lifecycle"], unpaid["lifecycle"]) == ("in_fulfilment", "accepted")


def test_a_placed_order_names_the_courier_and_the_day_that_a_rate_card_gave_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    load(session)
    in_force(session)
    [placed] = place_all(session, order({"apple": 3}))
    assert isinstance(placed, Placed)
    assert placed.booked is not None
    answered = placed_views(placed.booked)[placed.order_id]
    assert answered == get_orders(session, [placed.order_id], SYSTEM)[placed.order_id].model_dump_json().encode()
    [told] = json.loads(answered)["fulfilments"]
    assert (told["courier"], told["promised_on"]) == ("ZTO", "2026-11-14")
