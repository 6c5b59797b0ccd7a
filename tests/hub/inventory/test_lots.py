from datetime import date

import pytest
from sqlalchemy.orm import Session

from hub.database import rows
from hub.inventory.count import Counted, take_report
from hub.inventory.counted import CountReport, LotLine, ReportLine
from hub.inventory.ledger import StockKey, drift
from hub.inventory.lot import lots_of
from tests.hub.inventory.counting import WMS, after, cases, level, report, take
from tests.hub.making import OWNER, stock

APPLE = StockKey("sh", "apple", OWNER)
MAY, JUNE = date(2027, 5, 1), date(2027, 6, 1)
DAYS = {"A": MAY, "B": JUNE}


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": {"apple": 5, "pear": 3}})


def told(session: Session, kind: str, lots: dict[str, int], minutes: int = 0, **changes: object) -> Counted:
    """Have the warehouse count or change apples by their lots; the line is their sum unless it is given."""
    parts = [LotLine(lot=code, pieces=pieces, expires_on=DAYS.get(code)) for code, pieces in lots.items()]
    values = {"no": 1, "sku": "apple", "kind": kind, "pieces": sum(lots.values()), "lots": parts, **changes}
    page = report({}, f"{kind}-{minutes}", after(minutes)).model_copy(update={"lines": (ReportLine(**values),)})  # pyright: ignore[reportArgumentType] # pydantic reads them
    return take_report(session, WMS, page, after(60))


def lots(session: Session, key: StockKey = APPLE) -> dict[str, int]:
    return {one.lot: one.on_hand for one in lots_of(session, key)}


def test_the_days_of_a_lot_stay_known_though_a_change_takes_its_last_piece_before_a_late_count(
    session: Session,
) -> None:
    told(session, "change", {"A": 1}, 10)
    told(session, "change", {"A": -3}, 5)
    assert lots(session) == {}
    told(session, "count", {}, 6)
    assert [(one.lot, one.on_hand, one.expires_on) for one in lots_of(session, APPLE)] == [("A", 1, MAY)]


def test_a_count_keeps_its_lots_and_forgets_those_before(session: Session) -> None:
    told(session, "count", {"B": 4, "A": 3})
    assert [(one.lot, one.on_hand, one.expires_on) for one in lots_of(session, APPLE)] == [
        ("A", 3, MAY),
        ("B", 4, JUNE),
    ]
    told(session, "count", {"C": 2, "B": 6}, 1)
    assert lots(session) == {"B": 6, "C": 2}
    assert (level(session, "apple")[0], drift(session)) == (8, [])


def test_a_count_that_names_no_lots_says_nothing_of_them_unless_nothing_is_left(session: Session) -> None:
    told(session, "count", {"A": 3})
    take(session, {"apple": 9}, "R2", after(1))
    assert lots(session) == {"A": 3}
    take(session, {"apple": 0}, "R3", after(2))
    assert lots(session) == {}


def test_what_a_full_count_does_not_name_has_no_lots_either(session: Session) -> None:
    told(session, "count", {"A": 3})
    take(session, {"pear": 3}, "R2", after(1), full=True)
    assert (level(session, "apple")[0], lots(session)) == (0, {})


def test_a_lot_stays_known_by_its_days_when_a_later_count_names_it_without(session: Session) -> None:
    told(session, "count", {"A": 3})
    line = ReportLine(no=1, sku="apple", kind="count", pieces=2, lots=(LotLine(lot="A", pieces=2),))
    take_report(session, WMS, CountReport(report="R2", location="sh", counted_at=after(1), lines=(line,)), after(1))
    assert [(one.on_hand, one.expires_on) for one in lots_of(session, APPLE)] == [(2, MAY)]


def test_changes_move_their_lots_and_none_falls_below_nothing(session: Session) -> None:
    told(session, "count", {"A": 3, "B": 4})
    told(session, "change", {"A": -5, "B": 1}, 1)
    assert (level(session, "apple")[0], lots(session)) == (3, {"B": 5})
    told(session, "change", {"C": 2}, 2)
    assert (level(session, "apple")[0], lots(session)) == (5, {"B": 5, "C": 2})


@pytest.mark.parametrize("counted", [{"A": 4}, {}])
def test_a_count_that_comes_late_has_not_seen_the_lots_that_came_in_since(
    session: Session, counted: dict[str, int]
) -> None:
    told(session, "count", {"A": 3})
    told(session, "change", {"B": 6}, 5)
    told(session, "count", counted, 2)
    assert (level(session, "apple")[0], lots(session)) == (6 + sum(counted.values()), {**counted, "B": 6})
    told(session, "count", {"A": 2}, 6)
    assert lots(session) == {"A": 2}


def test_what_the_last_count_saw_moves_no_lot_again(session: Session) -> None:
    told(session, "count", {"A": 3}, 5)
    assert told(session, "change", {"A": -1}, 3).outdated == 1
    assert lots(session) == {"A": 3}


def test_the_same_change_again_moves_no_lot(session: Session) -> None:
    told(session, "count", {"A": 3})
    told(session, "change", {"A": -1}, 1)
    assert told(session, "change", {"A": -1}, 1).repeated == 1
    assert lots(session) == {"A": 2}


@pytest.mark.parametrize(
    ("kind", "parts", "pieces", "why"),
    [
        ("count", {"A": 3, "B": 4}, 8, "add up"),
        ("change", {"A": -3}, -2, "add up"),
        ("count", {"A": 9, "B": -4}, 5, "fewer than none"),
        ("change", {"A": 2**63, "B": -(2**63)}, 0, "more pieces"),
        ("count", {"A" * 101: 5}, 5, "too long"),
    ],
)
def test_lots_that_cannot_be_are_refused_with_the_reason(
    session: Session, kind: str, parts: dict[str, int], pieces: int, why: str
) -> None:
    (refused,) = told(session, kind, parts, pieces=pieces).refused
    assert why in refused
    assert (level(session, "apple")[0], lots(session)) == (5, {})


def test_lots_of_other_counters_stay(session: Session) -> None:
    told(session, "count", {"A": 3})
    told(session, "count", {"A": 7}, 1, condition="damaged")
    assert (lots(session), lots(session, APPLE._replace(condition="damaged"))) == ({"A": 3}, {"A": 7})


@pytest.mark.parametrize(
    ("change", "said", "left"),
    [
        ({"A": -3, "B": 1}, "a change: 3 of A left, 2 there", {"B": 4}),
        ({"C": -1}, "a change: 1 of C left, none known", {"A": 2, "B": 3}),
        ({"A": -2}, "", {"B": 3}),
    ],
)
def test_a_change_of_more_of_a_lot_than_there_is_calls_a_person_until_lots_are_counted(
    session: Session, change: dict[str, int], said: str, left: dict[str, int]
) -> None:
    told(session, "count", {"A": 2, "B": 3})
    told(session, "change", change, 1)
    found = rows(session, "select message from case_file where cause = 'lot_drift' and state = 'open'")
    assert ([one.message for one in found], lots(session)) == ([said] if said else [], left)
    told(session, "count", {"B": 3}, 2)
    assert cases(session) == []
