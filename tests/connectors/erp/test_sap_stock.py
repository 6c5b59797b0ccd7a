from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.erp.sap import Sap
from connectors.sap_stock import SKUS
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.inventory.condition import Condition
from hub.inventory.counted import CountReport, ReportLine
from hub.ports import StockAsk, StockReports
from sandbox.sap_books import give_stock, switch
from tests.connectors.errands import partner_of
from tests.connectors.sale_contracts import issue_of, make_sale
from tests.connectors.stands_asked import OPTIONS, STOCK, SapStand
from tests.connectors.test_lying_answers import Lie, rewritten
from tests.connectors.ways import way_of

FindStand = Callable[[type[SapStand]], SapStand]
QUANTITY = "MatlWrhsStkQtyInMatlBaseUnit"
HERE = {"Material": "P1", "Plant": "1710", "StorageLocation": "171A"}


@pytest.fixture
def stand(find_stand: FindStand) -> Iterator[SapStand]:
    found = find_stand(SapStand)
    yield found
    fill(found)
    switch(found.url, None)


def row(quantity: str = "1", **fields: str) -> dict[str, str]:
    return {**HERE, QUANTITY: quantity, **fields}


def fill(stand: SapStand, *rows: Mapping[str, str], rows_at_once: int = 0) -> None:
    give_stock(stand.url, rows, rows_at_once)


def partner(stand: SapStand, **options: str) -> Sap:
    return partner_of(stand, stand.url, options={**OPTIONS, **options})


def ask(stand: SapStand, *skus: str, location: str = "sh", **options: str) -> list[CountReport]:
    sap = partner(stand, **options)
    kept = list(sap.fetch_stock(location, "OWNER", skus or ("P1",)))
    return [report for one in kept for report in sap.read_counts(one.body, datetime.now(UTC))]


def lines(stand: SapStand, *rows: Mapping[str, str], **options: str) -> list[tuple[Any, ...]]:
    fill(stand, *rows)
    (report,) = ask(stand, **options)
    return [(one.condition, one.pieces, one.fault) for one in report.lines if not one.silent]


def good_of(report: CountReport) -> list[ReportLine]:
    return [line for line in report.lines if line.condition is Condition.SALEABLE]


def test_it_can_be_asked_and_its_answers_read(stand: SapStand) -> None:
    assert isinstance(partner(stand), StockAsk)
    assert isinstance(partner(stand), StockReports)


def test_batches_are_added_up_and_special_stock_is_left_out(stand: SapStand) -> None:
    batches = row("3", Batch="A"), row("2", Batch="B")
    special = row("9", InventorySpecialStockType="K", Supplier="1"), row("9", InventorySpecialStockType="E")
    assert lines(stand, *batches, *special) == [(Condition.SALEABLE, 5, "")]


def test_what_may_not_be_sold_is_counted_apart_and_what_is_under_way_not_at_all(stand: SapStand) -> None:
    rows = [row("1", InventoryStockType=kind) for kind in ("01", "02", "03", "04", "05", "06", "07", "08", "10")]
    assert lines(stand, *rows) == [(Condition.SALEABLE, 1, ""), (Condition.DAMAGED, 5, "")]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({QUANTITY: "2.500"}, "no whole number"),
        ({"MaterialBaseUnit": "KG"}, "counted in 'KG'"),
        ({"MaterialBaseUnit": ""}, "no piece"),
        ({"InventoryStockType": "09"}, "no stock type '09'"),
    ],
)
def test_a_row_that_cannot_be_counted_is_its_skus_fault_and_no_others(
    stand: SapStand, wrong: dict[str, str], why: str
) -> None:
    fill(stand, row("5"), {**row("1", Batch="A"), **wrong}, row("7", Material="P2"))
    (report,) = ask(stand, "P1", "P2")
    assert {line.sku: bool(line.fault) for line in report.lines} == {"P1": True, "P2": False}
    assert any(why in line.fault for line in report.lines)


def test_units_that_are_pieces_are_an_option(stand: SapStand) -> None:
    assert lines(stand, row("4", MaterialBaseUnit="BOT"), piece_units="PC,BOT") == [(Condition.SALEABLE, 4, "")]


def test_what_is_asked_about_and_not_listed_is_gone(stand: SapStand) -> None:
    fill(stand, row("5"))
    (report,) = ask(stand, "P1", "P2")
    told = [(line.sku, line.condition, line.pieces, line.silent) for line in report.lines]
    assert told[:2] == [("P1", Condition.SALEABLE, 5, False), ("P1", Condition.DAMAGED, 0, True)]
    assert told[2:] == [("P2", Condition.SALEABLE, 0, True), ("P2", Condition.DAMAGED, 0, True)]


@pytest.mark.parametrize("wrong", [{"Material": "P9"}, {"Plant": "1720"}, {"StorageLocation": "171B"}])
def test_a_place_where_nothing_is_listed_is_rather_a_wrong_one_than_empty(
    stand: SapStand, wrong: dict[str, str]
) -> None:
    fill(stand, row("5", **wrong))
    with pytest.raises(Rejected, match=r"options\.stock_at\.sh") as caught:
        ask(stand)
    assert caught.value.code == "nothing_listed"


def test_material_numbers_are_read_as_sap_shows_them(stand: SapStand) -> None:
    fill(stand, row("5", Material="000000000000000123"))
    (report,) = ask(stand, "123")
    assert [(line.sku, line.pieces) for line in good_of(report)] == [("123", 5)]
    with pytest.raises(Rejected, match="one material"):
        ask(stand, "123", "0123")


