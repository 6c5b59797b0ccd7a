"""Whatever a policy, a rate card and an order may be: every rule stands, nothing is lost, and all comes out again."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.order.place.brand_policy import with_card
from hub.order.rehearse.asked import Asked
from hub.order.rehearse.policies import plan_again
from hub.order.rules.policy import POLICY
from hub.sourcing.model import Question
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rates import Card, Rate
from hub.sourcing.rerun import Stored, compare
from tests.hub.sourcing.asking import questions
from tests.hub.sourcing.policing import HERE, POLICIES, RATES, TO
from tests.scale import count


@pytest.mark.timeout(1_800)
@settings(max_examples=count(300, 10_000, 50))
@given(questions(), POLICIES, st.lists(RATES, max_size=6), TO)
def test_any_policy_decides_any_order(order: Question, policy: SourcingPolicy, rates: list[Rate], to: str) -> None:
    own = with_card(POLICY, policy, Card(rates))
    given_away = dict.fromkeys([want.line_no for want in order.wants], 0)
    for question, decision in plan_again(Asked(1, HERE, to, order.wants, order.sites), own):
        assert decision.cost >= decision.bound >= 0
        for take in (*decision.unmet, *(take for choice in decision.choices for take in choice.takes)):
            given_away[take.line_no] += take.quantity
        written, answer = question.written().decode(), msgspec.json.encode(decision).decode()
        assert compare(Stored(1, 1, HERE, decision.solver, question.digest(), written, answer)) is None
    assert given_away == {want.line_no: want.quantity for want in order.wants}
