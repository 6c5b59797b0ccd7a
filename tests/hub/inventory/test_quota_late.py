"""A quota that is set when orders are there already counts what its shop holds from the start."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import Database, row, rows, run
from hub.errors import TryLater
from hub.inventory import quota as quotas
from hub.inventory.promise import promise
from hub.inventory.quota import Quota, count_sold, drop_quota, list_quotas, set_quota
from hub.inventory.quota_held import HELD_BY_ORDERS, HELD_THERE
from hub.inventory.quota_view import find_quotas
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold
from hub.order.change.cancel import cancel
from hub.order.ship.progress import record_confirm
from tests.hub.inventory.test_quota_places import TTL
from tests.hub.making import AT, BRAND, confirm, order, placed, stock
from tests.hub.waiting import until_it_waits


@pytest.fixture
def goods(session: Session) -> Session:
    stock(session, {"sh": {"apple": 10}, "bj": {"apple": 10}})
    return session


def quota(session: Session, amount: int = 9, place: str = "", mode: QuotaMode = QuotaMode.CAP) -> int:
    """Set a quota and give what is counted of it."""
    set_quota(session, "op", BRAND, Quota(sku="apple", shop="pc", location=place, mode=mode, amount=amount), AT)
    return used(session, place)


def used(session: Session, place: str = "") -> int:
    return next(one.used for one in list_quotas(session, ["apple"]) if one.location == place)


def free(session: Session, shop: str = "pc") -> int:
    return promise(session, BRAND, shop, ["apple"], AT)["apple"].free


@pytest.mark.parametrize("mode", QuotaMode)
def test_a_new_quota_counts_what_orders_and_carts_have(goods: Session, mode: QuotaMode) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    placed(goods, replace(order({"apple": 3}, "T2"), shop="h5"))
    hold(goods, BRAND, "pc", "c1", [Wish("apple", 2)], TTL, AT)
    assert quota(goods, mode=mode) == 6


def test_what_was_sold_before_a_cap_is_not_sold_again(goods: Session) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    quota(goods, 9)
    assert (free(goods), free(goods, "h5")) == (5, 16)


def test_pieces_of_a_shop_s_own_that_it_has_sold_already_are_not_kept_for_it_again(goods: Session) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    quota(goods, 6, mode=QuotaMode.EXCLUSIVE)
    assert (free(goods), free(goods, "h5")) == (16, 14)


def test_a_new_quota_of_a_place_counts_what_orders_have_there(goods: Session) -> None:
    placed(goods, order({"apple": 14}, "T1"))
    assert (quota(goods, place="sh"), quota(goods, place="bj")) == (10, 4)


def test_an_order_without_a_source_counts_everywhere(goods: Session) -> None:
    placed(goods, order({"apple": 25}, "T1"))
    assert (quota(goods), quota(goods, place="sh")) == (25, 10)


def test_what_has_left_or_was_cancelled_before_is_not_held(goods: Session) -> None:
    first, second = (placed(goods, order({"apple": 2}, f"T{no}")) for no in range(2))
    record_confirm(goods, confirm(first, 1, {"apple": 2}), AT)
    cancel(goods, second, "mall-pc", "changed my mind", AT)
    assert (quota(goods), quota(goods, place="sh")) == (0, 0)


def test_an_order_older_than_a_quota_gives_back_what_it_counted(goods: Session) -> None:
    order_id = placed(goods, order({"apple": 14}, "T1"))
    placed(goods, order({"apple": 1}, "T2"))
    assert (quota(goods), quota(goods, place="bj")) == (15, 5)
    cancel(goods, order_id, "mall-pc", "changed my mind", AT)
    assert (used(goods), used(goods, "bj")) == (1, 1)


def test_a_quota_that_knew_too_little_knows_all_when_it_is_changed(goods: Session) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    quota(goods)
    run(goods, "update channel_quota set used = 0")
    assert quota(goods, 12) == 4


def test_another_mode_begins_with_what_is_held(goods: Session) -> None:
    placed(goods, order({"apple": 4}, "T1"))
    quota(goods)
    run(goods, "update channel_quota set used = 9")
    assert quota(goods, mode=QuotaMode.EXCLUSIVE) == 4


@pytest.mark.parametrize("pieces", [4, 90])
def test_an_order_that_is_placed_meanwhile_is_counted_whether_or_not_it_has_a_source(
    database: Database, pieces: int
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10, "pear": 1}})
        run(session, "delete from stock_level where sku = 'apple' and :none", none=pieces == 90)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            placed(session, order({"apple": pieces}, "T1"))
            other = pool.submit(_set, database)
            until_it_waits(database, other)
        other.result()
    with database.transaction() as session:
        assert used(session) == pieces


@pytest.mark.parametrize("pieces", [4, 90])
def test_an_order_that_comes_while_a_quota_is_set_is_counted(database: Database, pieces: int) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10, "pear": 1}})
        run(session, "delete from stock_level where sku = 'apple' and :none", none=pieces == 90)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            quota(session)
            other = pool.submit(_place, database, pieces)
            until_it_waits(database, other)
        other.result()
    with database.transaction() as session:
        assert used(session) == pieces


def test_a_quota_that_would_keep_orders_waiting_gives_up_and_its_transaction_can_go_on(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10, "pear": 1}})
    with database.transaction() as session:
        quota(session)
    with database.transaction() as placing:
        count_sold(placing, {("pc", "apple"): 1})
        with database.transaction() as session:
            run(session, "set local lock_timeout = '7s'")
            with pytest.raises(TryLater, match="orders are being placed") as told:
                quota(session, place="sh")
            assert (told.value.code, told.value.say("zh"), waits(session)) == (
                "quota_busy",
                "正在下单，请稍后再试",
                "7s",
            )


def test_a_quota_that_gave_up_is_not_there(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10}})
    with database.transaction() as placing:
        count_sold(placing, {("pc", "apple"): 1})
        with database.transaction() as session, pytest.raises(TryLater):
            quota(session)
    with database.transaction() as session:
        assert list_quotas(session, ["apple"]) == []


def test_only_who_asks_for_the_very_quota_waits_until_it_is_set(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10, "pear": 10}})
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            quota(session)
            with database.transaction() as placing:
                run(placing, "set local lock_timeout = '500ms'")
                placed(placing, order({"pear": 1}, "T2"))
                placed(placing, replace(order({"apple": 2}, "T3"), shop="h5"))
            other = pool.submit(_place, database, 4)
            until_it_waits(database, other)
            assert not other.done()
        other.result()
    with database.transaction() as session:
        assert used(session) == 4


def test_of_two_who_set_the_same_new_quota_one_is_told_to_try_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 40}})
        placed(session, order({"apple": 3}, "T1"))
    there = quotas.rows

    def looked(session: Session, statement: str, **values: object) -> object:
        found = there(session, statement, **values)
        if "as before" in statement:
            monkeypatch.setattr(quotas, "rows", there)
            with database.transaction() as beside:
                quota(beside)
        return found

    monkeypatch.setattr(quotas, "rows", looked)
    with database.transaction() as session, pytest.raises(TryLater):
        quota(session, mode=QuotaMode.EXCLUSIVE)
    with database.transaction() as session:
        assert quota(session, mode=QuotaMode.EXCLUSIVE) == 3


def test_what_happens_while_a_quota_is_counted_is_counted_once_and_nobody_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 40}})
        first = placed(session, order({"apple": 3}, "T1"))
        placed(session, order({"apple": 4}, "T2"))
    there = quotas.rows

    def looked(session: Session, statement: str, **values: object) -> object:
        found = there(session, statement, **values)
        if "as before" in statement:  # others go on between the look and the quota
            with database.transaction() as beside:
                run(beside, "set local lock_timeout = '500ms'")
                assert (free(beside), free(beside, "h5")) == (33, 33)
                cancel(beside, first, "mall-pc", "changed my mind", AT)
                placed(beside, order({"apple": 2}, "T3"))
                hold(beside, BRAND, "pc", "c1", [Wish("apple", 5)], TTL, AT)
        return found

    monkeypatch.setattr(quotas, "rows", looked)
    with database.transaction() as session:
        quota(session, 20)
    with database.transaction() as session:
        assert (used(session), free(session)) == (4 + 2 + 5, 9)


def test_a_quota_that_nobody_has_set_to_its_end_is_none_and_counts_all_when_it_is_set(database: Database) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 40}})
        first = placed(session, order({"apple": 3}, "T1"))
    with pytest.raises(ZeroDivisionError):
        _fail(database)
    with database.transaction() as session:
        assert (list_quotas(session, ["apple"]), find_quotas(session), free(session)) == ([], [], 37)
        assert not drop_quota(session, "op", "pear", "pc", "", AT)
        placed(session, order({"apple": 4}, "T2"))
        hold(session, BRAND, "pc", "c1", [Wish("apple", 5)], TTL, AT)
        cancel(session, first, "mall-pc", "changed my mind", AT)
    with database.transaction() as session:
        assert quota(session, 20, mode=QuotaMode.PERCENTAGE) == 9


def test_who_has_set_a_quota_waits_for_locks_as_long_as_before(goods: Session) -> None:
    run(goods, "set local lock_timeout = '7s'")
    quota(goods)
    assert waits(goods) == "7s"


@pytest.mark.parametrize(
    ("statement", "by", "never"),
    [
        (HELD_BY_ORDERS, "order_id = o.id", ("Hash", "Merge")),
        (HELD_THERE, "(order_id = f.order_id) AND (no = f.no)", ()),  # two sets that are open may be put side by side
    ],
)
def test_what_orders_hold_is_looked_for_from_the_open_ones(
    goods: Session, statement: str, by: str, never: tuple[str, ...]
) -> None:
    run(goods, "set local enable_seqscan = off")
    asked = {"sku": "apple", "shop": "pc", **({"location": "sh"} if statement is HELD_THERE else {})}
    plan = "\n".join(one[0] for one in rows(goods, f"explain {statement}", **asked))
    assert by in plan
    assert not any(whole in plan for whole in (*never, "Seq Scan", "Index Cond: (sku = 'apple'::text)"))


def waits(session: Session) -> str:
    found = row(session, "select current_setting('lock_timeout') as wait")
    return found.wait if found else ""


def _set(database: Database) -> None:
    with database.transaction() as session:
        quota(session)


def _fail(database: Database) -> None:
    with database.transaction() as session:
        quota(session)
        _ = 1 // 0


def _place(database: Database, pieces: int) -> None:
    with database.transaction() as session:
        placed(session, order({"apple": pieces}, "T1"))
