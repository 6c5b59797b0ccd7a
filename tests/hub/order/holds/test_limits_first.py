"""Who sources more than once in a transaction holds all limited locations before the first: no circle with a batch."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database, run
from hub.order.change.begin import change
from hub.order.change.revision import Contents, Wish
from hub.order.holds.expiry import expire_holds
from hub.order.holds.repair import release_orders
from hub.order.relocate import relocate
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.day_count import count_days
from hub.sourcing.open_count import count_open
from hub.sourcing.policies import draft_policy, publish_policy
from tests.hub.inventory.counting import take
from tests.hub.making import AT, ZONE, order, placed, stock
from tests.hub.order.changing import BEIJING, BY
from tests.hub.waiting import until_it_waits

LIMITS = "most_a_day = 9\nmost_open = 9\n"
LIMITED = f'version = "v1"\nbrand = "demo"\n[locations.sh]\n{LIMITS}[locations.bj]\n{LIMITS}'
HERE = AT.astimezone(ZONE) + timedelta(minutes=5)

Way = Callable[[Session, list[int]], object]


def release(session: Session, ids: list[int]) -> None:
    assert release_orders(session, SYSTEM, ids[:2], "paid", HERE) == 2


def expire(session: Session, ids: list[int]) -> None:
    run(session, "update order_hold set expires_at = :at where order_id = any(:ids)", at=AT, ids=ids[:2])
    assert expire_holds(session, HERE) == 2


def relocate_both(session: Session, ids: list[int]) -> None:
    assert (len(ids), relocate(session, HERE)) == (4, 1)


def move(session: Session, ids: list[int]) -> None:
    assert change(session, ids[2], Wish(contents=Contents(receiver=BEIJING)), BY, HERE) == "applied"


@pytest.mark.parametrize("way", [release, expire, relocate_both, move])
def test_who_sources_twice_waits_for_the_second_location_before_the_first_is_held(database: Database, way: Way) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 9, "fig": 1, "kiwi": 1}, "bj": {"pear": 9}})
        ids = [placed(session, order({sku: 1}, sku, paid_at=None)) for sku in ("apple", "pear")]
        ids += [placed(session, order({"apple": 1, "pear": 1}, "T3")), placed(session, order({"fig": 1, "kiwi": 1}))]
        stock(session, {"bj": {"kiwi": 1}}, "ASN-2")
        take(session, {"kiwi": 0})
        draft_policy(session, SYSTEM, LIMITED, POLICY.version, AT)
        publish_policy(session, SYSTEM, "demo", "v1", "tried", AT, revision=1, untried="a test")

    def act() -> None:
        with database.transaction() as session:
            way(session, ids)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            count_days(session, {("bj", HERE.date())}, lock=True)
            other = pool.submit(act)
            until_it_waits(database, other)
            assert not other.done()
            count_open(session, {"sh"}, lock=True)  # a circle, and one is ended, if the other had its turn there
        other.result()
