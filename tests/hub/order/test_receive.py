import pytest
from sqlalchemy.orm import Session

from hub.errors import Malformed
from hub.inbox import Message, claim, keep, read
from hub.order.model import Order, ShopOrder
from hub.order.place.batch import Placed
from hub.order.receive import Received, receive
from hub.order.ship.progress import record_confirm
from tests.hub.making import AT, BRAND, ZONE, add_sku, confirm, open_causes, order, see, stock


def write(session: Session, *orders: ShopOrder) -> list[Message]:
    """Put orders into the inbox, as JSON, and claim them."""
    for one in orders:
        body = one.order.model_dump_json().encode()
        keep(session, "mall-pc", "order", one.order.external_id, body, AT)
    return claim(session, ["order"], 100, AT)


def read_order(message: Message) -> ShopOrder:
    if message.body == b"rubbish":
        raise Malformed("this is no order")
    return ShopOrder(brand=BRAND, shop="pc", channel="mall-pc", order=Order.model_validate_json(message.body))


def take(session: Session, messages: list[Message], *, refuse: bool = False) -> list[Received]:
    return receive(session, messages, read_order, AT, ZONE, None if refuse else lambda _message: BRAND)


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})


def test_a_message_becomes_an_order_and_says_which(session: Session) -> None:
    (received,) = take(session, write(session, order({"apple": 1})))
    assert received.placed is not None
    message = read(session, received.message.id)
    assert (message.state, message.order_id) == ("done", received.placed.order_id)


def test_what_cannot_be_read_or_placed_is_parked_and_fails_alone(session: Session) -> None:
    keep(session, "mall-pc", "order", "rubbish", b"rubbish", AT)
    received = take(session, write(session, order({"ghost": 1}, "T1"), order({"apple": 1}, "T2")))
    assert [read(session, one.message.id).state for one in received] == ["parked", "parked", "done"]
    assert sorted(open_causes(session)) == ["malformed", "unknown_sku"]


def test_a_waiting_sender_is_refused_without_a_case(session: Session) -> None:
    (received,) = take(session, write(session, order({"apple": 1}, total=1)), refuse=True)
    message = read(session, received.message.id)
    assert (message.state, message.error_code, open_causes(session)) == ("refused", "totals", [])


def test_nothing_received_is_nothing_done(session: Session) -> None:
    assert take(session, []) == []


def write_again(session: Session, one: ShopOrder, **changes: object) -> list[Message]:
    """Put an order into the inbox once more, with what its channel says of it now."""
    body = one.order.model_copy(update=changes).model_dump_json().encode()
    keep(session, "mall-pc", "order", f"{one.order.external_id}-again", body, AT)
    return claim(session, ["order"], 100, AT)


def test_an_order_that_moved_on_at_its_channel_is_still_the_same_order(session: Session) -> None:
    one = order({"apple": 1})
    (first,) = take(session, write(session, one))
    (again,) = take(session, write_again(session, one, source_revision=9))
    assert (again.placed, open_causes(session)) == (Placed(placed_id(first), existing=True), [])


def test_an_order_taken_back_at_its_channel_is_cancelled(session: Session) -> None:
    one = order({"apple": 1})
    (first,) = take(session, write(session, one))
    (again,) = take(session, write_again(session, one, withdrawn=True))
    assert read(session, again.message.id).order_id == placed_id(first)
    assert (see(session, placed_id(first)).lifecycle, open_causes(session)) == ("cancelled", [])


def test_what_is_taken_back_after_it_left_calls_a_person(session: Session) -> None:
    one = order({"apple": 1})
    (first,) = take(session, write(session, one))
    record_confirm(session, confirm(placed_id(first), 1, {"apple": 1}), AT)
    take(session, write_again(session, one, withdrawn=True))
    assert (see(session, placed_id(first)).lifecycle, open_causes(session)) == ("completed", ["withdrawn_late"])


def test_what_was_taken_back_before_we_heard_of_it_is_never_placed(session: Session) -> None:
    (received,) = take(session, write_again(session, order({"apple": 1}), withdrawn=True))
    message = read(session, received.message.id)
    assert (received.placed, message.state, message.error_code) == (None, "superseded", "withdrawn")


def test_what_was_parked_is_never_placed_once_it_was_taken_back(session: Session) -> None:
    one = order({"ghost": 1})
    (parked,) = take(session, write(session, one))
    (taken_back,) = take(session, write_again(session, one, withdrawn=True))
    add_sku(session, "ghost")
    reopened = [read(session, parked.message.id)]
    (again,) = take(session, reopened)
    states = [read(session, message.id).state for message in (taken_back.message, again.message)]
    assert (states, again.placed) == (["superseded", "superseded"], None)


def test_an_order_that_is_taken_back_ends_the_batch_before_it(session: Session) -> None:
    one = order({"apple": 1})
    take(session, write(session, one))
    keep(session, "mall-pc", "order", "T2", order({"apple": 1}, "T2").order.model_dump_json().encode(), AT)
    messages = write_again(session, one, withdrawn=True)
    assert [[r.message.message_id for r in take(session, part)] for part in (messages, messages[1:])] == [
        ["T2"],
        ["T1-again"],
    ]


def placed_id(received: Received) -> int:
    assert received.placed is not None
    return received.placed.order_id
