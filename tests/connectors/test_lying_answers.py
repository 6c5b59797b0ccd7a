"""Answers that are not what they say they are: what each leads to at every connector, and that its bytes are kept.

A good status with a body that cannot be read leaves the outcome unknown: who takes keys is sent the same again, who
takes none is asked first. A storefront is the exception, for Standard Webhooks makes the status alone the answer.
Behind the commit of SAP everything is unknown, even a redirect and a refusal.
"""

from collections.abc import Callable
from typing import Final

import pytest

from hub.errors import HubError, Misconfigured, OutcomeUnknown, Rejected
from hub.exchange import listening, write_exchanges
from sandbox.rough_road import HEAD_END, Forge
from tests.connectors.errands import run_to_the_end
from tests.connectors.stands import StorefrontStand
from tests.connectors.ways import Way, every_errand

HTML: Final = b"<html><body>502 upstream</body></html>"
MANY: Final = 30_000_000


def say(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode("latin-1") + HEAD_END + body


def always(body: bytes, status: str = "200 OK", *headers: str) -> Forge:
    return lambda _answer: say(body, status, *headers)


def rewritten(change: Callable[[bytes], bytes]) -> Forge:
    """Change the true answer's body, and say that it is whole."""
    return lambda answer: say(change(answer.partition(HEAD_END)[2]))


UNREADABLE: Final[dict[str, Forge]] = {
    "html": always(HTML, "200 OK", "Content-Type: text/html"),
    "html that says it is json": always(HTML, "200 OK", "Content-Type: application/json"),
    "html that says it is xml": always(HTML, "200 OK", "Content-Type: text/xml"),
    "an error in json": always(b'{"error": "upstream", "code": 500, "message": "no"}'),
    "an error in xml": always(b"<error><code>500</code></error>"),
    "nothing": always(b""),
    "no content": always(b"", "204 No Content"),
    "spaces": always(b" " * 1000),
    "null": always(b"null"),
    "a list": always(b"[{}]"),
    "half of it": rewritten(lambda body: body[: len(body) // 2]),
    "no utf-8": rewritten(lambda body: body[:-1] + b"\xff\xfe" + body[-1:]),
    "json without an end": always(b'{"d":' * 100_000),
    "xml without an end": always(b"<a>" * 100_000),
    "deep json": always(b'{"d":' * 100_000 + b"1" + b"}" * 100_000),
    "deep xml": always(b"<a>" * 100_000 + b"</a>" * 100_000),
    "entities": always(b'<!DOCTYPE r [<!ENTITY a "aaaa">]><response><flag>&a;</flag></response>'),
}
"""Answers with a good status that nobody may believe but who goes by the status alone."""

MISLABELLED: Final = (
    "text/html",
    "image/png",
    "text/xml; charset=nonsense",
    "application/json; charset=utf-16",
    "multipart/related",
    "multipart/related; boundary=x",
    "",
)

REDIRECTS: Final[dict[str, Forge]] = {
    "elsewhere": always(HTML, "302 Found", "Location: http://elsewhere.test/login"),
    "to no address": always(HTML, "307 Temporary Redirect", "Location: http://[/"),
    "in no encoding": always(HTML, "301 Moved Permanently", "Location: http://\xff\xfe/"),
    "nowhere": always(HTML, "308 Permanent Redirect"),
}

REFUSALS: Final[dict[str, Forge]] = {
    "html": always(HTML, "400 Bad Request"),
    "text for an error": always(b'{"error": "no"}', "400 Bad Request"),
    "a list for an error": always(b'{"error": [1]}', "422 Unprocessable Content"),
    "text for details": always(b'{"error": {"innererror": {"errordetails": ["x"]}}}', "400 Bad Request"),
    "nobody's fault": always(b"<fault/>", "422 Unprocessable Content"),
}


class Lie:
    """A forged answer, remembered as the caller got it."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self.body = b""

    def tell(self, answer: bytes) -> bytes:
        said = self._forge(answer)
        self.body = said.partition(HEAD_END)[2]
        return said


def believed(way: Way, forge: Forge) -> HubError | None:
    """Run an errand into a forged answer, whose bytes must have been noted; gives what it led to."""
    lie, error = Lie(forge), None
    way.road.misbehave("forged", way.errand.holding, forge=lie.tell)
    with listening() as heard:
        try:
            way.errand.do(way.partner())
        except HubError as caught:
            error = caught
    assert any(one.status and lie.body.startswith(one.answer_body) for one in heard)
    assert len(write_exchanges(heard)) < 5_000_000
    way.road.heal()
    return error


@every_errand
@pytest.mark.parametrize("forge", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_cannot_be_read_is_unknown_and_then_executed_once(way: Way, forge: Forge) -> None:
    error = believed(way, forge)
    assert type(error) is (type(None) if isinstance(way.stand, StorefrontStand) else way.errand.unheard)
    run_to_the_end(way.errand, way.partner())
    assert way.executed() in {None, 1}


@every_errand
def test_an_answer_without_bounds_is_unknown_and_then_executed_once(way: Way) -> None:
    error = believed(way, always(b" " * MANY))
    assert type(error) is way.errand.unheard
    run_to_the_end(way.errand, way.partner())
    assert way.executed() in {None, 1}


@every_errand
@pytest.mark.parametrize("label", MISLABELLED)
def test_a_good_answer_counts_by_its_contents_whatever_it_calls_itself(way: Way, label: str) -> None:
    assert believed(way, lambda answer: relabelled(answer, label)) is None
    assert way.executed() in {None, 1}


@every_errand
@pytest.mark.parametrize("forge", REDIRECTS.values(), ids=list(REDIRECTS))
def test_a_redirect_stops_the_connection_and_leads_nowhere(way: Way, forge: Forge) -> None:
    assert isinstance(believed(way, forge), Misconfigured | OutcomeUnknown)
    assert way.times_passed() == 1


@every_errand
@pytest.mark.parametrize("forge", REFUSALS.values(), ids=list(REFUSALS))
def test_a_refusal_in_nobodys_words_is_still_one(way: Way, forge: Forge) -> None:
    assert isinstance(believed(way, forge), Rejected | OutcomeUnknown)


def relabelled(answer: bytes, label: str) -> bytes:
    """Give the true answer, cookies and token and all, with another content type."""
    head, _, body = answer.partition(HEAD_END)
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-type:")]
    return b"\r\n".join([*kept, b"Content-Type: " + label.encode()]) + HEAD_END + body
