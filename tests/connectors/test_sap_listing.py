from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sap_listing import MOST_ROWS, read_all
from hub.errors import HubError, OutcomeUnknown, Rejected, TryLater

Row = Mapping[str, object]


class Shelf:
    """A listing that something may happen to between two pages."""

    def __init__(self, names: Sequence[str], at_once: int = 100) -> None:
        self.names, self.at_once, self.asked = sorted(names), at_once, 0
        self.then: Sequence[str] | None = None

    def page(self, start: int, size: int) -> tuple[Sequence[Row], int]:
        if self.asked and self.then is not None:
            self.names = sorted(self.then)
        self.asked += 1
        end = start + min(size, self.at_once)
        return [{"name": name} for name in self.names[start:end]], len(self.names)


def read(shelf: Shelf, size: int = 3) -> list[object]:
    return [row["name"] for row in read_all(shelf.page, ["name"], size)]


@given(st.sets(st.text("abc", max_size=4), max_size=20), st.integers(2, 9), st.integers(2, 9))
def test_every_row_is_read_once_however_many_a_page_holds(names: set[str], size: int, at_once: int) -> None:
    assert read(Shelf(list(names), at_once), size) == sorted(names)


@given(st.sets(st.text("abc", max_size=3), max_size=12), st.sets(st.text("abc", max_size=3), max_size=12))
def test_what_was_there_all_the_time_is_never_missed(before: set[str], after: set[str]) -> None:
    shelf = Shelf(list(before))
    shelf.then = list(after)
    try:
        found = read(shelf)
    except TryLater:
        return
    assert before & after <= set(found)


@pytest.mark.parametrize("then", ["bcdef", "Aabcdef", "ab"])
def test_a_listing_that_shifts_is_read_again_later(then: str) -> None:
    shelf = Shelf("abcdef")
    shelf.then = then
    with pytest.raises(TryLater) as caught:
        read(shelf)
    assert caught.value.code == "listing_changed"


def test_what_comes_behind_is_read_as_well() -> None:
    shelf = Shelf("abcd")
    shelf.then = "abcdefgh"
    assert read(shelf) == list("abcdefgh")


A: Final[Row] = {"name": "a"}
NONE: Final[Sequence[Row]] = ()


@pytest.mark.parametrize(
    ("kind", "pages"),
    [
        (OutcomeUnknown, [(NONE, 5)]),
        (OutcomeUnknown, [([A], 5), ([A], 5)]),
        (OutcomeUnknown, [([A, A], 2)]),
        (Rejected, [([A], MOST_ROWS + 1)]),
    ],
    ids=["nothing at all", "no more", "twice", "too many"],
)
def test_pages_that_are_no_listing_are_not_believed(
    kind: type[HubError], pages: list[tuple[Sequence[Row], int]]
) -> None:
    answers = iter(pages)
    with pytest.raises(kind):
        read_all(lambda _start, _size: next(answers), ["name"], 2)
