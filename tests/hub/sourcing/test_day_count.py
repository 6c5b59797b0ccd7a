from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.errors import Rejected
from hub.order.change.cancel import cancel
from hub.order.place.batch import place
from hub.order.rules.policy import POLICY
from hub.order.trace.explain import routing_of
from hub.roles import SYSTEM
from hub.sourcing.day_count import DayFull, count_days, take_days
from hub.sourcing.policies import draft_policy, publish_policy
from tests.hub.making import AT, ZONE, order, place_all, stock

LIMITED = 'version = "days"\nbrand = "demo"\n[locations.sh]\nmost_a_day = 2\n'
TODAY = date(2026, 11, 11)


def in_force(session: Session, content: str = LIMITED) -> None:
    stock(session, {"sh": {"apple": 90}, "bj": {"apple": 90}})
    draft_policy(session, SYSTEM, content, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "days", "tried", AT, revision=1, untried="a test")


def buy(session: Session, count: int, at: datetime = AT, ref: str = "T") -> None:
    place(session, [order({"apple": 1}, f"{ref}{no}") for no in range(count)], at, ZONE)


def shipped_from(session: Session) -> list[str]:
    return [one.location for one in rows(session, "select location from fulfilment_order order by order_id")]


def counted(session: Session) -> dict[date, int]:
    return {one.day: one.documents for one in rows(session, "select day, documents from location_day order by day")}


def test_a_full_day_sends_what_comes_after_it_elsewhere(session: Session) -> None:
    in_force(session)
    buy(session, 3)
    assert (shipped_from(session), counted(session)) == (["sh", "sh", "bj"], {TODAY: 2})
    lost = routing_of(session, "T2", SYSTEM).decisions[0].candidates[-1]
    assert (lost.code, lost.verdict) == ("sh", "day_full")


def test_the_next_day_has_places_again_and_after_the_cut_off_it_has_begun(session: Session) -> None:
    in_force(session, f"{LIMITED}cut_off = 15:00:00\n")
    buy(session, 3)
    buy(session, 3, AT + timedelta(hours=5), "L")  # three in the afternoon
    assert shipped_from(session) == ["sh", "sh", "bj"] * 2
    assert counted(session) == {TODAY: 2, TODAY + timedelta(days=1): 2}


def test_what_is_ordered_behind_midnight_counts_to_the_day_on_which_the_place_opened(session: Session) -> None:
    in_force(session, f"{LIMITED}at_once = true\nopens = 18:00:00\ncut_off = 02:00:00\n")
    buy(session, 1, AT + timedelta(hours=13), "E")  # eleven in the evening
    buy(session, 2, AT + timedelta(hours=15), "N")  # one in the morning
    assert (shipped_from(session), counted(session)) == (["sh", "sh", "bj"], {TODAY: 2})
    buy(session, 1, AT + timedelta(hours=17), "M")
    assert (shipped_from(session)[-1], counted(session)) == ("bj", {TODAY: 2})


def test_a_document_that_has_ended_still_counts(session: Session) -> None:
    in_force(session)
    buy(session, 2)
    for one in rows(session, "select id from sales_order"):
        cancel(session, one.id, "root", "no more", AT)
    buy(session, 1, ref="N")
    assert shipped_from(session)[-1] == "bj"


def test_a_location_that_is_gone_has_no_days(session: Session) -> None:
    assert count_days(session, {("gone", TODAY)}, lock=True) == {}


def test_without_a_limit_nothing_is_counted(session: Session) -> None:
    in_force(session, LIMITED.replace("most_a_day", "most_open"))
    buy(session, 1)
    assert counted(session) == {}


def test_a_batch_decided_together_keeps_to_the_day(session: Session) -> None:
    in_force(session, f"{LIMITED}[together]\norders = 2\nmost_ms = 400\n")
    stock(session, {"sh": {"pear": 1}, "bj": {"pear": 9}}, "ASN-2")
    place_all(session, *[order({"pear": 1, "apple": 1}, f"T{no}") for no in range(4)])
    assert shipped_from(session).count("sh") <= 2
    assert counted(session)[TODAY] == shipped_from(session).count("sh")


def test_batches_planned_at_once_do_not_both_take_the_last_place(database: Database) -> None:
    with database.transaction() as session:
        in_force(session)

    def one(no: int) -> None:
        with database.transaction() as session:
            [told] = place(session, [order({"apple": 1}, f"R{no}")], AT, ZONE)
            assert not isinstance(told, Rejected)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(24)))
    with database.transaction() as session:
        sent = shipped_from(session)
        assert (sent.count("sh"), sent.count("bj"), counted(session)) == (2, 22, {TODAY: 2})


def test_who_counted_before_the_last_place_was_taken_is_told(database: Database) -> None:
    key = ("sh", TODAY)
    with database.transaction() as session:
        in_force(session)
    with database.transaction() as early:
        assert count_days(early, {key}, lock=False) == {}
        with database.transaction() as late:
            take_days(late, {key: 2}, {key: 2})
        with pytest.raises(DayFull):
            take_days(early, {key: 1}, {key: 2})
        assert count_days(early, {key}, lock=True) == {key: 2}


def test_more_than_a_day_may_have_is_refused_at_once(session: Session) -> None:
    in_force(session)
    with pytest.raises(DayFull):
        take_days(session, {("sh", TODAY): 3}, {("sh", TODAY): 2})
