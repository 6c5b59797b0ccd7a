from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.ids import first_id_of
from hub.order.since import first_id_since
from hub.partitions import make_partitions
from tests.hub.making import AT, order, placed, stock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ids(session: Session) -> list[int]:
    """Give ten orders that were received a minute after each other, the last at AT."""
    stock(session, {"sh": {"apple": 100}})
    made = [placed(session, order({"apple": 1}, f"S{number}")) for number in range(10)]
    for number, order_id in enumerate(reversed(made)):
        run(session, "update sales_order set created_at = :at where id = :id", at=AT - number * MINUTE, id=order_id)
    return made


@pytest.mark.parametrize("back", range(10))
def test_the_id_parts_what_came_before_from_what_came_since(session: Session, ids: list[int], back: int) -> None:
    low = first_id_since(session, AT - back * MINUTE)
    assert [one for one in ids if one >= low] == ids[9 - back :]


def test_before_all_orders_it_is_the_months_first(session: Session, ids: list[int]) -> None:
    assert first_id_since(session, AT - timedelta(days=2)) <= ids[0]
    assert first_id_since(session, AT - timedelta(days=2)) >= first_id_of(AT.date().replace(day=1))


def test_after_all_orders_nothing_is_left(session: Session, ids: list[int]) -> None:
    assert first_id_since(session, AT + MINUTE) > ids[-1]


@pytest.mark.parametrize("at", [datetime(2026, 12, 1, tzinfo=AT.tzinfo), datetime(2027, 1, 15, tzinfo=AT.tzinfo)])
def test_a_later_month_lies_above_all_of_this_one(session: Session, ids: list[int], at: datetime) -> None:
    make_partitions(session, AT)
    assert first_id_since(session, at) >= first_id_of(at.date().replace(day=1)) > ids[-1]


def test_without_orders_it_is_somewhere_in_the_month(session: Session) -> None:
    assert (
        first_id_of(AT.date().replace(day=1)) <= first_id_since(session, AT) <= first_id_of(AT.date().replace(month=12))
    )
