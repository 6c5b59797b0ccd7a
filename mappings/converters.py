"""The closed list of what a table may do to one value: each converter is pure and says in plain words what is wrong.

A converter raises ValueError with a cause that follows the value in a sentence ("is not a whole number") and never
repeats the value itself, because the value may be personal; the table decides whether to show it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

Converter: TypeAlias = Callable[[object], object]

# China has kept UTC+8 the whole year since 1992 and no order is older, so Asia/Shanghai needs no time zone database.
CHINA_AHEAD: Final = timedelta(hours=8)
CHINA: Final = timezone(CHINA_AHEAD, "Asia/Shanghai")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_SHOWN: Final = 40
LONGEST_TEXT: Final = 4_000
LARGEST_WHOLE: Final = 10**18 - 1  # the most digits that every BIGINT holds
LARGEST_ID: Final = 2**63 - 1  # numbers that only name things, such as a trade's 19 digits
MOST_DIGITS: Final = 12  # before the point, and after it
LONGEST_YUAN: Final = 15  # twelve digits, the point and two decimals
LAST_SECOND: Final = 253_402_300_799  # the end of the year 9999, the last that a datetime knows

# What PostgreSQL (NUL) or XML 1.0 section 2.2 cannot carry, with the rest of the control characters.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CONTROL_IN_PROSE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Only plain digits: Decimal() alone also takes "1_000", full-width digits and a power that fills the memory.
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,25}(?:\.[0-9]{0,25})?|\.[0-9]{1,25})(?:[eE][+-]?[0-9]{1,3})?")
_PLAIN: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")  # within MOST_DIGITS
_CHINA_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_FLAGS: Final = {"Y": True, "N": False, "true": True, "false": False, "1": True, "0": False}


def text(value: object) -> str:
    """Read one line of text, stripped; a whole number is written out (an id that a partner sends unquoted)."""
    if type(value) is str:  # the hottest converter of all; what is printable holds nothing that is refused
        written = value.strip()
        if written.isprintable() and len(written) <= LONGEST_TEXT:
            return written
    if type(value) is int and -LARGEST_ID <= value <= LARGEST_ID:
        return str(value)
    return _written(value, _CONTROL)


def prose(value: object) -> str:
    """Read text that people type, such as a remark: line breaks and tabs are allowed."""
    return _written(value, _CONTROL_IN_PROSE)


def upper(value: object) -> str:
    return text(value).upper()


def decimal(value: object) -> Decimal:
    """Read an exact number; a float is read as it is printed, so 0.1 stays 0.1.

    Raises: ValueError for infinity, what is no number, and more than 12 digits before or after the point.
    """
    if type(value) is str and _PLAIN.fullmatch(value) is not None:  # as nearly everybody writes it
        return Decimal(value)
    number = value if isinstance(value, Decimal) else _number(value)
    if number is None or not number.is_finite():
        raise ValueError("is not a decimal number")
    if number.adjusted() >= MOST_DIGITS or -_exponent(number) > MOST_DIGITS:
        raise ValueError(f"has more than {MOST_DIGITS} digits before or after the point")
    return number


def whole(value: object) -> int:
    number = _whole(value)
    if number is None or number < 0:
        raise ValueError("is not a whole number, zero or above")
    return number


def count(value: object) -> int:
    number = _whole(value)
    if number is None or number < 1:
        raise ValueError("is not a whole number above zero, of 18 digits at most")
    return number


def fen(value: object) -> int:
    """Read an amount already in whole fen; it may be negative."""
    number = _whole(value)
    if number is None:
        raise ValueError("is not a whole number of fen")
    return number


def yuan(value: object) -> int:
    """Read an amount in yuan as whole fen: "12.50" is 1250."""
    if type(value) is str and value[-3:-2] == "." and len(value) <= LONGEST_YUAN:  # as nearly everybody writes it
        digits = value[:-3] + value[-2:]
        if digits.isdigit() and digits.isascii():
            return int(digits)
    scaled = decimal(value).scaleb(2)
    amount = int(scaled)
    if amount != scaled:
        raise ValueError("has more than 2 decimals")
    return amount


def yuan_text(value: object) -> str:
    """Write whole fen as yuan with two decimals: 1250 is "12.50"."""
    amount = fen(value)
    major, minor = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}{major}.{minor:02d}"


def instant(value: object) -> datetime:
    """Read an ISO 8601 time that carries its offset, as UTC."""
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # the refusal below says it in plain words, and without the value
    raise ValueError("is not an ISO 8601 time with an offset")


def instant_text(value: object) -> str:
    """Write an aware time as ISO 8601 in UTC, ending in Z."""
    return _aware(value).astimezone(UTC).isoformat().replace("+00:00", "Z")


def china_time(value: object) -> datetime:
    """Read "YYYY-MM-DD HH:MM:SS" on a clock in China, as UTC."""
    try:
        if isinstance(value, str) and _CHINA_TIME.fullmatch(written := value.strip()):
            return datetime.fromisoformat(f"{written}+00:00") - CHINA_AHEAD
    except (ValueError, OverflowError):
        pass  # the refusal below says it in plain words, and without the value
    raise ValueError("is not a time written YYYY-MM-DD HH:MM:SS")


def china_time_text(value: object) -> str:
    """Write an aware time as "YYYY-MM-DD HH:MM:SS" on a clock in China; fractions of a second are cut."""
    try:
        return _aware(value).astimezone(CHINA).replace(tzinfo=None).isoformat(" ", "seconds")
    except OverflowError:
        raise ValueError("is later than a clock in China can show") from None


def day_text(value: object) -> str:
    """Write a day as "YYYY-MM-DD"."""
    day = value if isinstance(value, date) and not isinstance(value, datetime) else None
    if day is None:
        raise ValueError("is not a day")
    return day.isoformat()


def unix_seconds(value: object) -> datetime:
    """Read whole seconds since 1970 as UTC; a number of milliseconds is too large and refused."""
    number = _whole(value)
    if number is None or not 0 <= number <= LAST_SECOND:
        raise ValueError("is not a whole number of seconds since 1970")
    return EPOCH + timedelta(seconds=number)


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    written = str(value) if isinstance(value, int) and 0 <= value <= 1 else value
    found = _FLAGS.get(written.strip()) if isinstance(written, str) else None
    if found is None:
        raise ValueError("is not one of true, false, Y, N, 1, 0")
    return found


def not_flag(value: object) -> bool:
    """Read a flag that a partner keeps the other way round: its "more to come" is our "not final"."""
    return not flag(value)


def coder(name: str, codes: Mapping[str, str]) -> Converter:
    """Make the converter of one code table: a code that it does not list is refused."""

    def code(value: object) -> str:
        found = codes.get(text(value))
        if found is None:
            raise ValueError(f"is not listed in codes.{name}")
        return found

    return code


def shown(value: object) -> str:
    """Show a refused value in a message: short, and never what is inside a list or an object."""
    if isinstance(value, str):
        return repr(value[:LONGEST_SHOWN])
    if isinstance(value, bool | float | Decimal | datetime) or (isinstance(value, int) and abs(value) <= LARGEST_WHOLE):
        return str(value)[:LONGEST_SHOWN]
    return f"this {type(value).__name__}"


CONVERTERS: Final[Mapping[str, Converter]] = MappingProxyType(
    {
        converter.__name__: converter
        for converter in (
            *(text, prose, upper, decimal, whole, count, fen, yuan, yuan_text),
            *(instant, instant_text, china_time, china_time_text, day_text, unix_seconds, flag, not_flag),
        )
    }
)


def _written(value: object, refused: re.Pattern[str]) -> str:
    if isinstance(value, str):
        written = value.strip()
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_ID:
        written = str(value)
    else:
        raise ValueError("is not text")
    if len(written) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT:,} characters")
    if refused.search(written):
        raise ValueError("contains a control character or half a character")
    return written


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str | float):
        written = str(value).strip()
        return Decimal(written) if _NUMBER.fullmatch(written) else None
    return None


def _whole(value: object) -> int | None:
    """Give the whole number behind a value, or None for what is none: 1.5, True, "x", over 18 digits."""
    if type(value) is not int:  # the common case first: this is the hottest converter
        number = value if isinstance(value, Decimal) else _number(value)
        if number is None or not number.is_finite() or number.adjusted() > len(str(LARGEST_WHOLE)):
            return None
        value = int(number)
        if value != number:
            return None
    return value if -LARGEST_WHOLE <= value <= LARGEST_WHOLE else None


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _aware(value: object) -> datetime:
    if isinstance(value, str):  # a document of ours that was stored as JSON on its way out
        return instant(value)
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ValueError("is not a time with an offset")
    return value
