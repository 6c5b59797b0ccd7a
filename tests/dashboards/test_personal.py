from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from commands.assets import ensure_assets
from dashboards.app import SCREENS, build
from dashboards.visit import COOKIE
from hub.database import Database, rows
from hub.visits import begin_visit
from tests.clones import Clones
from tests.conftest import RING
from tests.console.world import HOSTILE, NAME, PHONE, STREET, fill, settings

PARTS = ("overview/figures", "overview/panels", "runs/list", "exceptions/groups", "connections-list")


@pytest.fixture(scope="module")
def pages(clones: Clones, template: str) -> dict[str, str]:
    """Give every page of a world by its address, as an administrator sees it."""
    ensure_assets()
    with clones.lend(template) as url:
        database = Database(url, RING)
        fill(database, datetime.now(UTC))
        client = TestClient(build(settings(), database), headers={"accept-language": "en"})
        with database.transaction() as session:
            client.cookies.set(COOKIE, begin_visit(session, "admin", datetime.now(UTC)))
            things = {
                "orders": "select id from sales_order order by id limit 12",
                "exceptions": "select id from case_file",
                "runs": "select id from step order by state = 'dead' desc, id desc limit 12",
                "messages/step": "select id from step order by state = 'dead' desc limit 3",
                "messages/inbox": "select id from inbox",
                "connections": "select connection as id from connection_health",
            }
            paths = [f"{kind}/{one.id}" for kind, query in things.items() for one in rows(session, query)]
        addresses = [*(one.path for one in SCREENS), *(f"/console/{path}" for path in (*PARTS, *paths))]
        answers = {address: client.get(address) for address in addresses}
        database.close()
    assert {answer.status_code for answer in answers.values()} == {200}
    return {address: answer.text for address, answer in answers.items()}


@pytest.mark.parametrize("secret", [NAME, PHONE, STREET, "a-made-up-password", "$argon2id$"])
def test_no_page_shows_what_is_personal_or_secret_unasked(pages: dict[str, str], secret: str) -> None:
    assert [address for address, text in pages.items() if secret in text] == []


def test_what_partners_say_in_free_text_is_shown_without_the_person(pages: dict[str, str]) -> None:
    for kind in ("runs", "exceptions", "messages/step", "messages/inbox"):
        assert any("没有找到***" in text for address, text in pages.items() if f"/console/{kind}/" in address), kind


def test_hostile_text_runs_on_no_page(pages: dict[str, str]) -> None:
    assert any("&lt;img src=x" in text for text in pages.values())
    assert [address for address, text in pages.items() if HOSTILE in text] == []


def test_no_page_carries_a_script_or_style_of_its_own(pages: dict[str, str]) -> None:
    for address, text in pages.items():
        for sign in ("<style", " style=", "javascript:", " onclick=", " onload=", "<script>", "hx-on", "js:"):
            assert sign not in text, address


def test_every_page_says_what_language_it_is_in(pages: dict[str, str]) -> None:
    whole = [text for text in pages.values() if text.startswith("<!doctype")]
    assert len(whole) > len(SCREENS)
    assert all('<html lang="en"' in text for text in whole)
