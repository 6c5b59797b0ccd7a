from collections.abc import Sequence

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import NotFound
from hub.inventory import view
from hub.inventory.around import movements_of
from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim, reserve
from hub.inventory.view import Wanted, as_of, brands_seen, get_level, list_levels
from hub.roles import SYSTEM, Actor, Role
from tests.console.world import settings
from tests.hub.inventory.test_free import expire
from tests.hub.making import AT, OWNER, stock

APPLE = StockKey("sh", "apple", OWNER)


@pytest.fixture(autouse=True)
def shelves(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 0, "plum": 3}, "bj": {"apple": 1}})
    run(session, "update stock_level set safety = 4 where sku = 'plum'")


def listed(session: Session, seen: Sequence[str] | None = None, **wanted: str) -> list[tuple[str, str]]:
    return [(one.sku, one.location) for one in list_levels(session, seen, Wanted(**wanted), AT).levels]


def test_counters_come_a_page_at_a_time_in_the_order_of_sku_and_place(session: Session) -> None:
    found, cursor = list[tuple[str, str]](), ""
    while True:
        page = list_levels(session, None, Wanted(), AT, after=cursor, limit=3)
        found += [(one.sku, one.location) for one in page.levels]
        cursor = page.next
        if not cursor:
            break
    assert found == [("apple", "bj"), ("apple", "sh"), ("pear", "sh"), ("plum", "sh")]


def test_a_cursor_that_nobody_gave_begins_at_the_first_counter(session: Session) -> None:
    assert len(list_levels(session, None, Wanted(), AT, after="apple").levels) == 4


def test_counters_are_found_by_a_part_of_code_or_title(session: Session) -> None:
    run(session, "update sku set title = '雪花梨' where code = 'pear'")
    assert listed(session, find="PPL") == [("apple", "bj"), ("apple", "sh")]
    assert listed(session, find="雪花") == [("pear", "sh")]
    assert listed(session, find="apple", location="bj") == [("apple", "bj")]


def test_a_list_is_narrowed_to_what_needs_somebody(session: Session) -> None:
    assert listed(session, show="out") == [("pear", "sh")]
    assert listed(session, show="below") == [("plum", "sh")]
    assert listed(session, show="short") == listed(session, show="held") == []
    assert len(listed(session, show="of tomorrow")) == 4


def test_a_rare_state_is_looked_for_in_so_many_counters_and_further_on_request(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "LOOKED", 2)
    first = list_levels(session, None, Wanted(show="below"), AT)
    assert (first.levels, first.looked_at) == ((), 2)
    second = list_levels(session, None, Wanted(show="below"), AT, after=first.next)
    assert [one.sku for one in second.levels] == ["plum"]


def test_a_code_that_many_skus_have_a_part_of_says_that_not_all_are_listed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "FOUND_SKUS", 2)
    pages = [list_levels(session, None, Wanted(find=find), AT) for find in ("", "p", "plu")]
    assert [(len({one.sku for one in page.levels}), page.of_skus) for page in pages] == [(3, None), (2, 2), (1, None)]


def test_the_stock_of_another_brand_is_not_there(session: Session) -> None:
    assert listed(session, ["other"]) == listed(session, []) == []
    with pytest.raises(NotFound, match="no stock of apple"):
        get_level(session, ["other"], APPLE)


def test_a_shop_sees_the_stock_of_its_brand() -> None:
    roles = frozenset({Role.OPERATOR})
    configured = settings().connections
    assert brands_seen(SYSTEM, configured) is None
    assert brands_seen(Actor("a", roles, shops=frozenset({"pc"})), configured) == ["demo"]
    assert brands_seen(Actor("a", roles, shops=frozenset({"nowhere"})), configured) == []
    assert brands_seen(Actor("a", roles, brands=frozenset({"other"})), configured) == ["other"]


def test_a_counter_says_how_it_stands(session: Session) -> None:
    reserve(session, [Claim("L1", APPLE, 4)], AT)
    keys = [APPLE._replace(sku=sku) for sku in ("apple", "plum", "pear")]
    one, plum, pear = as_of(session, [get_level(session, None, key) for key in keys], AT)
    assert (one.free, one.promised, one.state) == (1, 1, "good")
    assert (plum.free, plum.promised, plum.state) == (3, 0, "below")
    assert pear.state == "out"


def test_goods_of_which_every_lot_has_expired_are_out(session: Session) -> None:
    expire(session, "sh", 5)
    (one,) = as_of(session, [get_level(session, None, APPLE)], AT)
    assert (one.on_hand, one.expired, one.free, one.promised, one.state) == (5, 5, 0, 0, "out")
    assert listed(session, show="out") == [("apple", "sh"), ("pear", "sh")]


def test_damaged_goods_stand_by_what_is_there_of_them(session: Session) -> None:
    run(session, "update stock_level set condition = 'damaged' where sku = 'plum'")
    (one,) = as_of(session, [get_level(session, None, StockKey("sh", "plum", OWNER, "damaged"))], AT)
    assert (one.free, one.promised, one.state) == (3, 0, "damaged")
    assert listed(session, show="below") == []


def test_what_is_not_sold_of_a_closed_location_or_another_owner_says_so(session: Session) -> None:
    run(session, "update location set active = false where code = 'sh'")
    run(session, "update location set owner = 'somebody' where code = 'bj'")
    keys = [APPLE, APPLE._replace(sku="pear"), APPLE._replace(location="bj")]
    closed, empty, foreign = as_of(session, [get_level(session, None, key) for key in keys], AT)
    assert (closed.free, closed.promised, closed.state) == (5, 0, "closed")
    assert (empty.promised, empty.state) == (0, "out")
    assert (foreign.free, foreign.promised, foreign.state) == (1, 0, "foreign")
    assert listed(session, show="below") == []


def test_movements_come_newest_first(session: Session) -> None:
    reserve(session, [Claim("L1", APPLE, 4)], AT)
    told = [(one.reason, one.ref, one.on_hand, one.allocated) for one in movements_of(session, APPLE)]
    assert told == [("allocate", "L1", 0, 4), ("receive", "ASN-1", 5, 0)]
