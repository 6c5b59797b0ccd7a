import pytest
from pydantic import ValidationError
from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import Conflict, Malformed, NotFound, Unauthorised
from hub.review.publish import draft_rule, publish_rule, retire_rule
from hub.review.rules import RuleView, list_rules, rule_versions
from hub.review.standing import rules_in_force
from hub.review.verdict import Scope
from hub.roles import Actor, Role
from tests.hub.making import AT, BRAND
from tests.hub.review.ruling import ADMIN, enforce, holding, letting, rule

SUPERVISOR = Actor("supervisor-1", frozenset({Role.SUPERVISOR}))
OF_BRAND = Actor("admin-2", frozenset({Role.ADMIN}), brands=frozenset({BRAND}))


def states(session: Session, name: str = "some_rule") -> dict[int, str]:
    return {one.no: one.state for one in rule_versions(session, ADMIN, name)}


def in_force(session: Session, brand: str = BRAND, shop: str = "pc") -> list[str]:
    found = rules_in_force(session).of(brand, shop, Scope.ORDER)
    return [one.version for one in found.rules] if found else []


def test_a_new_version_takes_the_place_of_the_one_in_force(session: Session) -> None:
    enforce(session, rule("order.total > 1"))
    first = rule_versions(session, ADMIN, "some_rule")[0]
    enforce(session, rule("order.total > 2"))
    assert states(session) == {1: "retired", 2: "in_force"}
    assert in_force(session) == ["some_rule@2"]
    again = rule_versions(session, ADMIN, "some_rule")[1]
    stays = RuleView.model_fields.keys() - {"state", "retired_at", "retired_by"}
    assert again.model_dump(include=stays) == first.model_dump(include=stays)


def test_a_draft_asks_nothing_and_gives_way_to_the_next(session: Session) -> None:
    draft_rule(session, ADMIN, rule("order.total > 1"), AT)
    draft_rule(session, ADMIN, rule("order.total > 2"), AT)
    assert (states(session), in_force(session)) == ({1: "retired", 2: "draft"}, [])
    with pytest.raises(Conflict, match="retired"):
        publish_rule(session, ADMIN, "some_rule", 1, AT, untried="a test")


def test_what_is_retired_asks_nothing_more(session: Session) -> None:
    enforce(session, rule("order.total > 1"))
    retire_rule(session, ADMIN, "some_rule", 1, "not wanted", AT)
    assert (in_force(session), list_rules(session, ADMIN)) == ([], [])
    assert [one.no for one in list_rules(session, ADMIN, retired=True)] == [1]
    with pytest.raises(Conflict, match="already"):
        retire_rule(session, ADMIN, "some_rule", 1, "again", AT)


def test_a_rule_is_of_everybody_of_a_brand_or_of_a_shop(session: Session) -> None:
    enforce(session, rule("true", "of_all"))
    enforce(session, rule("true", "of_brand", brand=BRAND))
    enforce(session, rule("true", "of_shop", brand=BRAND, shop="pc"))
    assert in_force(session) == ["of_all@1", "of_brand@1", "of_shop@1"]
    assert (in_force(session, shop="app"), in_force(session, "other")) == (["of_all@1", "of_brand@1"], ["of_all@1"])


def test_what_a_rolled_back_publication_left_behind_is_asked_by_nobody(session: Session) -> None:
    enforce(session, rule("true", "of_all"))
    with session.begin_nested() as nested:
        enforce(session, rule("true", "another"))
        assert in_force(session) == ["another@1", "of_all@1"]
        nested.rollback()
    assert in_force(session) == ["of_all@1"]


def test_every_act_on_a_rule_is_audited(session: Session) -> None:
    enforce(session, rule("order.total > 1"))
    retire_rule(session, ADMIN, "some_rule", 1, "not wanted", AT)
    found = rows(session, "select act, actor from audit_entry where subject = 'rule:some_rule' order by id")
    assert [one.act for one in found] == ["review.draft", "review.publish", "review.retire"]
    assert {one.actor for one in found} == {ADMIN.name}


def test_only_who_configures_writes_rules_and_only_of_all_that_they_are_for(session: Session) -> None:
    for actor, one in ((SUPERVISOR, rule("true")), (OF_BRAND, rule("true")), (OF_BRAND, rule("true", brand="other"))):
        with pytest.raises(Unauthorised):
            draft_rule(session, actor, one, AT)
    draft_rule(session, OF_BRAND, rule("true", brand=BRAND), AT)
    enforce(session, rule("true", "of_all"))
    with pytest.raises(Unauthorised):
        draft_rule(session, OF_BRAND, rule("false", "of_all", brand=BRAND), AT)
    with pytest.raises(NotFound):
        rule_versions(session, ADMIN, "unheard_of")


@pytest.mark.parametrize("name", ["no_source", "reroute_tries", "arrival", "unpaid", "amount_due", "rule_failed"])
def test_no_rule_is_called_like_one_of_the_hub_itself(session: Session, name: str) -> None:
    with pytest.raises(Malformed) as caught:
        draft_rule(session, ADMIN, rule("true", name), AT)
    assert (caught.value.code, caught.value.say("zh")) == ("rule_name", f"{name} 是中台自带的规则，请换一个名称")


def test_a_draft_older_than_a_rule_of_that_name_of_the_hub_is_not_put_in_force(session: Session) -> None:
    draft_rule(session, ADMIN, rule("true", "old"), AT)
    run(session, "update review_rule set name = 'twin' where name = 'old'")
    with pytest.raises(Malformed) as caught:
        publish_rule(session, ADMIN, "twin", 1, AT, untried="in haste")
    assert caught.value.code == "rule_name"


def test_a_shop_is_named_with_its_brand(session: Session) -> None:
    with pytest.raises(Malformed) as caught:
        draft_rule(session, ADMIN, rule("true", shop="pc"), AT)
    assert caught.value.code == "shop_without_brand"


@pytest.mark.parametrize(
    "verdict",
    [
        holding(type="refund_requested"),
        holding(type="address", expires_after_s=60),
        holding(resolver="viewer"),
        holding(blocks=["ship"]),
        holding(blocks=[]),
        letting("address"),
        letting("review"),
        letting(),
    ],
)
def test_a_verdict_that_could_not_be_carried_out_is_refused(verdict: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule("true", verdict=verdict)
