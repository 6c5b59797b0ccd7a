from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.inventory.quota import Quota, list_quotas, set_quota
from hub.inventory.reconcile import BOUNDS, HELD, PRESOLD, PROMISED, QUOTAS, check_books, reconcile
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold
from tests.hub.making import BRAND, forge, open_causes, order, placed, stock


def test_counters_that_their_ledger_bears_out_are_no_case(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"pear": 3}})
    assert reconcile(session, at) == 0
    assert open_causes(session) == []


def test_a_counter_that_moved_without_its_ledger_calls_a_person_once(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}, "bj": {"pear": 3}})
    run(session, "update stock_level set on_hand = 6 where sku = 'apple'")
    assert (reconcile(session, at), reconcile(session, at)) == (1, 1)
    assert open_causes(session) == ["stock_drift"]


def test_a_ledger_line_without_its_counter_is_noticed(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    forge(session, "update stock_movement set on_hand = on_hand - 1")
    assert reconcile(session, at) == 1


def broken(session: Session) -> list[str]:
    return [one.partition(":")[0] for one in check_books(session)]


def test_carts_and_orders_that_stand_are_no_fault(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    hold(session, BRAND, "pc", "cart", [Wish("apple", 2)], timedelta(hours=1), at)
    placed(session, order({"apple": 3}))
    assert check_books(session) == []


def test_a_cart_that_ended_and_gave_nothing_back_is_noticed(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    hold(session, BRAND, "pc", "cart", [Wish("apple", 2)], timedelta(hours=1), at)
    run(session, "update reservation set state = 'released'")
    assert (broken(session), reconcile(session, at), open_causes(session)) == ([HELD], 1, ["stock_drift"])


def test_a_promise_that_no_fulfilment_order_has_is_noticed(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    placed(session, order({"apple": 3}))
    run(session, "update fulfilment_line set released = 1")
    assert (broken(session), reconcile(session, at)) == ([PROMISED], 1)


def test_a_counter_of_a_presale_that_no_order_line_bears_out_is_noticed(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    run(session, "insert into presold_count (sku, shop, pieces) values ('apple', 'pc', 2)")
    assert (broken(session), reconcile(session, at), open_causes(session)) == ([PRESOLD], 1, ["stock_drift"])
    run(session, "insert into presold_count (sku, shop, pieces) values ('apple', 'pc', -2)")
    assert broken(session) == []


@pytest.mark.parametrize("place", ["", "sh"])
def test_a_quota_that_counts_other_than_what_its_shop_has_sold_and_holds_is_noticed(
    session: Session, at: datetime, place: str
) -> None:
    stock(session, {"sh": {"apple": 5}})
    quota = Quota(sku="apple", shop="pc", location=place, mode=QuotaMode.CAP, amount=9)
    set_quota(session, "op", BRAND, quota, at - timedelta(days=1))
    hold(session, BRAND, "pc", "cart", [Wish("apple", 1)], timedelta(hours=1), at)
    placed(session, order({"apple": 3}))
    assert (reconcile(session, at), [one.used for one in list_quotas(session, ["apple"])]) == (0, [4])
    run(session, "update channel_quota set used = 3")
    where = "pc/sh" if place else "pc"
    assert check_books(session) == [f"{QUOTAS}: stock:apple at {where} counts 3, sold and held 4 to 4"]
    assert (reconcile(session, at), open_causes(session)) == (1, ["stock_drift"])


def test_a_shortfall_beyond_what_is_missing_is_noticed(session: Session) -> None:
    stock(session, {"sh": {"apple": 5}})
    run(session, "update stock_level set short = 1")
    assert broken(session) == [BOUNDS]


def test_a_counter_with_several_faults_is_one_case(session: Session, at: datetime) -> None:
    stock(session, {"sh": {"apple": 5}})
    run(session, "update stock_level set short = 1, on_hand = 6")
    assert (reconcile(session, at), open_causes(session)) == (1, ["stock_drift"])
