"""A lot that a person blocks is not sold: its pieces drop out, what was promised of them moves, counts end nothing."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import HubError, NoStock
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.ledger import drift
from hub.inventory.lot import Unsold, pick_lots, unsold_of
from hub.inventory.lot_block import Freed, LotName, Outcome, block_lot, list_blocks, make_room, unblock_lot
from hub.inventory.promise import promise
from hub.inventory.reconcile import check_books
from hub.inventory.soft import Wish, hold
from hub.inventory.view import as_of, get_level
from hub.order.relocate import relocate
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.counting import level, take
from tests.hub.inventory.lotted import APPLE, left, of, on_hand, release, tell
from tests.hub.making import (
    AT,
    BRAND,
    add_sku,
    confirm,
    counters,
    line,
    open_causes,
    order,
    place_all,
    placed,
    sources,
    stock,
)

TTL = timedelta(minutes=5)
A_HERE = LotName(sku="apple", lot="A", location="sh")
A_ANYWHERE = LotName(sku="apple", lot="A")


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    """Put ten apples in Shanghai, four of lot A and six of lot B."""
    stock(session, {"sh": {"apple": 10}})
    tell(session, "count", {"A": 4, "B": 6}, -1)


def block(session: Session, name: LotName = A_HERE) -> Outcome:
    return block_lot(session, "chief", BRAND, name, "mould", AT)


def free(session: Session) -> int:
    return promise(session, BRAND, "pc", ["apple"], AT)["apple"].free


def cart(session: Session, pieces: int, ref: str = "c1") -> None:
    hold(session, BRAND, "pc", ref, [Wish("apple", pieces)], TTL, AT)


@pytest.mark.parametrize("name", [A_HERE, A_ANYWHERE], ids=str)
def test_pieces_of_a_blocked_lot_are_not_promised_until_it_is_unblocked(session: Session, name: LotName) -> None:
    assert block(session, name) == Outcome(pieces=4, carts=0, lacking=0)
    assert (free(session), level(session, "apple")) == (6, (10, 0, 0, 0))
    assert unblock_lot(session, "chief", BRAND, name, "sieved", AT) == Freed(pieces=4)
    assert (free(session), check_books(session)) == (10, [])


def test_no_order_cart_or_buyer_in_a_flash_sale_is_given_blocked_pieces(session: Session) -> None:
    block(session)
    with pytest.raises(NoStock):
        cart(session, 7)
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=0), AT)
    assert book(session, "apple", [HotWish(BRAND, "pc", "h1", "b", "apple", 1)], AT).left == 5
    order_id = placed(session, order({"apple": 9}))
    assert (line(session, order_id).allocated, level(session, "apple")) == (5, (10, 5, 1, 0))


def test_an_order_goes_where_pieces_of_other_lots_are(session: Session) -> None:
    stock(session, {"bj": {"apple": 9}}, "ASN-2")
    block(session)
    assert sources(session, placed(session, order({"apple": 7}))) == [("bj", "open")]


def test_a_lot_is_blocked_at_the_named_location_alone(session: Session) -> None:
    stock(session, {"bj": {"apple": 3}}, "ASN-2")
    with pytest.raises(HubError) as refused:
        block(session, LotName(sku="apple", lot="A", location="bj"))
    assert refused.value.code == "unknown_lot"
    block(session)
    assert promise(session, BRAND, "pc", ["apple"], AT)["apple"].by_location == {"sh": 6, "bj": 3}


def test_a_bundle_is_counted_without_what_is_blocked(session: Session) -> None:
    add_sku(session, "box", parts={"apple": 2})
    block(session)
    assert promise(session, BRAND, "pc", ["box"], AT)["box"].free == 3


def test_what_leaves_next_is_of_other_lots(session: Session) -> None:
    block(session)
    assert pick_lots(session, APPLE, 9, AT) == [("B", 6)]
    assert release(session, placed(session, order({"apple": 3}))) == [("1", "B", 3)]


def test_what_was_named_for_a_delivery_before_leaves_as_it_was_named(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    assert release(session, order_id) == [("1", "A", 3)]
    block(session)
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 3),)), AT)
    assert (left(session), on_hand(session)) == ([("A", 3, 3)], {"A": 1, "B": 6})


def test_what_leaves_unnamed_is_assumed_to_be_of_other_lots(session: Session) -> None:
    order_id = placed(session, order({"apple": 3}))
    block(session)
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 3),)), AT)
    assert (left(session), free(session)) == ([("B", 3, 3)], 3)


def test_the_newest_orders_beyond_what_is_left_find_another_source(session: Session) -> None:
    ids = [placed(session, order({"apple": 3}, f"T{no}")) for no in (1, 2, 3)]
    stock(session, {"bj": {"apple": 3}}, "ASN-2")
    assert block(session).lacking == 3
    assert open_causes(session) == ["stock_short"]
    assert [relocate(session, AT) for _ in range(2)] == [1, 0]
    assert [sources(session, one)[-1] for one in ids] == [("sh", "open"), ("sh", "open"), ("bj", "open")]
    assert (level(session, "apple"), counters(session, "bj", "apple")) == ((10, 6, 0, 0), (3, 3))
    assert (open_causes(session), check_books(session)) == ([], [])


def test_what_has_no_other_source_waits_for_a_person(session: Session) -> None:
    ids = [placed(session, order({"apple": 5}, f"T{no}")) for no in (1, 2)]
    block(session)
    assert relocate(session, AT) == 1
    assert (level(session, "apple"), open_causes(session)) == ((10, 5, 0, 0), ["stock"])
    assert (len(ids), drift(session)) == (2, [])


def test_carts_let_go_before_orders_move(session: Session) -> None:
    placed(session, order({"apple": 5}))
    cart(session, 3)
    assert block(session) == Outcome(pieces=4, carts=1, lacking=0)
    assert (level(session, "apple"), open_causes(session), check_books(session)) == ((10, 5, 0, 0), [], [])


def test_a_cart_of_pieces_that_are_blocked_since_gives_its_order_none(session: Session) -> None:
    cart(session, 7)
    block(session)
    one = order({"apple": 7})
    place_all(session, replace(one, order=one.order.model_copy(update={"reservation": "c1"})))
    assert level(session, "apple") == (10, 6, 0, 0)


def test_a_count_that_names_the_lot_does_not_unblock_it(session: Session) -> None:
    block(session)
    tell(session, "count", {"A": 5, "B": 7}, 1)
    assert (level(session, "apple"), free(session)) == ((12, 0, 0, 0), 7)
    tell(session, "count", {"B": 7}, 2)
    tell(session, "count", {"A": 2, "B": 7}, 3)
    assert (free(session), [one.pieces for one in list_blocks(session, None)]) == (7, [2])


def test_a_lot_that_comes_elsewhere_is_blocked_there_too_when_it_is_everywhere(session: Session) -> None:
    block(session, A_ANYWHERE)
    tell(session, "change", {"A": 3}, 1)
    assert (level(session, "apple"), free(session)) == ((13, 0, 0, 0), 6)


def test_what_a_count_takes_beneath_a_block_lets_carts_go_and_calls_once(session: Session) -> None:
    placed(session, order({"apple": 4}))
    block(session)
    cart(session, 2)
    tell(session, "count", {"A": 7, "B": 3}, 1)
    assert (make_room(session, AT), level(session, "apple")) == (1, (10, 4, 0, 0))
    assert open_causes(session) == ["stock_short"]
    assert [make_room(session, AT), *rows(session, "select times from case_file")] == [1, (1,)]


def test_a_case_that_a_person_closed_stays_closed_while_the_counter_does_not_move(session: Session) -> None:
    placed(session, order({"apple": 8}))
    block(session)
    later = AT + timedelta(minutes=1)
    statement = "update case_file set state = 'resolved', resolved_at = :at returning 1"
    assert len(rows(session, statement, at=later)) == 1
    assert (make_room(session, later), open_causes(session)) == (1, [])


def test_what_has_expired_too_counts_once(session: Session) -> None:
    block(session)
    much_later = AT + timedelta(days=400)
    assert promise(session, BRAND, "pc", ["apple"], much_later)["apple"].free == 0
    assert unsold_of(session, [APPLE], much_later) == {APPLE: Unsold(4, 6)}


def test_what_two_blocks_hold_is_newly_blocked_once_and_free_when_both_have_ended(session: Session) -> None:
    stock(session, {"bj": {"apple": 3}}, "ASN-2")
    run(
        session,
        """insert into stock_lot (location, sku, owner, condition, lot, on_hand, counted_at)
           select 'bj', sku, owner, condition, lot, 3, counted_at from stock_lot where lot = 'A'""",
    )
    assert [block(session, one).pieces for one in (A_HERE, A_ANYWHERE)] == [4, 3]
    assert free(session) == 6
    ended = unblock_lot(session, "chief", BRAND, A_ANYWHERE, "only there", AT)
    assert (ended, free(session)) == (Freed(pieces=3, still_blocked=("sh",)), 9)
    assert unblock_lot(session, "chief", BRAND, A_HERE, "sieved", AT) == Freed(pieces=4)


def test_a_block_of_everywhere_outlasts_that_of_a_location(session: Session) -> None:
    block(session)
    block(session, A_ANYWHERE)
    ended = unblock_lot(session, "chief", BRAND, A_HERE, "sieved", AT)
    assert (ended, free(session)) == (Freed(pieces=0, still_blocked=("",)), 6)
    assert rows(session, "select 1 from stock_movement where reason = 'unblock'") == []


def test_a_counter_tells_what_of_it_is_blocked(session: Session) -> None:
    block(session)
    [one] = as_of(session, [get_level(session, None, APPLE)], AT)
    assert (one.blocked, one.expired, one.promised) == (4, 0, 6)


def test_blocking_twice_is_said_and_not_done(session: Session) -> None:
    block(session, A_ANYWHERE)
    for name in (A_ANYWHERE, A_HERE):
        with pytest.raises(HubError, match=r"blocked already: everywhere, by chief at .* mould") as refused:
            block(session, name)
        assert refused.value.code == "lot_blocked"
    assert len(rows(session, "select 1 from audit_entry where act = 'stock.block_lot'")) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sku": "plum"}, "unknown_sku"),
        ({"sku": "box"}, "unknown_sku"),
        ({"location": "gz"}, "unknown_location"),
        ({"lot": "Z"}, "unknown_lot"),
        ({"lot": ""}, "lot"),
        ({"lot": "A" * 101}, "lot"),
    ],
    ids=str,
)
def test_what_is_not_there_cannot_be_blocked(session: Session, changes: dict[str, str], code: str) -> None:
    add_sku(session, "box", parts={"apple": 2})
    with pytest.raises(HubError) as refused:
        block(session, A_HERE.model_copy(update=changes))
    assert (refused.value.code, list_blocks(session, None)) == (code, [])


def test_a_block_has_a_reason(session: Session) -> None:
    for act in (block_lot, unblock_lot):
        with pytest.raises(HubError) as refused:
            act(session, "chief", BRAND, A_HERE, " ", AT)
        assert refused.value.code == "reason_missing"


def test_what_is_not_blocked_cannot_be_unblocked_and_what_is_is_named(session: Session) -> None:
    with pytest.raises(HubError, match=r"not blocked$"):
        unblock_lot(session, "chief", BRAND, A_HERE, "sieved", AT)
    block(session, A_ANYWHERE)
    with pytest.raises(HubError, match="but it is: everywhere"):
        unblock_lot(session, "chief", BRAND, A_HERE, "sieved", AT)


def test_a_lot_of_which_nothing_is_left_but_that_orders_got_can_be_blocked(session: Session) -> None:
    order_id = placed(session, order({"apple": 4}))
    record_confirm(session, confirm(order_id, 1, {}, lines=(of("apple", 4, A=4),)), AT)
    tell(session, "count", {"B": 6}, 1)
    assert block(session, A_ANYWHERE) == Outcome(pieces=0, carts=0, lacking=0)
    tell(session, "count", {"A": 1, "B": 6}, 2)
    assert free(session) == 6


def test_who_blocked_which_lot_when_and_why_is_kept(session: Session) -> None:
    block(session)
    [one] = list_blocks(session, [BRAND], "apple", "A")
    assert (one.actor, one.reason, one.location, one.blocked_at, one.pieces) == ("chief", "mould", "sh", AT, 4)
    assert list_blocks(session, ["other"]) == list_blocks(session, None, "pear") == []
    unblock_lot(session, "boss", BRAND, A_HERE, "sieved", AT)
    found = rows(session, "select actor, act, detail from audit_entry where act like '%block_lot' order by id")
    assert [(row.actor, row.act, row.detail["reason"]) for row in found] == [
        ("chief", "stock.block_lot", "mould"),
        ("boss", "stock.unblock_lot", "sieved"),
    ]


def test_a_count_that_finds_too_little_is_short_of_what_is_blocked_too(session: Session) -> None:
    placed(session, order({"apple": 9}))
    block(session)
    take(session, {"apple": 7}, "R2", AT + timedelta(minutes=5))
    assert level(session, "apple") == (7, 9, 0, 2)
    assert relocate(session, AT) == 1
    assert (level(session, "apple"), check_books(session)) == ((7, 0, 0, 0), [])
