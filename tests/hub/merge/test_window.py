import json
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.order.change.cancel import cancel
from hub.order.holds.resume import release_holds
from hub.order.place.batch import Placed
from hub.order.place.view import placed_views
from hub.roles import SYSTEM
from tests.hub.making import AT, RECEIVER, order, place_all, placed, see, sources, stock
from tests.hub.merge.merging import LATER, WINDOW, close, groups, lines_of, merging, of_shop, releases


@pytest.fixture(autouse=True)
def goods(session: Session) -> None:
    stock(session, {"sh": {"apple": 50, "pear": 50}})


def test_a_shop_that_does_not_merge_releases_at_once(session: Session) -> None:
    order_id = placed(session, order({"apple": 1}))
    assert (sources(session, order_id), len(releases(session))) == ([("sh", "open")], 1)
    assert close(session) == 0


def test_orders_of_one_recipient_wait_and_then_travel_together(session: Session) -> None:
    merging(session)
    first, second = (placed(session, order({"apple": 1, "pear": n}, f"T{n}")) for n in (1, 2))
    assert (sources(session, first), releases(session)) == ([("sh", "scheduled")], [])
    assert close(session, LATER - WINDOW / 2) == 0
    assert close(session) == 2
    assert groups(session) == [[f"{first}-1", f"{second}-1"]]
    assert [one["order_id"] for one in releases(session)] == [first]
    assert lines_of(session, first) == [
        ("10001", "T1", "apple", 1),
        ("10002", "T1", "pear", 1),
        ("20001", "T2", "apple", 1),
        ("20002", "T2", "pear", 2),
    ]


def test_an_order_whose_division_a_person_names_travels_with_those_that_go_there(session: Session) -> None:
    merging(session)
    nowhere = RECEIVER.model_copy(update={"province": "", "city": "", "county": ""})
    held = placed(session, order({"apple": 1}, "T1", receiver=nowhere))
    first = placed(session, order({"apple": 1}, "T2"))
    release_holds(session, held, SYSTEM, "the buyer was asked", AT, division="310115")
    assert close(session) == 2
    assert groups(session) == [[f"{held}-1", f"{first}-1"]]


def test_whoever_places_an_order_is_answered_as_it_is_read(session: Session) -> None:
    merging(session)
    (one,) = place_all(session, order({"apple": 1}))
    assert isinstance(one, Placed)
    assert one.booked
    told = json.loads(placed_views(one.booked)[one.order_id])
    assert told["fulfilments"][0]["execution"] == see(session, one.order_id).fulfilments[0].execution == "scheduled"


def test_a_window_begins_with_the_first_order_and_takes_later_ones_along(session: Session) -> None:
    merging(session)
    first = placed(session, order({"apple": 1}, "T1"))
    merging(session, window_min=90)
    placed(session, order({"apple": 1}, "T2"))
    assert close(session) == 2
    assert len(groups(session)) == 1
    assert releases(session)[0]["order_id"] == first


def test_one_without_mates_goes_alone_and_its_order_stays_as_it_was_sold(session: Session) -> None:
    merging(session)
    order_id = placed(session, order({"apple": 1}))
    close(session)
    assert (groups(session), sources(session, order_id)) == ([], [("sh", "open")])
    assert releases(session) == [{"order_id": order_id, "no": 1}]
    assert close(session) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": RECEIVER.model_copy(update={"phone": "10000000002"})},
        {"receiver": RECEIVER.model_copy(update={"street": "测试路11号"})},
        {"receiver": RECEIVER.model_copy(update={"county": "徐汇区"})},
        {"type": "exchange"},
        {"lines": order({"apple": 58}).order.lines},
    ],
    ids=["phone", "street", "county", "type", "weight"],
)
def test_what_is_not_of_one_recipient_or_too_much_stays_apart(session: Session, changes: dict[str, Any]) -> None:
    stock(session, {"sh": {"apple": 50}}, "ASN-2")
    merging(session)
    placed(session, order({"apple": 5}, "T1"))
    placed(session, order({"apple": 5}, "T2", **changes))
    close(session)
    assert groups(session) == []


