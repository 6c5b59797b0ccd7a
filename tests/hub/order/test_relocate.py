from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows, run
from hub.fulfilment.release import mark_submitted
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.relocate import relocate
from tests.hub.inventory.counting import after, level, take
from tests.hub.making import counters, open_causes, order, placed, see, sources, step_states, stock


@pytest.fixture
def ids(session: Session) -> list[int]:
    """Place three orders of three apples each, which Shanghai takes although Beijing could serve one."""
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 3}})
    return [placed(session, order({"apple": 3}, f"T{n}")) for n in (1, 2, 3)]


def test_the_newest_orders_find_another_source(session: Session, ids: list[int], at: datetime) -> None:
    take(session, {"apple": 6})
    assert relocate(session, at) == 1
    assert [sources(session, one)[-1] for one in ids] == [("sh", "open"), ("sh", "open"), ("bj", "open")]
    assert (level(session, "apple"), counters(session, "bj", "apple")) == ((6, 6, 0, 0), (3, 3))
    assert (open_causes(session), drift(session)) == ([], [])


def test_what_has_no_other_source_waits_for_a_person(session: Session, ids: list[int], at: datetime) -> None:
    take(session, {"apple": 1})
    assert relocate(session, at) == 3
    assert level(session, "apple") == (1, 0, 0, 0)
    assert open_causes(session) == ["stock", "stock"]
    assert [one.state for one in rows(session, "select state from step where flow = 'release_fulfilment' order by id")][
        :3
    ] == ["cancelled"] * 3
    assert (len(ids), drift(session)) == (3, [])


def test_what_the_location_has_been_sent_stays(session: Session, ids: list[int], at: datetime) -> None:
    run(session, "update step set state = 'done', attempts = 1, settled_at = :at", at=at)
    for one in ids:
        mark_submitted(session, one, 1, "W1", at)
    take(session, {"apple": 6})
    assert relocate(session, at) == 0
    assert (level(session, "apple"), open_causes(session)) == ((6, 9, 0, 3), ["stock_short"])


def test_those_that_can_be_moved_have_their_turn_however_many_cannot(
    session: Session, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.order.relocate.AT_ONCE", 1)
    stock(session, {"sh": {"pear": 2, "plum": 3, "fig": 3}, "bj": {"pear": 2}})
    moves = placed(session, order({"pear": 2}, "T0"))
    run(session, "update location set active = false where code = 'bj'")
    for sku in ("plum", "fig"):
        mark_submitted(session, placed(session, order({sku: 3}, sku)), 1, "W1", at)
    run(session, "update location set active = true")
    for minutes, sku in enumerate(("pear", "plum", "fig"), 1):  # the newest first, and nobody can be moved from these
        take(session, {sku: 0}, sku, after(minutes))
    assert sum(relocate(session, at + timedelta(seconds=5 * turn)) for turn in range(2)) == 1
    assert sources(session, moves) == [("sh", "cancelled"), ("bj", "open")]


def test_a_call_that_may_have_been_heard_is_not_taken_back(session: Session, ids: list[int], at: datetime) -> None:
    run(session, "update step set doubt = true, state = 'pending'")
    take(session, {"apple": 6})
    assert (relocate(session, at), len(ids), level(session, "apple")[3]) == (0, 3, 3)


def test_a_cancelled_order_makes_room_and_closes_the_case(session: Session, ids: list[int], at: datetime) -> None:
    take(session, {"apple": 6})
    cancel(session, ids[0], "operator-1", "changed mind", at)
    assert open_causes(session) == ["stock_short"]
    assert (relocate(session, at), open_causes(session)) == (0, [])
    assert see(session, ids[2]).fulfilments[0].location == "sh"


def test_what_is_not_short_stays_where_it_was(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 3, "pear": 3}, "bj": {"apple": 3, "pear": 3}})
    order_id = placed(session, order({"apple": 2, "pear": 2}))
    take(session, {"apple": 0})
    assert relocate(session, at) == 1
    assert sources(session, order_id) == [("sh", "cancelled"), ("sh", "open"), ("bj", "open")]
    assert (counters(session, "sh", "pear"), counters(session, "bj", "pear"), drift(session)) == ((3, 2), (3, 0), [])


def test_again_nothing_is_left_to_do(session: Session, ids: list[int], at: datetime) -> None:
    take(session, {"apple": 6})
    assert [relocate(session, at) for _ in range(2)] == [1, 0]
    assert len(sources(session, ids[2])) == 2


def test_an_order_that_somebody_works_on_is_left_for_the_next_time(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 3}, "bj": {"apple": 3}})
        order_id = placed(session, order({"apple": 3}))
        take(session, {"apple": 0})
    with database.transaction() as busy, database.transaction() as session:
        rows(busy, "select 1 from sales_order where id = :id for update", id=order_id)
        assert relocate(session, at) == 0
    with database.transaction() as session:
        assert relocate(session, at) == 1
        assert (step_states(session, "notify_shipment"), drift(session)) == ([], [])
