import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.converters import (
    CONVERTERS,
    LONGEST_TEXT,
    china_time,
    china_time_text,
    coder,
    count,
    day_text,
    decimal,
    fen,
    flag,
    instant,
    instant_text,
    not_flag,
    prose,
    shown,
    text,
    unix_seconds,
    upper,
    whole,
    yuan,
    yuan_text,
)

TEN_IN_CHINA = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary()
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.datetimes() | st.dictionaries(st.text(), SCALARS, max_size=2)


def test_text_is_stripped_and_takes_an_unquoted_number() -> None:
    assert text("  测试  ") == "测试"
    assert text(2611000000000001) == "2611000000000001"
    assert text(2**63 - 1) == "9223372036854775807"


@pytest.mark.parametrize("value", [None, True, 1.5, b"x", ["x"], 10**30])
def test_text_refuses_what_is_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="is not text"):
        text(value)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x85", "\n", "\ud800", "\uffff"])
def test_text_refuses_what_cannot_be_stored_or_sent(character: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        text(f"a{character}b")


def test_text_is_capped() -> None:
    assert len(text("字" * LONGEST_TEXT)) == LONGEST_TEXT
    with pytest.raises(ValueError, match="longer than 4,000"):
        text("字" * (LONGEST_TEXT + 1))


def test_prose_keeps_line_breaks_but_no_other_control_character() -> None:
    assert prose("one\r\n\ttwo") == "one\r\n\ttwo"
    with pytest.raises(ValueError, match="control character"):
        prose("one\x0btwo")


def test_upper_writes_capitals() -> None:
    assert upper(" sf ") == "SF"


@pytest.mark.parametrize("value", ["3", " 3 ", 3, 3.0, "3.00", Decimal(3), Decimal("3E0")])
def test_a_whole_number_is_read_however_it_is_written(value: object) -> None:
    assert whole(value) == count(value) == fen(value) == 3


@pytest.mark.parametrize(
    "value", [1.5, "1.5", -1, "-1", True, "x", "1_000", "３", "0x1", 10**18, "1e400", float("nan"), []]
)
def test_a_whole_number_is_nothing_else(value: object) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        whole(value)


def test_a_count_begins_at_one_and_a_whole_number_at_zero() -> None:
    assert whole("0") == 0
    with pytest.raises(ValueError, match="above zero"):
        count("0")


def test_fen_may_be_negative() -> None:
    assert fen("-5") == -5


@pytest.mark.parametrize(
    ("value", "exact"), [("12.345", "12.345"), (0.1, "0.1"), (7, "7"), (".50", "0.50"), (1e-05, "0.00001")]
)
def test_a_decimal_is_exact(value: object, exact: str) -> None:
    assert decimal(value) == Decimal(exact)


@pytest.mark.parametrize("value", ["NaN", "Infinity", float("inf"), Decimal("sNaN"), "1_0", "", "１", True, None])
def test_a_decimal_refuses_what_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="is not a decimal number"):
        decimal(value)


@pytest.mark.parametrize("value", ["1e13", "1e-13", "1" * 13, "0." + "1" * 13, Decimal("1E+999999")])
def test_a_decimal_refuses_more_digits_than_money_has(value: object) -> None:
    with pytest.raises(ValueError, match="more than 12 digits"):
        decimal(value)


def test_yuan_become_fen_and_a_third_decimal_is_refused() -> None:
    assert [yuan(value) for value in ("12.5", "12.500", 12, "-0.01")] == [1250, 1250, 1200, -1]
    with pytest.raises(ValueError, match="more than 2 decimals"):
        yuan("12.505")


@given(st.integers(-(10**13), 10**13))
def test_fen_survive_the_way_to_yuan_and_back(amount: int) -> None:
    assert yuan(yuan_text(amount)) == amount


def test_yuan_are_written_with_two_decimals() -> None:
    assert [yuan_text(amount) for amount in (0, 5, 1250, -1250)] == ["0.00", "0.05", "12.50", "-12.50"]


@pytest.mark.parametrize("value", ["2026-11-11T10:00:00+08:00", "2026-11-11T02:00:00Z", " 2026-11-11 02:00:00+00:00 "])
def test_an_instant_is_read_as_utc(value: str) -> None:
    assert instant(value) == TEN_IN_CHINA
    assert instant(value).tzinfo is UTC


@pytest.mark.parametrize("value", ["2026-11-11T10:00:00", "2026-11-11", "0001-01-01T00:00:00+14:00", "now", 1, None])
def test_an_instant_without_an_offset_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="with an offset"):
        instant(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_being_written(moment: datetime) -> None:
    assert instant(instant_text(moment)) == moment


def test_a_clock_in_china_is_eight_hours_ahead() -> None:
    assert china_time("2026-11-11 10:00:00") == TEN_IN_CHINA
    assert china_time_text(TEN_IN_CHINA.astimezone(timezone(-timedelta(hours=5)))) == "2026-11-11 10:00:00"
    assert china_time_text("2026-11-11T02:00:00Z") == "2026-11-11 10:00:00"


@pytest.mark.parametrize(
    "value", ["2026-11-11", "2026-W46-3 10:00:00", "2026-02-30 10:00:00", "0001-01-01 00:00:00", 1]
)
def test_a_time_in_china_has_one_form(value: object) -> None:
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        china_time(value)


@pytest.mark.parametrize("value", [datetime(2026, 11, 11), "2026-11-11T10:00:00", 5])  # noqa: DTZ001  naive is the point
def test_a_time_without_an_offset_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="with an offset"):
        china_time_text(value)


def test_unix_seconds_are_read_and_milliseconds_refused() -> None:
    assert unix_seconds("1794362400") == unix_seconds(1794362400) == TEN_IN_CHINA
    with pytest.raises(ValueError, match="seconds since 1970"):
        unix_seconds(1794362400000)


@pytest.mark.parametrize(("yes", "no"), [(True, False), ("Y", "N"), ("true", "false"), (1, 0), ("1", "0")])
def test_a_flag_has_few_forms(yes: object, no: object) -> None:
    assert (flag(yes), flag(no)) == (True, False)
    assert (not_flag(yes), not_flag(no)) == (False, True)


@pytest.mark.parametrize("value", ["yes", "", 2, -1, 1.0, None, []])
def test_a_flag_is_nothing_else(value: object) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        flag(value)


def test_a_code_that_is_not_listed_is_refused() -> None:
    assert coder("courier", {"sf": "SF_EXPRESS"})(" sf ") == "SF_EXPRESS"
    with pytest.raises(ValueError, match=r"is not listed in codes\.courier"):
        coder("courier", {"sf": "SF_EXPRESS"})("SF")


def test_a_shown_value_is_short_and_opens_no_list() -> None:
    assert shown("x" * 99) == repr("x" * 40)
    assert shown(["10000000001"]) == "this list"
    assert [shown(value) for value in (-1, 1.5, True, 10**5000)] == ["-1", "1.5", "True", "this int"]


@given(st.sampled_from(sorted(CONVERTERS)), VALUES)
def test_a_converter_gives_a_value_or_says_why_not(name: str, value: object) -> None:
    try:
        assert CONVERTERS[name](value) is not None
    except ValueError as error:
        assert re.match(r"(is|has|contains) ", str(error))  # noqa: PT017  most values are refused, some are read
    assert shown(value)


def test_a_day_is_written_and_nothing_else_is_one() -> None:
    assert day_text(date(2027, 5, 1)) == "2027-05-01"
    for other in (TEN_IN_CHINA, "2027-05-01", 20270501):
        with pytest.raises(ValueError, match="not a day"):
            day_text(other)
