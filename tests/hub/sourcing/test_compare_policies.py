from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub.database import run
from hub.order.place.brand_policy import Own
from hub.order.rehearse.asked import asked_since
from hub.order.rehearse.policies import Comparison, compare_policies, plan_again
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.model import Question
from hub.sourcing.policies import draft_policy, publish_policy
from hub.sourcing.policy import read_policy
from tests.hub.making import AT, order, place_all, stock
from tests.hub.sourcing.asking import kept, questions

SINCE = AT.astimezone(ZoneInfo("Asia/Shanghai"))
SAME = 'version = "same"\nbrand = "demo"\n'
NOT_SH = f'{SAME}[eliminate]\nlocations = ["sh"]\n'


def compared(session: Session, written: str) -> Comparison:
    return compare_policies(session, read_policy(written), POLICY, SINCE)


@pytest.fixture
def sold(session: Session) -> Session:
    stock(session, {"sh": {"apple": 90, "pear": 1}, "bj": {"apple": 3, "pear": 90}})
    run(session, "update sku set grams = 9000")
    place_all(session, order({"apple": 1}), order({"apple": 5, "pear": 2}, "T2"), order({"apple": 1}, "T3"))
    return session


def test_a_draft_that_changes_nothing_moves_nothing(sold: Session) -> None:
    told = compared(sold, SAME)
    assert (told.orders, told.moved) == (3, 0)
    assert told.in_force.total == told.draft.total
    assert told.in_force.total.cost == told.in_force.total.own_cost > 0


def test_a_location_that_is_left_out_loses_its_share_and_what_only_it_had_is_not_filled(sold: Session) -> None:
    told = compared(sold, NOT_SH)
    assert told.draft.total.share == {"bj": 1.0}
    assert told.in_force.total.fill == 1.0
    assert told.draft.total.fill < 1.0
    assert told.moved == 3


def test_other_prices_are_compared_at_those_in_force(sold: Session) -> None:
    total = compared(sold, f"{SAME}[costs]\nparcel = 0\nper_further_kg = 0\nper_1000_km = 0\n").draft.total
    assert total.own_cost == 100 * total.parcels
    assert total.cost > total.own_cost


def test_smaller_parcels_are_more_and_the_order_sees_the_stock_it_saw(sold: Session) -> None:
    told = compared(sold, f"{SAME}[split]\nparcel_pieces = 1\n")
    assert (told.draft.total.parcels, told.draft.total.pieces, told.draft.total.fill) == (9, 9, 1.0)


def test_a_floor_is_tried_on_what_was_sold_before_anybody_asked_what_goods_are_worth(sold: Session) -> None:
    wish = f'{SAME}[split]\nwishes = ["parcel"]\nfloor_fen = '
    assert compared(sold, f"{wish}1\n").draft.total.parcels == compared(sold, SAME).draft.total.parcels
    assert compared(sold, f"{wish}100000000\n").draft.total.parcels < compared(sold, SAME).draft.total.parcels


def test_what_the_policy_in_force_left_out_is_there_for_the_draft(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    draft_policy(session, SYSTEM, NOT_SH, POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "same", "tried", AT, revision=1, untried="a test")
    place_all(session, order({"apple": 1}))
    told = compared(session, SAME.replace("same", "all"))
    assert (told.in_force.total.share, told.draft.total.share) == ({"bj": 1.0}, {"sh": 1.0})


def test_what_the_policy_in_force_left_out_costs_what_its_rate_card_says(session: Session) -> None:
    stock(session, {"sh": {"apple": 9}, "bj": {"apple": 9}})
    load_card(
        session, SYSTEM, "demo", "r1", "courier,origin,first_fen,each_fen,days\nSF,,900,0,1\nSF,sh,4000,0,1\n", AT
    )
    freight = '[freight]\nrates = "r1"\n'
    draft_policy(session, SYSTEM, f"{NOT_SH}{freight}", POLICY.version, AT)
    publish_policy(session, SYSTEM, "demo", "same", "tried", AT, revision=1, untried="a test")
    place_all(session, order({"apple": 1}))
    told = compared(session, f'{SAME.replace("same", "all")}[eliminate]\nlocations = ["bj"]\n{freight}')
    assert told.draft.total.share == {"sh": 1.0}
    assert told.draft.total.cost == told.draft.total.own_cost == 4100


def test_each_day_has_its_figures_and_another_brand_none(sold: Session) -> None:
    told = compared(sold, SAME)
    assert [str(day) for day in told.draft.series] == ["2026-11-11"]
    assert compared(sold, SAME.replace("demo", "other")).orders == 0


def test_nothing_can_be_written_by_it(sold: Session) -> None:
    compared(sold, SAME)
    with pytest.raises(DBAPIError, match="read-only"):
        run(sold, "update sku set grams = 1")


def test_what_takes_too_long_is_told_as_far_as_it_came(sold: Session) -> None:
    seconds = iter((0.0, 1.0, 2.0, 3.0))
    told = compare_policies(sold, read_policy(SAME), POLICY, SINCE, 2.5, lambda: next(seconds))
    assert (told.orders, told.more) == (2, True)
    assert not compared(sold, SAME).more


@given(questions())
def test_whatever_was_asked_can_be_asked_again(question: Question) -> None:
    [asked] = asked_since([kept(question)], SINCE)
    for again, decision in plan_again(asked, Own(POLICY)):
        given_away = {take.line_no for choice in decision.choices for take in choice.takes}
        assert given_away <= {want.line_no for want in again.wants}
        assert decision.cost >= decision.bound >= 0
