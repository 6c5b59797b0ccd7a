from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import row, run
from hub.errors import Malformed
from hub.inbox import InboxState, read, settle
from hub.replay_filter import Act, Filter, Wanted, What, check_wanted, find_messages, find_steps, moment_of, read_filter
from hub.steps import move_finished
from tests.hub.making import AT
from tests.hub.trouble import NEIGHBOUR, STRANGER, SUPERVISOR, dead_step, parked


def steps(session: Session, **sought: object) -> list[int]:
    found = find_steps(session, SUPERVISOR, Filter.model_validate(sought), AT, 99, ())
    return [one.id for one in found]


def messages(session: Session, **sought: object) -> list[int]:
    return [one.id for one in find_messages(session, SUPERVISOR, Filter.model_validate(sought), 99, ())]


def test_a_filter_is_read_as_a_person_writes_it() -> None:
    assert read_filter("connection=sap, error=http_500,order=1|T2,id=7,since=2h", AT) == Filter(
        connection="sap", error="http_500", orders=("1", "T2"), ids=(7,), since=AT - timedelta(hours=2)
    )
    assert read_filter("", AT) == Filter()


@pytest.mark.parametrize(
    "wrong",
    [
        *("sap", "colour=red", "connection=", "id=x", "id=0", "since=yesterday", "flow=" + "x" * 65, "until=0h"),
        *("state=dead,state=done", "id=1,ids=2"),
    ],
)
def test_a_wrong_filter_is_told_what_is_wrong(wrong: str) -> None:
    with pytest.raises(Malformed):
        read_filter(wrong, AT)


@given(st.text(max_size=40))
def test_no_text_makes_the_reader_of_filters_fail(text: str) -> None:
    with suppress(Malformed):
        assert isinstance(read_filter(text, AT), Filter)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", AT - timedelta(minutes=30)),
        ("3d", AT - timedelta(days=3)),
        ("2026-11-11T10:00+08:00", AT),
        ("2026-11-11T02:00", AT),
    ],
)
def test_a_moment_is_so_long_ago_or_iso(text: str, meant: datetime) -> None:
    assert moment_of(text, AT) == meant


@pytest.mark.parametrize(
    "wrong",
    [
        Wanted(act=Act.REPLAY),
        Wanted(what=What.MESSAGE, act=Act.SKIP),
        Wanted(what=What.MESSAGE, act=Act.REPLAY, again=True),
        Wanted(act=Act.SKIP, again=True),
        Wanted(although_it_may_have_been_executed=True),
        Wanted(filter=Filter(kind="order")),
        Wanted(filter=Filter(state="parked")),
        Wanted(what=What.MESSAGE, act=Act.REPLAY, filter=Filter(flow="x")),
        Wanted(what=What.MESSAGE, act=Act.REPLAY, filter=Filter(orders=("1",))),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: Wanted) -> None:
    with pytest.raises(Malformed):
        check_wanted(wrong)


def test_dead_calls_are_found_by_error_order_and_period(session: Session, at: datetime) -> None:
    mine, other = dead_step(session, at, "T1"), dead_step(session, at, "T2", error="http_500")
    run(session, "update step set created_at = :then where id = :id", then=at - timedelta(days=3), id=other)
    numbers = row(session, "select order_id from step where id = :id", id=mine)
    assert steps(session) == [mine, other]
    assert steps(session, error="http_500", flow="release_fulfilment", connection="wms-sh") == [other]
    assert steps(session, orders=("T1",)) == steps(session, orders=(str(numbers[0] if numbers else 0),)) == [mine]
    assert (steps(session, since=at), steps(session, until=at)) == ([mine], [other])
    assert not steps(session, orders=("nobody",))


def test_without_a_state_the_dead_are_meant_but_of_named_ones_all(session: Session, at: datetime) -> None:
    dead, live = dead_step(session, at, "T1"), dead_step(session, at, "T2")
    run(session, "update step set state = 'pending' where id = :id", id=live)
    assert steps(session) == [dead]
    assert steps(session, state="pending") == [live]
    assert steps(session, ids=(dead, live)) == [dead, live]


def test_finished_calls_are_found_in_the_history(session: Session, at: datetime) -> None:
    step_id = dead_step(session, at)
    run(session, "update step set state = 'done', settled_at = :at", at=at)
    move_finished(session, at + timedelta(seconds=1))
    assert steps(session, state="done") == steps(session, ids=(step_id,)) == [step_id]
    assert not steps(session, state="cancelled")


def test_messages_are_found_by_state_kind_and_error(session: Session, at: datetime) -> None:
    one, two = parked(session, at), parked(session, at, connection="mall-h5")
    settle(session, read(session, two), InboxState.REFUSED, at, code="totals")
    assert messages(session) == messages(session, ids=(one, two), kind="order") == [one, two]
    assert (messages(session, state="refused"), messages(session, error="unknown_sku")) == ([two], [one])
    assert (messages(session, connection="mall-h5"), messages(session, until=at)) == ([two], [])


def test_nobody_finds_what_is_of_another_brand_or_shop(session: Session, at: datetime) -> None:
    dead_step(session, at)
    mine = parked(session, at, connection="mall-h5")
    for actor in (STRANGER, NEIGHBOUR):
        assert not find_steps(session, actor, Filter(), at, 99, ())
        assert not find_messages(session, actor, Filter(), 99, ())
    assert [one.id for one in find_messages(session, NEIGHBOUR, Filter(), 99, ["mall-h5"])] == [mine]
