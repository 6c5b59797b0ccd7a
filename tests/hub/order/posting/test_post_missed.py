from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.audience import set_audience
from hub.database import Database, row, rows
from hub.order.posting.sale import LATE, START, Place, post_missed
from hub.order.ship.progress import record_confirm, record_report
from tests.hub.making import AT, BRAND, confirm, order, placed, rejection, step_states, stock

WAITS = "select count(*) as n from pg_locks where not granted and locktype in ('transactionid', 'tuple')"


def shipped(session: Session, number: str = "T1", pieces: int = 2) -> int:
    """Let an order of two apples be shipped, wholly or in part, while its brand has no ERP."""
    stock(session, {"sh": {"apple": 2}}, f"ASN-{number}")
    order_id = placed(session, order({"apple": 2}, number))
    record_confirm(session, confirm(order_id, 1, {"apple": pieces}, f"c-{number}", final=pieces == 2), AT)
    return order_id


def give_erp(session: Session) -> None:
    set_audience(session, {(BRAND, "erp"): "sap"})


def posted(session: Session) -> list[Place]:
    return [(one.order_id, one.no) for one in rows(session, "select order_id, no from posting order by 1, 2")]


def test_what_ended_before_the_brand_had_its_erp_is_posted_once(session: Session) -> None:
    order_id = shipped(session)
    give_erp(session)
    for _ in range(2):
        post_missed(session, AT)
    assert posted(session) == [(order_id, 1)]
    assert (step_states(session, "post_sale"), step_states(session, "post_goods_issue")) == (["pending"], ["waiting"])


def test_what_was_posted_as_it_ended_is_left_alone(session: Session) -> None:
    give_erp(session)
    order_id = shipped(session)
    post_missed(session, AT)
    assert (posted(session), step_states(session, "post_sale")) == ([(order_id, 1)], ["pending"])


def test_a_brand_without_an_erp_misses_nothing(session: Session) -> None:
    shipped(session)
    set_audience(session, {("other", "erp"): "sap"})
    post_missed(session, AT)
    assert posted(session) == []


def test_what_goes_on_or_shipped_nothing_was_not_missed(session: Session) -> None:
    shipped(session, "T1", pieces=1)
    stock(session, {"sh": {"apple": 2}, "bj": {"apple": 2}}, "ASN-T2")
    record_report(session, rejection(placed(session, order({"apple": 2}, "T2")), 1), AT)
    give_erp(session)
    post_missed(session, AT)
    assert posted(session) == []


@pytest.mark.parametrize(("late", "many"), [(LATE, 1), (LATE + timedelta(seconds=1), 0)])
def test_what_ended_in_a_month_long_past_stays_as_it_is(session: Session, late: timedelta, many: int) -> None:
    shipped(session)
    give_erp(session)
    post_missed(session, AT + late)
    assert len(posted(session)) == many


def test_one_look_after_the_other_comes_to_all_and_begins_again(session: Session) -> None:
    orders = [shipped(session, f"T{no}") for no in range(3)]
    give_erp(session)
    reached, places = START, list[Place]()
    for _ in range(4):
        reached = post_missed(session, AT, reached, looked=1)
        places.append(reached)
    assert places == [*((one, 1) for one in orders), START]
    assert posted(session) == places[:3]


def test_a_look_that_has_posted_enough_goes_on_from_there(session: Session) -> None:
    orders = [shipped(session, f"T{no}") for no in range(3)]
    give_erp(session)
    reached = post_missed(session, AT, most=2)
    assert (reached, len(posted(session))) == ((orders[1], 1), 2)
    assert post_missed(session, AT, reached, most=2) == (orders[2], 1)
    assert len(posted(session)) == 3


def test_the_money_of_a_line_is_whole_when_a_part_of_it_is_posted_late(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    order_id = placed(session, order({"apple": 5}, freight=600))
    record_confirm(session, confirm(order_id, 1, {"apple": 2}), AT)
    give_erp(session)
    record_confirm(session, confirm(order_id, 2, {"apple": 3}), AT)
    post_missed(session, AT)
    found = rows(session, "select freight, lines from posting order by no")
    assert [(one.freight, one.lines[0]["quantity"], one.lines[0]["amount"]) for one in found] == [
        (0, 2, 2000),
        (600, 3, 3000),
    ]


def test_two_sweeps_at_once_post_it_once(database: Database) -> None:
    with database.transaction() as session:
        shipped(session)
        give_erp(session)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as first:
            post_missed(first, AT)
            second = pool.submit(_sweep, database, AT)
            while not (waiting := row(first, WAITS)) or not waiting.n:
                assert not second.done()
        second.result()
    with database.transaction() as session:
        assert (len(posted(session)), step_states(session, "post_sale")) == (1, ["pending"])


def _sweep(database: Database, at: datetime) -> Place:
    with database.transaction() as session:
        return post_missed(session, at)
