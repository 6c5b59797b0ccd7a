import pytest

from sandbox.taobao_throttle import Throttle
from sandbox.taobao_wire import Refused


def test_more_calls_than_allowed_in_a_second_are_banned_for_one() -> None:
    at = [100.0]
    throttle = Throttle(3, lambda: at[0])
    for _ in range(3):
        throttle.pass_one()
    with pytest.raises(Refused) as caught:
        throttle.pass_one()
    assert caught.value.answer["code"] == 7
    assert caught.value.answer["sub_msg"] == "This ban will last for 1 more seconds"
    at[0] += 1
    throttle.pass_one()
