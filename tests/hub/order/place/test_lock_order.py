"""Locations' days and open documents are held before quotas, by whoever sources: nobody waits in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import Database
from hub.inventory.quota import Quota, count_sold, set_quota
from hub.inventory.reservation_table import QuotaMode
from hub.inventory.soft import Wish
from hub.inventory.soft import hold as hold_cart
from hub.order.holds.resume import release_holds
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.day_count import count_days
from hub.sourcing.open_count import count_open
from hub.sourcing.policies import draft_policy, publish_policy
from tests.hub.making import AT, BRAND, ZONE, order, placed, stock
from tests.hub.waiting import until_it_waits

LIMITED = 'version = "v1"\nbrand = "demo"\n[locations.sh]\nmost_a_day = 9\nmost_open = 9\n'
TODAY = date(2026, 11, 11)

Act = Callable[[Session], object]


def hold_day(session: Session) -> None:
    count_days(session, {("sh", TODAY)}, lock=True)


def hold_open(session: Session) -> None:
    count_open(session, {"sh"}, lock=True)


@pytest.mark.parametrize("hold", [hold_day, hold_open])
@pytest.mark.parametrize("way", ["placed", "let go"])
def test_who_sources_waits_for_a_location_before_it_holds_a_quota(database: Database, hold: Act, way: str) -> None:
    with database.transaction() as session:
        stock(session, {"sh": {"apple": 90}})
    with database.transaction() as session:
        set_quota(session, "op", BRAND, Quota(sku="apple", shop="pc", mode=QuotaMode.CAP, amount=50), AT)
        draft_policy(session, SYSTEM, LIMITED, POLICY.version, AT)
        publish_policy(session, SYSTEM, BRAND, "v1", "tried", AT, revision=1, untried="a test")
        hold_cart(session, BRAND, "pc", "c1", [Wish("apple", 1)], timedelta(hours=1), AT)
        held = placed(session, order({"apple": 1}, "H", paid_at=None, reservation="c1"))

    def source() -> None:
        with database.transaction() as session:
            if way == "placed":
                placed(session, order({"apple": 1}))
            else:
                release_holds(session, held, SYSTEM, "paid", AT.astimezone(ZONE) + timedelta(minutes=5))

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            hold(session)
            other = pool.submit(source)
            until_it_waits(database, other)
            assert not other.done()
            count_sold(session, {("pc", "apple"): 1})  # a circle, and one is ended, if the other held the quota
        other.result()
