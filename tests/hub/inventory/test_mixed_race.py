import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from hub.database import Database
from hub.inventory import soft
from hub.inventory.hot_sale import Sale, heat
from hub.inventory.ledger import post
from hub.inventory.reconcile import HELD, PROMISED, QUOTAS, check_books
from hub.inventory.soft import Wish, expire_due, hold, take_held
from tests.forked import FORKED
from tests.hub.inventory.planting import changed
from tests.hub.inventory.racing import SKUS, TTL
from tests.hub.inventory.rummaging import rummage
from tests.hub.making import AT, BRAND, stock
from tests.hub.waiting import until_it_waits

THREADS = 16
PROCESSES = 4
DIES_AT = 12


@pytest.fixture
def goods(database: Database) -> Database:
    """Fill two locations with less than will be wanted, one SKU in a flash sale."""
    with database.transaction() as session:
        stock(session, {location: dict.fromkeys(SKUS, 30) for location in ("sh", "bj")})
        heat(session, "op", Sale(brand=BRAND, sku=SKUS[0], sale="11.11", per_buyer=0), AT)
    return database


def wrong_in(database: Database) -> list[str]:
    with database.transaction() as session:
        return check_books(session, besides={PROMISED, QUOTAS})


def test_sixteen_threads_of_all_acts_leave_the_books_whole(goods: Database, database_url: str) -> None:
    assert (rummage(database_url, 0, THREADS), wrong_in(goods)) == ([], [])


def test_four_processes_one_of_which_is_killed_before_a_commit_leave_the_books_whole(
    goods: Database, database_url: str
) -> None:
    dying = FORKED.Process(target=rummage, args=(database_url, 0, PROCESSES, DIES_AT))
    dying.start()
    with ProcessPoolExecutor(PROCESSES - 1, mp_context=FORKED) as pool:
        running = [pool.submit(rummage, database_url, process, PROCESSES) for process in range(1, PROCESSES)]
        wrong = [one.result() for one in running]
    dying.join()
    assert (dying.exitcode, wrong, wrong_in(goods)) == (-signal.SIGKILL, [[]] * (PROCESSES - 1), [])


def pay_while_it_expires(database: Database) -> int:
    """Pay a cart, and let its time run out before that is committed; give how many carts have expired."""
    with database.transaction() as session:
        for ref in ("paid", "other"):
            lasts = TTL if ref == "paid" else 2 * TTL
            hold(session, BRAND, "pc", ref, [Wish(SKUS[1], 2)], lasts, AT, locations=["sh"])
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as paying:
            taken = take_held(paying, {7: ("pc", "paid")}, AT + TTL)
            expiring = pool.submit(_expire, database)
            until_it_waits(database, expiring)
            post(paying, taken, AT + TTL)
        return expiring.result()


def _expire(database: Database) -> int:
    with database.transaction() as session:
        return expire_due(session, AT + TTL)


def test_a_cart_that_is_being_paid_does_not_expire(goods: Database) -> None:
    assert (pay_while_it_expires(goods), wrong_in(goods)) == (0, [])


def test_an_expiry_that_does_not_compare_is_reported_when_it_races_a_payment(
    goods: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {" for update skip locked": "", "and reservation.state = 'held' returning": "returning"}
    for old, new in lines.items():
        monkeypatch.setattr(soft, "rows", changed(soft.rows, old, new, among="from due"))
    assert pay_while_it_expires(goods) == 1
    assert [one.partition(":")[0] for one in wrong_in(goods)] == [HELD]
