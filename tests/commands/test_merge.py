import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.database import Database
from hub.errors import Malformed, NotFound
from hub.merge.close import close_windows
from hub.merge.policy import ShopPolicy, set_policy
from hub.roles import SYSTEM
from hub.settings import Settings
from tests.commands.conftest import Oms
from tests.hub.making import order, placed
from tests.hub.merge.merging import LATER


def place_two(oms: Oms, database: Database) -> list[int]:
    oms("merge", "policy", "pc", "--window", "30")
    with database.transaction() as session:
        return [placed(session, order({"apple": 1}, f"M{n}")) for n in (1, 2)]


def test_no_shop_merges_until_it_is_shownto(oms: Oms) -> None:
    assert "no shop merges" in oms("merge", "policy").stderr
    assert json.loads(oms("merge", "policy", "--json").stdout) == []


def told(oms: Oms, *shop: str) -> list[dict[str, Any]]:
    return json.loads(oms("merge", "policy", *shop, "--json").stdout)


@pytest.fixture
def two_brands(station: Settings, tmp_path: Path) -> None:
    """Give the settings a connection of another brand."""
    assert station
    with (tmp_path / "over.toml").open("a") as file:
        file.write('\n[connections.other]\nkind = "channels.storefront"\nbrand = "other"\nshop = "x"\n')


@pytest.mark.usefixtures("two_brands")
def test_a_policy_is_set_shown_and_taken_back(oms: Oms) -> None:
    oms("merge", "policy", "pc", "--window", "45", "--brand", "other", "--most-orders", "5", "--never", "gift")
    (one,) = told(oms)
    assert (one["window_min"], one["brands"], one["most_orders"], one["never"]) == (45, ["other"], 5, ["gift"])
    assert "│ no " in oms("merge", "policy", "pc", "--off").stdout


def test_asking_about_a_shop_changes_nothing(oms: Oms) -> None:
    assert told(oms, "pc") == []
    oms("merge", "policy", "pc", "--off", "--window", "45")
    before = told(oms)
    assert told(oms, "pc") == before
    assert told(oms, "h5") == []
    assert (before[0]["active"], told(oms)) == (False, before)


@pytest.mark.usefixtures("two_brands")
def test_what_is_not_named_stays_as_it_was(oms: Oms) -> None:
    oms("merge", "policy", "pc", "--off", "--window", "45", "--brand", "other", "--most-orders", "5", "--never", "gift")
    (before,) = told(oms)
    oms("merge", "policy", "pc", "--most-grams", "900")
    assert told(oms) == [{**before, "most_grams": 900, "version": 2}]
    oms("merge", "policy", "pc", "--brand", "demo")
    assert told(oms)[0]["brands"] == []


def test_a_brand_that_nobody_knows_is_refused(oms: Oms) -> None:
    error = oms("merge", "policy", "pc", "--brand", "nobrand").exception
    assert isinstance(error, NotFound)
    assert (error.code, "nobrand" in error.say("zh"), told(oms)) == ("unknown_brand", True, [])


@pytest.mark.parametrize("limit", ["--most-orders", "--most-grams", "--window"])
@pytest.mark.parametrize("value", [str(2**63), str(10**30), "0"])
def test_a_limit_out_of_range_is_refused_with_the_reason(oms: Oms, limit: str, value: str) -> None:
    error = oms("merge", "policy", "pc", limit, value).exception
    assert isinstance(error, Malformed)
    assert (error.code, " to " in error.say("en"), " 到 " in error.say("zh")) == ("merge_policy", True, True)


def test_a_shop_that_has_left_the_settings_can_still_be_turned_off(oms: Oms, database: Database) -> None:
    with database.transaction() as session:
        set_policy(session, SYSTEM, ShopPolicy("demo", "left"), datetime.now(UTC))
    oms("merge", "policy", "left", "--off")
    assert [(one["brand"], one["active"]) for one in told(oms, "left")] == [("demo", False)]


def test_options_need_a_shop(oms: Oms) -> None:
    assert isinstance(oms("merge", "policy", "--off").exception, Malformed)


def test_a_shop_of_nobody_or_a_window_of_no_length_is_refused(oms: Oms) -> None:
    assert isinstance(oms("merge", "policy", "nowhere").exception, NotFound)
    assert isinstance(oms("merge", "policy", "pc", "--window", "0").exception, Malformed)


def test_what_waits_and_what_travels_together_is_listed(oms: Oms, database: Database) -> None:
    first, second = place_two(oms, database)
    assert "M2" in oms("merge", "ls").stdout
    shown = json.loads(oms("merge", "ls", "--json").stdout)
    assert [(one["external_id"], one["mates"]) for one in shown["waiting"]] == [("M1", 1), ("M2", 1)]
    with database.transaction() as session:
        close_windows(session, LATER)
    shown = json.loads(oms("merge", "ls", "--json").stdout)
    assert (shown["waiting"], shown["groups"][0]["members"]) == ([], [f"{first}-1", f"{second}-1"])
    assert f"{first}-1" in oms("merge", "ls").stdout
