import pytest
from sqlalchemy.orm import Session

from hub.errors import NotFound
from hub.order.change.cancel import cancel
from hub.order.find import find_order_id, get_order, list_orders
from hub.roles import SYSTEM, Actor, Role
from tests.hub.making import AT, order, placed, stock

OF_PC = Actor("mall-pc", frozenset({Role.VIEWER}), shops=frozenset({"pc"}))
OF_APP = Actor("mall-app", frozenset({Role.VIEWER}), shops=frozenset({"app"}))
OF_ANOTHER = Actor("other", frozenset({Role.VIEWER}), brands=frozenset({"other"}))


@pytest.fixture
def ids(session: Session) -> list[int]:
    stock(session, {"sh": {"apple": 50}})
    return [placed(session, order({"apple": 1}, f"T{n}")) for n in range(5)]


def test_an_order_is_seen_by_its_shop_and_by_nobody_elses(session: Session, ids: list[int]) -> None:
    assert get_order(session, ids[0], OF_PC).id == str(ids[0])
    for actor in (OF_APP, OF_ANOTHER):
        with pytest.raises(NotFound, match="there is no order"):
            get_order(session, ids[0], actor)


def test_a_shops_number_finds_the_order(session: Session, ids: list[int]) -> None:
    assert find_order_id(session, "pc", "T3") == ids[3]
    assert find_order_id(session, "app", "T3") is None


def test_pages_follow_each_other_newest_first_without_gap_or_repeat(session: Session, ids: list[int]) -> None:
    seen: list[int] = []
    cursor, before = "start", None
    while cursor:
        page = list_orders(session, OF_PC, before=before, limit=2)
        seen += [int(one.id) for one in page.orders]
        cursor, before = page.next, int(page.next or 0)
    assert seen == ids[::-1]


def test_a_list_holds_only_what_the_actor_may_see(session: Session, ids: list[int]) -> None:
    assert len(list_orders(session, SYSTEM, before=None, limit=50).orders) == len(ids)
    assert list_orders(session, OF_APP, before=None, limit=50).orders == ()
    assert list_orders(session, OF_ANOTHER, before=None, limit=50).orders == ()


def test_a_list_is_narrowed_by_lifecycle(session: Session, ids: list[int]) -> None:
    cancel(session, ids[2], "operator-1", "", AT)
    found = list_orders(session, SYSTEM, before=None, limit=50, lifecycle="cancelled")
    assert [one.id for one in found.orders] == [str(ids[2])]
    assert list_orders(session, SYSTEM, before=None, limit=50, lifecycle="ghost").orders == ()


def test_numbers_beyond_all_sense_find_nothing(session: Session) -> None:
    with pytest.raises(NotFound):
        get_order(session, 10**30, SYSTEM)
    assert list_orders(session, SYSTEM, before=10**16 - 1, limit=1).orders == ()
