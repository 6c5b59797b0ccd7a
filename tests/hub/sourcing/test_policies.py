from collections.abc import Sequence
from contextlib import suppress
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Conflict, HubError, Malformed, NotFound, Unauthorised
from hub.order.place.batch import Placed
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM, Actor, Role
from hub.sourcing.eligible import eliminate
from hub.sourcing.greedy import decide
from hub.sourcing.model import Question, Site
from hub.sourcing.policies import draft_policy, list_policies, policies_in_force, publish_policy, retire_policy
from hub.sourcing.policy import Freight, SourcingPolicy, Standing, read_policy
from hub.sourcing.rerun import Sameness, rerun, stored_decisions
from tests.hub.making import AT, order, place_all, placed, sources, stock
from tests.hub.sourcing.asking import questions
from tests.hub.sourcing.policing import HERE, POLICIES

FAR = 'version = "far"\nbrand = "demo"\n[costs]\nper_1000_km = 0\n[eliminate]\nlocations = ["sh"]\n'
NEAR = FAR.replace('"far"', '"near"').replace('locations = ["sh"]', "max_km = 10")


def draft(session: Session, content: str = FAR, actor: Actor = SYSTEM) -> str:
    return draft_policy(session, actor, content, POLICY.version, AT).version


def in_force(session: Session, content: str = FAR) -> None:
    publish_policy(session, SYSTEM, "demo", draft(session, content), "tried", AT, revision=1, untried="a test")


def states(session: Session) -> Sequence[tuple[str, str]]:
    return [(one.version, one.state) for one in list_policies(session, SYSTEM, "demo")]


def test_a_policy_in_force_decides_and_its_version_is_recorded(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    in_force(session)
    order_id = placed(session, order({"apple": 1}))
    assert sources(session, order_id) == [("bj", "open")]
    [found] = rows(session, "select policy_version, outcome::text, cost from routing_decision")
    assert (found.policy_version, found.cost, "excluded" in found.outcome) == ("far", 600, True)
    assert rerun(stored_decisions(session)).counts == {Sameness.SAME: 1}


def test_a_draft_changes_nothing_and_neither_does_a_policy_of_another_brand(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"apple": 5}})
    draft(session)
    assert not policies_in_force(session, {"demo"})
    assert sources(session, placed(session, order({"apple": 1}))) == [("sh", "open")]


@pytest.mark.parametrize("written", ['[eliminate]\nlocations = ["shh"]', "[locations.shh]\nmost_a_day = 2"])
def test_a_policy_that_names_a_location_of_nobody_is_no_draft(session: Session, written: str) -> None:
    stock(session, {"sh": {"apple": 5}})
    with pytest.raises(NotFound, match="no location shh"):
        draft(session, f'version = "typo"\nbrand = "demo"\n{written}\n')


def test_what_is_too_far_for_the_policy_is_no_source(session: Session) -> None:
    stock(session, {"bj": {"apple": 5}})
    in_force(session, NEAR)
    order_id = placed(session, order({"apple": 1}))
    assert sources(session, order_id) == []
    assert "too_far" in rows(session, "select outcome::text as told from routing_decision")[0].told


def test_a_policy_limits_what_one_parcel_holds(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    in_force(session, 'version = "small"\nbrand = "demo"\n[split]\nparcel_grams = 1000\n')
    assert len(sources(session, placed(session, order({"apple": 5})))) == 3
    in_force(session, 'version = "few"\nbrand = "demo"\n[split]\nparcel_pieces = 1\n')
    assert len(sources(session, placed(session, order({"apple": 4}, "T2")))) == 4


def test_a_location_with_as_many_open_documents_as_it_may_have_is_given_no_more(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}, "bj": {"apple": 50}})
    in_force(session, 'version = "busy"\nbrand = "demo"\n[locations.sh]\nmost_open = 2\n')
    orders = place_all(session, *(order({"apple": 1}, f"T{no}") for no in range(3)))
    given_to = [sources(session, one.order_id)[0][0] for one in orders if isinstance(one, Placed)]
    assert given_to == ["sh", "sh", "bj"]
    assert sources(session, placed(session, order({"apple": 1}, "T9"))) == [("bj", "open")]
    run(session, "update fulfilment_order set execution = 'closed' where location = 'sh'")
    assert sources(session, placed(session, order({"apple": 1}, "T10"))) == [("sh", "open")]
    assert rerun(stored_decisions(session)).counts == {Sameness.SAME: 5}


def test_each_part_of_an_order_counts_as_a_document_at_a_location_that_may_have_only_so_many(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}, "bj": {"apple": 50}})
    in_force(session, 'version = "few"\nbrand = "demo"\n[split]\nparcel_pieces = 1\n[locations.sh]\nmost_open = 1\n')
    order_id = placed(session, order({"apple": 3}))
    assert sources(session, order_id) == [("sh", "open"), ("bj", "open"), ("bj", "open")]
    assert rerun(stored_decisions(session)).counts == {Sameness.SAME: 3}


