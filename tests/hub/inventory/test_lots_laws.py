from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.inventory.counted import LotLine, ReportLine
from hub.inventory.lot import Lot, fold_lots, pick
from tests.hub.making import AT

TODAY = AT.date()
DAYS = st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))
LOTS = st.lists(
    st.builds(
        Lot,
        lot=st.sampled_from("ABCDEFGH"),
        on_hand=st.integers(0, 9),
        produced_on=DAYS,
        expires_on=DAYS,
        counted_at=st.just(AT),
    ),
    unique_by=lambda one: one.lot,
)


def changing(pieces: dict[str, int]) -> ReportLine:
    parts = tuple(LotLine(lot=code, pieces=n) for code, n in pieces.items())
    return ReportLine(no=1, sku="x", kind="change", pieces=sum(pieces.values()), lots=parts)


LINES = st.lists(st.dictionaries(st.sampled_from("ABC"), st.integers(-9, 9)).map(changing), max_size=6)


@given(LOTS, st.integers(-2, 40))
def test_picked_pieces_are_no_more_than_asked_and_all_that_good_lots_have(lots: list[Lot], quantity: int) -> None:
    picked = pick(lots, quantity, TODAY)
    good = sum(one.on_hand for one in lots if not one.is_expired(TODAY))
    assert sum(pieces for _, pieces in picked) == min(max(0, quantity), good)
    assert all(pieces > 0 for _, pieces in picked)


@given(LOTS, st.integers(0, 40))
def test_lots_are_picked_by_their_expiry_and_never_when_expired(lots: list[Lot], quantity: int) -> None:
    by_code = {one.lot: one for one in lots}
    days = [by_code[code].expires_on or date.max for code, _ in pick(lots, quantity, TODAY)]
    assert days == sorted(days)
    assert all(day > TODAY for day in days)


@given(LOTS, st.integers(0, 40))
def test_a_lot_is_emptied_before_the_next_is_touched(lots: list[Lot], quantity: int) -> None:
    by_code = {one.lot: one for one in lots}
    picked = pick(lots, quantity, TODAY)
    assert all(pieces == by_code[code].on_hand for code, pieces in picked[:-1])
    assert all(pieces <= by_code[code].on_hand for code, pieces in picked)


@given(LOTS, LINES)
def test_no_lot_has_fewer_pieces_than_none_whatever_changes_say(lots: list[Lot], lines: list[ReportLine]) -> None:
    kept = fold_lots({one.lot: one for one in lots}, lines, AT, {})
    assert all(one.on_hand >= 0 for one in kept.values())


@given(LOTS, LINES, st.dictionaries(st.sampled_from("ABC"), st.integers(0, 9), min_size=1))
def test_a_count_is_kept_as_it_is_whatever_was_before(
    lots: list[Lot], lines: list[ReportLine], counted: dict[str, int]
) -> None:
    parts = tuple(LotLine(lot=code, pieces=n) for code, n in counted.items())
    count = ReportLine(no=2, sku="x", kind="count", pieces=sum(counted.values()), lots=parts)
    kept = fold_lots({one.lot: one for one in lots}, [*lines, count], AT, {})
    assert {code: one.on_hand for code, one in kept.items()} == {code: n for code, n in counted.items() if n}
