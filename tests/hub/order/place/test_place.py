from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import Database, row, rows
from hub.errors import Conflict, Malformed
from hub.inventory.ledger import StockKey, drift
from hub.inventory.level import receive
from hub.order.place.batch import Placed, place
from hub.subject import known_subjects
from tests.hub.making import (
    AT,
    BRAND,
    RECEIVER,
    ZONE,
    add_sku,
    counters,
    coupon,
    line,
    open_causes,
    order,
    place_all,
    placed,
    see,
    sources,
    step_states,
    stock,
)


def test_an_order_is_sourced_reserved_and_sent_to_its_location(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    order_id = placed(session, order({"apple": 2}))
    assert sources(session, order_id) == [("sh", "open")]
    assert (see(session, order_id).lifecycle, line(session, order_id).allocated) == ("in_fulfilment", 2)
    assert counters(session, "sh", "apple") == (5, 2)
    assert step_states(session, "release_fulfilment") == ["pending"]


def test_the_same_order_again_is_the_first_one(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    one = order({"apple": 2})
    (first,), (again,) = place_all(session, one), place_all(session, one)
    assert isinstance(first, Placed)
    assert again == Placed(first.order_id, existing=True)
    assert counters(session, "sh", "apple") == (5, 2)


def test_the_same_number_with_other_contents_is_a_conflict(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    placed(session, order({"apple": 2}))
    with pytest.raises(Conflict, match="other contents") as caught:
        placed(session, order({"apple": 3}))
    assert caught.value.code == "order_conflict"
    assert counters(session, "sh", "apple") == (5, 2)


def test_the_same_number_in_another_shop_is_another_order(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    other = replace(order({"apple": 1}), shop="app")
    assert placed(session, order({"apple": 1})) != placed(session, other)


def test_an_order_twice_in_a_batch_is_placed_once(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    first, again, changed = place_all(session, order({"apple": 1}), order({"apple": 1}), order({"apple": 2}))
    assert isinstance(first, Placed)
    assert again == Placed(first.order_id, existing=True)
    assert isinstance(changed, Conflict)


def test_a_bad_order_fails_alone(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    bad = [order({"ghost": 1}, "T1"), order({"apple": 1}, "T3", total=1)]
    ghost, good, wrong = place_all(session, bad[0], order({"apple": 1}, "T2"), bad[1])
    assert isinstance(ghost, Malformed)
    assert isinstance(wrong, Malformed)
    assert (ghost.code, wrong.code, isinstance(good, Placed)) == ("unknown_sku", "totals", True)
    assert len(rows(session, "select 1 from order_key")) == 1


def test_a_batch_of_nothing_or_of_bad_orders_alone_is_placed(session: Session) -> None:
    assert place_all(session) == []
    assert isinstance(place_all(session, order({"ghost": 1}))[0], Malformed)


def test_a_held_order_reserves_nothing_and_calls_a_person(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, remark="先别发"))
    assert [(hold.type, hold.rule) for hold in see(session, order_id).holds] == [("remark", "remark_asks")]
    assert (see(session, order_id).lifecycle, counters(session, "sh", "apple")) == ("accepted", (5, 0))
    assert open_causes(session) == ["review"]


def test_an_unpaid_order_waits_for_its_buyer_and_calls_nobody(session: Session) -> None:
    """It is paid, or closed in time: a person has nothing to do about it."""
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    assert [(hold.type, hold.rule) for hold in see(session, order_id).holds] == [("finance", "unpaid")]
    assert (see(session, order_id).lifecycle, open_causes(session)) == ("accepted", [])


def test_what_has_no_source_is_held_and_the_rest_goes(session: Session) -> None:
    stock(session, {"sh": {"apple": 2}, "bj": {"apple": 1}})
    order_id = placed(session, order({"apple": 5}))
    assert sorted(sources(session, order_id)) == [("bj", "open"), ("sh", "open")]
    assert [hold.type for hold in see(session, order_id).holds] == ["stock"]
    assert (line(session, order_id).allocated, open_causes(session)) == (3, ["stock"])


def test_orders_of_one_batch_never_share_a_piece(session: Session) -> None:
    stock(session, {"sh": {"apple": 3}})
    results = place_all(session, *(order({"apple": 2}, f"T{n}", freight=n) for n in range(3)))
    allocated = [line(session, one.order_id).allocated for one in results if isinstance(one, Placed)]
    assert allocated == [2, 1, 0]
    assert drift(session) == []


def test_goods_of_two_temperatures_travel_apart(session: Session) -> None:
    add_sku(session, "ice", storage="frozen")
    stock(session, {"sh": {"apple": 5, "ice": 5}})
    order_id = placed(session, order({"apple": 1, "ice": 1}))
    assert [hold.type for hold in see(session, order_id).holds] == ["stock"]
    assert [line(session, order_id, no).allocated for no in (1, 2)] == [1, 0]


def test_a_bundle_reserves_its_parts(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 5}})
    add_sku(session, "box", parts={"apple": 2, "pear": 1})
    order_id = placed(session, order({"box": 2}, adjustments=(coupon(101),)))
    told = [(one.kind, one.ordered, one.allocated, one.discount) for one in see(session, order_id).lines]
    assert told == [("bundle", 2, 0, 101), ("component", 4, 4, 51), ("component", 2, 2, 50)]
    assert (counters(session, "sh", "apple"), counters(session, "sh", "pear")) == ((5, 4), (5, 2))


def test_a_heavy_order_is_split_into_several_documents(session: Session) -> None:
    add_sku(session, "rice", grams=20_000)
    stock(session, {"sh": {"rice": 5}})
    order_id = placed(session, order({"rice": 3}))
    assert sources(session, order_id) == [("sh", "open")] * 3
    assert [one.code for one in see(session, order_id).fulfilments] == [f"{order_id}-{no}" for no in (1, 2, 3)]


def test_a_twin_is_held_and_a_later_order_is_not(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    buyer = order({"apple": 1}).order.buyer
    placed(session, order({"apple": 1}, "T1"))
    twin = placed(session, order({"apple": 1}, "T2", buyer=buyer))
    later = placed(session, order({"apple": 1}, "T3", buyer=buyer, placed_at=AT + timedelta(minutes=11)))
    assert [hold.type for hold in see(session, twin).holds] == ["duplicate"]
    assert see(session, later).holds == ()


def test_a_twin_is_found_in_the_month_in_which_the_first_came_however_wrong_its_clock(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}})
    ahead = {"buyer": order({"apple": 1}).order.buyer, "placed_at": AT + timedelta(days=25)}
    placed(session, order({"apple": 1}, "T1", **ahead))
    old = order({"pear": 1}, "T3", placed_at=datetime(2000, 1, 1, tzinfo=UTC))
    stock(session, {"sh": {"pear": 1}})
    twin, _ = place(session, [order({"apple": 1}, "T2", **ahead), old], AT + timedelta(days=25), ZONE)
    assert isinstance(twin, Placed)
    assert [hold.type for hold in see(session, twin.order_id).holds] == ["duplicate"]


def test_pieces_of_another_owner_are_not_promised(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    receive(session, BRAND, [(StockKey("sh", "apple", "SOMEBODY"), 9)], "ASN-2", AT)
    order_id = placed(session, order({"apple": 2}))
    assert (line(session, order_id).allocated, open_causes(session)) == (1, ["stock"])


def test_a_street_may_be_empty_and_the_address_is_asked_for(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    bare = RECEIVER.model_copy(update={"street": ""})
    assert see(session, placed(session, order({"apple": 1}, receiver=bare))).lifecycle == "in_fulfilment"


def test_a_buyer_who_was_erased_may_buy_again(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    placed(session, order({"apple": 1}))
    found = row(session, "update subject set data_key = null returning id")
    buyer = order({"apple": 1}).order.buyer
    placed(session, order({"apple": 1}, "T2", buyer=buyer, freight=7))
    assert found is not None
    assert known_subjects(session, BRAND, [buyer.ref], AT)[buyer.ref][0] == found.id


def test_eight_who_post_one_order_at_once_place_it_once(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 50}})

    def post(_: int) -> Placed:
        with database.transaction() as session:
            result = place_all(session, order({"apple": 1}))[0]
            assert isinstance(result, Placed)
            return result

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(post, range(8)))
    assert len({one.order_id for one in results}) == 1
    assert [one.existing for one in results].count(False) == 1


def test_twins_placed_at_once_are_not_both_let_through(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 50}})
    buyer = order({"apple": 1}).order.buyer

    def post(n: int) -> None:
        with database.transaction() as session:
            placed(session, order({"apple": 1}, f"T{n}", buyer=buyer))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(8)))
    with database.transaction() as session:
        assert len(rows(session, "select 1 from order_hold where type = 'duplicate'")) == 7
