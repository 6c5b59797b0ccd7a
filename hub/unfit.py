"""What does not fit a document, said in plain words of both languages: pydantic has but English, and shows patterns."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from hub.document import PRINTABLE
from hub.errors import Malformed
from hub.language import Words

_CODE: Final = Words("字母、数字和 . : @ / + - _", "letters, digits and . : @ / + - _")
_NUMBER: Final = Words("数字", "digits")
_SMALL: Final = Words("小写字母、数字和 -，最多 40 个", "small letters, digits and -, at most 40")
_NAME: Final = Words(
    "小写字母开头，由小写字母、数字和 _ 组成，2 到 40 个字符",
    "small letters, digits and _, a letter first, of 2 to 40 characters",
)
_CENTS: Final = Words("金额，最多 2 位小数，如 12.50", "an amount of up to 2 decimals, such as 12.50")
_PRICE: Final = Words("金额，最多 6 位小数，如 12.50", "an amount of up to 6 decimals, such as 12.50")

ALLOWED: Final[Mapping[str, Words]] = {
    PRINTABLE: Words("可显示的文字，不含控制字符", "printable text without control characters"),
    r"^[\w.:@/+-]+$": _CODE,
    r"^[\w.:@/+-]*$": _CODE,
    r"^[\w.:@/+=$~#-]*$": Words("字母、数字和 . : @ / + = $ ~ # - _", "letters, digits and . : @ / + = $ ~ # - _"),
    r"^[A-Za-z0-9._:-]{1,64}$": Words(
        "英文字母、数字和 . _ : -，1 到 64 个", "Latin letters, digits and . _ : -, 1 to 64 of them"
    ),
    r"^\+?[0-9*][0-9* -]{5,19}$": Words(
        "6 到 20 位的电话号码，可含 * 和 -", "a phone number of 6 to 20 digits, * or -"
    ),
    r"^[0-9]{0,10}$": Words("最多 10 位数字", "up to 10 digits"),
    r"^[0-9]{0,16}$": Words("最多 16 位数字", "up to 16 digits"),
    r"^[a-z0-9][a-z0-9-]{0,39}$": _SMALL,
    r"^[a-z][a-z0-9_]{1,39}$": _NAME,
    r"^[a-z][a-z0-9.-]{0,39}$": Words(
        "小写字母开头，由小写字母、数字和 . - 组成，最多 40 个字符",
        "small letters, digits and . -, a letter first, at most 40 characters",
    ),
    r"^[a-z0-9][a-z0-9.-]{0,39}$": Words(
        "小写字母、数字和 . -，最多 40 个字符", "small letters, digits and . -, at most 40 characters"
    ),
    r"^([1-9](\.[1-6])?)?$": Words("危险品类别，如 3 或 2.1", "a class of dangerous goods, such as 3 or 2.1"),
    r"^[0-9]{1,12}(\.[0-9]{1,6})?$": _PRICE,
    r"^[0-9]{1,12}(\.[0-9]{1,2})?$": _CENTS,
}
"""What a pattern allows, by the pattern; a new one is refused by its test until it is here."""

SAID: Final[Mapping[str, Words]] = {
    "missing": Words("缺少", "is missing"),
    "extra_forbidden": Words("没有此字段", "is not known here"),
    "too_short": Words("项数过少", "has too few items"),
    "too_long": Words("项数过多", "has too many items"),
    "json_invalid": Words("不是有效的 JSON", "is no JSON"),
    "model_type": Words("应为对象", "has to be an object"),
    "model_attributes_type": Words("应为对象", "has to be an object"),
    "dict_type": Words("应为对象", "has to be an object"),
    "list_type": Words("应为列表", "has to be a list"),
    "tuple_type": Words("应为列表", "has to be a list"),
    "string_type": Words("应为文本", "has to be text"),
    "string_unicode": Words("不是有效的 UTF-8 文本", "is no UTF-8 text"),
    "int_type": Words("应为整数", "has to be a whole number"),
    "int_parsing": Words("应为整数", "has to be a whole number"),
    "int_parsing_size": Words("数字过大", "is too large a number"),
    "int_from_float": Words("应为整数", "has to be a whole number"),
    "float_type": Words("应为数字", "has to be a number"),
    "float_parsing": Words("应为数字", "has to be a number"),
    "finite_number": Words("应为有限的数字", "has to be a finite number"),
    "decimal_type": Words("应为数字", "has to be a number"),
    "decimal_parsing": Words("应为数字", "has to be a number"),
    "decimal_max_digits": Words("最多 {max_digits} 位数字", "has to have {max_digits} or fewer digits"),
    "decimal_max_places": Words("最多 {decimal_places} 位小数", "has to have {decimal_places} or fewer decimals"),
    "decimal_whole_digits": Words(
        "整数部分最多 {whole_digits} 位", "has to have {whole_digits} or fewer digits before its point"
    ),
    "bool_type": Words("应为 true 或 false", "has to be true or false"),
    "bool_parsing": Words("应为 yes 或 no", "has to be yes or no"),
    "date_type": Words("应为日期，如 2027-05-01", "has to be a date, such as 2027-05-01"),
    "date_parsing": Words("应为日期，如 2027-05-01", "has to be a date, such as 2027-05-01"),
    "date_from_datetime_parsing": Words("应为日期，如 2027-05-01", "has to be a date, such as 2027-05-01"),
    "date_from_datetime_inexact": Words("应为日期，如 2027-05-01", "has to be a date, such as 2027-05-01"),
    "time_type": Words("应为时刻，如 16:00:00", "has to be an hour, such as 16:00:00"),
    "time_parsing": Words("应为时刻，如 16:00:00", "has to be an hour, such as 16:00:00"),
    "datetime_type": Words("应为时间，如 2027-05-01T09:00:00+08:00", "has to be a moment: 2027-05-01T09:00:00+08:00"),
    "datetime_parsing": Words(
        "应为时间，如 2027-05-01T09:00:00+08:00", "has to be a moment: 2027-05-01T09:00:00+08:00"
    ),
    "datetime_from_date_parsing": Words(
        "应为时间，如 2027-05-01T09:00:00+08:00", "has to be a moment: 2027-05-01T09:00:00+08:00"
    ),
    "timezone_aware": Words("时间须带时区，如 +08:00", "has to say its offset, such as +08:00"),
    "enum": Words("只能是 {expected}", "has to be {expected}"),
    "literal_error": Words("只能是 {expected}", "has to be {expected}"),
    "string_too_short": Words("至少 {min_length} 个字符", "has to have {min_length} or more characters"),
    "string_too_long": Words("最多 {max_length} 个字符", "has to have {max_length} or fewer characters"),
    "greater_than": Words("须大于 {gt}", "has to be more than {gt}"),
    "greater_than_equal": Words("不得小于 {ge}", "has to be {ge} or more"),
    "less_than": Words("须小于 {lt}", "has to be less than {lt}"),
    "less_than_equal": Words("不得大于 {le}", "has to be {le} or less"),
    "multiple_of": Words("须为 {multiple_of} 的倍数", "has to be a multiple of {multiple_of}"),
}
"""What is wrong, by pydantic's own code, with its limits."""

