import json
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
import responses

from connectors.couriers.sf import ResultMessage, digest_of
from hub.errors import HubError, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.courier import InterceptAnswer
from hub.ports import InterceptDesk, ParcelTracker
from sandbox.sf_wire import digest
from tests.connectors.contracts import OutboundContract
from tests.connectors.exemplars import AT, CANARY, INTERCEPT, SECRET, URL, told

FILLS = {"result": ResultMessage}
MONTHLY = {"monthly_card": "7550000001"}


def outer(data: object, code: str = "A1000") -> bytes:
    """Write the gateway's answer around what the service says."""
    answer = {"apiErrorMsg": "", "apiResponseID": "1", "apiResultCode": code, "apiResultData": data}
    return json.dumps(answer).encode()


def result(**said: object) -> bytes:
    whole = {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": None, **said}
    return outer(json.dumps(whole, ensure_ascii=False))


class TestSf(OutboundContract):
    kind = "couriers.sf"
    fields: ClassVar = {"app_key": "PARTNER", "options": MONTHLY}
    good_answer = result(msgData={"cusId": "CUS1", "amount": None, "freightAdditionInfoResp": None})

    def send(self, partner: Any) -> object:  # noqa: ANN401 # whatever ports it serves
        return partner.send_intercept(INTERCEPT)

    def paying(self, **options: str) -> Any:  # noqa: ANN401 # as Contract.partner
        class Chosen(TestSf):
            fields: ClassVar = {"app_key": "PARTNER", "options": options}

        return Chosen().partner()

    def form_of(self, partner: Any) -> dict[str, str]:  # noqa: ANN401 # as above
        with responses.RequestsMock() as wire:
            wire.post(URL, self.good_answer)
            self.send(partner)
            body = wire.calls[0].request.body
        assert isinstance(body, bytes)
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}

    def heard(self, body: bytes) -> InterceptAnswer:
        with responses.RequestsMock() as wire:
            wire.post(URL, body)
            return self.partner().send_intercept(INTERCEPT)

    def test_it_stops_parcels_of_sf_and_follows_none(self) -> None:
        partner = self.partner()
        assert isinstance(partner, InterceptDesk)
        assert tuple(partner.stops) == ("SF",)
        assert not isinstance(partner, ParcelTracker)

    def test_a_parcel_is_brought_back_to_its_location_on_the_senders_account(self) -> None:
        form = self.form_of(self.partner())
        assert (form["partnerID"], form["serviceCode"]) == ("PARTNER", "EXP_RECE_WANTED_INTERCEPT")
        assert json.loads(form["msgData"]) == {
            "waybillNo": "SB1",
            "serviceCode": "2",
            "role": "1",
            "payMode": "4",
            "monthlyCardNo": "7550000001",
            "newDestAddress": {
                "province": "上海市",
                "city": "上海市",
                "county": "浦东新区",
                "address": "测试路1号 *~ 2/3",
                "contact": "金丝雀",
                "phone": CANARY,
            },
        }

    def test_the_digest_is_the_stand_ins_own(self) -> None:
        form = self.form_of(self.partner())
        assert form["msgDigest"] == digest(SECRET.decode(), form["msgData"], form["timestamp"])

    def test_the_digest_is_over_the_text_as_java_encodes_a_form(self) -> None:
        assert digest_of(b"word", '{"a": "浦 *~"}', "1700000000000") == "Mb1EHboSKCpKJCB4/MGIdw=="

    def test_a_later_call_has_a_number_of_its_own(self) -> None:
        later = self.partner(now=lambda: AT + timedelta(seconds=1))
        assert self.form_of(self.partner())["requestID"] != self.form_of(later)["requestID"]

    def test_others_may_pay_without_an_account(self) -> None:
        asked = json.loads(self.form_of(self.paying(pay_mode="2"))["msgData"])
        assert (asked["payMode"], "monthlyCardNo" in asked) == ("2", False)

    @pytest.mark.parametrize("options", [{}, {"pay_mode": "3"}, {"pay_mode": "5", **MONTHLY}])
    def test_who_pays_must_be_known(self, options: dict[str, str]) -> None:
        with pytest.raises(Misconfigured):
            self.paying(**options)

    def test_a_yes_may_come_without_a_number(self) -> None:
        for told_back in (None, {}, {"cusId": None}, {"cusId": ""}):
            assert self.heard(result(msgData=told_back)) == InterceptAnswer(accepted=True)

    def test_a_number_is_kept(self) -> None:
        assert self.heard(self.good_answer).instruction == "CUS1"
        assert self.heard(result(msgData={"cusId": 17})).instruction == "17"

    def test_a_refusal_is_an_answer_in_the_couriers_words(self) -> None:
        answer = self.heard(result(success=False, errorCode="20011", errorMsg="运单已签收\n，不支持截单"))
        assert answer == InterceptAnswer(accepted=False, words="运单已签收，不支持截单 (20011)")

    def test_a_parcel_without_a_number_is_rejected_unasked(self) -> None:
        with pytest.raises(Rejected):
            self.partner().send_intercept(INTERCEPT.model_copy(update={"tracking_no": ""}))

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("A1005", TryLater),
            ("A1006", Misconfigured),
            ("A1011", Misconfigured),
            ("A1001", Rejected),
            ("A1009", OutcomeUnknown),
            ("A1099", OutcomeUnknown),
        ],
    )
    def test_the_gateways_refusals_say_what_to_do_next(self, code: str, error: type[HubError]) -> None:
        with pytest.raises(error) as caught:
            self.heard(outer(None, code))
        assert caught.value.code == f"sf_{code}"

    def test_a_service_that_failed_may_have_done_it(self) -> None:
        with pytest.raises(OutcomeUnknown):
            self.heard(result(success=False, errorCode="S0003", errorMsg="系统异常"))

    @pytest.mark.parametrize(
        "answer",
        [
            *(b"", b"<html>", b"{}", b"\xff\xfe", b"[]", b'"A1000"'),
            *(outer(None), outer({"success": True}), outer(""), outer("not json"), outer("[]"), outer('"S0000"')),
            *(outer("\ud83d"), outer('{"a":' * 100_000), outer(None, CANARY * 9)),
            *(result(success="true"), result(errorCode="E1"), result(success=False), result(success=None)),
            *(result(errorCode=None), result(success=False, errorCode=None), result(success=False, errorCode=["x"])),
            *(result(msgData={"cusId": ["x"]}), result(msgData="x"), result(msgData={"cusId": CANARY * 9})),
            *(result(success=False, errorCode="20011", errorMsg=f"{CANARY}{end}") for end in ("\0", "x" * 4_000)),
        ],
    )
    def test_only_a_clear_answer_is_believed(self, answer: bytes) -> None:
        with pytest.raises(OutcomeUnknown) as caught:
            self.heard(answer)
        assert CANARY not in told(caught.value)
