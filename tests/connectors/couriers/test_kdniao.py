import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlencode

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from connectors.couriers.kdniao import ParcelMessage, PushMessage, signature_of
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater, Unauthorised
from hub.fulfilment.courier import CourierStatus, Track
from hub.ports import Inbound, Probe
from mappings.table import Table
from sandbox.kdniao_accounts import Customer
from sandbox.kdniao_wire import read_call, write_push
from tests.connectors.contracts import UndatedDeskContract
from tests.connectors.exemplars import AT, SECRET, URL, real_sample, sample
from tests.connectors.track_contracts import SUBSCRIPTION, ParcelTrackerContract

CUSTOMER = Customer(connection="couriers", business_id="1000001", key=SECRET.decode(), webhook="")
FILLS = {"push": PushMessage, "parcel": ParcelMessage}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["3", "2", "404"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def refusal(reason: str, **more: str) -> bytes:
    return json.dumps({"EBusinessID": "1000001", "Success": False, "Reason": reason, **more}).encode()


def parcel_of(**changes: object) -> dict[str, object]:
    return {"ShipperCode": "SF", "LogisticCode": "SB1", "State": "2", "Traces": [], **changes}


class TestKdniao(UndatedDeskContract, ParcelTrackerContract):
    kind = "couriers.kdniao"
    fields: ClassVar = {"app_key": "1000001"}
    webhook_sample = tracks_sample = "kdniao/push_102_shape.json"
    webhook_kind = "track"
    good_answer = b'{"EBusinessID": "1000001", "UpdateTime": "2026-11-11 10:00:00", "Success": true, "Reason": ""}'
    track_answer = sample("kdniao/track_8001.json")
    unknown_answer = b'{"ShipperCode": "SF", "LogisticCode": "SB1", "Success": true, "State": "0", "Traces": []}'

    def inbound(self, body: bytes, sent: datetime = AT, secret: bytes = SECRET) -> Inbound:
        return self.pushed(RequestData=body, DataSign=signature_of(secret, body), RequestType="102", at=sent)

    def pushed(self, *, at: datetime = AT, **form: str | bytes) -> Inbound:
        return Inbound(method="POST", path="/", query={}, headers={}, body=urlencode(form).encode(), at=at)

    def unproven(self) -> Inbound:
        return self.pushed(RequestData=sample(self.webhook_sample), RequestType="102")

    def push(self, content: bytes) -> bytes:
        return self.inbound(content).body

    def read(self, **changes: object) -> Track:
        [track] = self.partner().read_tracks(self.push(json.dumps({"Data": [parcel_of(**changes)]}).encode()))
        return track

    def with_options(self, **options: str) -> Any:  # noqa: ANN401 # as Contract.partner
        class Chosen(TestKdniao):
            fields: ClassVar[Any] = {"app_key": "1000001", "options": options}

        return Chosen().partner()

    def form_sent(self, number: int = 0) -> dict[str, str]:
        """Give the fields of the form that a call sent."""
        body = responses.calls[number].request.body
        assert isinstance(body, bytes)
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}

    def test_a_recorded_signature_is_made_again(self) -> None:
        vector = json.loads(real_sample("kdniao/vectors.json"))["request_sign"]
        assert signature_of(vector["AppKey"].encode(), vector["RequestData"].encode()) == vector["DataSign"]

    @responses.activate
    def test_a_subscription_is_a_signed_form(self) -> None:
        responses.post(URL, self.good_answer)
        self.send(self.partner())
        form = self.form_sent()
        assert json.loads(form["RequestData"]) == {"ShipperCode": "SF", "LogisticCode": "SB1", "CustomerName": "0042"}
        assert form["DataSign"] == signature_of(SECRET, form["RequestData"].encode())
        assert (form["EBusinessID"], form["RequestType"], form["DataType"]) == ("1000001", "1008", "2")

    @responses.activate
    def test_an_aggregator_takes_what_we_send(self) -> None:
        responses.post(URL, self.good_answer)
        self.send(self.partner())
        asked = {"ShipperCode": "SF", "LogisticCode": "SB1", "CustomerName": "0042"}
        assert read_call(CUSTOMER, self.form_sent()) == asked

    def test_we_take_what_an_aggregator_pushes(self) -> None:
        body = write_push(CUSTOMER, parcel_of(StateEx="202"), AT)
        partner = self.partner()
        assert partner.receive(self.good().model_copy(update={"body": body})).kind == "track"
        assert partner.read_tracks(body)[0].status == "out_for_delivery"

    @responses.activate
    def test_the_paid_interfaces_are_an_option(self) -> None:
        responses.post(URL, self.track_answer)
        partner = self.with_options(subscribe="8008", query="8001")
        partner.send_subscription(SUBSCRIPTION)
        partner.fetch_track(SUBSCRIPTION)
        assert [self.form_sent(no)["RequestType"] for no in (0, 1)] == ["8008", "8001"]

    def test_an_option_that_does_not_exist_needs_an_operator(self) -> None:
        with pytest.raises(Misconfigured, match="1008, 8008"):
            self.with_options(subscribe="1007")

    @pytest.mark.parametrize("tail", ["", "042", "10042", "004x", "٠٠٤٢"])
    def test_sf_without_a_phones_tail_calls_a_person(self, tail: str) -> None:
        with pytest.raises(Rejected) as caught:
            self.partner().send_subscription(SUBSCRIPTION.model_copy(update={"phone_tail": tail}))
        assert caught.value.code == "phone_tail_needed"

    @responses.activate
    def test_a_tail_is_told_only_where_it_is_needed(self) -> None:
        responses.post(URL, self.good_answer)
        self.partner().send_subscription(SUBSCRIPTION.model_copy(update={"courier": "ZTO"}))
        self.with_options(phone_tail_couriers="").send_subscription(SUBSCRIPTION)
        self.with_options(phone_tail_couriers="SF, ZTO").send_subscription(SUBSCRIPTION)
        assert ["CustomerName" in self.form_sent(no)["RequestData"] for no in range(3)] == [False, False, True]

    @responses.activate
    @pytest.mark.parametrize("reason", ["该单号已订阅", "重复订阅"])
    def test_what_is_subscribed_already_is_subscribed(self, reason: str) -> None:
        responses.post(URL, refusal(reason))
        self.send(self.partner())

    @responses.activate
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (refusal("数据签名验证失败"), Misconfigured),
            (refusal("EBusinessID不存在"), Misconfigured),
            (refusal("没有可用套餐"), Misconfigured),
            (refusal("无", ResultCode="104"), Misconfigured),
            (refusal("请求频率过高"), TryLater),
            (refusal("服务繁忙，请稍后再试"), TryLater),
            (refusal("快递单号格式错误", ResultCode="103"), Rejected),
        ],
    )
    def test_a_reason_decides_what_to_do_next_and_stays_untold(self, answer: bytes, kind: type[HubError]) -> None:
        responses.post(URL, answer)
        for act in (self.partner().send_subscription, self.partner().fetch_track):
            with pytest.raises(kind) as caught:
                act(SUBSCRIPTION)
            assert json.loads(answer)["Reason"] not in str(caught.value)

    @responses.activate
    def test_no_log_yet_is_none_however_it_is_said(self) -> None:
        responses.post(URL, refusal("暂无轨迹信息"))
        assert self.partner().fetch_track(SUBSCRIPTION) is None

    @responses.activate
    def test_an_answer_about_another_parcel_is_not_believed(self) -> None:
        responses.post(URL, self.track_answer.replace(b"SB1", b"SB2"))
        with pytest.raises(HubError, match="another parcel"):
            self.partner().fetch_track(SUBSCRIPTION)

    @responses.activate
    @pytest.mark.parametrize("log", [b"7", b'[{"AcceptTime": "soon"}]', b'["x"]'])
    def test_a_log_that_cannot_be_read_does_not_blame_the_question(self, log: bytes) -> None:
        answer = b'{"Success": true, "ShipperCode": "SF", "LogisticCode": "SB1", "State": "2", "Traces": %s}' % log
        responses.post(URL, answer)
        with pytest.raises(OutcomeUnknown):
            self.partner().fetch_track(SUBSCRIPTION)

    @responses.activate
    def test_a_probe_finds_nothing_and_is_content(self) -> None:
        responses.post(URL, refusal("非法参数"))
        partner = self.partner()
        assert isinstance(partner, Probe)
        partner.probe()

    @responses.activate
    @pytest.mark.parametrize("reason", ["数据签名验证失败", "请求频率过高"])
    def test_a_probe_tells_what_is_wrong_with_the_account(self, reason: str) -> None:
        responses.post(URL, refusal(reason))
        with pytest.raises((Misconfigured, TryLater)):
            self.partner().probe()

    def test_a_push_tells_of_several_parcels(self) -> None:
        [first, second] = self.partner().read_tracks(self.push(sample(self.tracks_sample)))
        assert (first.courier, first.status) == ("YUNDA", CourierStatus.DELIVERED)
        assert first.events[0].at == datetime(2026, 11, 11, 12, tzinfo=UTC)
        assert [one.status for one in first.events] == ["collected", "out_for_delivery", "delivered"]
        assert (second.courier, second.status, second.events) == ("SF", CourierStatus.AWAITED, ())

    def test_what_a_real_aggregator_pushed_is_read(self) -> None:
        content = real_sample("kdniao/push_102_shape.json")
        tracks = self.partner().read_tracks(self.push(content))
        assert [one.tracking_no for one in tracks] == [one["LogisticCode"] for one in json.loads(content)["Data"]]

    @pytest.mark.parametrize(
        ("state", "precise", "status"),
        [
            ("2", "201", "in_transit"),
            ("2", "211", "ready_for_pickup"),
            ("4", "302", "delivered"),
            ("4", "404", "trouble"),
            ("4", "406", "returned"),
            ("3", "399", "delivered"),
            (3, None, "delivered"),
            ("77", "299", "in_transit"),
            ("", "499", "trouble"),
            ("99", "", "in_transit"),
            ("5", "5", "in_transit"),
            ("0", "10", "awaited"),
        ],
    )
    def test_the_precise_state_counts_and_the_coarse_one_helps_out(
        self, state: str | int, precise: str | None, status: str
    ) -> None:
        assert self.read(State=state, StateEx=precise).status == status

    def test_a_courier_that_is_not_listed_is_kept_as_sent(self) -> None:
        assert self.read(ShipperCode="JTSD").courier == "JTSD"

    def test_couriers_have_one_code_each_way(self) -> None:
        table, hub = Table.named("couriers/kdniao"), ("SF", "ZTO", "YTO", "YUNDA", "STO", "EMS", "JD", "HTKY", "POSTB")
        assert [table.code("courier", table.code("shipper", code)) for code in hub] == list(hub)

    @given(state=JSON, precise=JSON, action=JSON)
    def test_no_state_does_more_than_make_a_push_malformed(
        self, state: object, precise: object, action: object
    ) -> None:
        trace = {"AcceptTime": "2026-11-11 20:00:00", "AcceptStation": "已揽收", "Action": action}
        content = json.dumps({"Data": [parcel_of(State=state, StateEx=precise, Traces=[trace])]}).encode()
        body, partner = self.push(content), self.partner()
        try:
            assert partner.read_tracks(body) == partner.read_tracks(body)
        except Malformed:
            with pytest.raises(Malformed):
                partner.read_tracks(body)

    @given(body=st.binary(max_size=60))
    def test_a_body_of_any_bytes_is_unauthorised(self, body: bytes) -> None:
        with pytest.raises(Unauthorised):
            self.partner().receive(self.good().model_copy(update={"body": body}))

    @given(content=st.text(max_size=40))
    def test_the_signed_text_survives_any_form(self, content: str) -> None:
        data = json.dumps({"EBusinessID": "1000001", "Note": content}, ensure_ascii=False)
        signed = {"RequestData": data, "DataSign": signature_of(SECRET, data.encode())}
        body = "&".join(f"{key}={quote(value, safe='')}" for key, value in signed.items())
        assert self.partner().receive(self.good().model_copy(update={"body": body.encode()})).kind == "track"

    def test_another_account_is_unauthorised_and_told_nothing(self) -> None:
        content = sample(self.webhook_sample).replace(b"1000001", b"1000002")
        with pytest.raises(Unauthorised) as caught:
            self.partner().receive(self.inbound(content))
        assert b"1000001" not in self.partner().reply(caught.value).body

    def test_a_push_of_another_kind_is_malformed(self) -> None:
        data = sample(self.webhook_sample)
        with pytest.raises(Malformed, match="101, 102"):
            self.partner().receive(
                self.pushed(RequestData=data, DataSign=signature_of(SECRET, data), RequestType="103")
            )

    def test_a_push_is_answered_in_its_own_shape(self) -> None:
        good, bad = (json.loads(self.partner().reply(error).body) for error in (None, Malformed("no")))
        assert good == {
            "EBusinessID": "1000001",
            "UpdateTime": "2026-11-11 10:00:00",
            "Success": True,
            "Reason": "",
        }
        assert (bad["Success"], bad["Reason"]) == (False, "malformed")
