"""What would become of goods if they were ordered now is what becomes of them when they are."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.catalogue.describe import describe
from hub.database import rows, run
from hub.errors import Malformed
from hub.order.quote import AskedLine, Quote, quote
from hub.order.rules.policy import POLICY
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.policies import draft_policy, publish_policy
from tests.hub.making import AT, BRAND, ZONE, add_sku, order, placed, see, stock
from tests.scale import count

HERE = AT.astimezone(ZONE)
PUDONG = "310115"
GOODS = ("apple", "pear", "plum")
CARD = "courier,origin,destination,first_fen,each_fen,days\nSF,sh,310000,900,100,1\nSF,bj,,900,100,3\n"


def asked(session: Session, pieces: Mapping[str, int], division: str = PUDONG) -> Quote:
    lines = [AskedLine(line_id=f"L{no}", sku=sku, quantity=n) for no, (sku, n) in enumerate(pieces.items(), 1)]
    return quote(session, BRAND, "pc", division, lines, HERE)


def parcels(found: Quote) -> list[tuple[str | None, dict[tuple[str, str], int]]]:
    return [(one.location, {(line.line_id, line.sku): line.quantity for line in one.lines}) for one in found.parcels]


def short(found: Quote) -> Counter[str]:
    lacking = Counter[str]()
    for one in found.short:
        lacking[one.sku] += one.quantity
    return lacking


def test_parcels_and_what_is_short_are_told_and_nothing_is_written(session: Session) -> None:
    stock(session, {"sh": {"apple": 3}, "bj": {"apple": 2, "pear": 1}})
    before = _counts(session)
    run(session, "set transaction read only")
    found = asked(session, {"apple": 4, "pear": 3})
    assert parcels(found) == [("sh", {("L1", "apple"): 3}), ("bj", {("L1", "apple"): 1, ("L2", "pear"): 1})]
    assert (short(found), found.whole, found.later, found.unknown) == ({"pear": 2}, False, (), ())
    assert _counts(session) == before


def _counts(session: Session) -> list[tuple[object, ...]]:
    tables = ("sales_order", "fulfilment_order", "routing_decision", "stock_movement", "step", "order_hold")
    every = " union all ".join(f"select '{name}' as name, count(*) as n from {name}" for name in tables)
    return [tuple(one) for one in rows(session, every)]


def test_a_bundle_is_told_by_its_line_and_its_parts(session: Session) -> None:
    stock(session, {"sh": {"apple": 9, "pear": 9}})
    add_sku(session, "basket", parts={"apple": 2, "pear": 1})
    assert parcels(asked(session, {"basket": 2})) == [("sh", {("L1", "apple"): 4, ("L1", "pear"): 2})]


def test_the_day_of_arrival_is_the_rate_cards(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}, "bj": {"apple": 9}})
    load_card(session, SYSTEM, BRAND, "r1", CARD, AT)
    draft_policy(session, SYSTEM, f'version = "own"\nbrand = "{BRAND}"\n[freight]\nrates = "r1"', POLICY.version, AT)
    publish_policy(session, SYSTEM, BRAND, "own", "tried", AT, revision=1, untried="a test")
    near, far = asked(session, {"apple": 1}), asked(session, {"apple": 5})
    assert [(one.location, one.courier, one.arrives_on) for one in near.parcels] == [("sh", "SF", date(2026, 11, 12))]
    assert [(one.location, one.arrives_on) for one in far.parcels] == [("bj", date(2026, 11, 14))]


def test_without_a_rate_card_no_day_is_promised(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    assert [one.arrives_on for one in asked(session, {"apple": 1}).parcels] == [None]


def test_goods_to_come_wait_for_their_day_and_virtual_goods_need_no_parcel(session: Session) -> None:
    stock(session, {"sh": {"apple": 1, "lamp": 5}})
    add_sku(session, "card", storage="none")
    describe(session, SYSTEM, "lamp", AT, available_from=date(2026, 12, 24))
    found = asked(session, {"apple": 1, "lamp": 2, "card": 3})
    assert parcels(found) == [("sh", {("L1", "apple"): 1})]
    assert [(one.line_id, one.quantity, one.available_from) for one in found.later] == [("L2", 2, date(2026, 12, 24))]
    assert [(one.line_id, one.sku, one.quantity) for one in found.virtual] == [("L3", "card", 3)]
    assert (found.whole, found.short) == (False, ())


def test_a_code_that_no_sku_stands_for_is_named_and_the_rest_is_told(session: Session) -> None:
    stock(session, {"sh": {"apple": 1}})
    found = asked(session, {"nothing": 1, "apple": 1})
    assert (found.unknown, parcels(found), found.whole) == (("nothing",), [("sh", {("L2", "apple"): 1})], False)


def test_a_division_that_there_is_not_is_refused(session: Session) -> None:
    with pytest.raises(Malformed) as caught:
        asked(session, {"apple": 1}, division="999999")
    assert caught.value.code == "unknown_division"


MADE = """select fo.location, line.sku, line.quantity from fulfilment_order fo join fulfilment_line line
          on (line.order_id, line.no) = (fo.order_id, fo.no) where fo.order_id = :id"""
COUNTS = st.dictionaries(st.sampled_from(GOODS), st.integers(1, 6), min_size=1)


@settings(max_examples=count(20, 500, 5), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(goods=st.fixed_dictionaries({"sh": COUNTS, "bj": COUNTS, "gz": COUNTS}), wanted=COUNTS)
def test_what_is_told_is_what_placing_does(
    session: Session, goods: Mapping[str, Mapping[str, int]], wanted: Mapping[str, int]
) -> None:
    with session.begin_nested() as undone:
        for sku in GOODS:
            add_sku(session, sku)
        stock(session, goods)
        told = asked(session, wanted)
        order_id = placed(session, order(wanted))
        made = rows(session, MADE, id=order_id)
        said = [(place or "", sku, n) for place, pieces in parcels(told) for (_, sku), n in pieces.items()]
        assert sorted(said) == sorted((one.location, one.sku, one.quantity) for one in made)
        waits = [one for one in see(session, order_id).holds if one.type == "stock"]
        assert bool(waits) == bool(told.short) == (not told.whole)
        undone.rollback()
