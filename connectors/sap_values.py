"""How SAP writes values: keys with leading zeros, digit strings, dates, amounts and texts of a fixed length.

Sources: the ABAP dictionary's types and the ALPHA conversion; OData V2's JSON dates; checked 2026-11.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, cast

from hub.errors import Malformed, Rejected
from hub.money import major_units

KEY_WIDTH: Final = 10
"""Customers and documents."""

ITEM_WIDTH: Final = 6
ITEM_STEP: Final = 10
TEXT_WIDTH: Final = 40
SHORT_MATERIAL: Final = 18
"""What fits into MATERIAL; a longer one goes into MATERIAL_LONG."""

WIDTHS: Final[Mapping[str, int]] = {
    "SalesOrderType": 4,
    "SalesOrganization": 4,
    "DistributionChannel": 2,
    "OrganizationDivision": 2,
    "SoldToParty": 10,
    "PurchaseOrderByCustomer": 35,
    "TransactionCurrency": 5,
    "Customer": 10,
    "PartnerFunction": 2,
    "Material": 40,
    "Plant": 4,
    "ProductionPlant": 4,
    "RequestedQuantityUnit": 3,
    "ConditionType": 4,
    "ConditionCurrency": 5,
    "ConditionQuantityUnit": 3,
    "SalesOrderItemText": 40,
    "DOC_TYPE": 4,
    "SALES_ORG": 4,
    "DISTR_CHAN": 2,
    "DIVISION": 2,
    "PURCH_NO_C": 35,
    "CURRENCY": 5,
    "ITM_NUMBER": 6,
    "MATERIAL": 18,
    "MATERIAL_LONG": 40,
    "PLANT": 4,
    "SHORT_TEXT": 40,
    "TARGET_QU": 3,
    "SALES_UNIT": 3,
    "PARTN_ROLE": 2,
    "PARTN_NUMB": 10,
    "COND_TYPE": 4,
    "COND_UNIT": 3,
    "REF_DOC": 10,
    "REF_ITEM": 6,
    "REQ_DATE_H": 8,
    "PURCH_DATE": 8,
}
"""The lengths of fields by their names in OData and in BAPIs; RFC would cut what is longer without a word."""

_DIGITS: Final = re.compile(r"[0-9]+")
_ODATA_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")


def alpha(key: str, width: int = KEY_WIDTH) -> str:
    """Write a key as SAP stores it (conversion ALPHA): digits alone get leading zeros, anything else stays."""
    return key.zfill(width) if _DIGITS.fullmatch(key) else key


def external(key: str) -> str:
    """Write a key as SAP shows it: digits alone lose their leading zeros."""
    return (key.lstrip("0") or "0") if _DIGITS.fullmatch(key) else key


def numc(number: int, width: int = ITEM_WIDTH) -> str:
    """Write a number as a digit string of a fixed width (NUMC).

    Raises: Rejected when it does not fit.
    """
    written = str(number).zfill(width)
    if number < 0 or len(written) > width:
        raise Rejected(f"{number} does not fit into {width} digits", code="too_long")
    return written


def item_number(line_no: int) -> str:
    """Number an item after our line, ten apart as SAP does: line 3 is item 000030."""
    return numc(line_no * ITEM_STEP)


def dats(day: date) -> str:
    """Write a calendar date as RFC takes it (DATS)."""
    return f"{day:%Y%m%d}"


def odata_date(day: date) -> str:
    """Write a calendar date as OData V2 does in JSON: midnight UTC, in milliseconds."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"/Date({int(midnight.timestamp()) * 1000})/"


def read_odata_date(written: str) -> date:
    """Read a calendar date of OData V2; no zone is applied, for midnight UTC is only how it is written.

    Raises: Malformed.
    """
    found = _ODATA_DATE.fullmatch(written)
    try:
        return datetime.fromtimestamp(int(found[1]) / 1000, UTC).date() if found else date.fromisoformat(written)
    except (ValueError, OverflowError, OSError) as error:
        raise Malformed("a date of SAP's cannot be read", code="malformed") from error


def amount_text(amount: int, currency: str, decimals: int) -> str:
    """Write minor units as an amount with as many decimals as SAP keeps for the currency (table TCURX).

    Raises: Rejected when SAP keeps fewer than the amount has.
    """
    exact = major_units(amount, currency)
    rounded = round(exact, decimals)
    if rounded != exact:
        raise Rejected(f"SAP keeps {decimals} decimals of {currency}, the amount has more", code="too_many_digits")
    return f"{rounded:.{decimals}f}"


def quantity_text(pieces: int) -> str:
    """Write pieces as a quantity with three decimals (QUAN 13.3)."""
    return f"{Decimal(pieces):.3f}"


def cut(text: str, width: int = TEXT_WIDTH) -> str:
    """Shorten a description, which only people read, to the length of its field."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def check_widths(tree: Mapping[str, object], path: str = "") -> None:
    """Refuse a value that is longer than its field, wherever it stands.

    Raises: Rejected naming the field.
    """
    for name, value in tree.items():
        place = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            check_widths(cast("Mapping[str, object]", value), place)
        elif isinstance(value, (list, tuple)):
            for index, row in enumerate(cast("Sequence[Mapping[str, object]]", value)):
                check_widths(row, f"{place}[{index}]")
        elif len(str(value)) > WIDTHS.get(name, len(str(value))):
            raise Rejected(f"{place} takes {WIDTHS[name]} characters, not {len(str(value))}", code="too_long")
