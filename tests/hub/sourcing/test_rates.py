from collections.abc import Sequence
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.errors import Malformed
from hub.roles import SYSTEM
from hub.sourcing.cards import load_card
from hub.sourcing.policy import SourcingPolicy
from hub.sourcing.rates import ANY, read_rates
from hub.sourcing.terms import destinations_of
from tests.hub.making import AT

HEAD = "courier,origin,destination,valid_from,first_fen,each_fen,days\n"
CARD = f"""{HEAD}SF,,,,1800,1000,4
SF,,310000,,1200,200,2
SF,sh,310000,,1000,100,1
SF,sh,310000,2026-12-01,900,100,1
ZTO,,east,,500,100,3
"""
PUDONG = ("310115", "310000", ANY)


def found(origins: Sequence[str], destinations: Sequence[str], day: date) -> dict[str, int]:
    card = read_rates(CARD)
    return {rate.courier: rate.first_fen for rate in card.find("standard", origins, destinations, day)}


@pytest.mark.parametrize(
    ("origins", "destinations", "day", "fen"),
    [
        (("sh", ANY), PUDONG, date(2026, 11, 11), {"SF": 1000}),
        (("sh", ANY), PUDONG, date(2026, 12, 1), {"SF": 900}),
        (("bj", ANY), PUDONG, date(2026, 11, 11), {"SF": 1200}),
        (("bj", ANY), ("540000", ANY), date(2026, 11, 11), {"SF": 1800}),
        (("bj", ANY), (*PUDONG, "east"), date(2026, 11, 11), {"SF": 1200, "ZTO": 500}),
    ],
)
def test_the_nearest_line_in_force_counts(
    origins: Sequence[str], destinations: Sequence[str], day: date, fen: dict[str, int]
) -> None:
    assert found(origins, destinations, day) == fen


def test_another_method_has_its_own_lines() -> None:
    assert not list(read_rates(CARD).find("express", (ANY,), (ANY,), date(2026, 11, 11)))


def test_a_division_lies_in_its_city_its_province_and_their_zones() -> None:
    zones = {"east": frozenset({"310000", "320000"}), "west": frozenset({"540000"})}
    policy = SourcingPolicy(version="v1", brand="demo", zones=zones)
    assert destinations_of(policy, "310115") == ["310115", "310000", "east", ANY]
    assert destinations_of(policy, "nowhere") == [ANY]


def test_of_two_zones_the_one_of_the_county_comes_before_the_one_of_its_province() -> None:
    zones = {"east": frozenset({"310000"}), "islands": frozenset({"310151"})}
    policy = SourcingPolicy(version="v1", brand="demo", zones=zones)
    assert destinations_of(policy, "310151") == ["310151", "310000", "islands", "east", ANY]
    assert destinations_of(policy, "310115") == ["310115", "310000", "east", ANY]


@pytest.mark.parametrize(
    "written",
    ["", HEAD, f"{HEAD}SF,,,,x,1,1\n", f"{HEAD}SF,,,,-1,1,1\n", f"{HEAD},,,,1,1,1\n", f"{HEAD}SF,,,,1,1,1,more\n"],
)
def test_a_card_that_makes_no_sense_is_refused(written: str) -> None:
    with pytest.raises(Malformed):
        read_rates(written)


@pytest.mark.parametrize(
    ("written", "zh"),
    [
        ("", "运费价卡没有数据行"),
        ('courier\n"a', "运费价卡不是有效的 CSV：unexpected end of data"),
        (f"{HEAD}SF,,,,1,1,1,more\n", "运费价卡第 2 行，最后一列之后还有内容"),
        (f"{HEAD}SF,sh,,,1,1,1\nSF,,,,1,1,1\nSF,sh,,,2,2,2\n", "运费价卡有两行都是 SF, standard, sh"),
    ],
)
def test_what_is_wrong_with_a_card_is_said_in_plain_words(session: Session, written: str, zh: str) -> None:
    with pytest.raises(Malformed) as refused:
        load_card(session, SYSTEM, "demo", "r1", written, AT)
    assert refused.value.say("zh") == zh


def test_a_card_that_was_loaded_with_two_prices_for_a_way_is_read_for_ever() -> None:
    assert len(read_rates(f"{HEAD}SF,,,,1,1,1\nSF,,,,2,2,2\n").rates) == 2


@given(st.text(max_size=60) | st.text(max_size=30).map(lambda tail: CARD + tail))
def test_whatever_is_written_is_read_or_refused(written: str) -> None:
    with suppress(Malformed):
        assert read_rates(written).rates
