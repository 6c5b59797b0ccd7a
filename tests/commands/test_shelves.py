from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy.orm import Session

from commands.shelves import books_of, compare_shelves
from hub.inventory.offer import Selling
from hub.inventory.quota import Quota, set_quota
from hub.inventory.reservation_table import QuotaMode
from tests.hub.making import AT, BRAND, ZONE, stock

HERE = AT.astimezone(ZONE)
PC = Selling("mall-pc", BRAND, "pc", every_sku=True, ratio=100, floor=0)
TMALL = Selling("tmall", BRAND, "tmall", every_sku=True, ratio=50, floor=3)


@pytest.fixture(autouse=True)
def shelves(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 5}})


def told(session: Session, books: Mapping[str, Mapping[str, Sequence[int]]], *shops: Selling) -> tuple[int, list[str]]:
    found = compare_shelves(session, shops or (PC, TMALL), books, HERE)
    return found.numbers, found.wrong


def test_books_that_say_what_is_promised_are_right(session: Session) -> None:
    pc, tmall = {"apple": [9], "pear": [5]}, {"apple": [4, 4], "pear": [0]}
    assert told(session, {"mall-pc": pc, "tmall": tmall}) == (4, [])


@pytest.mark.parametrize("book", [{"apple": [8], "pear": [5]}, {"apple": [9, 8], "pear": [5]}])
def test_another_number_under_one_code_is_wrong(session: Session, book: Mapping[str, Sequence[int]]) -> None:
    _, (wrong,) = told(session, {"mall-pc": book}, PC)
    assert wrong.startswith("mall-pc was told what it may sell: 1, e.g. apple 9 ≠ ")


def test_a_sku_that_a_channel_was_never_told_is_wrong(session: Session) -> None:
    _, (wrong,) = told(session, {}, PC)
    assert wrong == "mall-pc was told what it may sell: 2, e.g. apple 9 ≠ "


def test_what_another_shop_has_for_itself_must_not_be_offered(session: Session) -> None:
    quota = Quota(sku="apple", shop="h5", mode=QuotaMode.EXCLUSIVE, amount=4)
    set_quota(session, "chief", BRAND, quota, AT)
    assert told(session, {"mall-pc": {"apple": [5], "pear": [5]}}, PC) == (2, [])


def test_a_demo_in_which_nobody_is_told_proves_nothing(session: Session) -> None:
    assert compare_shelves(session, (), {}, HERE).wrong == ["a channel is told of stock: none is"]


def test_the_books_of_both_kinds_of_channel_are_read_alike() -> None:
    read = books_of({"mall-pc": {"pieces": {"apple": 9}}}, {"tmall": {"codes": {"apple": [4, 4]}}})
    assert read == {"mall-pc": {"apple": [9]}, "tmall": {"apple": [4, 4]}}
