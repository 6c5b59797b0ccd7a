from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Malformed, NotFound
from hub.order.change.cancel import cancel
from hub.order.holds import view as hold_view
from hub.order.holds.resume import release_holds
from hub.order.holds.view import Wanted, get_hold, hold_groups, list_holds, orders_held, tally_holds
from hub.order.model import OrderType
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import order, placed, stock

OF_H5: Final = Actor("h5", frozenset({Role.SUPERVISOR}), shops=frozenset({"h5"}))
STRANGER: Final = Actor("stranger", frozenset({Role.SUPERVISOR}), brands=frozenset({"other"}))


@pytest.fixture
def held(session: Session) -> list[int]:
    """Place six held orders of two shops: unpaid in turn with presale, the last for both reasons and a remark."""
    stock(session, {"sh": {"apple": 100}})
    made: list[int] = []
    for n in range(6):
        changes = {"paid_at": None} if n % 2 == 0 or n == 5 else {}
        changes |= {"type": OrderType.PRESALE} if n % 2 else {}
        changes |= {"remark": "请改地址"} if n == 5 else {}
        one = order({"apple": 1}, f"H{n}", **changes)
        made.append(placed(session, replace(one, shop="h5") if n < 2 else one))
    return made


def keys(session: Session, wanted: Wanted, limit: int, actor: Actor = SYSTEM) -> list[tuple[str, int]]:
    """Walk through all pages."""
    met, after, more = list[tuple[str, int]](), "", True
    while more:
        page = list_holds(session, actor, wanted, after=after, limit=limit)
        met += [(one.order_id, one.no) for one in page.holds]
        after, more = page.next, bool(page.next)
    return met


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize("asked", [{}, {"type": "finance"}, {"rule": "presale"}, {"shop": "h5"}, {"shop": "none"}])
def test_pages_of_any_length_hold_every_match_once_the_oldest_order_first(
    session: Session, held: list[int], monkeypatch: pytest.MonkeyPatch, limit: int, asked: dict[str, str]
) -> None:
    monkeypatch.setattr(hold_view, "LOOKED", 2)
    found = rows(
        session,
        """select h.order_id, h.no, h.type, h.rule, o.shop from order_hold h join sales_order o on o.id = h.order_id
           where h.released_at is null order by 1, 2""",
    )
    matching = [one for one in found if all(getattr(one, name) == value for name, value in asked.items())]
    assert len(found) == 8
    assert {one.order_id for one in found} == set(held)
    assert keys(session, Wanted.model_validate(asked), limit) == [(str(one.order_id), one.no) for one in matching]


def test_a_page_that_stays_short_says_how_far_it_looked(
    session: Session, held: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_view, "LOOKED", 2)
    page = list_holds(session, SYSTEM, Wanted(rule="remark_asks"), limit=50)
    assert (page.holds, page.looked_at, page.next) == ((), 2, f"{held[1]}-1")


def test_holds_are_counted_by_type_and_rule_as_they_are_listed(session: Session, held: list[int]) -> None:
    groups = hold_groups(session, SYSTEM, Wanted(type="finance"))
    assert {(one.type, one.rule): one.count for one in groups} == {
        ("finance", "unpaid"): 4,
        ("presale", "presale"): 3,
        ("remark", "remark_asks"): 1,
    }
    assert not any(one.at_least for one in groups)
    assert len(held) == 6
    assert sum(one.count for one in hold_groups(session, OF_H5, Wanted())) == len(keys(session, Wanted(), 50, OF_H5))


def test_a_type_with_too_many_holds_is_counted_in_part(
    session: Session, held: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_view, "CAP", 3)
    groups = {one.type: (one.count, one.at_least) for one in hold_groups(session, SYSTEM, Wanted())}
    assert groups == {"finance": (3, True), "presale": (3, True), "remark": (1, False)}
    assert held


def test_what_is_another_brands_or_shops_is_neither_listed_nor_counted_nor_given(
    session: Session, held: list[int]
) -> None:
    assert keys(session, Wanted(), 50, OF_H5) == [(str(one), 1) for one in held[:2]]
    assert hold_groups(session, STRANGER, Wanted()) == []
    assert orders_held(session, STRANGER, Wanted(), 9) == []
    assert tally_holds(session, STRANGER, held).nothing
    with pytest.raises(NotFound):
        get_hold(session, OF_H5, held[5], 1)


def test_a_hold_tells_what_else_holds_its_order_and_who_released_it(
    session: Session, held: list[int], at: datetime
) -> None:
    one = get_hold(session, SYSTEM, held[5], 1)
    assert sorted((one.type, *one.others)) == ["finance", "presale", "remark"]
    release_holds(session, held[5], SYSTEM, "asked the buyer", at)
    one = get_hold(session, SYSTEM, held[5], 1)
    assert (one.others, one.released_by, one.reason) == ((), "system", "asked the buyer")


def test_older_holds_are_found_by_their_age(session: Session, held: list[int], at: datetime) -> None:
    run(session, "update order_hold set created_at = :at where order_id = :id", at=at - timedelta(days=2), id=held[3])
    assert keys(session, Wanted(before=at - timedelta(days=1)), 50) == [(str(held[3]), 1)]
    assert orders_held(session, SYSTEM, Wanted(before=at - timedelta(days=1)), 9) == [held[3]]


def test_a_tally_counts_what_goes_on_and_what_is_lifted_with_it(
    session: Session, held: list[int], at: datetime
) -> None:
    release_holds(session, held[0], SYSTEM, "paid", at)
    cancel(session, held[1], "op", "wish", at)
    found = tally_holds(session, SYSTEM, held)
    assert found.eligible == tuple(held[2:])
    assert (found.wrong_state, found.done) == (0, 2)
    assert found.lifted == Counter(finance=3, presale=2, remark=1)


@pytest.mark.parametrize("after", ["x", "1-", "9" * 17 + "-1", "1-1-1", "²-1"])
def test_what_is_no_place_in_the_list_is_refused(session: Session, after: str) -> None:
    with pytest.raises(Malformed):
        list_holds(session, SYSTEM, Wanted(), after=after, limit=1)
