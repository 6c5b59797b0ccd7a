import socket
from collections.abc import Callable

import pytest

from connectors.transport.http import ANSWER_CAP, Call, HttpApi
from hub.errors import Misconfigured, OutcomeUnknown
from hub.exchange import listening
from hub.settings import Http
from tests.connectors.peer import Act, break_off, flood, peer

API = HttpApi(Http(connect_s=0.2, read_s=0.2), lambda call: call)


def drip(beginning: bytes) -> Act:
    """Begin an answer, and then send a byte of nothing now and then for as long as anybody listens."""

    def act(connection: socket.socket) -> None:
        connection.sendall(beginning)
        connection.settimeout(0.05)
        while True:
            connection.sendall(b"a")
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return act


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200 OK\r\nX-Word: ",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n4;",
        b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 9999\r\n\r\n",
    ],
    ids=["status", "header", "interim", "body", "chunk", "redirect"],
)
def test_an_answer_that_never_ends_is_ended_wherever_it_is(beginning: bytes) -> None:
    with peer(drip(beginning)) as url, pytest.raises(OutcomeUnknown) as caught:
        API.send(Call("GET", url))
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    ("act", "kept"),
    [(break_off, b"<response>"), (drip(b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\nsorry"), b"sorry")],
    ids=["broken off", "slow"],
)
def test_what_had_come_of_an_answer_is_noted_with_its_status(act: Act, kept: bytes) -> None:
    with listening() as heard, peer(act) as url, pytest.raises(OutcomeUnknown):
        API.send(Call("GET", url))
    assert heard[0].status in {200, 500}
    assert heard[0].answer_body.startswith(kept)
    assert heard[0].error


def test_of_an_answer_without_bounds_only_its_beginning_is_noted() -> None:
    with listening() as heard, peer(flood) as url, pytest.raises(OutcomeUnknown) as caught:
        API.send(Call("GET", url))
    assert caught.value.code == "answer_too_large"
    assert ANSWER_CAP < len(heard[0].answer_body) <= ANSWER_CAP + 65_536


@pytest.mark.parametrize("location", [b"http://[/", b"http://\xff\xfe/", b"//", b"http://127.0.0.1:1/", b""])
def test_a_redirect_is_refused_whatever_it_points_at_and_its_body_kept(location: bytes) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 5\r\n\r\nlogin" % location
    with listening() as heard, peer(said(head)) as url, pytest.raises(Misconfigured):
        API.send(Call("GET", url))
    assert (heard[0].status, heard[0].answer_body) == (302, b"login")


def test_what_follows_an_answer_is_not_the_next_calls_answer() -> None:
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown" * 2
    with peer(said(twice)) as url:
        assert API.send(Call("GET", url)).body == b"own"
        with peer(said(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")) as other:
            assert API.send(Call("GET", other)).body == b"next"


def said(words: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(words)