NOWHERE: Final = Words("", "")
_FORM: Final = Words("格式不符", "has a form that is not taken")


class Unfit(ValueError):
    """Why a value does not fit that only a validator of ours can refuse, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(zh, en)


def said_of(fault: Mapping[str, Any], at: int = 0) -> tuple[str, Words]:
    """Give the place of one of pydantic's faults as a path (`lines[0].quantity`), and what is wrong in plain words.

    `at` is how many parts of the place are not the caller's own, such as "query".
    """
    place: Sequence[str | int] = fault["loc"][at:]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    return path, _cause(fault)


def malformed(
    error: ValidationError, code: str = "malformed", *, of: Words = NOWHERE, whole: str = "", at: int = 0
) -> Malformed:
    """Refuse for the first of pydantic's faults, and tell nothing of what was given.

    `of` stands before its place, such as "the policy's "; `whole` is the place of what is wrong with all of it; `at` is
    as of `said_of`.
    """
    first: Any = error.errors(include_url=False, include_input=False)[0]
    path, cause = said_of(first, at)
    field = path or whole
    told = placed(field, cause)
    return Malformed(of.en + told.en, code=code, field=field, zh=of.zh + told.zh)


def placed(path: str, cause: Words) -> Words:
    """Say what is wrong, and where if it has a place."""
    return Words(f"{path}：{cause.zh}", f"{path}: {cause.en}") if path else cause


def _cause(fault: Mapping[str, Any]) -> Words:
    limits: Mapping[str, Any] = fault.get("ctx") or {}
    if fault["type"] == "string_pattern_mismatch":
        allowed = ALLOWED.get(limits.get("pattern", ""))
        if allowed is None:
            return _FORM
        gap = " " if allowed.zh[0].isascii() else ""  # as between Chinese and a number
        return Words(f"只能是{gap}{allowed.zh}", f"has to be {allowed.en}")
    if isinstance(error := limits.get("error"), Unfit):
        return error.words
    said = SAID.get(fault["type"])
    if said is None:
        text = str(fault["msg"]).removeprefix("Value error, ")
        return Words(text, text)
    zh = {name: str(value).replace(" or ", " 或 ") for name, value in limits.items()}  # so pydantic lists choices
    return Words(said.say("zh", **zh), said.say("en", **limits))
