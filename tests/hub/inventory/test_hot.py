from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.errors import Conflict, HubError, Malformed, NotFound
from hub.inventory.hot import HotWish, book
from hub.inventory.hot_sale import Sale, cool, find_sale, heat, list_sales
from hub.inventory.ledger import drift
from hub.inventory.level import free_pieces
from hub.inventory.soft import Held, Wish, expire_due, hold, release_held, take_held
from tests.hub.inventory.test_soft import TTL
from tests.hub.making import AT, BRAND, stock


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 3}})
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", hold_s=60), AT)


def wish(buyer: str, quantity: int = 1, ref: str = "") -> HotWish:
    return HotWish(BRAND, "pc", ref or f"c-{buyer}", buyer, "apple", quantity)


def limit(session: Session, per_buyer: int) -> None:
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", per_buyer=per_buyer), AT)


def ask(session: Session, *wishes: HotWish) -> list[str]:
    """Book a group, and give what each got: its pieces, or the code of its refusal."""
    answers = book(session, "apple", wishes, AT).answers
    return [one.code if isinstance(one, HubError) else str(sum(c.quantity for c in one.claims)) for one in answers]


def test_a_group_is_sold_in_its_order_down_to_exactly_what_is_there(session: Session) -> None:
    answers = ask(session, *(wish(f"b{n}") for n in range(10)))
    assert answers == ["1"] * 8 + ["no_stock"] * 2
    assert set(free_pieces(session, {"apple": 0}, AT).values()) == {0}
    assert drift(session) == []


def test_a_group_is_one_movement_per_counter_and_each_buyer_has_a_reservation(session: Session) -> None:
    ask(session, *(wish(f"b{n}") for n in range(7)))
    moved = rows(session, "select soft from stock_movement where reason = 'hold' order by soft")
    assert [one.soft for one in moved] == [2, 5]
    assert len(rows(session, "select 1 from reservation join reservation_line on reservation_id = id")) == 7


def test_a_wish_that_is_too_large_leaves_the_rest_to_the_next(session: Session) -> None:
    limit(session, 0)
    assert ask(session, wish("a", 6), wish("b", 3), wish("c", 2)) == ["6", "no_stock", "2"]


def test_a_buyer_gets_no_more_than_the_sale_gives_one_buyer(session: Session) -> None:
    limit(session, 2)
    assert ask(session, wish("a", 2), wish("a", 1, "again"), wish("b", 3)) == ["2", "buyer_limit", "buyer_limit"]
    assert ask(session, wish("a", 1, "later"), wish("b", 1)) == ["buyer_limit", "1"]


def test_a_limit_counts_from_when_it_is_set_whichever_way_pieces_were_bought_before(session: Session) -> None:
    limit(session, 0)
    assert ask(session, wish("a", 2)) == ["2"]
    hold(session, BRAND, "pc", "plain", [Wish("apple", 2)], TTL, AT, buyer="a")
    assert [(one.buyers, one.pieces) for one in list_sales(session, None, AT)] == [(0, 0)]
    limit(session, 2)
    assert ask(session, wish("a", 2, "later"), wish("a", 1, "again")) == ["2", "buyer_limit"]


def test_a_limit_needs_a_buyer_and_a_sale_without_one_does_not(session: Session) -> None:
    assert ask(session, wish("", 1, "nobody"), wish("a")) == ["buyer_missing", "1"]
    limit(session, 0)
    assert ask(session, wish("", 1, "nobody")) == ["1"]


def test_the_same_ref_again_is_the_first_answer_and_for_other_pieces_refused(session: Session) -> None:
    assert ask(session, wish("a"), wish("a"), wish("b", 1, "c-a")) == ["1", "1", "reservation_conflict"]
    assert ask(session, wish("a"), wish("a", 2)) == ["1", "reservation_conflict"]
    assert sum(free_pieces(session, {"apple": 0}, AT).values()) == 7


def test_what_a_buyer_lets_go_another_or_the_same_may_have(session: Session) -> None:
    ask(session, *(wish(f"b{n}") for n in range(8)))
    release_held(session, "pc", "c-b0", AT)
    assert ask(session, wish("b1", 1, "more"), wish("b0", 1, "anew"), wish("late")) == ["buyer_limit", "1", "no_stock"]
    assert ask(session, wish("b0")) == ["reservation_over"]


def test_what_runs_out_is_for_sale_again(session: Session) -> None:
    ask(session, *(wish(f"b{n}") for n in range(8)))
    expire_due(session, AT + timedelta(seconds=61))
    assert ask(session, wish("b0", 1, "anew")) == ["1"]
    assert drift(session) == []


def test_an_order_takes_it_and_the_buyer_has_had_it(session: Session) -> None:
    ask(session, wish("a"))
    taken = take_held(session, {2611000000000042: ("pc", "c-a")}, AT)
    assert [one.soft for one in taken] == [-1]
    assert ask(session, wish("a", 1, "again")) == ["buyer_limit"]


