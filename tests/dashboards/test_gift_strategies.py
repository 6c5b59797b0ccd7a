"""Gift strategies at the console: drafted, tried on past orders, published and retired."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.pages import new_key
from hub.database import Database
from hub.gift.strategy import list_strategies
from hub.order.place.batch import place
from hub.roles import SYSTEM, Role
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.hub.gift.giving import put_in_force
from tests.hub.making import ZONE, order, stock

HOME = "/console/gifts"
PAGE = f"{HOME}/demo/spring"
SPRING = {"brand": "demo", "name": "spring", "min_fen": 2_000, "first_orders": 9, "gives": [{"sku": "cup"}]}


def text(**changes: Any) -> str:  # noqa: ANN401 # any field of a strategy
    return json.dumps(SPRING | changes)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"tea": 90, "cup": 90}})
            orders = [order({"tea": n}, f"T{n}", placed_at=NOW, paid_at=NOW) for n in (1, 2, 3)]
            place(session, [*orders, order({"cup": 2}, "C", placed_at=NOW, paid_at=NOW)], NOW, ZONE)
        yield made.sit("root", Role.ADMIN)


def states(desk: Desk) -> list[tuple[int, str]]:
    with desk.database.transaction() as session:
        return [(one["no"], one["state"]) for one in list_strategies(session, SYSTEM)]


def test_an_empty_list_leads_to_an_editor_whose_text_is_drafted_once(desk: Desk) -> None:
    assert "No gift strategy is written yet." in plain(desk.see(HOME))
    assert "first_orders" in desk.see(f"{HOME}-new")
    key = new_key()
    assert [desk.post(HOME, key=key, strategy=text()).headers["location"] for _ in range(2)] == [PAGE] * 2
    assert states(desk) == [(1, "draft")]
    assert "from ¥20.00" in plain(desk.see(HOME))


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("{", 422, "malformed_strategy"),
        (text(colour="red"), 422, "malformed_strategy"),
        (text(if_out="replace"), 422, "malformed_strategy"),
        (text(gives=[{"sku": "none"}]), 422, "unknown_sku"),
        (text(skus=["none"]), 422, "unknown_sku"),
        (text(shops=["none"]), 404, "unknown_shop"),
    ],
)
def test_a_refused_text_comes_back_with_the_reason_and_is_sent_again(
    desk: Desk, content: str, status: int, code: str
) -> None:
    key = new_key()
    answer = desk.post(HOME, key=key, strategy=content)
    assert (answer.status_code, f">{code}<" in answer.text) == (status, True)
    assert content[:9] in plain(answer.text.partition("<textarea")[2])
    assert (states(desk), desk.post(HOME, key=key, strategy=text()).status_code) == ([], 303)


def test_a_draft_is_tried_before_it_is_published(desk: Desk) -> None:
    desk.act(HOME, strategy=text())
    assert (
        desk.post(f"{PAGE}/1/publish", tried=7).status_code == 409
    )  # what a browser says of itself counts for nothing
    told = plain(desk.see(f"{PAGE}/1/try?days=7"))
    assert "Orders looked at 4 Would have had it 3 75.0% Pieces given 3 Cost of the gifts ¥30.00" in told
    assert "Too little money 1" in told
    assert "Tried by root on 7 days, 4 orders" in plain(desk.see(PAGE))
    desk.act(f"{PAGE}/1/publish")
    assert states(desk) == [(1, "in_force")]
    assert desk.audited("gift.publish")[-1] == ("root", "gift:demo/spring")


def test_a_draft_that_was_written_anew_since_its_trial_is_not_published(desk: Desk) -> None:
    desk.act(HOME, strategy=text())
    desk.see(f"{PAGE}/1/try?days=7")
    desk.act(HOME, strategy=text(first_orders=99))
    assert desk.post(f"{PAGE}/2/publish").status_code == 409
    assert "Tried by" not in plain(desk.see(PAGE))


def test_a_trial_is_given_alone_to_the_page_that_asks_for_it(desk: Desk) -> None:
    desk.act(HOME, strategy=text())
    answer = desk.get(f"{PAGE}/1/try?days=1", **{"hx-request": "true", "hx-target": "div#trial"})
    assert "<html" not in answer.text
    assert "Publish version 1" in answer.text
    assert [desk.get(f"{PAGE}/{no}/try?days={days}").status_code for no, days in ((2, 1), (1, 91))] == [404, 422]


def test_a_draft_stands_beside_what_is_in_force_and_counts_are_told(desk: Desk) -> None:
    with desk.database.transaction() as session:
        put_in_force(session, first_orders=9)
        place(session, [order({"tea": 1}, "T9", placed_at=NOW, paid_at=NOW)], NOW, ZONE)
    assert "1 of 9 orders" in plain(desk.see(HOME))
    desk.act(HOME, strategy=text(first_orders=20))
    page = desk.see(PAGE)
    assert "Beside version 1, which is in force" in plain(page)
    assert "<ins>20</ins>" in page


def test_what_is_in_force_is_retired_with_a_reason(desk: Desk) -> None:
    with desk.database.transaction() as session:
        put_in_force(session)
    assert desk.post(f"{PAGE}/retire", reason=" ").status_code == 422
    desk.act(f"{PAGE}/retire", reason="over")
    assert (states(desk), desk.post(f"{PAGE}/retire", reason="x").status_code) == ([(1, "retired")], 409)
    assert "Retired" in plain(desk.see(PAGE))


def test_who_may_not_configure_reads_and_others_brands_are_not_seen(desk: Desk) -> None:
    with desk.database.transaction() as session:
        put_in_force(session)
    reader = desk.sit("op", Role.OPERATOR)
    assert "<textarea" not in reader.see(PAGE)
    assert "gifts-new" not in reader.see(HOME)
    stranger = desk.sit("stranger", Role.ADMIN, brand="other")
    assert stranger.get(PAGE).status_code == 404
    assert "No gift strategy is written yet." in plain(stranger.see(HOME))
