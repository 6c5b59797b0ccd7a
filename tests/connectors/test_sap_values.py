from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sap_drafts import TABLE
from connectors.sap_values import (
    alpha,
    amount_text,
    check_widths,
    cut,
    dats,
    external,
    item_number,
    numc,
    odata_date,
    quantity_text,
    read_odata_date,
)
from hub.errors import Malformed, Rejected
from hub.money import MINOR_DIGITS
from mappings.table import Table


@pytest.mark.parametrize(
    ("key", "width", "stored"),
    [
        ("1000001", 10, "0001000001"),
        ("A1", 10, "A1"),
        ("", 10, ""),
        ("1" * 12, 10, "1" * 12),
        ("٣", 10, "٣"),
        ("7", 18, f"{7:018d}"),
    ],
)
def test_only_keys_of_digits_get_leading_zeros(key: str, width: int, stored: str) -> None:
    assert alpha(key, width) == stored


@pytest.mark.parametrize(("key", "shown"), [("0001000001", "1000001"), ("0000", "0"), ("00A1", "00A1"), ("", "")])
def test_only_keys_of_digits_lose_them(key: str, shown: str) -> None:
    assert external(key) == shown


@given(st.integers(0, 10**10 - 1))
def test_a_padded_key_is_shown_as_it_was(number: int) -> None:
    assert external(alpha(str(number))) == str(number)


def test_items_are_numbered_ten_apart() -> None:
    assert [item_number(line) for line in (1, 2, 99_999)] == ["000010", "000020", "999990"]


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(Rejected):
        numc(number)


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)))
def test_a_date_goes_over_odata_as_the_day_it_is(day: date) -> None:
    assert read_odata_date(odata_date(day)) == day


def test_a_date_of_odata_is_midnight_utc() -> None:
    assert odata_date(date(2026, 11, 11)) == f"/Date({int(datetime(2026, 11, 11, tzinfo=UTC).timestamp())}000)/"
    assert read_odata_date("/Date(1794355200000+0000)/") == date(2026, 11, 11)
    assert dats(date(2026, 11, 11)) == "20261111"


@pytest.mark.parametrize("written", ["", "/Date()/", "/Date(1)", "11.11.2026", "/Date(999999999999999)/", "2026-02-30"])
def test_what_is_no_date_is_malformed(written: str) -> None:
    with pytest.raises(Malformed):
        read_odata_date(written)


@pytest.mark.parametrize(
    ("amount", "currency", "decimals", "written"),
    [
        (1250, "CNY", 2, "12.50"),
        (0, "CNY", 2, "0.00"),
        (1250, "JPY", 0, "1250"),
        (1200, "TWD", 0, "12"),
        (5, "CNY", 3, "0.050"),
    ],
)
def test_an_amount_has_the_decimals_that_sap_keeps(amount: int, currency: str, decimals: int, written: str) -> None:
    assert amount_text(amount, currency, decimals) == written


def test_an_amount_is_never_rounded() -> None:
    with pytest.raises(Rejected, match="TWD"):
        amount_text(1250, "TWD", 0)


@pytest.mark.parametrize("currency", MINOR_DIGITS)
def test_every_currency_of_the_hub_is_listed(currency: str) -> None:
    assert Table.named(TABLE).code("decimals", currency).isdigit()


@pytest.mark.parametrize("unit", ["piece", "box", "pack", "gram", "kilogram", "litre"])
def test_every_unit_has_each_of_its_names(unit: str) -> None:
    names = [Table.named(TABLE).code(f"unit_{form}", unit) for form in ("shown", "stored", "iso")]
    assert all(1 <= len(name) <= 3 for name in names)


def test_a_quantity_has_three_decimals() -> None:
    assert quantity_text(12) == "12.000"


def test_a_description_is_cut_visibly_and_a_key_never() -> None:
    assert cut("长" * 41) == "长" * 39 + "…"
    assert cut("长" * 40) == "长" * 40


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({"SoldToParty": "1" * 11}, "SoldToParty"),
        ({"ORDER_HEADER_IN": {"PURCH_NO_C": "1" * 36}}, "ORDER_HEADER_IN.PURCH_NO_C"),
        ({"to_Item": [{}, {"Plant": "SH001"}]}, r"to_Item\[1\].Plant"),
    ],
)
def test_what_is_too_long_is_named_wherever_it_stands(tree: dict[str, object], place: str) -> None:
    with pytest.raises(Rejected, match=place) as caught:
        check_widths(tree)
    assert caught.value.code == "too_long"


def test_what_fits_passes_and_so_does_a_field_without_a_limit() -> None:
    check_widths({"SoldToParty": "1" * 10, "LongText": "x" * 500, "to_Item": ({"Plant": "SH01"},)})
