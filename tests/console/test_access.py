import pytest

from dashboards.app import SCREENS
from tests.console.browsing import WALKS, Guard, Look, walk
from tests.console.conftest import Open


def named(*paths: str) -> dict[str, str]:
    return {path.rpartition("/")[2]: path for path in paths}


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_a_screen(open_page: Open, look: Look) -> None:
    screens = named(*(screen.path for screen in SCREENS))
    assert len(screens) == len(SCREENS)
    walk(open_page("admin", look), look, screens)


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_signing_in(open_page: Open, look: Look) -> None:
    walk(open_page("", look), look, named("/console/sign-in"))


@pytest.mark.parametrize("look", WALKS, ids=str)
def test_nothing_bars_anybody_from_where_nothing_is(open_page: Open, look: Look, guard: Guard) -> None:
    guard.expect("404")
    walk(open_page("admin", look), look, named("/console/nowhere"))
