import json

import pytest

from hub.database import Database, run
from hub.errors import NotFound
from tests.commands.conftest import Oms
from tests.hub.inventory.lotted import tell
from tests.hub.making import add_location, order, placed, stock
from tests.hub.order.place.test_plan_together import TOGETHER, in_force, two_placed


@pytest.fixture
def routed(oms: Oms, database: Database) -> Oms:
    """Let one order have been sourced among four locations' kinds of fate."""
    with database.transaction() as session:
        stock(session, {"gz": {"pear": 1}}, ref="ASN-2")
        placed(session, order({"apple": 2}))
    return oms


def test_an_order_is_explained_with_costs_verdicts_and_what_would_have_changed_them(routed: Oms) -> None:
    shown = routed("route", "explain", "T1").stdout
    assert "chosen" in shown
    assert "dearer" in shown
    assert "bj: lost by ¥4.90; wins if it costs ¥4.90 less" in shown
    assert "lacks apple × 2" in shown


def test_an_explanation_is_json_too(routed: Oms) -> None:
    [decision] = json.loads(routed("route", "explain", "T1", "--json").stdout)["decisions"]
    chosen, dearer, short = decision["candidates"]
    assert (chosen["code"], chosen["what_if"]) == ("sh", None)
    assert dearer["what_if"]["by"] == dearer["lost_by"] > 0
    assert (short["what_if"]["pieces"], decision["replays"]) == ({"apple": 2}, True)


def test_an_explanation_is_chinese_where_that_is_wished(routed: Oms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    shown = routed("route", "explain", "T1").stdout
    assert "选中" in shown
    assert "即可胜出" in shown


def test_an_order_that_waits_has_nothing_to_explain(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": 1}, paid_at=None))
    assert "not been sourced yet" in oms("route", "explain", "T1").stderr
    assert isinstance(oms("route", "explain", "T9").exception, NotFound)


def test_stored_decisions_come_out_the_same_and_a_changed_one_fails(routed: Oms, database: Database) -> None:
    good = routed("route", "replay", "--days", "3650")
    assert (good.exit_code, good.stdout.strip()) == (
        0,
        "same 1, different 0, by a solver that cannot be asked again 0",
    )
    with database.transaction() as session:
        run(session, "update routing_decision set outcome = jsonb_set(outcome::jsonb, '{cost}', '1')")
    bad = routed("route", "replay", "T1", "--json")
    told = json.loads(bad.stdout)
    assert (bad.exit_code, told["different"], told["first_differences"][0]["where"]) == (1, 1, "outcome.cost")
    assert "outcome.cost: 1 ≠" in routed("route", "replay", "--days", "3650").stdout


@pytest.mark.parametrize("numbers", [("T9",), ("T1", "T9"), ("2611999999999999",)])
def test_a_replay_of_nobodys_order_is_not_found(routed: Oms, numbers: tuple[str, ...]) -> None:
    assert isinstance(routed("route", "replay", *numbers).exception, NotFound)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ("of lots that have expired or are blocked", "sh: lacks apple × 1; with them it wins")),
        ("zh", ("余货均属过期或已锁定批次", "sh: 缺 apple × 1；若有货即可胜出")),
    ],
)
def test_a_location_that_has_old_lots_alone_is_told_as_such(
    oms: Oms, database: Database, monkeypatch: pytest.MonkeyPatch, language: str, told: tuple[str, str]
) -> None:
    with database.transaction() as session:
        tell(session, "count", {"OLD": 5})
        placed(session, order({"apple": 1}))
    monkeypatch.setenv("OMS_LANGUAGE", language)
    monkeypatch.setenv("COLUMNS", "200")
    shown = oms("route", "explain", "T1").stdout
    assert [one for one in told if one not in shown] == []


def test_a_closed_location_is_told_as_such(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        add_location(session, "gz", active=False)
        placed(session, order({"apple": 1}))
    assert "closed" in oms("route", "explain", "T1").stdout


def test_what_was_decided_together_says_how_good_the_whole_is(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"plum": 1}, "bj": {"plum": 1}}, ref="ASN-2")
        in_force(session, TOGETHER)
        first, _ = two_placed(session, "plum")
    shown = oms("route", "explain", str(first)).stdout
    assert "decided together with its batch of 2 parts of orders: ¥" in shown
    assert shown.count("(gap ") == 1
    [decision] = json.loads(oms("route", "explain", str(first), "--json").stdout)["decisions"]
    assert decision["batch"]["greedy_cost"] > decision["batch"]["cost"] >= decision["batch"]["bound"]


def test_what_was_decided_together_says_so_in_chinese(
    oms: Oms, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"plum": 1}, "bj": {"plum": 1}}, ref="ASN-2")
        in_force(session, TOGETHER)
        first, _ = two_placed(session, "plum")
    monkeypatch.setenv("OMS_LANGUAGE", "zh")
    assert "单看本单的差距没有意义" in oms("route", "explain", str(first)).stdout
