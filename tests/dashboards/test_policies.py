from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.pages import new_key
from dashboards.policies import next_text
from dashboards.rule_difference import Piece, line_pieces
from dashboards.visit import LANGUAGE_COOKIE
from hub.database import Database
from hub.order.place.batch import Placed, place
from hub.order.rules.policy import POLICY, built_in
from hub.roles import SYSTEM, Role
from hub.sourcing.policies import draft_policy, list_policies, publish_policy
from tests.dashboards.desk import NOW, Desk, opened, plain
from tests.hub.making import ZONE, order, stock

HOME = "/console/policies"
FIRST = 'version = "2026-12"\nbrand = "demo"\nnote = "as before"\n'
NOT_SH = f'{FIRST.replace("2026-12", "2027-01")}[eliminate]\nlocations = ["sh"]\n'
TO_BJ = NOT_SH.replace("sh", "bj")
PAGE = f"{HOME}/demo/2027-01"


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    with opened(database, tmp_path) as made:
        with database.transaction() as session:
            stock(session, {"sh": {"apple": 90}, "bj": {"apple": 90}})
            place(session, [order({"apple": 1}, placed_at=NOW, paid_at=NOW)], NOW, ZONE)
        yield made.sit("root", Role.ADMIN)


@pytest.fixture
def in_force(desk: Desk) -> Desk:
    with desk.database.transaction() as session:
        draft_policy(session, SYSTEM, FIRST, POLICY.version, NOW)
        publish_policy(session, SYSTEM, "demo", "2026-12", "the first", NOW, revision=1, untried="a test")
    return desk


def states(desk: Desk) -> dict[str, str]:
    with desk.database.transaction() as session:
        return {one.version: one.state.value for one in list_policies(session, SYSTEM)}


def test_an_empty_list_says_what_every_brand_is_sourced_by(desk: Desk) -> None:
    told = plain(desk.see(HOME))
    assert "No sourcing policy is written yet." in told
    assert f"sourced by the built-in {POLICY.version}" in told


def test_the_editor_begins_with_the_built_in_policy_and_drafts_it_once(desk: Desk) -> None:
    assert "per_1000_km" in desk.see(f"{HOME}-new")
    key = new_key()
    led = [desk.post(HOME, key=key, content=built_in("demo")).headers["location"] for _ in range(2)]
    assert led == [f"{HOME}/demo/my-first"] * 2
    assert states(desk) == {"my-first": "draft"}
    assert "draft revision 1" in plain(desk.see(HOME))


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("version = ", 422, "malformed_policy"),
        ('version = "a"\nbrand = "demo"\nparcels = 3\n# <kept>', 422, "malformed_policy"),
        (FIRST.replace("demo", "nobody"), 404, "unknown_brand"),
        (f'{FIRST}[freight]\nrates = "none"\n', 404, "unknown_rates"),
        (FIRST.replace("2026-12", POLICY.version), 409, "policy_version"),
    ],
)
def test_a_refused_text_comes_back_with_the_reason_and_is_sent_again(
    desk: Desk, content: str, status: int, code: str
) -> None:
    key = new_key()
    answer = desk.post(HOME, key=key, content=content)
    assert answer.status_code == status
    assert f">{code}<" in answer.text
    assert content.splitlines()[0] in plain(answer.text.partition("<textarea")[2])
    assert states(desk) == {}
    assert desk.post(HOME, key=key, content=FIRST).status_code == 303


def test_a_text_that_says_too_much_is_told_the_key_and_the_bound_in_chinese(desk: Desk) -> None:
    desk.client.cookies.set(LANGUAGE_COOKIE, "zh")
    zones = "".join(f'z{no} = ["310000"]\n' for no in range(201))
    answer = desk.post(HOME, key=new_key(), content=f"{FIRST}[zones]\n{zones}")
    assert "zones 最多 200 项，现有 201 项" in plain(answer.text)
    assert ">policy_too_large<" in answer.text


