from enum import StrEnum

import pytest

from dashboards.chores import CHORES, chore_speaker, poll_speaker
from dashboards.words import AXES, REMEDY, Tone, cause_speaker, hint_speaker, remedy_of, state_of
from flows.housekeeping import chores
from flows.listing import effects
from hub import polls
from hub.cases import CaseState
from hub.causes.cause import Remedy
from hub.causes.known import CAUSES
from hub.fulfilment.courier import CourierStatus
from hub.fulfilment.status import Execution, Negotiation
from hub.gates import Breaker
from hub.inbox import InboxState
from hub.inventory.alert_table import AlertKind, AlertState
from hub.inventory.condition import Condition
from hub.inventory.count_table import LineVerdict
from hub.inventory.reservation_table import QuotaMode, ReservationState
from hub.inventory.table import Authority, Reason
from hub.order.model import OrderType
from hub.order.rules.hold import HoldType
from hub.order.status import Fulfilment, Lifecycle, Payment
from hub.replay_filter import Act, What
from hub.replay_outlook import Lot
from hub.replay_table import ItemState, JobState
from hub.roles import Role
from hub.schedules import RunState
from hub.settings import Orders, Settings
from hub.steps import StepState

ENUMS: dict[str, type[StrEnum]] = {
    "lifecycle": Lifecycle,
    "payment": Payment,
    "fulfilment": Fulfilment,
    "execution": Execution,
    "negotiation": Negotiation,
    "step": StepState,
    "inbox": InboxState,
    "courier": CourierStatus,
    "hold": HoldType,
    "case": CaseState,
    "order_type": OrderType,
    "role": Role,
    "remedy": Remedy,
    "breaker": Breaker,
    "slot": RunState,
    "job": JobState,
    "item": ItemState,
    "act": Act,
    "thing": What,
    "lot": Lot,
    "condition": Condition,
    "authority": Authority,
    "movement": Reason,
    "reservation": ReservationState,
    "quota": QuotaMode,
    "verdict": LineVerdict,
    "alert": AlertKind,
    "alert_state": AlertState,
}


@pytest.mark.parametrize("axis", ENUMS)
def test_every_value_of_an_axis_has_its_words_and_no_other_has(axis: str) -> None:
    assert AXES[axis].keys() == {value.value for value in ENUMS[axis]}


def test_every_flow_and_every_poll_has_its_words() -> None:
    assert AXES["flow"].keys() == effects(Settings()).keys()
    assert AXES["poll"].keys() == {polls.ORDERS, polls.HINTS, polls.TOKEN, polls.PROBE, polls.STOCK}


def test_every_chore_of_the_workers_says_what_it_does_in_both_languages() -> None:
    assert {one.name for one in chores(Settings(orders=Orders(hold_unpaid=True))) if not one.local} <= CHORES.keys()
    for name in CHORES:
        called = {chore_speaker(language)(name) for language in ("zh", "en")}
        assert len(called) == 2
        assert all(all(texts) for texts in called)
    assert chore_speaker("en")("of.tomorrow") == ("of.tomorrow", "")


def test_every_poll_says_what_it_asks_for() -> None:
    for name in AXES["poll"]:
        assert poll_speaker("zh")(name) != poll_speaker("en")(name)


def test_every_word_exists_in_both_languages() -> None:
    for axis, states in AXES.items():
        for value, state in states.items():
            assert state.words.zh, (axis, value)
            assert state.words.en, (axis, value)


def test_two_states_of_one_axis_never_share_a_word() -> None:
    for axis, states in AXES.items():
        for language in ("zh", "en"):
            said = [state.words.say(language) for state in states.values()]
            assert len(set(said)) == len(said), axis


def test_every_cause_says_what_it_is_and_what_to_do() -> None:
    for language in ("zh", "en"):
        for cause in CAUSES:
            assert cause_speaker(language)(cause) != cause
            assert hint_speaker(language)(cause)
            assert remedy_of(cause) in REMEDY


def test_a_state_that_a_later_version_wrote_is_shown_as_it_is() -> None:
    assert state_of("lifecycle", "teleported").words.en == "teleported"
    assert state_of("lifecycle", "teleported").tone is Tone.PLAIN
