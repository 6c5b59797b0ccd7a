"""What a count does not name is gone, of goods that may not be sold too; but not where it suddenly names too little."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from hub.cases import resolve_by_hand
from hub.database import row, rows, run
from hub.inventory.condition import Condition
from hub.inventory.count import Counted, take_report
from hub.inventory.counted import CountReport, ReportLine
from hub.inventory.ledger import StockKey, drift
from hub.inventory.level import receive
from hub.roles import Actor, Role
from tests.hub.inventory.counting import WMS, after, cases
from tests.hub.making import BRAND, OWNER, order, placed, stock

MANY = [f"s{no:02}" for no in range(40)]
GOOD, BAD = Condition.SALEABLE, Condition.DAMAGED


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    stock(session, {"sh": dict.fromkeys(MANY, 5)})


def named(*skus: str, bad: tuple[str, ...] = ()) -> list[tuple[str, Condition, int]]:
    return [*((sku, GOOD, 5) for sku in skus), *((sku, BAD, 2) for sku in bad)]


def take(
    session: Session,
    lines: list[tuple[str, Condition, int]],
    minutes: int,
    silent: tuple[str, ...] = (),
    **changes: object,
) -> Counted:
    """Take a count: full, unless SKUs are given of which a partner who was asked has named nothing at all."""
    told = [ReportLine(no=0, sku=sku, condition=kind, kind="count", pieces=n) for sku, kind, n in lines]
    told += [
        ReportLine(no=0, sku=sku, condition=kind, kind="count", silent=True) for sku in silent for kind in Condition
    ]
    values = {"report": f"R{minutes}", "location": "sh", "counted_at": after(minutes), "full": not silent, **changes}
    numbered = [
        line.model_copy(update={"no": no}) for no, line in enumerate(sorted(told, key=lambda line: line.sku), 1)
    ]
    return take_report(session, WMS, CountReport.model_validate({**values, "lines": numbered}), after(minutes))


def pieces(session: Session, condition: Condition = GOOD) -> int:
    found = row(
        session, "select coalesce(sum(on_hand), 0)::bigint as n from stock_level where condition = :c", c=condition
    )
    assert found is not None
    assert drift(session) == []
    return int(found.n)


def let_pass(session: Session, at: datetime) -> None:
    (case,) = rows(session, "select id from case_file where cause = 'stock_gap' and state = 'open'")
    resolve_by_hand(session, Actor("op", frozenset({Role.ADMIN})), case.id, "it burnt down", at)


def test_damaged_goods_that_a_full_count_names_no_more_are_gone(session: Session) -> None:
    take(session, named(*MANY, bad=("s00", "s01")), 1)
    take(session, named(*MANY, bad=("s01",)), 2)
    assert (pieces(session), pieces(session, BAD)) == (200, 2)
    take(session, named(*MANY), 3)
    assert (pieces(session), pieces(session, BAD)) == (200, 0)


def test_damaged_goods_that_nobody_has_counted_stay(session: Session) -> None:
    receive(session, BRAND, [(StockKey("sh", "s00", OWNER, BAD), 7)], "ASN-9", after(0))
    take(session, named(*MANY), 1)
    take(session, named(*MANY[:-1]), 2, silent=("s39", "s00"))
    assert pieces(session, BAD) == 7


def test_damaged_goods_that_another_has_counted_are_not_gone_by_a_full_count(session: Session) -> None:
    line = ReportLine(no=1, sku="s00", condition=BAD, kind="count", pieces=2)
    asked = CountReport(report="sap 1", location="sh", counted_at=after(1), lines=(line,))
    take_report(session, WMS, asked, after(1), counted_by="sap")
    take(session, named(*MANY), 2)
    assert pieces(session, BAD) == 2


def test_damaged_goods_that_another_has_counted_are_not_gone_because_a_partner_lists_none(session: Session) -> None:
    take(session, named(*MANY, bad=("s00",)), 1)
    line = ReportLine(no=1, sku="s00", condition=BAD, kind="count", silent=True)
    asked = CountReport(report="sap 1", location="sh", counted_at=after(2), lines=(line,))
    take_report(session, WMS, asked, after(2), counted_by="sap")
    assert pieces(session, BAD) == 2


def test_what_a_partner_lists_no_more_when_asked_is_gone_in_every_condition(session: Session) -> None:
    take(session, named(*MANY, bad=("s00", "s01")), 1)
    told = take(session, named(*MANY[1:], bad=("s01",)), 2, silent=("s00",))
    assert (told.taken, pieces(session), pieces(session, BAD), cases(session)) == (42, 195, 2, [])


def test_silence_makes_no_counters(session: Session) -> None:
    take(session, named(*MANY[1:]), 1, silent=("s00",))
    assert len(rows(session, "select 1 from stock_level")) == 40


def test_a_part_count_leaves_damaged_goods_alone(session: Session) -> None:
    take(session, named(*MANY, bad=("s00",)), 1)
    take(session, named("s00"), 2, full=False)
    assert pieces(session, BAD) == 2


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize(("gone", "left", "called"), [(19, 105, []), (20, 100, []), (21, 200, ["stock_gap"])])
def test_a_count_that_names_less_than_half_of_what_was_there_takes_nothing_away(
    session: Session, *, asked: bool, gone: int, left: int, called: list[str]
) -> None:
    take(session, named(*MANY[gone:]), 1, silent=tuple(MANY[:gone]) if asked else ())
    assert (pieces(session), cases(session)) == (left, called)


def test_what_an_owner_names_no_more_for_it_is_promised_to_the_last_piece_has_not_fallen_silent(
    session: Session,
) -> None:
    run(session, "update stock_level set authority = 'owner'")
    placed(session, order(dict.fromkeys(MANY[:30], 5)))
    run(session, "update fulfilment_order set negotiation = 'submitted', updated_at = :at", at=after(1))
    take(session, named(*MANY[30:]), 2)
    assert (pieces(session), cases(session)) == (200, [])


@pytest.mark.parametrize("asked", [False, True])
def test_a_person_who_closes_the_case_lets_the_next_count_pass(session: Session, *, asked: bool) -> None:
    silent = tuple(MANY[:30]) if asked else ()
    take(session, named(*MANY[30:]), 1, silent)
    let_pass(session, after(2))
    take(session, named(*MANY[30:]), 3, silent)
    assert (pieces(session), cases(session)) == (50, [])


def test_a_closing_lets_the_next_count_pass_also_a_week_later(session: Session) -> None:
    take(session, named(*MANY[30:]), 1)
    let_pass(session, after(2))
    take(session, named(*MANY[30:]), 60 * 24 * 7)
    assert (pieces(session), cases(session)) == (50, [])


@pytest.mark.parametrize("between", [MANY[30:], MANY])
def test_a_closing_is_used_up_by_the_next_count_silent_or_not(session: Session, between: list[str]) -> None:
    take(session, named(*MANY[30:]), 1)
    let_pass(session, after(2))
    take(session, named(*between), 3)
    take(session, named(*MANY), 4, full=False)
    take(session, named(*MANY[30:]), 5)
    assert (pieces(session), cases(session)) == (200, ["stock_gap"])


@pytest.mark.parametrize("report", ["sap", "another"])
def test_a_closing_lets_all_pages_of_one_report_pass_and_no_other(session: Session, report: str) -> None:
    parts = (tuple(MANY[:20]), tuple(MANY[20:]))
    take(session, [], 1, parts[0])
    let_pass(session, after(2))
    take(session, [], 3, parts[0], report="sap", pages=2)
    take(session, [], 4, parts[1], report=report, page=2, pages=2)
    assert (pieces(session), cases(session)) == ((0, []) if report == "sap" else (100, ["stock_gap"]))


@pytest.mark.parametrize("cut", [20, 19])
def test_each_part_that_fell_silent_passes_by_its_own_closing(session: Session, cut: int) -> None:
    parts = (tuple(MANY[:20]), tuple(MANY[20:]))
    for no, part in enumerate(parts):
        take(session, [], 1 + no, part)
        let_pass(session, after(3 + no))
    take(session, [], 5, tuple(MANY[cut:]))
    take(session, [], 6, tuple(MANY[:cut]))
    assert (pieces(session), cases(session)) == (0, [])


@pytest.mark.parametrize("asked", [False, True])
def test_the_case_closes_by_itself_when_a_count_names_them_again(session: Session, *, asked: bool) -> None:
    take(session, named(*MANY[30:]), 1, tuple(MANY[:30]) if asked else ())
    take(session, named(*MANY[1:]), 2, ("s00",) if asked else ())
    assert (pieces(session), cases(session)) == (195, [])


def test_what_was_counted_since_does_not_count_as_silent(session: Session) -> None:
    take(session, named(*MANY), 5)
    take(session, named(*MANY[30:]), 1)
    assert (pieces(session), cases(session)) == (200, [])


def test_what_a_held_count_does_name_is_booked(session: Session) -> None:
    take(session, [("s00", GOOD, 9), ("s01", BAD, 1)], 1)
    assert (pieces(session), pieces(session, BAD)) == (204, 1)
