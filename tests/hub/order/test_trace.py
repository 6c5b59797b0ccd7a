from datetime import timedelta

from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import NewCase, open_cases
from hub.database import run
from hub.inbox import InboxState, keep, read, settle
from hub.order.progress import record_confirm
from hub.order.resume import release_holds
from hub.order.trace import SOURCES, trace
from hub.roles import SYSTEM
from hub.steps import move_finished
from tests.hub.making import AT, confirm, order, placed, stock


def test_everything_that_happened_to_an_order_is_on_one_line_of_time(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    inbox_id, _ = keep(session, "mall-pc", "order", "m1", b"{}", AT)
    order_id = placed(session, order({"apple": 1}, paid_at=None))
    settle(session, read(session, inbox_id), InboxState.DONE, AT, order_id=order_id)
    release_holds(session, order_id, SYSTEM, "paid", AT + timedelta(minutes=1))
    record_confirm(session, confirm(order_id, 1, {"apple": 1}), AT + timedelta(minutes=2))
    found = trace(session, order_id)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert {one.what for one in found} == (SOURCES.keys() | {"hold released"}) - {"call", "released"}


def test_calls_are_found_before_and_after_their_step_moved_to_history(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    order_id = placed(session, order({"apple": 1}))
    run(
        session,
        """insert into attempt (step_id, token, started_at, finished_at, outcome, error_code, error)
           select id, 1, :at, :at, 'done', '', '' from step""",
        at=AT,
    )
    before = [one for one in trace(session, order_id) if one.what in {"call", "step"}]
    run(session, "update step set state = 'done', settled_at = :at", at=AT)
    move_finished(session, AT + timedelta(seconds=1))
    after = [one for one in trace(session, order_id) if one.what in {"call", "step"}]
    assert [one.what for one in before] == [one.what for one in after] == ["call", "step"]
    assert (before[0], after[1].told) == (after[0], "release_fulfilment done")


def test_another_order_is_not_in_it(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    mine, other = placed(session, order({"apple": 1}, "T1")), placed(session, order({"apple": 1}, "T2"))
    before = trace(session, mine)
    record(session, AT, "operator-1", "order.look", f"order:{other}")
    open_cases(session, [NewCase("review", f"order:{other}", "demo", "", other)], AT)
    assert trace(session, mine) == before
    assert trace(session, 7) == []
