"""Orders that nobody had the goods of go on by themselves, the oldest first, and are not looked at for nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.database import Database, rows, run
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.holds import restocked
from hub.order.holds.expiry import expire_holds
from hub.order.holds.restocked import AGAIN, QUIET, START, source_restocked
from hub.order.holds.resume import go_on
from hub.order.lock import Locked, lock_order
from hub.order.rules.policy import Policy
from hub.roles import SYSTEM
from tests.hub.inventory.counting import level
from tests.hub.making import add_location, add_sku, counters, open_causes, order, placed, see, stock
from tests.hub.waiting import until_it_waits


def allocated(session: Session, *ids: int) -> list[int]:
    return [sum(one.allocated for one in see(session, order_id).lines) for order_id in ids]


def holds(session: Session) -> list[tuple[Any, ...]]:
    found = rows(session, "select evidence -> 'missing' as missing, reason from order_hold order by order_id, no")
    return [tuple(one) for one in found]


def written(session: Session) -> list[int]:
    """Count what is written of orders: decisions, entries of the audit, holds, and how often cases were opened."""
    tables = ("routing_decision", "audit_entry", "order_hold")
    counts = [rows(session, f"select count(*) as n from {table}")[0].n for table in tables]
    return [*counts, *[one.times for one in rows(session, "select times from case_file order by id")]]


@pytest.fixture
def ids(session: Session) -> list[int]:
    """Place three orders of three apples, of which there are none."""
    add_sku(session, "apple")
    return [placed(session, order({"apple": 3}, f"T{n}")) for n in (1, 2, 3)]


def test_goods_that_come_go_to_the_oldest_orders(session: Session, ids: list[int], at: datetime) -> None:
    stock(session, {"sh": {"apple": 7}}, "ASN-2")
    assert source_restocked(session, at) == START
    assert (allocated(session, *ids), counters(session, "sh", "apple")) == ([3, 3, 1], (7, 7))
    assert holds(session) == [({"apple": 3}, "sourced"), ({"apple": 3}, "sourced"), ({"apple": 2}, "")]
    assert (open_causes(session), drift(session)) == (["stock"], [])


def test_goods_that_get_a_day_are_waited_for_and_come_on_it(session: Session, ids: list[int], at: datetime) -> None:
    day = (at + timedelta(days=9)).date()
    describe(session, SYSTEM, "apple", at, available_from=day)
    source_restocked(session, at)
    assert [(told, reason) for told, reason in holds(session) if told] == [({"apple": 3}, "sourced")] * 3
    waits = rows(session, "select evidence from order_hold where rule = 'arrival' and released_at is null")
    assert [one.evidence for one in waits] == [{"planned": day.isoformat(), "lines": [1]}] * 3
    assert open_causes(session) == []
    before = written(session)
    source_restocked(session, at + AGAIN)
    assert written(session) == before
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    expire_holds(session, at + timedelta(days=9))
    assert allocated(session, *ids) == [3, 3, 3]


def test_goods_that_a_cancelled_order_gives_back_go_to_who_waits(
    session: Session, ids: list[int], at: datetime
) -> None:
    stock(session, {"sh": {"apple": 3}}, "ASN-2")
    source_restocked(session, at)
    cancel(session, ids[0], "buyer", "changed mind", at)
    source_restocked(session, at)
    assert allocated(session, *ids) == [0, 3, 0]


def test_what_finds_nothing_is_written_nowhere_and_left_alone(session: Session, ids: list[int], at: datetime) -> None:
    add_location(session, "bj", storages=["frozen"])
    stock(session, {"bj": {"apple": 5}}, "ASN-2")
    before = written(session)
    source_restocked(session, at)
    assert (allocated(session, *ids), written(session)) == ([0, 0, 0], before)
    assert looks(session, at + timedelta(seconds=5)) == [at] * 3
    stock(session, {"bj": {"apple": 1}}, "ASN-3")
    assert looks(session, at + timedelta(seconds=10)) == [at] * 3
    assert looks(session, soon := at + QUIET) == [soon] * 3
    assert looks(session, soon + QUIET) == [soon] * 3
    assert looks(session, late := soon + AGAIN) == [late] * 3
    assert written(session) == before


def looks(session: Session, at: datetime) -> list[datetime | None]:
    source_restocked(session, at)
    return [one.looked_at for one in rows(session, "select looked_at from order_hold order by order_id")]


def test_orders_whose_goods_are_not_free_are_not_looked_at(session: Session, ids: list[int], at: datetime) -> None:
    assert (looks(session, at), allocated(session, *ids)) == ([None] * 3, [0, 0, 0])


def test_an_order_that_something_else_holds_waits_for_that(session: Session, ids: list[int], at: datetime) -> None:
    run(
        session,
        """insert into order_hold (order_id, no, type, blocks, rule, rule_version, evidence, created_at, resolver,
                                   released_by, reason)
           values (:id, 9, 'fraud', '{route}', 'asked', 'v1', '{}', :at, '', '', '')""",
        id=ids[0],
        at=at,
    )
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    source_restocked(session, at)
    assert allocated(session, *ids) == [0, 3, 3]


def test_orders_in_vain_do_not_keep_others_from_their_turn(session: Session, ids: list[int], at: datetime) -> None:
    add_location(session, "bj", storages=["frozen"])
    stock(session, {"bj": {"apple": 5}}, "ASN-2")
    add_sku(session, "plum")
    late = placed(session, order({"plum": 1}, "T4"))
    stock(session, {"sh": {"plum": 1}}, "ASN-3")
    for _ in range(2):
        source_restocked(session, at, most=3)
    assert allocated(session, *ids, late) == [0, 0, 0, 1]


@pytest.mark.usefixtures("ids")
def test_who_was_not_looked_at_longest_goes_first(session: Session, at: datetime) -> None:
    add_location(session, "bj", storages=["frozen"])
    stock(session, {"bj": {"apple": 5}}, "ASN-2")
    times = [at + n * AGAIN for n in range(5)]
    for time in times:
        source_restocked(session, time, most=1)
    found = rows(session, "select looked_at from order_hold order by order_id")
    assert [one.looked_at for one in found] == [times[3], times[4], times[2]]


@pytest.mark.parametrize("evidence", ['{"missing": {"apple": 1}}', "{}"])
def test_an_order_with_two_such_holds_is_looked_at_once(
    session: Session, ids: list[int], at: datetime, evidence: str
) -> None:
    run(
        session,
        """insert into order_hold (order_id, no, type, blocks, rule, rule_version, evidence, created_at, resolver,
                                   released_by, reason)
           values (:id, 9, 'stock', '{route}', 'no_source', 'v1', cast(:evidence as jsonb), :at, '', '', '')""",
        id=ids[0],
        at=at,
        evidence=evidence,
    )
    add_location(session, "bj", storages=["frozen"])
    stock(session, {"bj": {"apple": 5}}, "ASN-2")
    assert looks(session, at) == [at] * 4


def test_an_order_that_fails_keeps_no_other_waiting(
    session: Session, ids: list[int], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_first(session: Session, order: Locked, policy: Policy, at: datetime, lines: None) -> None:
        go_on(session, order, policy, at, lines)
        if order.id == ids[0]:
            raise ValueError("something nobody thought of")

    monkeypatch.setattr(restocked, "go_on", fail_first)
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    assert looks(session, at) == [at, None, None]
    assert (allocated(session, *ids), drift(session)) == ([0, 3, 3], [])


def test_more_than_one_look_sees_are_gone_round(
    session: Session, ids: list[int], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restocked, "LOOKED", 2)
    stock(session, {"sh": {"apple": 9}}, "ASN-2")
    place = source_restocked(session, at, most=1)
    assert (place, allocated(session, *ids)) == (START, [3, 0, 0])
    place = source_restocked(session, at, place)
    assert (place, allocated(session, *ids)) == (ids[2], [3, 3, 3])
    assert source_restocked(session, at, place) == START


def test_a_trickle_for_the_first_keeps_nobody_behind_them_waiting(
    session: Session, ids: list[int], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restocked, "LOOKED", 3)
    stock(session, {"sh": {"apple": 3}}, "ASN-2")
    assert source_restocked(session, at, most=2) == ids[2]
    assert allocated(session, *ids) == [3, 0, 0]


def test_an_order_that_somebody_works_on_is_left_for_the_next_time(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        add_sku(session, "apple")
        ids = [placed(session, order({"apple": 3}, f"T{n}")) for n in (1, 2)]
        stock(session, {"sh": {"apple": 9}}, "ASN-2")
    with database.transaction() as busy, database.transaction() as session:
        lock_order(busy, ids[0])
        source_restocked(session, at)
        assert allocated(session, *ids) == [0, 3]
    with database.transaction() as session:
        source_restocked(session, at)
        assert allocated(session, *ids) == [3, 3]


def test_who_takes_the_goods_first_has_them_and_nobody_else(database: Database, at: datetime) -> None:
    with database.transaction() as session:
        add_sku(session, "apple")
        waits = placed(session, order({"apple": 3}, "T1"))
        stock(session, {"sh": {"apple": 3}}, "ASN-2")

    def go_on() -> None:
        with database.transaction() as session:
            source_restocked(session, at)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            new = placed(session, order({"apple": 2}, "T2"))
            other = pool.submit(go_on)
            until_it_waits(database, other)
        other.result()
    with database.transaction() as session:
        assert (allocated(session, waits, new), level(session, "apple")) == ([1, 2], (3, 3, 0, 0))
        assert (holds(session), drift(session)) == ([({"apple": 2}, "")], [])
