from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from hub.database import run
from hub.errors import Malformed
from hub.inventory.soft import Wish, hold
from hub.order.place.batch import Placed
from hub.order.place.senders import senders_to
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.policy import read_policy
from tests.hub.making import AT, BRAND, DIVISIONS, RECEIVER, ZONE, order, place_all, placed, sources, stock

HERE = AT.astimezone(ZONE)
PUDONG = "310115"
"""Where the default receiver lives."""

CARD = "courier,origin,destination,first_fen,each_fen,days\nSF,sh,310000,900,100,1\nSF,bj,,900,100,1\n"


@pytest.fixture(autouse=True)
def _goods(session: Session) -> None:
    stock(session, {code: {"apple": 9} for code in DIVISIONS})


def in_force(session: Session, content: str) -> None:
    draft_policy(session, SYSTEM, f'version = "own"\nbrand = "{BRAND}"\n{content}', POLICY.version, AT)
    publish_policy(session, SYSTEM, BRAND, "own", "tried", AT, revision=1, untried="a test")


def senders(session: Session, division: str = PUDONG) -> list[str]:
    return sorted(senders_to(session, BRAND, division, HERE))


def test_without_a_policy_every_location_that_is_open_sends_everywhere(session: Session) -> None:
    run(session, "update location set active = false where code = 'gz'")
    assert senders(session) == senders(session, "540121") == ["bj", "sh"]
    assert senders_to(session, "other", PUDONG, HERE) == frozenset()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("[eliminate]\nmax_km = 1100", ["bj", "sh"]),
        ("[eliminate]\nlocations = ['sh']", ["bj", "gz"]),
        ("[locations.bj]\nradius_km = 300", ["gz", "sh"]),
        ("[locations.gz]\nmost_open = 1\n[locations.sh]\nmost_a_day = 1", ["bj", "gz", "sh"]),
        ("closed = ['2026-11-11']\n[locations.bj]\nat_once = true\n", ["gz", "sh"]),
        ('[freight]\nrates = "r1"', ["bj", "sh"]),
        ("[weights]\nunfilled = 5000", ["bj", "gz", "sh"]),
    ],
)
def test_what_the_policy_leaves_out_sends_nothing_and_an_order_to_there_is_sourced_from_the_others(
    session: Session, content: str, found: Sequence[str]
) -> None:
    load_card(session, SYSTEM, BRAND, "r1", CARD, AT)
    in_force(session, content)
    assert senders(session) == found
    order_id = placed(session, order({"apple": 27}))
    assert sorted(code for code, *_ in sources(session, order_id)) == found


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("[eliminate]\nkinds = ['store']", ["bj", "sh"]),
        ("[kinds.store]\nradius_km = 300", ["bj", "sh"]),
        ("[kinds.store]\nradius_km = 300\n[locations.gz]\nradius_km = 3000", ["bj", "gz", "sh"]),
        ("[kinds.store]\nradius_km = 300\n[locations.gz]\nmost_open = 9", ["bj", "sh"]),
        ("[kinds.supplier]\nradius_km = 0", ["bj", "gz", "sh"]),
    ],
)
def test_what_a_policy_says_of_a_kind_holds_for_each_location_of_it_that_it_says_nothing_else_of(
    session: Session, content: str, found: Sequence[str]
) -> None:
    run(session, "update location set kind = 'store' where code = 'gz'")
    in_force(session, content)
    assert senders(session) == found
    order_id = placed(session, order({"apple": 27}))
    assert sorted(code for code, *_ in sources(session, order_id)) == found


def test_each_location_of_a_kind_has_a_day_of_its_own(session: Session) -> None:
    run(session, "update location set kind = 'store' where code in ('gz', 'sh')")
    in_force(session, "[kinds.store]\nmost_a_day = 1\n")
    place_all(session, order({"apple": 1}))
    assert senders(session) == ["bj", "gz"]


@pytest.mark.parametrize("content", ["[eliminate]\nkinds = ['shed']", "[kinds.shed]\nradius_km = 3"])
def test_an_unknown_kind_is_refused(content: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_policy(f'version = "own"\nbrand = "{BRAND}"\n{content}')
    assert refused.value.code == "malformed_policy"


def test_a_location_that_has_all_the_documents_it_may_sends_nothing(session: Session) -> None:
    in_force(session, "[locations.sh]\nmost_open = 1\n")
    place_all(session, order({"apple": 1}))
    assert senders(session) == ["bj", "gz"]


def test_lanes_and_distances_are_of_where_the_goods_go(session: Session) -> None:
    load_card(session, SYSTEM, BRAND, "r1", CARD, AT)
    in_force(session, '[freight]\nrates = "r1"\n[locations.bj]\nradius_km = 500')
    assert (senders(session), senders(session, "110105"), senders(session, "440106")) == (["sh"], ["bj"], [])


def test_a_division_that_there_is_not_is_refused(session: Session) -> None:
    with pytest.raises(Malformed, match="no division has the code 999999") as caught:
        senders(session, "999999")
    assert (caught.value.code, caught.value.field) == ("unknown_division", "division")


def test_what_is_there_out_of_reach_keeps_no_order_from_what_was_held_for_it(session: Session) -> None:
    in_force(session, "[eliminate]\nlocations = ['bj', 'gz']")
    run(session, "update stock_level set on_hand = 0, backorder_limit = 5 where location = 'sh'")
    reach = senders_to(session, BRAND, PUDONG, HERE)
    hold(session, BRAND, "pc", "cart-1", [Wish("apple", 3)], timedelta(minutes=5), HERE, locations=reach)
    mine = placed(session, order({"apple": 3}, "T1", reservation="cart-1"))
    other = placed(session, order({"apple": 2}, "T2"))
    assert [sources(session, one) for one in (mine, other)] == [[("sh", "open")]] * 2


def test_what_is_there_in_reach_goes_before_what_is_not_there(session: Session) -> None:
    run(session, "update stock_level set on_hand = 0, backorder_limit = 5 where location = 'sh'")
    found = sources(session, placed(session, order({"apple": 18})))
    assert sorted(location for location, _ in found) == ["bj", "gz"]


@pytest.mark.parametrize("turn", [1, -1])
def test_who_has_what_is_there_in_reach_waits_for_nothing_because_of_who_has_not(session: Session, turn: int) -> None:
    in_force(session, "[eliminate]\nmax_km = 1000")
    run(session, "update stock_level set on_hand = 0, backorder_limit = 5 where location = 'sh'")
    nanjing = RECEIVER.model_copy(update={"province": "江苏省", "city": "南京市", "county": "玄武区"})
    orders = [order({"apple": 2}, "T1"), order({"apple": 2}, "T2", receiver=nanjing)]
    placed_now = [one.order_id for one in place_all(session, *orders[::turn]) if isinstance(one, Placed)]
    assert [sources(session, one) for one in placed_now[::turn]] == [[("sh", "open")], [("bj", "open")]]
    far = [order({"apple": pieces}, f"N{pieces}") for pieces in (3, 1)]
    found = [sources(session, one.order_id) for one in place_all(session, *far) if isinstance(one, Placed)]
    assert found == [[("sh", "open")], []]
