"""SF Express (顺丰) on its open platform Fengqiao (丰桥): parcels that have left are brought back, by signed forms.

Source: Fengqiao's published rule of signing, and its service EXP_RECE_WANTED_INTERCEPT (截单转寄退回) by what SF has
published of it and by public clients of it, 2026-11. It is for parcels that SF has picked up.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, final
from urllib.parse import quote_plus, urlencode
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field

from connectors.partner import Partner
from connectors.reading import read_as, read_json, write_with
from connectors.transport.http import Answer, Call, HttpApi
from hub.document import Document, Text
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.courier import InterceptAnswer, InterceptWish
from mappings.table import Table

TABLE: Final = "couriers/sf"
INTERCEPT: Final = "EXP_RECE_WANTED_INTERCEPT"
GATEWAY_OK: Final = "A1000"
GATEWAY_CODE: Final = re.compile(r"A[0-9]{4}")
DONE: Final = "S0000"
BROKEN: Final = "S0003"
"""The service failed over the request: what it had done by then is not said."""

GATEWAY: Final[Mapping[str, type[HubError]]] = {
    "A1001": Rejected,
    "A1002": TryLater,
    "A1003": Misconfigured,
    "A1004": Misconfigured,
    "A1005": TryLater,
    "A1006": Misconfigured,
    "A1011": Misconfigured,
}
"""What the gateway's own refusals mean: a parameter is missing, the time is off, an address or a service is not
allowed, too many calls, a wrong signature, a wrong token. After any other the service may have been reached.
"""

PAYERS: Final = ("4", "1", "2", "3")
"""Who pays for the way back: the sender's monthly account, the sender, who receives it, a third party's account."""

ON_ACCOUNT: Final = frozenset({"3", "4"})
LONGEST_WORDS: Final = 200


class ResultMessage(Document):
    """What the service says, as the mapping table reads it."""

    code: Annotated[Text, Field(max_length=20)]
    note: Text = ""
    instruction: Annotated[Text, Field(max_length=64)] = ""


@final
class Sf:
    """One account at Fengqiao: `app_key` is its partnerID, the secret its check word.

    Options: `pay_mode`, one of SF's codes of who pays for the way back (4, the sender's monthly account, unless said
    otherwise); `monthly_card`, the number of that account, for 3 and 4.
    """

    stops: Final = ("SF",)

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._table = Table.named(TABLE)
        self._api = HttpApi(partner.http, lambda call: call)  # the digest is a field of the form
        self._payment = _payment(partner.connection.options)

    def send_intercept(self, wish: InterceptWish) -> InterceptAnswer:
        """Have a parcel brought back; nothing is known of an instruction that is given twice, so it is no key.

        Raises: as `HttpApi.send`; what the gateway's codes mean; OutcomeUnknown for an answer that is not clear.
        """
        if not wish.tracking_no:
            raise Rejected("a parcel without a waybill number cannot be stopped", code="waybill_missing")
        contents = {**write_with(self._table, "intercept", wish), **self._payment}
        return self._result(self._ask(INTERCEPT, wish.key, contents))

    def _ask(self, service: str, key: str, contents: Mapping[str, object]) -> Answer:
        data = json.dumps(contents, ensure_ascii=False, separators=(",", ":"))
        timestamp = str(int(self._partner.now().timestamp() * 1000))
        form = {
            "partnerID": self._partner.connection.app_key,
            "requestID": str(uuid5(NAMESPACE_URL, f"{key}:{timestamp}")),  # each call has one of its own
            "serviceCode": service,
            "timestamp": timestamp,
            "msgDigest": digest_of(self._partner.secret, data, timestamp),
            "msgData": data,
        }
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self._api.send(
            Call("POST", self._partner.connection.base_url, headers=headers, body=urlencode(form).encode())
        )

    def _result(self, answer: Answer) -> InterceptAnswer:
        """Read what the service says inside what the gateway says, both of them JSON."""
        outer = _object(answer.body)
        code, data = outer.get("apiResultCode"), outer.get("apiResultData")
        if code != GATEWAY_OK:
            raise _gateway_failure(str(code))
        if not isinstance(data, str):
            raise OutcomeUnknown("the answer has no result", code="garbled_answer")
        inner = _object(data.encode(errors="replace"))
        try:
            result = read_as(ResultMessage, self._table, "result", inner)
        except Malformed as error:
            raise OutcomeUnknown(f"the answer cannot be read: {error.message}", code="garbled_answer") from error
        success = inner.get("success")
        if success is True and result.code == DONE:
            return InterceptAnswer(accepted=True, instruction=result.instruction)
        if success is not False or result.code == DONE:
            raise OutcomeUnknown("the answer says neither success nor failure", code="garbled_answer")
        if result.code == BROKEN:
            raise OutcomeUnknown("SF failed over the request", code=f"sf_{BROKEN}")
        words = "".join(one for one in result.note if one.isprintable())[:LONGEST_WORDS]
        return InterceptAnswer(accepted=False, words=f"{words} ({result.code})".strip())


def digest_of(secret: bytes, data: str, timestamp: str) -> str:
    """Sign msgData: base64 of the raw MD5 over it, the timestamp and the check word, encoded as Java encodes a form."""
    encoded = quote_plus((data + timestamp).encode() + secret, safe="*").replace("~", "%7E")
    return base64.b64encode(hashlib.md5(encoded.encode(), usedforsecurity=False).digest()).decode()


def _payment(options: Mapping[str, str]) -> dict[str, str]:
    """Read who pays for the way back.

    Raises: Misconfigured.
    """
    mode, card = options.get("pay_mode", PAYERS[0]), options.get("monthly_card", "")
    if mode not in PAYERS:
        raise Misconfigured(f"option pay_mode is one of: {', '.join(sorted(PAYERS))}", code="bad_option")
    if mode in ON_ACCOUNT and not card:
        raise Misconfigured(f"option monthly_card is needed where pay_mode is {mode}", code="bad_option")
    return {"payMode": mode, **({"monthlyCardNo": card} if card else {})}


def _object(body: bytes) -> dict[str, object]:
    try:
        return read_json(body)
    except Malformed as error:
        raise OutcomeUnknown("the answer is not JSON", code="garbled_answer") from error


def _gateway_failure(code: str) -> HubError:
    if not GATEWAY_CODE.fullmatch(code):
        return OutcomeUnknown("the gateway's answer has no code", code="garbled_answer")
    return GATEWAY.get(code, OutcomeUnknown)(f"SF's gateway refuses the call ({code})", code=f"sf_{code}")


def connect(partner: Partner) -> Sf:
    return Sf(partner)
