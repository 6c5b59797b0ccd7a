from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connectors.warehouses.qimen import Qimen
from connectors.warehouses.qimen.ask import PAGE
from hub.errors import OutcomeUnknown, Rejected
from hub.inventory.condition import Condition
from hub.inventory.counted import CountReport
from tests.connectors.errands import partner_of
from tests.connectors.stands import QimenStand
from tests.connectors.test_lying_answers import Lie, rewritten
from tests.connectors.ways import way_of

FindStand = Callable[[type[QimenStand]], QimenStand]


@pytest.fixture
def stand(find_stand: FindStand) -> Iterator[QimenStand]:
    found = find_stand(QimenStand)
    yield found
    fill(found)


def fill(stand: QimenStand, *pieces: dict[str, str]) -> None:
    filling = {"connection": "wms", "pieces": [{"warehouse": "sh", "sku": "apple", **one} for one in pieces]}
    requests.post(f"{stand.url}/shelves", json=filling, timeout=5).raise_for_status()


def ask(stand: QimenStand, *skus: str, location: str = "sh") -> list[CountReport]:
    partner: Qimen = partner_of(stand, stand.url)
    kept = list(partner.fetch_stock(location, "OWNER", skus or ("apple",)))
    return [report for one in kept for report in partner.read_counts(one.body, datetime.now(UTC) + timedelta(days=1))]


def lines(stand: QimenStand, *pieces: dict[str, str]) -> list[tuple[Any, ...]]:
    fill(stand, *pieces)
    (report,) = ask(stand)
    return [(one.condition, one.kind, one.pieces, one.fault) for one in report.lines if not one.silent]


def test_an_answer_is_of_when_we_asked_by_our_own_clock(stand: QimenStand) -> None:
    fill(stand, {"quantity": "5"})
    assert ask(stand)[0].by_our_clock


def test_what_is_frozen_is_on_hand_as_well(stand: QimenStand) -> None:
    assert lines(stand, {"quantity": "5", "locked": "2"}) == [(Condition.SALEABLE, "count", 7, "")]


def test_batches_are_one_count_with_its_lots_and_kinds_of_defect_are_one(stand: QimenStand) -> None:
    fill(stand, {"quantity": "5", "batch": "A", "expires": "2027-05-01"}, {"quantity": "1", "batch": "B"})
    line, _ = ask(stand)[0].lines
    assert (line.pieces, [(one.lot, one.pieces) for one in line.lots], line.wrong) == (6, [("A", 5), ("B", 1)], "")
    defects = [{"quantity": "1", "type": kind} for kind in ("CC", "JS", "XS", "ZT")]
    assert lines(stand, *defects) == [(Condition.DAMAGED, "count", 3, "")]


@pytest.mark.parametrize("wrong", [{"quantity": "1.5"}, {"locked": "x"}, {"type": "??"}, {"expires": "2027-02-30"}])
def test_one_wrong_line_is_the_whole_counts_fault(stand: QimenStand, wrong: dict[str, str]) -> None:
    assert [bool(fault) for *_, fault in lines(stand, {"quantity": "5"}, {"quantity": "1", **wrong})] == [True]


@pytest.mark.parametrize(
    ("kind", "silent"),
    [("ZP", {Condition.DAMAGED}), ("JS", {Condition.SALEABLE}), ("ZT", set(Condition)), ("??", set[Condition]())],
)
def test_what_is_answered_in_another_condition_alone_is_counted_as_none(
    stand: QimenStand, kind: str, silent: set[Condition]
) -> None:
    fill(stand, {"quantity": "5", "type": kind})
    (report,) = ask(stand)
    assert {one.condition for one in report.lines if one.silent and not one.pieces} == silent


def test_what_is_not_answered_is_not_counted(stand: QimenStand) -> None:
    fill(stand, {"quantity": "5"})
    assert [{line.sku for line in one.lines} for one in ask(stand, "apple", "pear")] == [{"apple"}]
    assert ask(stand, "pear") == []


def test_an_answer_counts_from_when_asking_began_whenever_it_is_read(stand: QimenStand) -> None:
    fill(stand, {"quantity": "5"})
    before = datetime.now(UTC).replace(microsecond=0)
    (report,) = ask(stand)
    assert before <= report.counted_at <= datetime.now(UTC)
    assert (report.location, report.owner, report.full, report.with_locked) == ("sh", "OWNER", False, True)


def test_many_items_are_asked_for_page_by_page(stand: QimenStand) -> None:
    skus = [f"sku-{no}" for no in range(PAGE + 1)]
    fill(stand, *({"sku": sku, "quantity": "1"} for sku in skus))
    reports = ask(stand, *skus)
    assert [len({line.sku for line in one.lines}) for one in reports] == [PAGE, 1]
    assert len({one.report for one in reports}) == len(reports)


def test_a_warehouse_that_is_not_the_customers_is_refused(stand: QimenStand) -> None:
    with pytest.raises(Rejected) as caught:
        ask(stand, location="bj")
    assert caught.value.code == "invalid-warehouse"


@pytest.mark.parametrize(
    ("true", "false"),
    [(b"<itemCode>apple", b"<itemCode>pear"), (b"<warehouseCode>sh", b"<warehouseCode>bj"), (b"inventoryType", b"x")],
)
def test_an_answer_to_another_question_is_not_believed(stand: QimenStand, true: bytes, false: bytes) -> None:
    fill(stand, {"quantity": "5"})
    with way_of(stand, "fetch_stock") as way:
        lie = Lie(rewritten(lambda body: body.replace(true, false)))
        way.road.misbehave("forged", way.errand.holding, forge=lie.tell)
        with pytest.raises(OutcomeUnknown):
            way.errand.do(way.partner())


def test_what_is_in_transit_is_on_its_way_and_not_on_hand(stand: QimenStand) -> None:
    pieces = [{"quantity": "5"}, {"quantity": "20", "type": "ZT", "batch": "A"}, {"quantity": "4", "type": "ZT"}]
    fill(stand, *pieces, {"sku": "pear", "quantity": "1"})
    (report,) = ask(stand, "apple", "pear")
    assert [(one.sku, one.pieces) for one in report.lines if not one.silent] == [("apple", 5), ("pear", 1)]
    assert [(one.sku, one.pieces) for one in report.coming] == [("apple", 24), ("pear", 0)]


def test_a_number_in_transit_that_nobody_can_read_is_none(stand: QimenStand) -> None:
    fill(stand, {"quantity": "5"}, {"quantity": "1.5", "type": "ZT"}, {"quantity": "4", "type": "ZT"})
    assert [one.pieces for one in ask(stand)[0].coming] == [-1]
