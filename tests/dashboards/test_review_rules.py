from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from dashboards.hold_telling import seen_in
from dashboards.pages import new_key
from dashboards.rule_difference import Piece, differences
from dashboards.rule_form import filled
from dashboards.rule_words import EXAMPLES, FACT, FACTS, RULE, SCOPES
from dashboards.words import AXES
from hub.database import Database
from hub.review.expression import read_expression
from hub.review.publish import draft_rule
from hub.review.rules import RuleView, rule_versions
from hub.review.specimen import FULFILMENT, LINE, SPECIMEN
from hub.roles import SYSTEM, Role
from hub.versions import VersionState
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.hub.making import order, placed, stock
from tests.hub.review.ruling import holding, rule

HOME = "/console/rules"
HOLDING: Final[dict[str, Any]] = {
    "kind": "hold",
    "type": "fraud",
    "blocks": ["route", "release"],
    "minutes": "90",
    "resolver": "supervisor",
}
RULE_FORM: Final[dict[str, Any]] = {
    "name": "large",
    "brand": "demo",
    "why": "a person looks",
    "expression": "order.total > 500000",
    **HOLDING,
}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made.sit("root", Role.ADMIN)


def versions_of(database: Database, name: str = "large") -> list[RuleView]:
    with database.transaction() as session:
        return list(rule_versions(session, SYSTEM, name))


def states(database: Database) -> list[str]:
    return [one.state.value for one in versions_of(database)]


def test_an_empty_list_says_what_holds_all_the_same(desk: Desk) -> None:
    assert "The hub's own checks hold orders all the same" in plain(desk.see(HOME))


def test_a_rule_is_drafted_once_and_told_in_words(desk: Desk, database: Database) -> None:
    key = new_key()
    led = [desk.post(HOME, key=key, **RULE_FORM).headers["location"] for _ in range(2)]
    assert led == [f"{HOME}/large"] * 2
    assert states(database) == ["draft"]
    told = plain(desk.see(HOME))
    assert "order.total > 500000" in told
    assert "blocks Routing, Sending to the location · ends after 1 h 30 min · only: Supervisor" in told


def test_the_form_is_filled_from_what_was_drafted(desk: Desk, database: Database) -> None:
    desk.act(HOME, **RULE_FORM)
    desk.act(HOME, name="quick", expression="order.paid", kind="release", releases=["fraud", "remark"])
    parcels: dict[str, Any] = {"expression": "fulfilment.pieces > 5", "scope": "fulfilment", "blocks": ["route"]}
    desk.act(HOME, **{**RULE_FORM, "name": "parcels", **parcels})
    assert "Hold Fulfilment orders" in plain(desk.see(HOME))
    for name in ("large", "quick", "parcels"):
        rule = versions_of(database, name)[0]
        again = filled(rule).rule()
        assert (again.name, again.brand, again.shop) == (rule.name, rule.brand, rule.shop)
        assert (again.expression, again.verdict, again.why) == (rule.expression, rule.verdict, rule.why)


@pytest.mark.parametrize("seconds", [30, 90, 7_200])
def test_how_long_a_hold_lasts_is_the_same_once_its_rule_was_edited(
    desk: Desk, database: Database, seconds: int
) -> None:
    with database.transaction() as session:
        draft_rule(session, SYSTEM, rule("order.paid", verdict=holding(expires_after_s=seconds)), NOW)
    first = versions_of(database, "some_rule")[0]
    desk.act(HOME, **filled(first).model_dump(), after=1)
    assert [one.verdict for one in versions_of(database, "some_rule")] == [first.verdict] * 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "Large!"}, "rule"),
        ({"blocks": []}, "rule"),
        ({"minutes": "²"}, "rule"),
        ({"minutes": "99999999"}, "rule"),
        ({"minutes": "1:75"}, "rule"),
        ({"resolver": "viewer"}, "rule"),
        ({"kind": "release", "releases": ["address"]}, "rule"),
        ({"expression": "order.nothing > 1"}, "expression"),
        ({"expression": "nobody.knows"}, "expression"),
        ({"brand": "", "shop": "pc"}, "shop_without_brand"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_drafted(desk: Desk, changes: dict[str, Any], code: str) -> None:
    answer = desk.post(HOME, **{**RULE_FORM, **changes})
    assert answer.status_code == 422
    assert f">{code}<" in answer.text
    assert desk.get(f"{HOME}/large").status_code == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"brand": "nobrand", "shop": ""}, "unknown_brand"), ({"shop": "noshop"}, "unknown_shop")],
)
def test_a_rule_is_for_nobody_unknown(desk: Desk, changes: dict[str, Any], code: str) -> None:
    answer = desk.post(HOME, **{**RULE_FORM, **changes})
    assert (answer.status_code, f">{code}<" in answer.text) == (404, True)


