from concurrent.futures import ThreadPoolExecutor

import pytest
import responses

from connectors.transport.csrf import CsrfApi, failure_after
from connectors.transport.deadline import Deadline
from connectors.transport.http import Answer, Call, HttpApi
from hub.errors import Misconfigured, OutcomeUnknown, TryLater
from hub.settings import Http
from tests.connectors.peer import Act, break_off, fall_silent, hang_up, peer, reset

URL = "http://gateway.test/service"
LIMITS = Http(connect_s=0.5, read_s=0.3)
REQUIRED = {"X-CSRF-Token": "Required"}


def api(url: str = URL) -> CsrfApi:
    return CsrfApi(HttpApi(LIMITS, lambda call: call), f"{url}/")


def change(gateway: CsrfApi) -> Answer:
    return gateway.exchange(Call("POST", f"{URL}/set", body=b"x"), Deadline(LIMITS))


def stage(*tokens: str) -> None:
    for token in tokens:
        responses.get(f"{URL}/", headers={"X-CSRF-Token": token, "Set-Cookie": f"session={token}; path=/"})


@responses.activate
def test_a_token_is_fetched_once_and_goes_with_its_cookie() -> None:
    stage("t1")
    posted = responses.post(f"{URL}/set", b"ok")
    gateway = api()
    assert [change(gateway).body for _ in range(2)] == [b"ok", b"ok"]
    sent = [(call.request.headers["X-CSRF-Token"], call.request.headers["Cookie"]) for call in posted.calls]
    assert sent == [("t1", "session=t1")] * 2
    assert len(responses.calls) == 3


@responses.activate
def test_a_refused_token_is_fetched_anew_once() -> None:
    stage("t1", "t2")
    responses.post(f"{URL}/set", status=403, headers=REQUIRED)
    done = responses.post(f"{URL}/set", b"ok")
    assert change(api()).body == b"ok"
    assert done.calls[0].request.headers["X-CSRF-Token"] == "t2"


@responses.activate
def test_a_token_refused_even_when_fresh_is_tried_later() -> None:
    stage("t1")
    responses.post(f"{URL}/set", status=403, headers=REQUIRED)
    failure = failure_after(change(api()))
    assert isinstance(failure, TryLater)
    assert (failure.code, len(responses.calls)) == ("csrf_refused", 4)


@responses.activate
def test_another_403_is_a_matter_of_authorisation() -> None:
    stage("t1")
    responses.post(f"{URL}/set", status=403)
    assert isinstance(failure_after(change(api())), Misconfigured)
    assert len(responses.calls) == 2


@responses.activate
def test_reading_needs_no_token() -> None:
    responses.get(f"{URL}/set", b"ok")
    assert api().exchange(Call("GET", f"{URL}/set"), Deadline(LIMITS)).body == b"ok"
    assert "X-CSRF-Token" not in responses.calls[0].request.headers


@responses.activate
@pytest.mark.parametrize(
    ("status", "kind"), [(500, TryLater), (503, TryLater), (401, Misconfigured), (301, Misconfigured)]
)
def test_without_a_token_nothing_was_changed(status: int, kind: type[Exception]) -> None:
    responses.get(f"{URL}/", status=status)
    with pytest.raises(kind):
        change(api())


@pytest.mark.parametrize("act", [fall_silent, reset, hang_up, break_off])
def test_a_connection_that_breaks_while_a_token_is_fetched_is_tried_later(act: Act) -> None:
    with peer(act) as url, pytest.raises(TryLater):
        change(api(url))


@pytest.mark.parametrize("act", [fall_silent, reset, hang_up, break_off])
def test_a_connection_that_breaks_after_a_change_was_sent_leaves_the_outcome_unknown(act: Act) -> None:
    gateway = api()
    with responses.RequestsMock() as wire:
        wire.get(f"{URL}/", headers={"X-CSRF-Token": "t1"})
        gateway.fetch(Deadline(LIMITS))
    with peer(act) as url, pytest.raises(OutcomeUnknown):
        gateway.exchange(Call("POST", url, body=b"x"), Deadline(LIMITS))


@responses.activate
def test_every_thread_has_a_token_of_its_own() -> None:
    stage("t1", "t2")
    posted = responses.post(f"{URL}/set", b"ok")
    gateway = api()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as another:
        for pool in (one, another):
            pool.submit(change, gateway).result()
    assert [call.request.headers["X-CSRF-Token"] for call in posted.calls] == ["t1", "t2"]
