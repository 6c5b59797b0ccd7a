"""Orders that are placed, grow, lapse and expire while quotas are set: nobody waits in a circle, and all is counted."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from threading import Event
from time import sleep

from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.database import Database, rows
from hub.errors import TryLater
from hub.inventory.ledger import drift
from hub.inventory.presale import Presale, add_up, list_presales, set_presale
from hub.inventory.quota import Quota, list_quotas, set_quota
from hub.inventory.quota_held import HELD_BY_CARTS, HELD_BY_ORDERS, HELD_THERE
from hub.inventory.reservation_table import QuotaMode
from hub.order.change.expire import Terms, expire
from hub.order.change.lapse import lapse
from hub.order.change.wanted import WantedLine
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, ZONE, order, placed, stock
from tests.hub.order.changing import want

SKUS = ("s0", "s1", "s2")
COMING = "lamp"
TURNS = 4
LIMIT = timedelta(minutes=30)
TERMS = {"mall-pc": Terms(LIMIT, told=False)}
ACTS = {"order.expire", "order.lapse", "stock.quota"}
LATER = AT.astimezone(ZONE) + timedelta(days=1)

Act = Callable[[Session, int], object]


def sell(database: Database, no: int) -> None:
    """Place orders that are paid and some that are not, and have the first grow by pieces that nobody pays."""
    wanted: Mapping[str, int] = dict.fromkeys((*SKUS, COMING) if no % 2 else (COMING, *reversed(SKUS)), 1)
    for turn in range(TURNS):
        with database.transaction() as session:
            order_id = placed(session, order(wanted, f"{no}-{turn}-paid"))
        with database.transaction() as session:
            placed(session, order(wanted, f"{no}-{turn}", paid_at=None))
        with database.transaction() as session:
            want(session, order_id, WantedLine("L1", 3))


def give(session: Session, turn: int) -> None:
    quota = Quota(sku=SKUS[turn % 3], shop="pc", location=("", "sh")[turn % 2], mode=QuotaMode.CAP, amount=turn)
    with suppress(TryLater):  # orders are being placed: a person tries again
        set_quota(session, "op", BRAND, quota, AT)


def held(session: Session, one: Quota) -> int:
    orders = HELD_THERE if one.location else HELD_BY_ORDERS
    statement = f"select coalesce(({HELD_BY_CARTS}), 0) + coalesce(({orders}), 0) as n"
    return int(rows(session, statement, sku=one.sku, shop=one.shop, location=one.location)[0].n)


def acts_of(database: Database) -> set[str]:
    with database.transaction() as session:
        return {one.act for one in rows(session, "select distinct act from audit_entry")}


def test_orders_that_lapse_and_expire_and_quotas_that_are_set_beside_placing_never_wait_in_a_circle(
    database: Database,
) -> None:
    with database.transaction() as session:
        stock(session, {"sh": dict.fromkeys((*SKUS, COMING), 40), "bj": dict.fromkeys(SKUS, 400)})
        describe(session, SYSTEM, COMING, AT, available_from=date(2027, 3, 1))
        set_presale(session, "op", BRAND, Presale(sku=COMING, amount=20), AT)
    over = Event()

    def until_over(act: Act) -> None:
        turn = 0
        while not over.is_set():
            with database.transaction() as session:
                act(session, turn)
            turn += 1

    chores: tuple[Act, ...] = (
        lambda session, _turn: expire(session, TERMS, LATER),
        lambda session, _turn: lapse(session, LIMIT, LATER),
        lambda session, _turn: add_up(session),
        give,
    )
    with ThreadPoolExecutor(7) as pool:
        beside = [pool.submit(until_over, act) for act in chores]
        try:
            for one in [pool.submit(sell, database, no) for no in range(3)]:
                one.result()
            while not acts_of(database) >= ACTS and not any(one.done() for one in beside):
                sleep(0.01)  # who was refused as long as orders came has its turn now
        finally:
            over.set()
        for one in beside:
            one.result()
    with database.transaction() as session:
        there = list_quotas(session, SKUS)
        assert {(one.sku, one.location): one.used for one in there} == {
            (one.sku, one.location): held(session, one) for one in there
        }
        waits = rows(session, "select coalesce(sum(pieces), 0)::bigint as n from presold_line")[0].n
        assert (drift(session), [one.sold for one in list_presales(session, [COMING])]) == ([], [waits])
