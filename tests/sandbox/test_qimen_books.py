from dataclasses import replace

import pytest

from sandbox.qimen_books import Books, Status
from sandbox.qimen_order import DeliveryOrder, Line
from sandbox.qimen_wire import Refused

_ORDER = DeliveryOrder(
    "wms-east", "FO-1", "WMS1", "SH01", "JYCK", "SF", 1, (Line("1", "P1", "", "OWNER", 2),), "same content"
)


def test_the_same_document_again_is_counted_and_not_made_again() -> None:
    books = Books()
    first, second = books.create(_ORDER), books.create(_ORDER)
    assert (first[1], second[1]) == (True, False)
    assert first[0] is second[0]
    assert first[0].creates == 2


def test_other_content_under_the_same_code_is_refused() -> None:
    books = Books()
    books.create(_ORDER)
    with pytest.raises(Refused, match="duplicate-order"):
        books.create(replace(_ORDER, fingerprint="other content"))


def test_two_sites_may_use_the_same_code() -> None:
    books = Books()
    assert books.create(_ORDER)[1]
    assert books.create(replace(_ORDER, connection="wms-west"))[1]


def test_cancelling_twice_is_success() -> None:
    books = Books()
    books.create(_ORDER)
    assert books.cancel("wms-east", "FO-1") == "cancelled"
    assert books.cancel("wms-east", "FO-1") == "already cancelled"


@pytest.mark.parametrize("statuses", [["accepted", "picked"], ["accepted", "picked", "shipped"]])
def test_what_is_picked_cannot_be_cancelled(statuses: list[Status]) -> None:
    books = Books()
    entry, _ = books.create(_ORDER)
    assert all(books.advance(entry, status) for status in statuses)
    with pytest.raises(Refused, match="cancel-refused"):
        books.cancel("wms-east", "FO-1")


def test_what_is_cancelled_cannot_be_picked() -> None:
    books = Books()
    entry, _ = books.create(_ORDER)
    books.cancel("wms-east", "FO-1")
    assert not books.advance(entry, "accepted")
    assert not books.advance(entry, "picked")


def test_an_unknown_document_cannot_be_cancelled() -> None:
    with pytest.raises(Refused, match="order-not-found"):
        Books().cancel("wms-east", "FO-1")


def test_every_confirm_gets_a_code_of_its_own() -> None:
    books = Books()
    entry, _ = books.create(_ORDER)
    assert [books.next_out_biz_code(entry) for _ in range(2)] == ["WMS1-1", "WMS1-2"]
