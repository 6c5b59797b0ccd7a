from typing import Any

import pytest
from pydantic import ValidationError

from hub.review.pattern import compile_pattern
from hub.unfit import Unfit, malformed
from tests.hub.review.ruling import holding, letting, rule


@pytest.mark.parametrize(
    ("verdict", "zh", "en"),
    [
        (holding(type="review"), "review 类挂起由中台自己设置", "holds of type review are the hub's own"),
        (
            holding(type="address", expires_after_s=60),
            "未知地址不会因等待而变为已知：address 类挂起不能到期",
            "an unknown address does not become known by waiting: such a hold cannot expire",
        ),
        (holding(resolver="viewer"), "角色 viewer 不能放行订单", "a viewer may not let orders go on"),
        (
            holding(scope="fulfilment", blocks=["route"]),
            "发货单已有货源：只能阻止下发（release）",
            "a fulfilment order has its source: only its release can be blocked",
        ),
        (
            letting("review", "address"),
            "address, review 类挂起只能由人放行",
            "only a person lets go of address, review",
        ),
    ],
)
def test_a_verdict_that_cannot_be_is_refused_in_both_languages(verdict: dict[str, Any], zh: str, en: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rule("true", verdict=verdict)
    told = malformed(caught.value, "rule")
    assert told.say("zh").endswith(f"：{zh}")
    assert told.say("en").endswith(f": {en}")


def test_what_is_no_pattern_is_said_in_both_languages() -> None:
    with pytest.raises(Unfit) as caught:
        compile_pattern("[")
    assert (caught.value.words.zh, caught.value.words.en) == ("[ 不是有效的正则表达式", "[ is no pattern")