def test_what_sap_was_told_has_left_is_counted_no_more(stand: SapStand) -> None:
    place = {"StorageLocation": "1710"}  # where mock-sap delivers from
    fill(stand, row("9", **place), row("9", Material="TG11", **place))
    sale = make_sale(location="1710")
    sap = partner(stand)
    sap.send_goods_issue(issue_of(sale, sap.send_sale(sale).partner_id))
    (report,) = ask(stand, "P1", "TG11", **{"stock_at.sh": "1710/1710"})
    assert [line.pieces for line in good_of(report)] == [6, 8]


def test_a_location_without_a_place_in_sap_is_refused(stand: SapStand) -> None:
    with pytest.raises(Rejected) as caught:
        ask(stand, location="bj")
    assert caught.value.code == "no_stock_place"


def test_what_nobody_counts_yet_is_told_of_if_it_is_listed(stand: SapStand) -> None:
    fill(stand, row("5"), row("4", Material="P2"), row("9", Material="7"), row("9", Material="P9"))
    kept = partner(stand).fetch_stock("sh", "OWNER", ("P1",), ("P2", "P3", "7", "007"))
    (report,) = [report for one in kept for report in partner(stand).read_counts(one.body, datetime.now(UTC))]
    assert [(line.sku, line.pieces) for line in good_of(report)] == [("P1", 5), ("P2", 4)]


def test_what_nobody_counts_yet_is_no_sign_that_the_place_is_right(stand: SapStand) -> None:
    fill(stand, row("4", Material="P2"))
    with pytest.raises(Rejected) as caught:
        list(partner(stand).fetch_stock("sh", "OWNER", ("P1",), ("P2",)))
    assert caught.value.code == "nothing_listed"


def test_nothing_is_asked_about_nothing(stand: SapStand) -> None:
    fill(stand, row("5"))
    assert list(partner(stand).fetch_stock("sh", "OWNER", ())) == []


@pytest.mark.parametrize("rows_at_once", [0, 3])
def test_a_long_list_is_read_page_by_page(stand: SapStand, rows_at_once: int) -> None:
    skus = [f"P{no:02d}" for no in range(23)]
    fill(stand, *(row(str(no), Material=sku) for no, sku in enumerate(skus)), rows_at_once=rows_at_once)
    (report,) = ask(stand, *skus, stock_page="5")
    assert [line.pieces for line in good_of(report)] == list(range(23))


def test_very_many_skus_are_several_messages_of_one_question(stand: SapStand) -> None:
    skus = [f"P{no:04d}" for no in range(SKUS + 1)]
    fill(stand, row("4", Material=skus[-1]))
    reports = ask(stand, *skus)
    assert [(len(good_of(one)), good_of(one)[-1].pieces) for one in reports] == [(SKUS, 0), (1, 4)]
    assert len({one.counted_at for one in reports}) == 1


def test_an_answer_counts_from_when_asking_began_whenever_it_is_read(stand: SapStand) -> None:
    fill(stand, row("5"))
    before = datetime.now(UTC)
    (report,) = ask(stand)
    assert before <= report.counted_at <= datetime.now(UTC)
    assert (report.location, report.owner, report.full) == ("sh", "OWNER", False)
    assert report.report.startswith("test A_MatlStkInAcctMod:")


def test_an_answer_is_kept_as_it_came(stand: SapStand) -> None:
    fill(stand, row("5", Batch="A"), row("9", Material="P9"))
    (kept,) = partner(stand).fetch_stock("sh", "OWNER", ("P1",))
    assert (kept.kind, b'"5.000"' in kept.body, b'"Batch": "A"' in kept.body, b'"P9"' in kept.body) == (
        "stock_count",
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("scenario", "kind"), [("busy", TryLater), ("auth", Misconfigured), ("lock", TryLater), ("error", OutcomeUnknown)]
)
def test_a_scenario_of_the_peer_says_what_to_do(stand: SapStand, scenario: str, kind: type[HubError]) -> None:
    fill(stand, row("5"))
    switch(stand.url, scenario)
    if scenario == "lock":
        assert ask(stand)  # nobody holds what is only read
        return
    with pytest.raises(kind):
        ask(stand)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b'"Plant": "1710"', b'"Plant": "1720"'),
        (b'"StorageLocation": "171A"', b'"StorageLocation": "171B"'),
        (b'"5.000"', b'"many"'),
        (b'"5.000"', b"null"),
        (b'"__count": "1"', b'"__count": "x"'),
        (b'"__count": "1"', b'"__count": "2"'),
        (b'"Material": "P1"', b'"Material": ["P1"]'),
        (b'"Material": "P1"', b'"Stuff": "P1"'),
    ],
)
def test_an_answer_to_another_question_is_not_believed(stand: SapStand, true: bytes, false: bytes) -> None:
    with way_of(stand, "fetch_stock") as way:
        lie = Lie(rewritten(lambda body: body.replace(true, false)))
        way.road.misbehave("forged", b"GET " + STOCK, forge=lie.tell)
        with pytest.raises(OutcomeUnknown):
            way.errand.do(way.partner())
        assert false in lie.body


def test_a_change_of_stock_is_none_of_saps(stand: SapStand) -> None:
    with pytest.raises(Malformed):
        partner(stand).read_changes(b"{}", datetime.now(UTC))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"location": "sh", "askedAt": "yesterday", "asked": []}'])
def test_a_message_that_is_none_of_ours_is_malformed(stand: SapStand, body: bytes) -> None:
    with pytest.raises(Malformed):
        partner(stand).read_counts(body, datetime.now(UTC))
