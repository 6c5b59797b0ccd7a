"""Who sets a quota and is killed leaves a row that only counts: the next comes to the end, or a chore takes it away."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.database import Database, rows
from hub.inventory.quota import Quota, count_sold, list_quotas, set_quota
from hub.inventory.quota_unset import AGE, forget_unset
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish, hold
from tests.hub.making import AT, BRAND, order, placed, stock
from tests.hub.waiting import until_it_waits

LONG = AT + AGE + timedelta(seconds=1)
KILL = """select pg_terminate_backend(pid) from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database() and query like 'lock table channel_quota%'"""


@pytest.fixture
def killed(database: Database) -> Database:
    """Give a database where who sets a quota has been killed while an order was under way."""
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 10}})
    with ThreadPoolExecutor(1) as pool, database.transaction() as placing:
        count_sold(placing, {("pc", "apple"): 1})
        setting: Future[None] = pool.submit(_set, database)
        until_it_waits(database, setting)
        with database.transaction() as other:
            assert rows(other, KILL)
        with pytest.raises(OperationalError):
            setting.result()
    return database


def test_who_is_killed_while_setting_a_quota_leaves_what_a_chore_takes_away(killed: Database) -> None:
    with killed.transaction() as session:
        assert (versions(session), list_quotas(session, ["apple"])) == ([0], [])
        assert (forget_unset(session, AT + AGE), versions(session)) == (0, [0])
        assert (forget_unset(session, LONG), versions(session)) == (1, [])


def test_one_that_orders_count_at_this_moment_is_taken_away_the_next_time(killed: Database) -> None:
    with killed.transaction() as placing:
        placed(placing, order({"apple": 1}, "T1"))
        with killed.transaction() as session:  # waits for nobody
            assert forget_unset(session, LONG) == 0
    with killed.transaction() as session:
        assert forget_unset(session, LONG) == 1


def test_the_next_to_set_it_comes_to_the_end_and_nobody_takes_that_away(killed: Database) -> None:
    with killed.transaction() as session:
        placed(session, order({"apple": 4}, "T1"))
    _set(killed)
    with killed.transaction() as session:
        assert (forget_unset(session, LONG), [one.used for one in list_quotas(session, ["apple"])]) == (0, [4])


def test_what_only_counts_as_yet_leaves_a_shop_the_pieces_that_it_has_for_itself(killed: Database) -> None:
    with killed.transaction() as session:
        own = Quota(sku="apple", shop="pc", location="sh", mode=QuotaMode.EXCLUSIVE, amount=10)
        set_quota(session, "op", BRAND, own, AT)
        assert sorted(versions(session)) == [0, 1]
        cart = hold(session, BRAND, "pc", "c1", [Wish("apple", 10)], timedelta(minutes=15), AT)
        assert sum(one.quantity for one in cart.claims) == 10


def versions(session: Session) -> list[int]:
    return [one.version for one in rows(session, "select version from channel_quota")]


def _set(database: Database) -> None:
    with database.transaction() as session:
        set_quota(session, "op", BRAND, Quota(sku="apple", shop="pc", mode=QuotaMode.CAP, amount=9), AT)