def test_a_plain_cart_and_the_sale_share_what_is_there(session: Session) -> None:
    limit(session, 0)
    hold(session, BRAND, "pc", "cart", [Wish("apple", 7)], TTL, AT)
    assert ask(session, wish("a"), wish("b"), wish("c", 7, "cart")) == ["1", "no_stock", "7"]


def test_another_sale_begins_anew(session: Session) -> None:
    ask(session, wish("a"))
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="12.12"), AT)
    assert ask(session, wish("a", 1, "again")) == ["1"]


def test_a_sale_ends_by_its_time_or_by_a_person_and_is_audited(session: Session) -> None:
    heat(session, "op", Sale(brand=BRAND, sku="apple", sale="11.11", ends_at=AT), AT - timedelta(days=1))
    assert find_sale(session, "apple", AT) is None
    with pytest.raises(Conflict, match="no flash sale"):
        ask(session, wish("a"))
    cool(session, "op", BRAND, "apple", AT)
    with pytest.raises(Conflict, match="no flash sale"):
        cool(session, "op", BRAND, "apple", AT)
    acts = [one.act for one in rows(session, "select act from audit_entry order by id")]
    assert acts == ["stock.hot", "stock.hot", "stock.cool"]


def test_wishes_that_cannot_be_meant_are_refused_alone(session: Session) -> None:
    foreign = HotWish("else", "pc", "x", "x", "apple")
    assert ask(session, wish("a", 2**63), wish("b", 0), foreign, wish("c")) == ["pieces", "pieces", "unknown_sku", "1"]


def test_no_buyer_is_kept_in_the_clear(session: Session) -> None:
    ask(session, wish("10000000042"))
    kept = row(session, "select buyer_index::text as shown from hot_buyer")
    assert kept is not None
    assert "10000000042" not in kept.shown


def test_a_sale_of_what_cannot_be_sold_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        heat(session, "op", Sale(brand=BRAND, sku="ghost", sale="s"), AT)
    with pytest.raises(Malformed):
        heat(session, "op", Sale(brand=BRAND, sku="apple", sale="s", queue_limit=0), AT)
    for what in ("storage = 'none'", "bundle = true"):
        run(session, f"update sku set {what} where code = 'apple'")
        with pytest.raises(Malformed, match="virtual" if "none" in what else "bundle"):
            heat(session, "op", Sale(brand=BRAND, sku="apple", sale="s"), AT)


def test_pieces_come_from_one_place_where_they_can(session: Session) -> None:
    limit(session, 0)
    answers = book(session, "apple", [wish("a", 4), wish("b", 3), wish("c", 1)], AT).answers
    places = [[c.key.location for c in one.claims] for one in answers if isinstance(one, Held)]
    assert places == [["sh"], ["bj"], ["sh"]]


def test_what_is_there_is_sold_before_what_may_be_back_ordered(session: Session) -> None:
    run(session, "update stock_level set on_hand = 0, backorder_limit = 50 where location = 'bj'")
    answers = book(session, "apple", [wish(f"b{n}") for n in range(6)], AT).answers
    places = [claim.key.location for one in answers if isinstance(one, Held) for claim in one.claims]
    assert places == ["sh"] * 5 + ["bj"]


def test_a_group_leaves_a_place_whose_pieces_are_sold_before_it_back_orders_there(session: Session) -> None:
    limit(session, 0)
    run(session, "update stock_level set backorder_limit = 50")
    answers = book(session, "apple", [wish("a", 4), wish("b", 2), wish("c", 2), wish("d", 2)], AT).answers
    held = [{c.key.location: c.quantity for c in one.claims} for one in answers if isinstance(one, Held)]
    assert held == [{"sh": 4}, {"bj": 2}, {"sh": 1, "bj": 1}, {"sh": 2}]


def test_each_of_a_group_gets_pieces_of_the_places_that_may_be_asked_for_it(session: Session) -> None:
    limit(session, 0)
    here, there = frozenset({"bj"}), frozenset({"sh", "gone"})
    group = [
        replace(wish("a", 4), locations=here),
        replace(wish("b", 2), locations=here),
        wish("c", 4),
        replace(wish("d", 2), locations=there),
        replace(wish("e", 1), locations=here),
        wish("f", 1),
    ]
    assert ask(session, *group) == ["no_stock", "2", "4", "no_stock", "1", "1"]
    assert drift(session) == []
    found = rows(session, "select location, sum(quantity)::int as n from reservation_line group by 1 order by 1")
    assert [(one.location, one.n) for one in found] == [("bj", 3), ("sh", 5)]
    assert ask(session, replace(wish("b", 2), locations=there)) == ["2"]
