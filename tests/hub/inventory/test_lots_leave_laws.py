from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.inventory.counted import LotLine
from hub.inventory.ledger import StockKey
from hub.inventory.lot import Lot
from hub.inventory.lot_heard import Pieces, Place, swap
from hub.inventory.lot_leave import Leaving, Shelf, still_due
from hub.inventory.lot_named import Shelved
from tests.hub.making import AT

KEY = StockKey("sh", "x", "OWNER")
CODES = st.sampled_from("ABCD")
SOME = st.dictionaries(CODES, st.integers(0, 9))
DAYS = st.none() | st.integers(-3, 9).map(lambda days: AT.date() + timedelta(days=days))


@st.composite
def shelved(draw: st.DrawFn) -> dict[str, Shelved]:
    found: dict[str, Shelved] = {}
    for code, pieces in draw(SOME).items():
        lot = Lot(lot=code, on_hand=pieces, expires_on=draw(DAYS), counted_at=AT)
        found[code] = Shelved(lot, draw(st.integers(-3, pieces)))
    return found


@st.composite
def leaving(draw: st.DrawFn) -> Leaving:
    told, rest = draw(SOME), draw(st.integers(0, 9))
    parts = tuple(LotLine(lot=code, pieces=pieces) for code, pieces in told.items())
    return Leaving(1, KEY, sum(told.values()) + rest, parts, draw(SOME))


LINES = st.lists(leaving(), max_size=4)


@given(shelved(), LINES)
def test_no_lot_falls_below_nothing_and_none_gains(lots: dict[str, Shelved], lines: list[Leaving]) -> None:
    shelf = Shelf({KEY: lots}, AT.date())
    for line in lines:
        shelf.leave(line)
    assert all(0 <= now < lots[code].lot.on_hand for (_, code), now in shelf.changed.items())


@given(shelved(), LINES)
def test_what_is_told_is_what_left_and_nothing_more_is_assumed_than_was_unsaid(
    lots: dict[str, Shelved], lines: list[Leaving]
) -> None:
    shelf = Shelf({KEY: lots}, AT.date())
    for line in lines:
        told = Counter({one.lot: one.pieces for one in line.told})
        left = shelf.leave(line)
        assert Counter({one.lot: one.quantity - one.assumed for one in left}) == told
        assert sum(one.assumed for one in left) <= line.quantity - told.total()


@given(shelved(), LINES)
def test_lots_lose_what_left_of_them_less_what_they_lacked(lots: dict[str, Shelved], lines: list[Leaving]) -> None:
    shelf = Shelf({KEY: lots}, AT.date())
    left = sum(one.quantity for line in lines for one in shelf.leave(line))
    lost = sum(lots[code].lot.on_hand - now for (_, code), now in shelf.changed.items())
    lacked = sum(one.left - (one.there or 0) for one in shelf.lacking)
    assert lost == left - lacked if lots else lost == 0


@given(SOME, SOME, st.integers(0, 30))
def test_what_is_still_due_was_due_before_and_fits_what_is_open(
    named: dict[str, int], left: dict[str, int], open_after: int
) -> None:
    due = still_due(named, left, open_after)
    assert sum(due.values()) <= open_after
    assert all(0 <= due[lot] <= named[lot] for lot in named)


@given(st.dictionaries(CODES, st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1), SOME)
def test_a_swap_adds_and_loses_nothing_and_keeps_what_was_told(
    shipped: dict[str, tuple[int, int]], told: dict[str, int]
) -> None:
    before = {Place(1, 1, lot): Pieces(pieces, min(pieces, assumed)) for lot, (pieces, assumed) in shipped.items()}
    after, _ = swap(before, told)
    assert sum(one.quantity for one in after.values()) == sum(one.quantity for one in before.values())
    assert all(
        after[place].quantity - after[place].assumed >= one.quantity - one.assumed for place, one in before.items()
    )
    assert all(0 <= one.assumed <= one.quantity for one in after.values())