def test_versions_stand_beside_what_was_before(desk: Desk) -> None:
    desk.act(HOME, **RULE_FORM)
    desk.act(HOME, **{**RULE_FORM, "expression": "order.total > 900000", "minutes": "", "why": "fewer"}, after=1)
    page = desk.see(f"{HOME}/large")
    assert "order.total &gt; <del>500000</del><ins>900000</ins>" in page
    assert "<del>a person looks</del> <ins>fewer</ins>" in page
    assert "never by itself" not in page


@pytest.fixture
def past(database: Database) -> dict[str, int]:
    """Place a small order and two large ones."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 2_000}})
        wanted = {"small": 1, "large": 600, "larger": 900}
        return {
            name: placed(session, order({"apple": n}, name, placed_at=NOW, paid_at=NOW)) for name, n in wanted.items()
        }


def tried(desk: Desk, expression: str, days: int = 90) -> str:
    """Draft a rule and give what a trial of it says in the page."""
    desk.act(HOME, **{**RULE_FORM, "expression": expression})
    return desk.see(f"{HOME}/large/1/try?days={days}")


def test_a_draft_is_tried_before_it_is_published(desk: Desk, database: Database, past: dict[str, int]) -> None:
    desk.act(HOME, **RULE_FORM)
    assert desk.post(f"{HOME}/large/1/publish", tried=90).status_code == 409
    assert "disabled>Publish version 1" in desk.see(f"{HOME}/large")
    told = desk.see(f"{HOME}/large/1/try?days=90")
    assert "Orders looked at 3 Held 2 66.7% Could not be asked 0" in plain(told)
    assert f"/console/orders/{past['larger']}" in told
    assert f"/console/orders/{past['small']}" not in told
    assert states(database) == ["draft"]
    assert "Tried by root on 90 days, 3 orders" in plain(desk.see(f"{HOME}/large"))
    desk.act(f"{HOME}/large/1/publish")
    assert states(database) == ["in_force"]
    assert desk.audited("review.publish") == [("root", "rule:large")]


def test_a_trial_names_the_orders_on_which_the_rule_fails(desk: Desk, past: dict[str, int]) -> None:
    told = tried(desk, "100 / (order.pieces - 600) > 5")
    assert "Could not be asked 1" in plain(told)
    assert f"a division by zero: 1. These would wait for a person: {past['large']}" in plain(told)


def test_a_trial_is_given_alone_to_the_page_that_asks_for_it(desk: Desk, past: dict[str, int]) -> None:
    tried(desk, "stock.missing > 0")
    part = {"hx-request": "true", "hx-target": "div#trial"}
    answer = desk.get(f"{HOME}/large/1/try?days=7", **part)
    assert "<html" not in answer.text
    assert "Not as it was then but as it is now: Stock" in plain(answer.text)
    assert desk.get(f"{HOME}/large/1/try?days=91").status_code == 422
    assert past


def test_a_rule_is_retired_with_a_reason(desk: Desk, database: Database) -> None:
    desk.act(HOME, **RULE_FORM)
    assert desk.post(f"{HOME}/large/1/retire", reason=" ").status_code == 422
    desk.act(f"{HOME}/large/1/retire", reason="not needed")
    assert states(database) == ["retired"]
    assert "large" not in plain(desk.see(HOME)).partition("Rules by state")[2]
    assert f"{HOME}/large" in desk.see(f"{HOME}?retired=true")
    assert desk.post(f"{HOME}/large/1/retire", reason="again").status_code == 409


def test_who_may_not_configure_reads_and_changes_nothing(desk: Desk, database: Database) -> None:
    desk.act(HOME, **RULE_FORM)
    seat = desk.sit("op", Role.OPERATOR)
    assert "<textarea" not in seat.see(f"{HOME}/large")
    assert "rules-new" not in seat.see(HOME)
    assert seat.post(HOME, **RULE_FORM).status_code == 403
    assert states(database) == ["draft"]


def test_rules_of_another_brand_are_not_seen(desk: Desk) -> None:
    desk.act(HOME, **RULE_FORM)
    seat = desk.sit("stranger", Role.ADMIN, brand="other")
    assert seat.get(f"{HOME}/large").status_code == 404
    assert "No review rule is written yet." in seat.see(HOME)


def test_every_fact_has_its_meaning_and_every_example_can_be_drafted(database: Database) -> None:
    groups: dict[str, Any] = {**SPECIMEN, "line": LINE, "fulfilment": FULFILMENT}
    firsts: dict[str, Any] = {of: values[0] if isinstance(values, list) else values for of, values in groups.items()}
    assert FACTS.keys() == {f"{of}.{name}" for of, values in firsts.items() for name in values}
    assert FACT.keys() - {"refund_requested"} == groups.keys()
    assert RULE.keys() == {one.value for one in VersionState}
    assert AXES["rule"] is RULE
    assert all(read_expression(source) for _, source in EXAMPLES)
    assert all(read_expression(source, scope) for scope, (_, source) in SCOPES.items())
    assert database


def test_what_a_review_rule_has_seen_is_told_with_the_facts_meanings() -> None:
    seen = {"no": 2, "seen": {"order.total": 600000, "order.paid": True, "address.confidence": 0.5, "of.later": "x"}}
    assert seen_in("large", seen, "CNY", "zh") == "订单金额 ¥6,000.00 · 已付款 是 · 识别把握 50.0% · of.later x"
    failed = {"rule": "large", "no": 2, "failed": "division_by_zero"}
    assert seen_in("rule_failed", failed, "CNY", "en") == "Rule large, version 2: a division by zero"


def test_the_first_version_is_all_its_own_and_words_change_whole(database: Database) -> None:
    with database.transaction() as session:
        for total in (500, 900):
            form = filled(None).model_copy(update={"name": "large", "expression": f"order.total > {total}"})
            draft_rule(session, SYSTEM, form.rule(), NOW)
        newest, first = differences(list(rule_versions(session, SYSTEM, "large")))
    assert newest.pieces == (Piece("same", "order.total > "), Piece("old", "500"), Piece("new", "900"))
    assert (first.before, [one.mark for one in first.pieces]) == (None, ["same"])


def test_of_two_who_write_the_next_version_the_second_sees_the_firsts_and_may_come_after_it(
    desk: Desk, database: Database
) -> None:
    desk.act(HOME, **RULE_FORM)
    desk.act(HOME, **{**RULE_FORM, "expression": "order.total > 900000"}, after=1)
    mine, key = {**RULE_FORM, "expression": "order.total > 700000"}, new_key()
    answer = desk.post(HOME, key=key, **mine, after=1)
    assert (answer.status_code, "root has written version 2 meanwhile" in plain(answer.text)) == (409, True)
    assert "order.total &gt; <del>900000</del><ins>700000</ins>" in answer.text
    assert ("order.total &gt; 700000</textarea>" in answer.text, len(versions_of(database))) == (True, 2)
    assert desk.act(HOME, key=key, **mine, after=2) == f"{HOME}/large"
    assert versions_of(database)[0].expression == "order.total > 700000"
