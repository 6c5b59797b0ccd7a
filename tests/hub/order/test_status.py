import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Conflict
from hub.fulfilment.status import ENDED, Execution, Negotiation, negotiate
from hub.order.status import MOVES, Event, Fulfilment, Lifecycle, derive_fulfilment, move

EVENTS = st.lists(st.sampled_from(Event), max_size=20)
WISHES = st.lists(st.sampled_from(Negotiation), max_size=20)
FINAL = {Lifecycle.CANCELLED, Lifecycle.CLOSED}


def path(events: list[Event]) -> list[Lifecycle]:
    """Walk from received, passing over what is refused."""
    states = [Lifecycle.RECEIVED]
    for event in events:
        try:
            states.append(move(states[-1], event))
        except Conflict:
            states.append(states[-1])
    return states


@given(EVENTS)
def test_every_path_stays_in_the_table(events: list[Event]) -> None:
    states = path(events)
    for before, event, after in zip(states, events, states[1:], strict=False):
        assert after == MOVES.get((before, event), before)


@given(EVENTS, EVENTS)
def test_what_is_final_stays(first: list[Event], more: list[Event]) -> None:
    end = path(first)[-1]
    if end in FINAL:
        assert set(path([*first, *more])[len(first) :]) == {end}


@given(EVENTS)
def test_nothing_completed_is_cancelled(events: list[Event]) -> None:
    states = path(events)
    assert not {Lifecycle.COMPLETED, Lifecycle.CANCELLED} <= set(states)


def test_every_state_can_be_reached() -> None:
    reached, last = {Lifecycle.RECEIVED}, set[Lifecycle]()
    while reached != last:
        last = set(reached)
        reached |= {after for (before, _), after in MOVES.items() if before in reached}
    assert reached == set(Lifecycle)


def test_a_refused_move_names_state_and_event() -> None:
    with pytest.raises(Conflict, match="an order that is cancelled cannot complete") as caught:
        move(Lifecycle.CANCELLED, Event.COMPLETE)
    assert caught.value.code == "order_state"


@given(WISHES)
def test_a_rejected_or_stopped_document_never_lives_again(wishes: list[Negotiation]) -> None:
    state, ended = Negotiation.UNSUBMITTED, False
    for wish in wishes:
        try:
            after = negotiate(state, wish)
        except Conflict:
            after = state
        assert not ended or after == state
        state, ended = after, after in {Negotiation.REJECTED, Negotiation.CANCEL_ACCEPTED}


def test_a_negotiation_reached_already_stays() -> None:
    assert all(negotiate(state, state) is state for state in Negotiation)


def test_what_has_ended_is_what_reserves_nothing() -> None:
    assert {Execution.CLOSED, Execution.INCOMPLETE, Execution.CANCELLED} == ENDED


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ((5, 0, 0), Fulfilment.NONE),
        ((5, 0, 5), Fulfilment.NONE),
        ((5, 1, 0), Fulfilment.PARTIAL),
        ((5, 4, 1), Fulfilment.SHIPPED),
        ((5, 5, 0), Fulfilment.SHIPPED),
    ],
)
def test_how_much_has_left_follows_from_the_counters(sums: tuple[int, int, int], expected: Fulfilment) -> None:
    assert derive_fulfilment(*sums) is expected
