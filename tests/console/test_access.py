import pytest
from playwright.sync_api import expect

from dashboards.app import SCREENS
from tests.console.browsing import LOOKS, Guard, Look, audit, scrolls_sideways
from tests.console.conftest import Open

PATHS = ("/console/sign-in", "/console/nowhere", *(screen.path for screen in SCREENS))


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_bars_anybody_from_a_page(open_page: Open, path: str, look: Look, guard: Guard) -> None:
    page = open_page("" if path.endswith("sign-in") else "admin", look)
    if path.endswith("nowhere"):
        guard.expect("404")
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert audit(page, f"{path.rpartition('/')[2]}-{look}") == []
    expect(page.locator("html")).to_have_attribute("lang", look.locale)
    assert not scrolls_sideways(page), "the page scrolls sideways"
