"""Orders of which virtual goods were handed over give up the rest: pieces, freight and reductions to the fen."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.database import KEYRING, Database, rows
from hub.errors import Conflict
from hub.order.change.cancel import cancel
from hub.order.change.notice import read_change
from hub.order.change.wanted import WantedLine
from hub.order.holds.resume import release_holds
from hub.order.posting.handover import read_handover_sale
from hub.order.posting.sale import read_sale
from hub.order.rehearse.change import foresee
from hub.order.rest import live_fulfilments
from hub.order.ship.progress import record_confirm
from hub.roles import SYSTEM
from tests.conftest import RING
from tests.hub.making import AT, BRAND, add_sku, confirm, counters, coupon, open_causes, order, placed, see, stock
from tests.hub.order.changing import answer, cut, send, want
from tests.hub.review.ruling import enforce, holding, rule
from tests.scale import count


def shelve(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)
    set_audience(session, {(BRAND, "erp"): "sap"})


@pytest.fixture
def order_id(session: Session) -> int:
    """Place an order whose card is handed over at once, and whose two apples Shanghai has."""
    shelve(session)
    return placed(session, order({"card": 1, "apple": 2}, freight=800))


def back(session: Session) -> list[tuple[int, int]]:
    return [tuple(one) for one in rows(session, "select amount, freight from refund_due order by no")]


def test_the_last_pieces_that_are_sent_give_the_freight_back_and_close_the_order(
    session: Session, order_id: int
) -> None:
    assert (cut(session, order_id, L2=1), cut(session, order_id, L2=1)) == ("applied", "applied")
    assert (see(session, order_id).lifecycle, back(session)) == ("closed", [(1000, 0), (1800, 800)])
    assert (see(session, order_id).fulfilment, counters(session, "sh", "apple")) == ("delivered", (50, 0))
    assert (see(session, order_id).holds, open_causes(session)) == ((), [])


def test_the_whole_order_is_cancelled_but_for_what_was_handed_over(session: Session, order_id: int) -> None:
    assert [cancel(session, order_id, "buyer", "changed mind", AT) for _ in range(2)] == ["closed"] * 2
    assert back(session) == [(2800, 800)]
    notice = read_change(session, order_id, 0, "k")
    assert (notice.kind, notice.total, [one.quantity for one in notice.lines]) == ("changed", 1000, [1, 0])


def test_a_location_that_has_the_rest_is_asked_first(session: Session, order_id: int) -> None:
    send(session, order_id)
    assert (cut(session, order_id, L2=2), see(session, order_id).lifecycle) == ("waiting", "in_fulfilment")
    answer(session, order_id, 1, stopped=True)
    assert (see(session, order_id).lifecycle, see(session, order_id).holds) == ("closed", ())
    assert back(session) == [(2800, 800)]


def test_the_freight_stays_where_something_was_sent(session: Session, order_id: int) -> None:
    send(session, order_id)
    record_confirm(session, confirm(order_id, 1, {"apple": 1}, final=False), AT)
    with pytest.raises(Conflict, match="can only be returned"):
        cancel(session, order_id, "buyer", "", AT)
    cut(session, order_id, L2=1)
    answer(session, order_id, 1, stopped=True)
    assert (see(session, order_id).lifecycle, back(session)) == ("completed", [(1000, 0)])


def test_nothing_but_what_was_handed_over_is_not_cancelled(session: Session) -> None:
    shelve(session)
    with pytest.raises(Conflict) as caught:
        cancel(session, placed(session, order({"card": 1})), "buyer", "", AT)
    assert caught.value.code == "already_shipped"


def test_stock_that_lacks_is_waited_for_no_longer(session: Session) -> None:
    shelve(session)
    order_id = placed(session, order({"card": 1, "apple": 60}))
    cut(session, order_id, L2=60)
    assert (see(session, order_id).lifecycle, see(session, order_id).holds, open_causes(session)) == ("closed", (), [])


def test_it_is_seen_beforehand_that_the_order_is_closed(session: Session, order_id: int) -> None:
    def act() -> None:
        cut(session, order_id, L2=2)

    told = foresee(session, order_id, act, AT)
    assert (told.lifecycle, told.refund, told.freight) == ("closed", 2000, 800)


def test_freight_that_went_back_is_neither_given_nor_booked_again(session: Session) -> None:
    shelve(session)
    enforce(session, rule("true", "kept", verdict=holding(blocks=["release"])))
    order_id = placed(session, order({"card": 1, "apple": 1}, freight=800))
    cut(session, order_id, L2=1)
    want(session, order_id, WantedLine("L3", 1, "apple", "7.00"))
    assert back(session) == [(1800, 800)]
    release_holds(session, order_id, SYSTEM, "checked", AT)
    cut(session, order_id, L3=1)
    assert (back(session)[1:], read_handover_sale(session, order_id, 1).freight) == ([(700, 0)], 0)


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 900),
    st.lists(st.integers(1, 3), max_size=4),
    st.booleans(),
)
@settings(max_examples=count(15, 150, 5), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sales_and_refunds_add_up_to_what_was_paid(
    scratch: Database,
    cards: int,
    apples: int,
    off: int,
    cuts: list[int],
    ships: bool,  # noqa: FBT001 # drawn
) -> None:
    with Session(scratch.engine, expire_on_commit=False, info={KEYRING: RING}) as session:
        shelve(session)
        wish = order({"card": cards, "apple": apples}, adjustments=(coupon(off),) if off else (), freight=300)
        order_id, left = placed(session, wish), apples
        for n in cuts:
            some = min(n, left)
            left -= some
            if some:
                cut(session, order_id, L2=some)
        sales = [read_handover_sale(session, order_id, 1)]
        if left and ships:
            [no] = live_fulfilments(session, order_id)
            record_confirm(session, confirm(order_id, no, {"apple": left}), AT)
            sales.append(read_sale(session, order_id, no))
        elif left:
            cancel(session, order_id, "buyer", "", AT)
        refunded = sum(amount for amount, _ in back(session))
        fell = rows(session, "select coalesce(sum((reductions ->> '1')::bigint), 0)::bigint as n from refund_line")[0].n
        kept = rows(session, "select coalesce(sum(amount), 0)::bigint as n from price_adjustment")[0].n
    booked = sum(sale.freight + sum(one.amount for one in sale.lines) for sale in sales)
    assert (booked + refunded, kept, fell <= off) == (wish.order.total, off, True)
