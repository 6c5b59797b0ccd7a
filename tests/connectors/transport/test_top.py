import json
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses

from connectors.partner import Partner
from connectors.transport.top import TopGateway, failure_of, signature_of
from hub.errors import HubError, Misconfigured, NeedsOperator, OutcomeUnknown, Rejected, TryLater
from hub.exchange import listening
from hub.settings import Connection
from sandbox.taobao_wire import CHINA, LIST, check_call, signature
from tests.connectors.exemplars import AT, SECRET, TOKEN, URL, real_sample, told

MANY = {"calls_per_s": "9999"}


def gateway(**options: str) -> TopGateway:
    connection = Connection(
        kind="channels.taobao", brand="demo", base_url=URL, app_key="k", options={**MANY, **options}
    )
    return TopGateway(Partner("test", connection, SECRET, now=lambda: AT, token=lambda: TOKEN))


def failed(code: object, sub_code: object = None, sub_msg: object = None) -> HubError:
    return failure_of({"code": code, "msg": "no", "sub_code": sub_code, "sub_msg": sub_msg})


def test_the_platforms_own_examples_are_signed_as_it_says() -> None:
    named = {"fields": "nick", "format": "xml", "method": "taobao.user.seller.get", "session": "test"}
    named |= {"app_key": "test", "sign_method": "md5", "timestamp": "2013-05-06 13:52:03", "v": "2.0"}
    assert signature_of(b"test", "md5", named) == "72CB4D809B375A54502C09360D879C64"


def test_the_vectors_of_the_documents_are_recomputed() -> None:
    vectors: list[dict[str, Any]] = [
        one for one in json.loads(real_sample("taobao/sign_vectors.json")) if "body" in one
    ]
    for vector in vectors:
        assert signature_of(vector["secret"].encode(), "md5", {"": vector["canonical"]}) == vector["sign"]
    assert len(vectors) == 2


@pytest.mark.parametrize("sign_method", ["md5", "hmac", "hmac-sha256"])
def test_a_call_is_signed_as_the_stand_in_would(sign_method: str) -> None:
    named = {"b": "2", "a": "浦东", "empty": "", "sign_method": sign_method}
    assert signature_of(SECRET, sign_method, named) == signature(SECRET.decode(), named)


@responses.activate
@pytest.mark.parametrize("sign_method", ["md5", "hmac", "hmac-sha256"])
def test_a_call_carries_all_that_the_gateway_checks(sign_method: str) -> None:
    call = responses.post(URL, b'{"time_get_response": {"time": "now"}}')
    gateway(sign_method=sign_method).ask("taobao.time.get", {})
    named = dict(parse_qsl(urlsplit(str(call.calls[0].request.url)).query))
    assert named["session"] == TOKEN.access
    assert datetime.strptime(named["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA) == AT
    of_another = {**named, "method": LIST}  # the stand-in does not know the method above
    of_another["sign"] = signature(SECRET.decode(), of_another)
    assert named["sign"] == signature(SECRET.decode(), named)
    assert check_call(of_another, {"k": SECRET.decode()}, AT)


@responses.activate
def test_neither_token_nor_signature_is_noted() -> None:
    responses.post(URL, b'{"time_get_response": {}}')
    with listening() as heard:
        gateway().ask("taobao.time.get", {})
    assert TOKEN.access not in heard[0].request
    assert "sign=" not in heard[0].request


@pytest.mark.parametrize(
    ("code", "sub_code", "kind", "name"),
    [
        (25, "isv.invalid-signature", Misconfigured, "isv.invalid-signature"),
        (29, None, Misconfigured, "top_29"),
        (31, None, Misconfigured, "top_31"),
        (11, "isv.permission-api-package-limit", NeedsOperator, "isv.permission-api-package-limit"),
        (26, None, TryLater, "token_expired"),
        (27, "invalid-sessionkey", TryLater, "token_expired"),
        (15, "isv.invalid-session", TryLater, "token_expired"),
        (7, "accesscontrol.limited-by-app-access-count", TryLater, "accesscontrol.limited-by-app-access-count"),
        (15, "isp.call-limited", TryLater, "isp.call-limited"),
        (15, "isp.top-mapping-parse-error", TryLater, "isp.top-mapping-parse-error"),
        (15, "isp.top-remote-connection-timeout", OutcomeUnknown, "isp.top-remote-connection-timeout"),
        (15, "isv.logistics-offline-service-error:B150", TryLater, "isv.logistics-offline-service-error:B150"),
        ("15", "isv.trade-not-exist", Rejected, "isv.trade-not-exist"),
        (None, ["?"], Rejected, "top_"),
    ],
)
def test_a_refusal_says_what_to_do_next(code: object, sub_code: object, kind: type[HubError], name: str) -> None:
    error = failed(code, sub_code)
    assert type(error) is kind
    assert error.code == name


@pytest.mark.parametrize(("sub_msg", "after_s"), [("This ban will last for 31062 more seconds", 31062), ("", None)])
def test_a_ban_is_waited_for(sub_msg: str, after_s: float | None) -> None:
    error = failed(7, "accesscontrol.limited-by-api-access-count", sub_msg)
    assert isinstance(error, TryLater)
    assert error.after_s == after_s


def test_the_platforms_sentences_stay_out_of_the_error() -> None:
    assert "金丝雀" not in told(failed(15, "isv.no", "买家金丝雀不存在")) + failed(15, "金丝雀").message


@pytest.mark.parametrize("options", [{"sign_method": "sha1"}, {"calls_per_s": "0"}, {"calls_per_s": "many"}])
def test_options_that_mean_nothing_are_a_wrong_configuration(options: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="sign_method"):
        gateway(**options)