def test_a_draft_stands_beside_what_is_in_force(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    page = in_force.see(PAGE)
    assert "<del>2026</del>" in page
    assert "Beside 2026-12, which is in force" in plain(page)
    assert "locations = [&#34;sh&#34;]" in page


def test_a_draft_is_tried_before_it_is_published_with_a_reason(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    assert "disabled>Publish 2027-01" in in_force.see(PAGE)
    assert in_force.post(f"{PAGE}/publish", revision=1, tried=7, reason="cheaper").status_code == 409
    in_force.see(f"{PAGE}/try?days=7")
    assert in_force.post(f"{PAGE}/publish", revision=1).status_code == 422
    assert states(in_force)["2027-01"] == "draft"
    assert "Tried by root on 7 days, 1 orders" in plain(in_force.see(PAGE))
    in_force.act(f"{PAGE}/publish", revision=1, reason="cheaper")
    assert states(in_force) == {"2027-01": "in_force", "2026-12": "retired"}
    assert in_force.audited("routing_policy.publish")[-1] == ("root", "routing_policy:demo")


def test_a_draft_that_was_written_anew_is_not_published_by_who_read_the_old_one(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    in_force.see(f"{PAGE}/try?days=7")
    in_force.act(HOME, content=TO_BJ, label="2027-01", read=1)
    assert in_force.post(f"{PAGE}/publish", revision=2, reason="cheaper").status_code == 409  # its text was not tried
    in_force.see(f"{PAGE}/try?days=7")
    answer = in_force.post(f"{PAGE}/publish", revision=1, reason="cheaper")
    assert (answer.status_code, ">policy_revision<" in answer.text) == (409, True)


def test_of_two_who_change_one_draft_the_second_sees_both_texts_and_may_save_again(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    in_force.act(HOME, content=TO_BJ, label="2027-01", read=1)
    mine = NOT_SH.replace("as before", "mine")
    answer = in_force.post(HOME, content=mine, label="2027-01", read=1)
    assert (answer.status_code, ">policy_revision<" in answer.text) == (409, True)
    assert "root has written revision 2 of 2027-01 meanwhile" in plain(answer.text)
    assert ("<ins>mine</ins>" in answer.text, 'name="read" value="2"' in answer.text) == (True, True)
    in_force.act(HOME, content=mine, label="2027-01", read=2)
    assert "draft revision 3" in plain(in_force.see(PAGE))


def test_who_mends_a_refused_change_of_a_draft_saves_it_over_the_draft_that_was_read(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    answer = in_force.post(HOME, content=f"{NOT_SH}nobody = 1\n", label="2027-01", read=1)
    assert answer.status_code == 422
    assert 'name="label" value="2027-01"><input type="hidden" name="read" value="1"' in answer.text


def test_a_draft_may_name_its_version_in_any_quotes(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    in_force.act(HOME, content=TO_BJ.replace('"2027-01"', "'2027-01'"), label="2027-01", read=1)
    assert "draft revision 2" in plain(in_force.see(PAGE))


def test_a_version_that_another_has_drafted_is_not_replaced_by_who_never_saw_it(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    assert in_force.post(HOME, content=TO_BJ).status_code == 409
    assert in_force.post(HOME, content=TO_BJ, label="2026-12", read=1).status_code == 409


def test_a_trial_tells_both_policies_by_measure_day_and_location(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)  # its notice is cleared by the page of the trial, which can write again
    page = in_force.see(f"{PAGE}/try?days=7")
    told = plain(page)
    assert "Sourced 1 times; would ship otherwise: 1." in told
    assert "Parcels 1 1 0" in told
    assert "Share of sh 100.0% 0.0% −100.0%" in told
    assert "Share of bj 0.0% 100.0% +100.0%" in told
    assert [page.count(f'class="bar-{mark}"') for mark in ("now", "then")] == [3, 4]  # nothing is far from its own city
    assert "is kept as a draft" not in in_force.see(f"{PAGE}/try?days=7")


def test_a_trial_of_a_policy_that_decides_batches_together_says_how_many_there_were(in_force: Desk) -> None:
    in_force.act(HOME, content=f"{NOT_SH}[together]\norders = 2\n")
    told = plain(in_force.see(f"{PAGE}/try?days=30"))
    assert "2027-01: batches with enough orders 0, decided together 0" in told


def test_a_trial_is_given_alone_to_the_page_that_asks_for_it(in_force: Desk) -> None:
    in_force.act(HOME, content=NOT_SH)
    answer = in_force.get(f"{PAGE}/try?days=1", **{"hx-request": "true", "hx-target": "div#trial"})
    assert "<html" not in answer.text
    assert 'name="revision" value="1"' in answer.text
    assert in_force.get(f"{PAGE}/try?days=31").status_code == 422


def test_the_policy_in_force_is_retired_with_a_reason(in_force: Desk) -> None:
    at = f"{HOME}/demo/2026-12"
    assert in_force.post(f"{at}/retire", reason=" ").status_code == 422
    in_force.act(f"{at}/retire", reason="back")
    assert states(in_force) == {"2026-12": "retired"}
    assert in_force.post(f"{at}/retire", reason="again").status_code == 409


def test_who_may_not_configure_reads_and_others_brands_are_not_seen(in_force: Desk) -> None:
    at = f"{HOME}/demo/2026-12"
    reader = in_force.sit("op", Role.OPERATOR)
    assert "as before" in reader.see(at)
    assert "<textarea" not in reader.see(at)
    assert "policies-new" not in reader.see(HOME)
    stranger = in_force.sit("stranger", Role.ADMIN, brand="other")
    assert stranger.get(at).status_code == 404
    assert "No sourcing policy is written yet." in stranger.see(HOME)


def test_the_next_text_has_a_version_that_none_has() -> None:
    assert next_text(FIRST, ["2026-12", "2026-12-2"]).startswith('version = "2026-12-3"')
    assert next_text(NOT_SH, ["2026-12"]) == NOT_SH
    assert next_text(FIRST.replace("2026-12", "spring-2"), ["spring-2"]).startswith('version = "spring-3"')


def test_long_texts_are_told_by_lines_and_words_only_where_lines_differ() -> None:
    told = list(line_pieces("a = 1\nb = 2\n", "a = 1\nb = 3\nc = 4\n"))
    assert told[0] == Piece("same", "a = 1\n")
    assert Piece("old", "2") in told
    assert list(line_pieces("x" * 3_000, "y")) == [Piece("old", "x" * 3_000), Piece("new", "y")]


def test_a_decision_shows_what_each_weight_counted_and_what_was_left(desk: Desk) -> None:
    weights = "[costs]\nper_1000_km = 2000\n[weights]\nmarkdown = 150\nunfilled = 800\n[locations.bj]\nclear = true\n"
    with desk.database.transaction() as session:
        stock(session, {"sh": {"pear": 1}, "bj": {"pear": 9}}, "ASN-2")
        draft_policy(session, SYSTEM, FIRST + weights, POLICY.version, NOW)
        publish_policy(session, SYSTEM, "demo", "2026-12", "the first", NOW, revision=1, untried="a test")
        wanted = order({"pear": 2}, "T2", placed_at=NOW, paid_at=NOW)
        [told] = place(session, [wanted], NOW, ZONE)
        assert isinstance(told, Placed)
    path = f"/console/orders/{told.order_id}"
    drawer = plain(desk.drawer(f"{path}/routing/1"))
    assert "Left unfilled ¥8.00" in drawer
    assert "+ ¥1.50 not cleared" in drawer
    assert "not cleared" in plain(desk.see(path))
