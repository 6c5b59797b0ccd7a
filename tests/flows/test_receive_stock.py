from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from connectors.registry import Registry
from flows.receive_stock import ReceiveStock
from hub.database import rows
from hub.inbox import Message, claim, keep, read, reopen
from hub.inventory.ledger import drift
from hub.partitions import make_partitions
from sandbox.qimen_stock import StockItem, StockPush, write_change, write_count
from tests.hub.aftersale.returning import arrive, granted, sent
from tests.hub.inventory.counting import level
from tests.hub.making import OWNER, add_sku, open_causes, order, placed, stock
from tests.staging import settings_in

NOW = datetime.now(UTC)


@pytest.fixture
def taker(tmp_path: Path) -> ReceiveStock:
    return ReceiveStock(Registry(settings_in(tmp_path)))


@pytest.fixture(autouse=True)
def shelf(session: Session) -> None:
    make_partitions(session, NOW)
    stock(session, {"sh": {"apple": 10, "pear": 3}})


def body(kind: str, *items: StockItem, code: str = "B1", minutes_ago: int = 0, **more: object) -> bytes:
    values = {"connection": "wms-sh", "kind": kind, "warehouse": "sh", "owner": OWNER, "out_biz_code": code}
    wanted = StockPush.model_validate({**values, "items": items, "document": "X1", **more})
    return (write_count if kind == "count" else write_change)(wanted, NOW - timedelta(minutes=minutes_ago))


def total(pieces: object, sku: str = "apple") -> StockItem:
    return StockItem(sku=sku, total=str(pieces))


def more(pieces: object, sku: str = "apple", *batches: str) -> StockItem:
    return StockItem(sku=sku, quantity=str(pieces), batches=batches)


def work_off(session: Session, taker: ReceiveStock) -> None:
    while messages := claim(session, taker.kinds, taker.batch, NOW):
        taker.handle(session, messages, NOW)


def take(session: Session, taker: ReceiveStock, *bodies: bytes) -> list[Message]:
    """Receive these pushes one after the other, and give what became of them."""
    ids: list[int] = []
    for no, one in enumerate(bodies):
        kind = "stock_count" if b"<checkOrderCode>" in one else "stock_change"
        ids.append(keep(session, "wms-sh", kind, str(no), one, NOW)[0])
        work_off(session, taker)
    return [read(session, inbox_id) for inbox_id in ids]


def test_a_count_and_a_change_are_booked(session: Session, taker: ReceiveStock) -> None:
    told = take(session, taker, body("count", total(8), minutes_ago=5), body("change", more(3), code="B2"))
    assert [one.state for one in told] == ["done", "done"]
    assert (level(session, "apple")[0], open_causes(session), drift(session)) == (11, [], [])


@pytest.mark.parametrize("kind", ["count", "change"])
def test_a_report_that_comes_again_books_nothing(session: Session, taker: ReceiveStock, kind: str) -> None:
    first, again = take(session, taker, *(body(kind, more(-2), minutes_ago=n) for n in (0, 1)))
    assert (first.state, again.state, again.error_code) == ("done", "superseded", "stock_repeated")
    assert (level(session, "apple")[0], drift(session)) == (8, [])


def test_a_number_that_is_used_again_for_something_else_is_a_case(session: Session, taker: ReceiveStock) -> None:
    _, other = take(session, taker, body("change", more(-2)), body("change", more(-1, "pear"), minutes_ago=1))
    assert (other.state, other.error_code, open_causes(session)) == ("parked", "stock_report", ["stock_report"])
    assert (level(session, "apple")[0], level(session, "pear")[0], drift(session)) == (8, 3, [])


def test_a_report_that_is_late_books_nothing(session: Session, taker: ReceiveStock) -> None:
    _, late, older = take(
        session,
        taker,
        body("count", total(8), minutes_ago=1),
        body("count", total(2), code="B2", minutes_ago=9),
        body("change", more(-2), code="B3", minutes_ago=9),
    )
    assert [(one.state, one.error_code) for one in (late, older)] == [("superseded", "stock_outdated")] * 2
    assert level(session, "apple")[0] == 8


def test_a_sku_on_two_pages_of_a_count_is_a_case_whatever_their_messages_are_called(
    session: Session, taker: ReceiveStock
) -> None:
    pages = [
        body("count", *items, code=f"B{no}", page=no, pages=2)
        for no, items in enumerate([[total(5)], [total(7), total(2, "pear")]], 1)
    ]
    assert [one.state for one in take(session, taker, *pages)] == ["done", "parked"]
    assert (level(session, "apple")[0], level(session, "pear")[0], drift(session)) == (5, 2, [])


