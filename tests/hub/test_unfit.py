import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, StringConstraints, ValidationError

from hub.document import PRINTABLE, Code, Document
from hub.unfit import ALLOWED, SAID, malformed

ROOT = Path(__file__).parents[2]


class Parcel(Document):
    code: Code = "a"
    weight: Annotated[int, Field(ge=1, le=30)] = 1
    note: Annotated[str, StringConstraints(max_length=5, pattern=PRINTABLE)] = ""
    mode: Literal["air", "road"] = "air"
    tags: Annotated[tuple[str, ...], Field(max_length=1)] = ()
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9*][0-9* -]{5,19}$")] = "100000"
    strange: Annotated[str, StringConstraints(pattern="^x$")] = "x"


@pytest.mark.parametrize(
    ("given", "zh", "en"),
    [
        (
            {"code": "a b"},
            "code：只能是字母、数字和 . : @ / + - _",
            "code: has to be letters, digits and . : @ / + - _",
        ),
        ({"code": ""}, "code：至少 1 个字符", "code: has to have 1 or more characters"),
        ({"weight": 0}, "weight：不得小于 1", "weight: has to be 1 or more"),
        ({"weight": 31}, "weight：不得大于 30", "weight: has to be 30 or less"),
        ({"weight": "x"}, "weight：应为整数", "weight: has to be a whole number"),
        ({"note": "long one"}, "note：最多 5 个字符", "note: has to have 5 or fewer characters"),
        ({"mode": "sea"}, "mode：只能是 'air' 或 'road'", "mode: has to be 'air' or 'road'"),
        ({"tags": ["a", "b"]}, "tags：项数过多", "tags: has too many items"),
        ({"colour": 1}, "colour：没有此字段", "colour: is not known here"),
        (
            {"phone": "1"},
            "phone：只能是 6 到 20 位的电话号码，可含 * 和 -",
            "phone: has to be a phone number of 6 to 20 digits, * or -",
        ),
        ({"strange": "y"}, "strange：格式不符", "strange: has a form that is not taken"),
    ],
)
def test_what_does_not_fit_is_said_in_both_languages_with_its_limits(given: dict[str, Any], zh: str, en: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Parcel.model_validate(given)
    told = malformed(caught.value)
    assert (told.say("zh"), told.say("en"), told.field) == (zh, en, next(iter(given)))


def test_every_pattern_of_what_is_sent_to_us_is_told_in_words() -> None:
    written = {
        found[1] or found[2]
        for folder in ("hub", "api")
        for file in (ROOT / folder).rglob("*.py")
        for found in re.finditer(
            r'pattern=r?"([^"]+)"|^(?:HAZARD|LABEL)\b[^=]*= r?"([^"]+)"', file.read_text(), re.MULTILINE
        )
    }
    assert len(written) > 9
    assert written <= set(ALLOWED)


def test_every_text_is_there_in_both_languages() -> None:
    assert all(one.zh and one.en and one.zh != one.en for one in (*SAID.values(), *ALLOWED.values()))