def test_versions_go_from_draft_to_force_to_retirement_and_each_act_is_audited(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    in_force(session)
    in_force(session, NEAR)
    assert states(session) == [("near", "in_force"), ("far", "retired")]
    retire_policy(session, SYSTEM, "demo", "near", "enough", AT)
    assert (states(session)[0], dict(policies_in_force(session, {"demo"}))) == (("near", "retired"), {})
    told = rows(session, "select act from audit_entry where subject = 'routing_policy:demo' order by id")
    acts = [one.act.partition(".")[2] for one in told]
    assert acts == ["draft", "publish", "draft", "publish", "retire"]


def test_a_draft_is_replaced_and_what_was_in_force_is_not(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    draft(session)
    draft(session, f"{FAR}max_km = 7\n")
    with pytest.raises(Conflict, match="revision 2"):  # who has read the first knows nothing of the second
        publish_policy(session, SYSTEM, "demo", "far", "tried", AT, revision=1, untried="a test")
    assert [one.revision for one in list_policies(session, SYSTEM)] == [2]
    publish_policy(session, SYSTEM, "demo", "far", "tried", AT, revision=2, untried="a test")
    assert policies_in_force(session, {"demo"})["demo"].eliminate.max_km == 7
    with pytest.raises(Conflict):
        draft(session)


@pytest.mark.parametrize(
    ("content", "actor", "error"),
    [
        ("version = ", SYSTEM, Malformed),
        ('version = "x"', SYSTEM, Malformed),
        (f"{FAR}more = 1", SYSTEM, Malformed),
        (FAR.replace("= 0", "= -1"), SYSTEM, Malformed),
        (f'{FAR}[locations.sh]\ncut_off = "17:00+08:00"\n', SYSTEM, Malformed),
        (f'{FAR}[locations.sh]\nopens = "09:00Z"\n', SYSTEM, Malformed),
        (f"{FAR}[together]\nmost_ms = 5001\n", SYSTEM, Malformed),
        (FAR.replace("demo", r"de\u0000mo"), SYSTEM, Malformed),
        pytest.param(f"{FAR}max_km = {'9' * 5_000}", SYSTEM, Malformed, id="many digits"),
        pytest.param(f"{FAR}max_km = {'[' * 3_000}{']' * 3_000}", SYSTEM, Malformed, id="deep"),
        (FAR.replace("demo", "nobody"), SYSTEM, NotFound),
        (FAR.replace('"far"', f'"{POLICY.version}"'), SYSTEM, Conflict),
        (FAR, Actor("o", frozenset({Role.OPERATOR})), Unauthorised),
        (FAR, Actor("a", frozenset({Role.ADMIN}), brands=frozenset({"other"})), Unauthorised),
    ],
)
def test_a_policy_that_makes_no_sense_or_is_not_theirs_is_refused(
    session: Session, content: str, actor: Actor, error: type[HubError]
) -> None:
    stock(session, {"sh": {"apple": 5}})
    with pytest.raises(error):
        draft(session, content, actor)


@pytest.mark.parametrize(
    ("version", "reason", "error"), [("far", " ", Malformed), ("none", "why", NotFound), ("near", "why", Conflict)]
)
def test_only_a_draft_is_published_and_only_with_a_reason(
    session: Session, version: str, reason: str, error: type[HubError]
) -> None:
    stock(session, {"sh": {"apple": 5}})
    in_force(session, NEAR)
    draft(session)
    with pytest.raises(error):
        publish_policy(session, SYSTEM, "demo", version, reason, AT, revision=1, untried="a test")


@given(st.text(max_size=80) | st.text(max_size=20).map(lambda tail: FAR + tail))
def test_whatever_is_written_is_read_or_refused(written: str) -> None:
    with suppress(Malformed):
        assert read_policy(written).brand


@given(questions(), POLICIES)
def test_whom_the_policy_leaves_out_gives_nothing_and_is_told_of_with_its_reason(
    question: Question, policy: SourcingPolicy
) -> None:
    sites = eliminate(question.sites, policy, HERE)
    decision = decide(Question(question.policy, question.wants, tuple(sites), question.costs))
    out = {one.code: one.barred for one in sites if one.barred}
    assert out.keys().isdisjoint(choice.code for choice in decision.choices)
    assert {one.code: one.verdict for one in decision.candidates if one.code in out} == out
    assert decision.cost >= decision.bound >= 0
    assert all(was.barred in {"", now.barred} for was, now in zip(question.sites, sites, strict=True))


@pytest.mark.parametrize(
    ("standing", "freight", "reason"),
    [
        (Standing(), None, ""),
        (Standing(radius_km=99), None, "outside"),
        (Standing(radius_km=100), None, ""),
        (Standing(methods=("express",)), Freight(rates="r"), "method"),
        (Standing(methods=("express",)), Freight(rates="r", method="express"), ""),
        (Standing(at_once=True, cut_off=time(15)), None, "not_open"),
        (Standing(at_once=True, opens=time(15)), None, ""),
        (Standing(cut_off=time(9)), None, ""),
    ],
)
def test_each_reason_has_its_case(standing: Standing, freight: Freight | None, reason: str) -> None:
    policy = SourcingPolicy(version="v1", brand="demo", locations={"a": standing}, freight=freight)
    [site] = eliminate([Site("a", 100, 0, ("ambient",), {})], policy, HERE)
    assert site.barred == reason
