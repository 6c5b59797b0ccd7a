import gzip
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from connectors.transport.http import ANSWER_CAP, Answer, Call, HttpApi, failure_of
from hub.errors import Conflict, HubError, OutcomeUnknown, TryLater
from hub.exchange import listening
from hub.settings import Http
from tests.connectors.peer import HEAD, fall_silent, hang_up, peer, trickle

URL = "http://partner.test/router"
API = HttpApi(Http(connect_s=0.5, read_s=0.3), lambda call: call.signed(query={"sign": "proof"}))


@responses.activate
def test_a_call_goes_out_signed_and_comes_back_whole() -> None:
    call = responses.post(URL, b"answer", status=201)
    answer = API.send(Call("POST", URL, {"a": "1 &"}, {"x-key": "k"}, b"body"))
    assert (answer.status, answer.body) == (201, b"answer")
    request = call.calls[0].request
    assert (request.url, request.headers["x-key"], request.body) == (f"{URL}?a=1+%26&sign=proof", "k", b"body")


@responses.activate
def test_what_was_said_is_noted_without_the_signature() -> None:
    responses.post(URL, b"answer", status=503)
    with listening() as heard, pytest.raises(TryLater):
        API.send(Call("POST", URL, {"a": "1"}, body=b"body"))
    assert [(one.request, one.status, one.answer_body) for one in heard] == [(f"POST {URL}?a=1", 503, b"answer")]


def test_a_call_without_an_answer_is_noted_with_its_error() -> None:
    with listening() as heard, peer(hang_up) as url, pytest.raises(OutcomeUnknown):
        API.send(Call("POST", url))
    assert [(one.status, bool(one.error)) for one in heard] == [(None, True)]


def test_a_machines_proxy_does_not_decide_where_calls_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with peer(lambda connection: connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")) as url:
        assert API.send(Call("GET", url)).body == b"ok"


def test_a_body_that_trickles_ends_in_time() -> None:
    started = time.monotonic()
    with peer(trickle) as url, pytest.raises(OutcomeUnknown):
        API.send(Call("GET", url))
    assert time.monotonic() - started < 2


def test_a_chunked_body_is_read_whole() -> None:
    chunks = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with peer(lambda connection: connection.sendall(HEAD + chunks)) as url:
        assert API.send(Call("GET", url)).body == b"abcde"


def test_an_answer_that_unpacks_without_end_is_cut() -> None:
    bomb = gzip.compress(b" " * 30_000_000)
    with peer(_packed(bomb)) as url, pytest.raises(OutcomeUnknown, match=str(ANSWER_CAP)):
        API.send(Call("GET", url))


def test_an_answer_that_is_packed_is_unpacked() -> None:
    with peer(_packed(gzip.compress("好".encode() * 100_000))) as url:
        assert API.send(Call("GET", url)).body.decode() == "好" * 100_000


def test_an_answer_that_is_not_http_leaves_the_outcome_unknown() -> None:
    with peer(lambda connection: connection.sendall(b"\x00\x01garbage\r\n\r\n")) as url, pytest.raises(OutcomeUnknown):
        API.send(Call("GET", url))


@pytest.mark.parametrize(("wish", "after_s"), [("0", 0), ("120", 120), ("soon", None), ("-5", None), ("", None)])
def test_a_wish_to_wait_is_read_in_seconds(wish: str, after_s: float | None) -> None:
    failure = failure_of(Answer(503, {"Retry-After": wish}, b""))
    assert isinstance(failure, TryLater)
    assert failure.after_s == after_s


def test_a_wish_to_wait_is_read_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    failure = failure_of(Answer(429, {"Retry-After": date}, b""))
    assert isinstance(failure, TryLater)
    assert failure.after_s == pytest.approx(60, abs=2)


def test_a_date_without_a_zone_is_of_greenwich_wherever_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1)).removesuffix(" +0000")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        failure = failure_of(Answer(429, {"Retry-After": date}, b""))
    time.tzset()
    assert isinstance(failure, TryLater)
    assert (failure.after_s or 0) > 3_000


@pytest.mark.parametrize("wish", ["99999999999 Oct 2026 07:28:00 GMT", "21 Oct 2026 07:28:00 -990099999999999"])
def test_a_date_that_no_calendar_has_is_no_wish(wish: str) -> None:
    failure = failure_of(Answer(503, {"Retry-After": wish}, b""))
    assert isinstance(failure, TryLater)
    assert failure.after_s is None


@given(st.one_of(st.text(max_size=40), st.integers().map(str), st.datetimes().map(format_datetime)))
def test_no_wish_to_wait_is_longer_than_a_day(wish: str) -> None:
    failure = failure_of(Answer(429, {"Retry-After": wish}, b""))
    assert isinstance(failure, TryLater)
    assert 0 <= (failure.after_s or 0) <= 86_400


@pytest.mark.parametrize("status", range(200, 300, 33))
def test_a_success_is_no_failure(status: int) -> None:
    assert failure_of(Answer(status, {}, b"")) is None


def test_what_somebody_else_holds_is_tried_later_and_what_they_changed_is_a_conflict() -> None:
    assert isinstance(failure_of(Answer(423, {}, b"")), TryLater)
    assert isinstance(failure_of(Answer(412, {}, b"")), Conflict)


def test_a_call_may_be_allowed_less_time_than_usual() -> None:
    patient = HttpApi(Http(connect_s=60, read_s=60), lambda call: call)
    with peer(fall_silent) as url, pytest.raises(OutcomeUnknown):
        patient.send(Call("GET", url), Http(connect_s=0.1, read_s=0.1))


@responses.activate
def test_an_exchange_gives_a_refusal_to_whoever_can_read_it() -> None:
    responses.post(URL, b"why", status=400)
    assert API.exchange(Call("POST", URL)).body == b"why"


@pytest.mark.parametrize("status", range(300, 600))
def test_every_other_status_says_what_to_do(status: int) -> None:
    assert isinstance(failure_of(Answer(status, {}, b"")), HubError)


def _packed(body: bytes) -> Callable[[socket.socket], None]:
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return lambda connection: connection.sendall(HEAD + head + body)
