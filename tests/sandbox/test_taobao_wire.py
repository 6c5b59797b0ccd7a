from datetime import UTC, datetime, timedelta

import pytest

from sandbox.taobao_wire import LIST, METHODS, READ, SEND, Refused, check_call, check_fields, signature, write_time

NOW = datetime(2026, 11, 11, 2, tzinfo=UTC)
SECRETS = {"k": "s"}


def call(**changes: str) -> dict[str, str]:
    named = {"method": READ, "app_key": "k", "session": "a", "timestamp": write_time(NOW), "v": "2.0"}
    named |= {"format": "json", "sign_method": "hmac-sha256", "fields": "tid", "tid": "7"}
    named = {name: value for name, value in {**named, **changes}.items() if value}
    return {"sign": signature("s", {"sign_method": "md5", **named}), **named}


def refused(named: dict[str, str]) -> object:
    with pytest.raises(Refused) as caught:
        check_call(named, SECRETS, NOW)
    return caught.value.answer["code"]


def test_a_good_call_passes() -> None:
    assert check_call(call(), SECRETS, NOW) == METHODS[READ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": ""}, 21),
        ({"method": "taobao.trade.explode"}, 22),
        ({"format": "xml"}, 23),
        ({"sign_method": ""}, 24),
        ({"sign": "0" * 32}, 25),
        ({"app_key": ""}, 28),
        ({"app_key": "nobody"}, 29),
        ({"timestamp": "now"}, 31),
        ({"timestamp": write_time(NOW - timedelta(minutes=10, seconds=1))}, 31),
        ({"timestamp": f"{NOW:%Y-%m-%d %H:%M:%S}"}, 31),
        ({"v": "1.0"}, 33),
    ],
)
def test_a_wrong_call_is_refused_with_the_gateways_code(changes: dict[str, str], code: int) -> None:
    assert refused({**call(**changes), **changes}) == code


@pytest.mark.parametrize(
    ("method", "fields", "sub_code"),
    [
        (READ, {"fields": "tid"}, "isv.missing-parameter:tid"),
        (READ, {"fields": "tid", "tid": "T1"}, "isv.invalid-parameter:tid"),
        (READ, {"fields": "tid", "tid": "7", "colour": "red"}, "isv.invalid-parameter:colour"),
        (LIST, {"fields": "tid", "start_modified": "today", "end_modified": "now"}, "isv.invalid-parameter"),
        (SEND, {"tid": "7", "consign_pkgs": "{}"}, "isv.invalid-parameter:consign_pkgs"),
        (SEND, {"tid": "7", "consign_pkgs": "["}, "isv.invalid-parameter:consign_pkgs"),
    ],
)
def test_a_methods_own_parameters_are_checked(method: str, fields: dict[str, str], sub_code: str) -> None:
    with pytest.raises(Refused) as caught:
        check_fields(METHODS[method], {**call(fields="", tid=""), **fields})
    assert str(caught.value.answer["sub_code"]).startswith(sub_code)


def test_a_signature_covers_everything_but_itself() -> None:
    named = call()
    assert signature("s", named) == signature("s", {**named, "sign": "other"})
    assert len({signature("s", {**named, name: "x"}) for name in named if name not in {"sign", "sign_method"}}) == 8
