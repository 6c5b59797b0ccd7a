"""Merge policies at the console: which shops merge, and how that is set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from dashboards.pages import new_key
from hub.database import Database
from hub.merge.policy import ShopPolicy, list_policies, set_policy
from hub.roles import SYSTEM, Role
from tests.dashboards.desk import NOW, Desk, opened, plain

HOME: Final = "/console/merging"
PAGE: Final = f"{HOME}/pc"
USUAL: Final[dict[str, Any]] = {
    "active": "true",
    "window_min": 45,
    "most_orders": 5,
    "most_grams": 12_500,
    "never": ["presale", "o2o"],
}


def form(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 # any field of the form
    return USUAL | changes


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        yield made.sit("root", Role.ADMIN)


def policies(desk: Desk) -> list[ShopPolicy]:
    with desk.database.transaction() as session:
        return list_policies(session, SYSTEM)


def test_a_shop_whose_policy_was_never_set_does_not_merge_and_is_offered_the_usual(desk: Desk) -> None:
    assert "pc demo Does not merge never set" in plain(desk.see(HOME))
    page = desk.see(PAGE)
    assert "Orders of this shop do not merge." in plain(page)
    assert 'name="window_min" min="1" max="10080" value="30"' in page


def test_a_policy_is_set_once_and_shown_in_list_and_page(desk: Desk) -> None:
    key = new_key()
    assert [desk.post(PAGE, key=key, **form()).headers["location"] for _ in range(2)] == [PAGE] * 2
    never = ("presale", "o2o")
    [one] = policies(desk)
    assert one == ShopPolicy("demo", "pc", True, 45, (), 5, 12_500, never, version=1)  # noqa: FBT003 # as its columns
    assert "pc demo Merges version 1 45 min 5 orders, 12.5 kg its own brand alone Presale, O2O" in plain(desk.see(HOME))
    assert "Orders in one delivery at most" in plain(desk.see(PAGE))
    assert desk.audited("merge.policy_set") == [("root", "shop:pc")]


def test_merging_is_turned_off_and_what_is_ticked_no_more_is_gone(desk: Desk) -> None:
    desk.act(PAGE, **form())
    desk.act(PAGE, **form(active="", never=[], version=1))
    assert [(one.active, one.never, one.version) for one in policies(desk)] == [(False, (), 2)]
    assert "Does not merge version 2" in plain(desk.see(PAGE))


def test_what_somebody_has_set_meanwhile_is_not_overwritten(desk: Desk) -> None:
    desk.act(PAGE, **form())
    answer = desk.post(PAGE, **form(window_min=9))
    assert (answer.status_code, "merge_policy_version" in answer.text) == (409, True)
    assert [one.window_min for one in policies(desk)] == [45]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"window_min": 0}, 422),
        ({"most_orders": 1}, 422),
        ({"most_grams": -1}, 422),
        ({"never": ["nothing"]}, 422),
        ({"brands": ["stranger"]}, 404),
    ],
)
def test_what_cannot_be_followed_is_refused(desk: Desk, fields: dict[str, Any], status: int) -> None:
    assert desk.post(PAGE, **form(**fields)).status_code == status
    assert policies(desk) == []


def test_a_brand_that_was_named_before_can_stay(desk: Desk) -> None:
    with desk.database.transaction() as session:
        set_policy(session, SYSTEM, ShopPolicy("demo", "pc", brands=("gone",)), NOW)
    assert 'value="gone" checked' in desk.see(PAGE)
    desk.act(PAGE, **form(brands=["gone"], version=1))
    assert [one.brands for one in policies(desk)] == [("gone",)]


def test_a_shop_that_has_left_the_settings_can_still_be_turned_off(desk: Desk) -> None:
    with desk.database.transaction() as session:
        set_policy(session, SYSTEM, ShopPolicy("demo", "left"), NOW)
    desk.act(f"{HOME}/left", **form(active="", version=1))
    assert [(one.brand, one.shop, one.active) for one in policies(desk)] == [("demo", "left", False)]


def test_who_may_not_configure_reads_and_others_shops_are_not_seen(desk: Desk) -> None:
    desk.act(PAGE, **form())
    desk.sit("reader", Role.VIEWER)
    assert "45 min" in plain(desk.see(PAGE))
    assert "Set the policy" not in desk.see(PAGE)
    assert desk.post(PAGE, **form()).status_code == 403
    desk.sit("stranger", Role.ADMIN, brand="other")
    assert "There is no shop." in plain(desk.see(HOME))
    assert (desk.get(PAGE).status_code, desk.post(PAGE, **form()).status_code) == (404, 404)
    assert desk.get(f"{HOME}/nowhere").status_code == 404
