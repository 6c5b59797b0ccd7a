"""Changes of orders that travel with others: what travels along is shipped all the same."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.fulfilment.keep import LATER, keep_back, let_out
from hub.fulfilment.model import CancelAnswer
from hub.fulfilment.release import RELEASE
from hub.inventory.ledger import drift
from hub.order.change.cancel import cancel
from hub.order.place.write_holds import write_holds
from hub.order.rules.hold import Hold, HoldType
from hub.order.ship.merged import mark_all_submitted
from hub.order.ship.together import book_cancel_answer, book_confirm
from tests.hub.making import AT, confirm, counters, line, open_causes, order, placed, see, stock
from tests.hub.merge.merging import close, groups, merging
from tests.hub.order.changing import cut, move, revision


@pytest.fixture
def pair(session: Session) -> tuple[int, int]:
    """Place two orders of one recipient that travel together."""
    merging(session)
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    first, second = (placed(session, order({"apple": n}, f"T{n}")) for n in (2, 3))
    close(session)
    return first, second


def submit(session: Session) -> None:
    run(session, "update step set state = 'done', attempts = 1, settled_at = :at", at=AT)
    group = rows(session, "select id from merge_group")[0].id
    mark_all_submitted(session, group, "W1", AT)


def test_a_changed_order_leaves_a_delivery_that_nobody_knows_of(session: Session, pair: tuple[int, int]) -> None:
    assert (groups(session), move(session, pair[1])) == ([[f"{pair[0]}-1", f"{pair[1]}-1"]], "applied")
    assert (groups(session), see(session, pair[1]).fulfilments[-1].location) == ([], "bj")
    assert (counters(session, "sh", "apple"), drift(session)) == ((9, 2), [])


@pytest.mark.parametrize(("stopped", "state", "cancelled"), [(True, "applied", 1), (False, "refused", 0)])
def test_a_delivery_that_was_sent_is_stopped_for_one_and_the_other_goes_on(
    session: Session, pair: tuple[int, int], *, stopped: bool, state: str, cancelled: int
) -> None:
    submit(session)
    assert cut(session, pair[1], L1=1) == "waiting"
    book_cancel_answer(session, pair[0], 1, CancelAnswer(stopped=stopped, reason="picked"), AT)
    assert (revision(session, pair[1]).state, line(session, pair[1]).cancelled) == (state, cancelled)
    assert (line(session, pair[0]).allocated, counters(session, "sh", "apple")[1]) == (2, 5 - cancelled)
    assert (open_causes(session), drift(session)) == ([] if stopped else ["change_refused"], [])


@pytest.mark.parametrize("wishes", [0, 1])
def test_a_yes_to_a_delivery_that_has_left_whole_calls_a_person(
    session: Session, pair: tuple[int, int], wishes: int
) -> None:
    submit(session)
    cancel(session, pair[wishes], "operator-1", "the buyer asked", AT)
    book_confirm(session, confirm(pair[0], 1, {"apple": 5}), AT)
    assert (open_causes(session), [see(session, one).fulfilment for one in pair]) == ([], ["shipped"] * 2)
    for stopped in (True, True, False):
        book_cancel_answer(session, pair[0], 1, CancelAnswer(stopped=stopped, reason=""), AT)
    assert (open_causes(session), line(session, pair[wishes]).cancelled) == (["stopped_after_sent"], 0)


@pytest.mark.parametrize("place", [0, 1])
def test_a_hold_of_any_order_in_a_delivery_keeps_it_here_until_it_is_let_go(
    session: Session, pair: tuple[int, int], place: int
) -> None:
    held = pair[place]
    stop = Hold(HoldType.FRAUD, "seen", {}, blocks=("release",))
    write_holds(session, {held: [stop]}, "1", AT)
    keep_back(session, [held])
    assert [one.run_at for one in releases_due(session)] == [LATER]
    assert let_out(session, pair, AT) == 0
    run(session, "update order_hold set released_at = :at", at=AT)
    assert (let_out(session, [held], AT), [one.run_at for one in releases_due(session)]) == (1, [AT])


def releases_due(session: Session) -> Sequence[Row[Any]]:
    return rows(session, "select run_at from step where flow = :flow", flow=RELEASE)