@pytest.mark.parametrize(
    "written",
    [
        {"phone": "+86 100-0000-0001"},
        {"phone": "0086-10000000001"},
        {"street": "浦东新区测试路 1 号"},
        {"street": "测试路１号"},
        {"name": "收件人乙"},
    ],
)
def test_one_recipient_is_known_however_it_is_written(session: Session, written: dict[str, str]) -> None:
    merging(session)
    placed(session, order({"apple": 1}, "T1"))
    placed(session, order({"apple": 1}, "T2", receiver=RECEIVER.model_copy(update=written)))
    close(session)
    assert len(groups(session)) == 1


def test_a_platforms_token_is_the_recipient_and_never_crosses_platforms(session: Session) -> None:
    masked = RECEIVER.model_copy(update={"phone": "100****0001", "street": "测试路***", "token": "oaid-1"})
    other = masked.model_copy(update={"token": "oaid-2"})
    for shop in ("pc", "h5"):
        merging(session, shop)
    for n, (to, platform) in enumerate([(masked, "TB"), (masked, "TB"), (other, "TB"), (masked, "JD"), (masked, "JD")]):
        one = order({"apple": 1}, f"T{n}", receiver=to)
        placed(session, replace(one, platform=platform, shop=("pc", "h5")[n % 2]))
    close(session)
    assert [len(group) for group in groups(session)] == [2, 2]


def test_shops_travel_together_only_where_both_name_the_same_brands(session: Session) -> None:
    merging(session, "pc", brands=("demo", "other"))
    merging(session, "h5")
    for shop in ("pc", "h5", "app"):
        placed(session, of_shop({"apple": 1}, f"T-{shop}", shop=shop))
    close(session)
    assert groups(session) == []
    merging(session, "h5", brands=("other",))
    for shop in ("pc", "h5"):
        placed(session, of_shop({"apple": 1}, f"U-{shop}", shop=shop))
    close(session)
    assert [len(group) for group in groups(session)] == [2]


def test_the_strictest_policy_says_how_many_travel_together(session: Session) -> None:
    merging(session, "pc", most_orders=3)
    merging(session, "h5", most_orders=2)
    for n, shop in enumerate(["pc", "pc", "pc", "h5", "h5"]):
        placed(session, of_shop({"apple": 1}, f"T{n}", shop=shop))
    close(session)
    assert [len(group) for group in groups(session)] == [3, 2]


def test_parts_of_one_order_are_not_put_together_again(session: Session) -> None:
    merging(session, most_grams=200_000)
    placed(session, order({"apple": 40}, "T1"))
    stock(session, {"bj": {"pear": 60}}, "ASN-3")
    placed(session, order({"pear": 90}, "T2"))
    close(session)
    for group in groups(session):
        assert len({code.partition("-")[0] for code in group}) == len(group)


def test_a_shop_that_stops_merging_lets_go_of_what_waits(session: Session) -> None:
    merging(session)
    ids = [placed(session, order({"apple": 1}, f"T{n}")) for n in (1, 2)]
    merging(session, active=False)
    assert (close(session), groups(session), len(releases(session))) == (2, [], 2)
    assert [sources(session, order_id) for order_id in ids] == [[("sh", "open")]] * 2


def test_what_waits_is_cancelled_at_once(session: Session) -> None:
    merging(session)
    ids = [placed(session, order({"apple": 1}, f"T{n}")) for n in (1, 2)]
    assert cancel(session, ids[0], "buyer", "changed mind", AT) == "cancelled"
    assert close(session) == 1
    assert releases(session) == [{"order_id": ids[1], "no": 1}]
    assert see(session, ids[0]).fulfilments[0].execution == "cancelled"