def test_each_change_of_a_message_is_of_its_own_moment(session: Session, taker: ReceiveStock) -> None:
    early, late = (body("change", more(n, sku), minutes_ago=ago) for sku, n, ago in (("pear", 1, 9), ("apple", 7, 1)))
    items = late.partition(b"<items>")[2].partition(b"</items>")[0]
    take(
        session,
        taker,
        early.replace(b"</items>", items + b"</items>"),
        body("count", total(20), code="B2", minutes_ago=5),
    )
    assert (level(session, "apple")[0], level(session, "pear")[0], drift(session)) == (27, 4, [])


def test_what_is_refused_of_one_moment_of_a_message_is_counted_beside_another(
    session: Session, taker: ReceiveStock
) -> None:
    early, late = body("change", more(1, "nothing"), minutes_ago=9), body("change", more(7))
    items = late.partition(b"<items>")[2].partition(b"</items>")[0]
    (told,) = take(session, taker, early.replace(b"</items>", items + b"</items>"))
    for _ in range(2):
        assert [tuple(one) for one in rows(session, "select lines, refused from stock_report")] == [(2, 1)]
        reopen(session, told.id, NOW)
        work_off(session, taker)


@pytest.mark.parametrize("wrong", [more(1, "nothing"), more(2**63), more("1.5"), more(3, "apple", "1", "1"), more(-11)])
def test_a_wrong_line_is_a_case_and_the_others_are_booked(
    session: Session, taker: ReceiveStock, wrong: StockItem
) -> None:
    (told,) = take(session, taker, body("change", wrong, more(2, "pear")))
    assert (told.state, told.error_code, open_causes(session)) == ("parked", "stock_report", ["stock_report"])
    assert ("line 1" in told.error, level(session, "apple")[0], level(session, "pear")[0]) == (True, 10, 5)
    assert drift(session) == []


def test_a_replay_books_only_what_was_refused(session: Session, taker: ReceiveStock) -> None:
    (told,) = take(session, taker, body("change", more(4, "plum"), more(2, "pear")))
    add_sku(session, "plum")
    reopen(session, told.id, NOW)
    work_off(session, taker)
    assert read(session, told.id).state == "done"
    assert (level(session, "plum")[0], level(session, "pear")[0], drift(session)) == (4, 5, [])


def test_another_connections_place_is_a_case(session: Session, taker: ReceiveStock) -> None:
    stock(session, {"bj": {"apple": 1}}, "ASN-2")
    (told,) = take(session, taker, body("count", total(8)).replace(b">sh<", b">bj<"))
    assert (told.state, told.error_code) == ("parked", "stock_report")
    assert level(session, "apple", "bj")[0] == 1


def test_a_page_beyond_the_last_is_a_case_and_empties_no_shelf(session: Session, taker: ReceiveStock) -> None:
    first = body("count", total(8))
    assert b"<totalPage>1<" in first
    (told,) = take(session, taker, first.replace(b"<currentPage>1<", b"<currentPage>2<"))
    assert (told.state, open_causes(session)) == ("parked", ["malformed"])
    assert (level(session, "apple")[0], level(session, "pear")[0]) == (10, 3)


@pytest.mark.parametrize("broken", [b"<request/>", b"<request><checkOrderCode>1</checkOrderCode></request>"])
def test_what_cannot_be_read_is_a_case(session: Session, taker: ReceiveStock, broken: bytes) -> None:
    (told,) = take(session, taker, broken)
    assert (told.state, open_causes(session)) == ("parked", ["malformed"])


@pytest.mark.parametrize("before", [True, False])
def test_what_came_back_by_our_own_return_is_left_to_its_confirm(
    session: Session, taker: ReceiveStock, *, before: bool
) -> None:
    order_id = sent(session, order({"apple": 4}), {"apple": 4})
    no = granted(session, order_id, {"L1": 2})
    change = body("change", more(2), document=f"{order_id}-r{no}")
    if before:
        take(session, taker, change)
    arrive(session, order_id, no, {"apple": 2})
    if not before:
        take(session, taker, change)
    assert (level(session, "apple")[0], drift(session)) == (8, [])


def test_what_left_by_our_own_document_is_left_to_its_confirm(session: Session, taker: ReceiveStock) -> None:
    code = f"{placed(session, order({'apple': 4}))}-1"
    (told,) = take(session, taker, body("change", more(-4), document=code))
    assert (told.state, level(session, "apple"), open_causes(session)) == ("done", (10, 4, 0, 0), [])


def test_a_count_below_what_is_promised_calls_a_person(session: Session, taker: ReceiveStock) -> None:
    placed(session, order({"apple": 4}))
    (told,) = take(session, taker, body("count", total(1)))
    assert (told.state, level(session, "apple"), open_causes(session)) == ("done", (1, 4, 0, 3), ["stock_short"])
