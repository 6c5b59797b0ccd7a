"""What every partner must keep to, as suites: a partner's own test names its samples and inherits those it serves."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, ClassVar, Final

import pytest
import responses

from connectors.partner import Partner
from hub.access import Token
from hub.errors import HubError, Malformed, NeedsOperator, OutcomeUnknown, Rejected, TryLater, Unauthorised
from hub.fulfilment.model import Accepted, CancelAnswer
from hub.order.model import check_totals
from hub.ports import DeliveryReports, DeliverySink, Inbound, OrderSource, ShipmentSink, WebhookDesk
from hub.settings import Connection, Http
from tests.connectors.exemplars import AT, CANARY, CANARY_NAME, DELIVERY, NOTICE, SECRET, TOKEN, URL, WISH, sample, told
from tests.connectors.peer import Act, break_off, closed_port, fall_silent, flood, hang_up, peer, reset, trickle

Break = Callable[[bytes], bytes]
BREAKS: Final[Mapping[str, Break]] = {
    "empty": lambda _: b"",
    "cut": lambda body: body[: len(body) * 2 // 3],
    "cut in a character": lambda body: body[: body.index("浦".encode()) + 1] if "浦".encode() in body else body[:-3],
    "no text": lambda body: b"\xff\xfe\x00" + body,
    "gbk": lambda body: body.replace(b">", "中文>".encode("gbk"), 1).replace(b"{", "{中文".encode("gbk"), 1),
    "html": lambda _: b"<html><body>502 Bad Gateway</body></html>",
    "other": lambda _: b"[1, 2]",
    "deep": lambda body: b'{"a":' * 100_000 if body.startswith(b"{") else b"<a>" * 100_000,
}
"""Ways in which a good message can be spoilt under way."""


class Contract:
    """The partner under test, made from its module and made-up settings."""

    kind: ClassVar[str]
    fields: ClassVar[Mapping[str, object]] = {}

    def partner(self, base_url: str = URL, now: Callable[[], datetime] = lambda: AT, token: Token = TOKEN) -> Any:  # noqa: ANN401 # whatever ports it serves
        values = {"kind": self.kind, "brand": "demo", "shop": "pc", "base_url": base_url, **self.fields}
        connection = Connection.model_validate(values)
        limits = Http(connect_s=0.5, read_s=0.3)
        partner = Partner("test", connection, SECRET, limits, now, lambda: token)
        return import_module(f"connectors.{self.kind}").connect(partner)


class OrderSourceContract(Contract):
    order_sample: ClassVar[str]

    def test_it_is_an_order_source(self) -> None:
        assert isinstance(self.partner(), OrderSource)

    def test_a_good_order_is_read_and_adds_up(self) -> None:
        order = self.partner().read_order(sample(self.order_sample))
        assert order.lines
        check_totals(order)

    def test_reading_is_pure(self) -> None:
        body = sample(self.order_sample)
        assert self.partner().read_order(body) == self.partner().read_order(body)

    @pytest.mark.parametrize("spoil", BREAKS.values(), ids=list(BREAKS))
    def test_a_spoilt_order_is_malformed_and_stays_private(self, spoil: Break) -> None:
        with pytest.raises(Malformed) as caught:
            self.partner().read_order(spoil(sample(self.order_sample).replace(b"10000000001", CANARY.encode())))
        assert CANARY not in told(caught.value)

    @pytest.mark.parametrize("wrong", [f"{CANARY}x", f"{CANARY}\u0001", CANARY * 50, f"<{CANARY}>"])
    def test_a_wrong_phone_is_malformed_and_stays_private(self, wrong: str) -> None:
        escaped = wrong.replace("\u0001", "\\u0001").encode()
        with pytest.raises(Malformed) as caught:
            self.partner().read_order(sample(self.order_sample).replace(b"10000000001", escaped))
        assert CANARY not in told(caught.value)


class UndatedDeskContract(Contract):
    """A desk whose protocol signs no time: nothing can be stale, and equal bytes are one message."""

    webhook_sample: ClassVar[str]
    webhook_kind: ClassVar[str]

    def inbound(self, body: bytes, sent: datetime = AT, secret: bytes = SECRET) -> Inbound:
        """Sign a message as the partner would."""
        raise NotImplementedError

    def good(self) -> Inbound:
        return self.inbound(sample(self.webhook_sample))

    def unproven(self) -> Inbound:
        """Leave out of a good message what proves where it came from."""
        return self.good().model_copy(update={"headers": {}, "query": {}})

    def test_it_is_a_webhook_desk(self) -> None:
        assert isinstance(self.partner(), WebhookDesk)

    def test_a_good_message_is_named_the_same_every_time(self) -> None:
        notice = self.partner().receive(self.good())
        assert notice.kind == self.webhook_kind
        assert notice == self.partner().receive(self.good())
        assert self.partner().reply(None).status < 300

    def test_other_bytes_are_another_message(self) -> None:
        other = self.inbound(sample(self.webhook_sample) + b"\n")
        assert self.partner().receive(other).message_id != self.partner().receive(self.good()).message_id

    def test_a_wrong_signature_is_unauthorised(self) -> None:
        with pytest.raises(Unauthorised):
            self.partner().receive(self.inbound(sample(self.webhook_sample), secret=b"another"))

    def test_a_message_changed_under_way_is_unauthorised(self) -> None:
        with pytest.raises(Unauthorised):
            self.partner().receive(self.good().model_copy(update={"body": sample(self.webhook_sample) + b" "}))

    def test_a_message_without_any_proof_is_unauthorised(self) -> None:
        with pytest.raises(Unauthorised):
            self.partner().receive(self.unproven())

    @pytest.mark.parametrize("spoil", ["empty", "cut", "no text", "gbk", "deep"])
    def test_a_spoilt_message_is_malformed_and_answered_in_private(self, spoil: str) -> None:
        body = sample(self.webhook_sample).replace(b"10000000001", CANARY.encode())
        with pytest.raises(Malformed) as caught:
            self.partner().receive(self.inbound(BREAKS[spoil](body)))
        assert CANARY not in told(caught.value) + self.partner().reply(caught.value).body.decode()


class WebhookDeskContract(UndatedDeskContract):
    """A desk whose protocol signs the time of sending."""

    @pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1)])
    def test_a_stale_timestamp_is_unauthorised(self, off: timedelta) -> None:
        with pytest.raises(Unauthorised) as caught:
            self.partner().receive(self.inbound(sample(self.webhook_sample), sent=AT + off))
        assert caught.value.code == "stale_timestamp"


class OutboundContract(Contract):
    """What holds for every call that goes out."""

    good_answer: ClassVar[bytes] = b""

    def answer(self) -> None:
        """Answer well whatever is asked; a partner that is asked for several things answers each in its way."""
        responses.post(URL, self.good_answer)

    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        raise NotImplementedError

    def failure(self, url: str, kind: type[HubError]) -> HubError:
        """Send, and give the error, which shows nothing personal."""
        with pytest.raises(kind) as caught:
            self.send(self.partner(url))
        assert CANARY not in told(caught.value)
        assert CANARY_NAME not in told(caught.value)
        return caught.value

    @responses.activate
    def test_a_repeated_call_is_the_same_call(self) -> None:
        self.answer()
        partner = self.partner()
        assert self.send(partner) == self.send(partner)
        sent = [(call.request.url, call.request.body, call.request.headers) for call in responses.calls]
        assert sent[: len(sent) // 2] == sent[len(sent) // 2 :]

    @responses.activate
    @pytest.mark.parametrize("status", [408, 425, 429, 503])
    def test_a_partner_that_is_busy_is_tried_later(self, status: int) -> None:
        responses.post(URL, status=status, headers={"Retry-After": "7"})
        error = self.failure(URL, TryLater)
        assert isinstance(error, TryLater)
        assert error.after_s == 7

    @responses.activate
    @pytest.mark.parametrize("status", [500, 502, 504])
    def test_a_partner_that_failed_may_have_done_it(self, status: int) -> None:
        responses.post(URL, "<html>nothing here</html>", status=status)
        self.failure(URL, OutcomeUnknown)

    @responses.activate
    @pytest.mark.parametrize("status", [301, 302, 307, 401, 403])
    def test_credentials_and_redirects_need_an_operator(self, status: int) -> None:
        responses.post(URL, status=status, headers={"Location": "http://elsewhere.test/"})
        self.failure(URL, NeedsOperator)
        assert len(responses.calls) == 1

    @responses.activate
    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_what_a_partner_refuses_is_rejected(self, status: int) -> None:
        responses.post(URL, status=status)
        self.failure(URL, Rejected)

    def test_nobody_listening_is_tried_later(self) -> None:
        self.failure(closed_port(), TryLater)

    @pytest.mark.parametrize("act", [fall_silent, reset, hang_up, break_off, trickle, flood])
    def test_a_connection_that_breaks_leaves_the_outcome_unknown(self, act: Act) -> None:
        with peer(act) as url:
            self.failure(url, OutcomeUnknown)

    @pytest.mark.parametrize("address", ["", "nowhere", "ftp://127.0.0.1/", "http://", "http://[/"])
    def test_an_address_that_is_none_needs_an_operator(self, address: str) -> None:
        self.failure(address, NeedsOperator)


class ShipmentSinkContract(OutboundContract):
    words: ClassVar[tuple[str, ...]] = (NOTICE.key, "SB1", "apple")
    """What a partner is told of NOTICE: its key where it heeds one, the parcel, and the line by either of its names."""

    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, ShipmentSink)
        partner.send_shipment(NOTICE)
        return None

    @responses.activate
    def test_a_shipment_is_told_with_its_key_and_parcels(self) -> None:
        self.answer()
        self.send(self.partner())
        request = responses.calls[-1].request
        sent = f"{request.headers} {request.body!r}"
        assert all(word in sent for word in self.words)


class DeliverySinkContract(OutboundContract):
    def send(self, partner: Any) -> object:  # noqa: ANN401 # as above
        assert isinstance(partner, DeliverySink)
        accepted = partner.send_delivery(DELIVERY)
        assert isinstance(accepted, Accepted)
        return accepted

    def test_only_a_clear_answer_is_believed(self) -> None:
        for answer in (b"", b"<html>", b"{}", b"\xff\xfe", b"<response><flag>perhaps</flag></response>"):
            with responses.RequestsMock() as wire:
                wire.post(URL, answer)
                self.failure(URL, OutcomeUnknown)

    def test_a_cancellation_over_a_broken_wire_is_no_refusal(self) -> None:
        for status, kind in {503: TryLater, 500: OutcomeUnknown, 401: NeedsOperator, 404: Rejected}.items():
            with responses.RequestsMock() as wire:
                wire.post(URL, status=status)
                with pytest.raises(kind):
                    self.partner().send_cancel(WISH)

    @responses.activate
    def test_a_cancellation_is_answered(self) -> None:
        responses.post(URL, self.good_answer)
        assert self.partner().send_cancel(WISH) == CancelAnswer(stopped=True)


class DeliveryReportsContract(Contract):
    confirm_sample: ClassVar[str]
    report_sample: ClassVar[str]

    def test_it_reports_deliveries(self) -> None:
        assert isinstance(self.partner(), DeliveryReports)

    def test_a_good_confirm_is_read(self) -> None:
        confirm = self.partner().read_confirm(sample(self.confirm_sample))
        assert confirm.lines
        assert confirm.confirm_key

    def test_a_good_report_is_read(self) -> None:
        assert self.partner().read_report(sample(self.report_sample)).status == "accepted"

    @pytest.mark.parametrize("spoil", BREAKS.values(), ids=list(BREAKS))
    def test_what_is_spoilt_is_malformed(self, spoil: Break) -> None:
        for read, name in ((self.partner().read_confirm, "confirm"), (self.partner().read_report, "report")):
            with pytest.raises(Malformed):
                read(spoil(sample(self.confirm_sample if name == "confirm" else self.report_sample)))
