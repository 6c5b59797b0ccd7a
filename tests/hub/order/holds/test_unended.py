"""Unpaid orders that no time ends: a person is called to them, once, and only then."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.order.change.pay import pay, pay_deposit
from hub.order.holds.resume import release_holds
from hub.order.holds.unended import call_unended, unpaid_limit
from hub.roles import SYSTEM
from hub.settings import Connection, Orders, Settings
from tests.hub.making import AT, RECEIVER, open_causes, order, placed, stock

LATER = AT + timedelta(days=2)


@pytest.fixture
def unpaid(session: Session) -> int:
    stock(session, {"sh": {"apple": 5}})
    return placed(session, order({"apple": 1}, paid_at=None))


def wait_since(session: Session, order_id: int, since: datetime) -> None:
    run(session, "update sales_order set created_at = :since where id = :id", since=since, id=order_id)


def test_an_unpaid_order_that_nothing_closes_calls_a_person_after_a_day(session: Session, unpaid: int) -> None:
    wait_since(session, unpaid, AT)
    assert (call_unended(session, [], AT + timedelta(hours=23)), open_causes(session)) == (0, [])
    assert (call_unended(session, [], LATER), open_causes(session)) == (1, ["review"])


def test_it_is_called_for_once(session: Session, unpaid: int) -> None:
    wait_since(session, unpaid, AT)
    call_unended(session, [], LATER)
    assert call_unended(session, [], LATER + timedelta(days=1)) == 0
    assert [(one.order_id, one.times) for one in rows(session, "select order_id, times from case_file")] == [
        (unpaid, 1)
    ]


def test_an_order_that_its_channel_closes_in_time_calls_nobody(session: Session, unpaid: int) -> None:
    wait_since(session, unpaid, AT)
    assert (call_unended(session, ["mall-pc"], LATER), open_causes(session)) == (0, [])


@pytest.mark.parametrize("how", ["paid", "released"])
def test_the_case_ends_with_the_hold(session: Session, unpaid: int, how: str) -> None:
    wait_since(session, unpaid, AT)
    call_unended(session, [], LATER)
    if how == "paid":
        pay(session, unpaid, "mall-pc", LATER, LATER.astimezone(UTC))
    else:
        release_holds(session, unpaid, SYSTEM, "cash on delivery", LATER)
    assert (open_causes(session), call_unended(session, [], LATER)) == ([], 0)


def test_the_case_ends_with_the_hold_though_the_order_waits_for_its_address(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    nowhere = RECEIVER.model_copy(update={"province": "火星省", "city": "火星市", "county": "火星区"})
    order_id = placed(session, order({"apple": 1}, paid_at=None, receiver=nowhere))
    wait_since(session, order_id, AT)
    call_unended(session, [], LATER)
    assert open_causes(session) == ["address", "review"]
    pay(session, order_id, "mall-pc", LATER, LATER.astimezone(UTC))
    assert open_causes(session) == ["address"]


@pytest.mark.parametrize(("day", "called"), [(None, 1), (LATER + timedelta(days=90), 0)])
def test_a_balance_that_has_no_day_calls_a_person_after_a_month(
    session: Session, unpaid: int, day: datetime | None, called: int
) -> None:
    wait_since(session, unpaid, AT)
    pay_deposit(session, unpaid, "mall-pc", AT, 500, day)
    assert call_unended(session, ["mall-pc"], AT + timedelta(days=29)) == 0
    assert call_unended(session, ["mall-pc"], AT + timedelta(days=30)) == called


def test_a_channel_without_a_limit_and_one_that_is_gone_close_nothing() -> None:
    settings = Settings(
        orders=Orders(unpaid_min=60, unpaid_min_of={"other": 0}),
        connections={
            "a": Connection(kind="channels.storefront", brand="demo"),
            "b": Connection(kind="channels.storefront", brand="demo", unpaid_min=0),
            "c": Connection(kind="channels.storefront", brand="other"),
        },
    )
    assert [one for one in ("a", "b", "c", "gone") if unpaid_limit(settings, one)] == ["a"]
