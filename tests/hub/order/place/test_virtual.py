"""Goods that are only handed over leave under no hold that blocks routing or release, and leave when the last ends."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.catalogue.model import Storage
from hub.order.change.begin import change
from hub.order.change.revision import Contents, Wish
from hub.order.holds.expiry import expire_holds
from hub.order.holds.resume import release_holds
from hub.order.place.batch import Placed
from hub.order.place.view import placed_views
from hub.roles import SYSTEM
from tests.hub.making import AT, ZONE, add_sku, line, order, place_all, placed, see, stock
from tests.hub.order.changing import BY
from tests.hub.review.ruling import enforce, holding, rule

LATER = (AT + timedelta(hours=1)).astimezone(ZONE)


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50}})
    add_sku(session, "card")
    describe(session, SYSTEM, "card", AT, storage=Storage.NONE)


def keep(session: Session, name: str = "kept", when: str = "true", **changes: Any) -> None:  # noqa: ANN401 # any field of a hold
    enforce(session, rule(when, name, verdict=holding(**{"blocks": ["release"], **changes})))


def shipped(session: Session, order_id: int) -> int:
    return line(session, order_id).shipped


@pytest.mark.parametrize("pieces", [{"card": 1}, {"card": 1, "apple": 1}])
def test_a_hold_of_release_keeps_them_until_a_person_ends_it(session: Session, pieces: dict[str, int]) -> None:
    keep(session)
    (one,) = place_all(session, order(pieces))
    assert isinstance(one, Placed)
    assert one.booked
    told = json.loads(placed_views(one.booked)[one.order_id])
    assert (shipped(session, one.order_id), told["lines"][0]["shipped"]) == (0, 0)
    assert told["lifecycle"] == see(session, one.order_id).lifecycle
    release_holds(session, one.order_id, SYSTEM, "checked", AT)
    assert shipped(session, one.order_id) == 1


@pytest.mark.parametrize(("first", "last"), [("route", "release"), ("release", "route")])
def test_they_leave_when_the_last_hold_expires(session: Session, first: str, last: str) -> None:
    keep(session, "first", blocks=[first], expires_after_s=60)
    keep(session, "last", blocks=[last], expires_after_s=7_200)
    order_id = placed(session, order({"card": 1}))
    assert (expire_holds(session, LATER), shipped(session, order_id)) == (1, 0)
    assert expire_holds(session, LATER + timedelta(hours=2)) == 1
    assert (shipped(session, order_id), see(session, order_id).lifecycle) == (1, "closed")


def test_an_empty_shelf_keeps_them_no_longer_than_the_hold(session: Session) -> None:
    keep(session, expires_after_s=60)
    order_id = placed(session, order({"card": 1, "apple": 51}))
    assert ([one.type for one in see(session, order_id).holds], shipped(session, order_id)) == (["fraud", "stock"], 0)
    assert (expire_holds(session, LATER), shipped(session, order_id)) == (1, 1)


def test_they_leave_when_a_change_does_away_with_what_held_them(session: Session) -> None:
    keep(session, when="order.remark != ''")
    order_id = placed(session, order({"card": 1}, remark="慢点"))
    assert shipped(session, order_id) == 0
    change(session, order_id, Wish(contents=Contents(remark="")), BY, AT)
    assert shipped(session, order_id) == 1
