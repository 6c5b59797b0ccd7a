"""Whatever a policy, a rate card and an order may be: every rule stands, nothing is lost, and all comes out again."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.order.place.brand_policy import with_card
from hub.order.rehearse.asked import Asked
from hub.order.rehearse.policies import plan_again
from hub.order.rules.policy import POLICY
from hub.sourcing.model import Question
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rates import Card, Rate
from hub.sourcing.rerun import Stored, compare
from tests.hub.sourcing.asking import questions
from tests.hub.sourcing.policing import CALENDARS, GOODS, HERE, KEEPERS, KINDS, POLICIES, RATES, TO
from tests.scale import count


@pytest.mark.timeout(1_800)
@settings(max_examples=count(300, 10_000, 50))
@given(st.data(), questions(), POLICIES, st.lists(RATES, max_size=6), TO)
def test_any_policy_decides_any_order(
    data: st.DataObject, order: Question, policy: SourcingPolicy, rates: list[Rate], to: str
) -> None:
    kinds, keepers, calendar = data.draw(KINDS), data.draw(KEEPERS), data.draw(CALENDARS)
    own = with_card(POLICY, policy.told_by_location(kinds), Card(rates))._replace(calendar=calendar, kinds=kinds)
    wants = tuple(replace(want, traits=data.draw(GOODS)) for want in order.wants)
    given_away = dict.fromkeys([want.line_no for want in wants], 0)
    for question, decision in plan_again(Asked(1, HERE, to, wants, order.sites), own, keepers):
        assert decision.cost >= decision.bound >= 0
        for take in (*decision.unmet, *(take for choice in decision.choices for take in choice.takes)):
            given_away[take.line_no] += take.quantity
        written, answer = question.written().decode(), msgspec.json.encode(decision).decode()
        assert compare(Stored(1, 1, HERE, decision.solver, question.digest(), written, answer)) is None
    assert given_away == {want.line_no: want.quantity for want in wants}
