"""Fengqiao on the wire: the digest, calls in forms, and answers of the gateway around those of the service, in JSON.

Source: SF's published rule of signing (the digest is over the text as Java encodes a form), and its codes.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import parse_qsl, quote_plus

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

FORM: Final = ("partnerID", "requestID", "serviceCode", "timestamp", "msgDigest", "msgData")
TOLERANCE: Final = timedelta(minutes=5)
Filled = Annotated[str, Field(min_length=1, max_length=200)]


class Turned(Exception):
    """The gateway does not let a call through: its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Refused(Exception):
    """The service refuses what it was asked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Address(BaseModel):
    """Where a parcel is to go instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    province: Filled
    city: Filled
    county: str = ""
    address: Filled
    contact: Filled
    phone: Filled


class Asked(BaseModel):
    """What msgData holds of EXP_RECE_WANTED_INTERCEPT; an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)

    waybill_no: Filled
    service_code: Literal["1", "2"]
    role: Literal["1", "2", "3"]
    pay_mode: Literal["1", "2", "3", "4"]
    monthly_card_no: str = ""
    new_dest_address: Address

    @model_validator(mode="after")
    def name_the_account(self) -> "Asked":
        if self.pay_mode in {"3", "4"} and not self.monthly_card_no:
            raise ValueError("monthlyCardNo")
        return self


def digest(check_word: str, data: str, timestamp: str) -> str:
    text = quote_plus(f"{data}{timestamp}{check_word}").replace("%2A", "*").replace("~", "%7E")
    return base64.b64encode(hashlib.md5(text.encode(), usedforsecurity=False).digest()).decode()


def read_form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def check_form(form: Mapping[str, str], check_word: str, now: datetime) -> None:
    """Look at a call as the gateway does. Raises: Turned."""
    missing = [name for name in FORM if not form.get(name)]
    if missing:
        raise Turned("A1001", f"必传参数不可为空: {', '.join(missing)}")
    try:
        sent = int(form["timestamp"]) / 1000
    except ValueError as error:
        raise Turned("A1002", "请求时效已过期") from error
    if abs(now.timestamp() - sent) > TOLERANCE.total_seconds():
        raise Turned("A1002", "请求时效已过期")
    expected = digest(check_word, form["msgData"], form["timestamp"])
    if not hmac.compare_digest(expected.encode(), form["msgDigest"].encode()):
        raise Turned("A1006", "数字签名无效")


def read_asked(data: str) -> Asked:
    """Read msgData. Raises: Refused."""
    try:
        asked: object = json.loads(data)
    except ValueError as error:
        raise Refused("S0001", "非法的JSON格式") from error
    try:
        return Asked.model_validate(asked)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "monthlyCardNo"
        raise Refused("S0002", f"必填参数{where}为空") from error


def passed(answer_id: str, result: Mapping[str, object]) -> bytes:
    """The gateway's answer around the service's, which is JSON in a text."""
    return _outer(answer_id, "A1000", "", json.dumps(result, ensure_ascii=False))


def turned(answer_id: str, why: Turned) -> bytes:
    return _outer(answer_id, why.code, why.message, None)


def done(number: str) -> dict[str, object]:
    told = {"cusId": number, "amount": None, "freightAdditionInfoResp": None}
    return {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": told}


def refusal(why: Refused) -> dict[str, object]:
    return {"success": False, "errorCode": why.code, "errorMsg": why.message, "msgData": None}


def _outer(answer_id: str, code: str, message: str, data: str | None) -> bytes:
    answer = {"apiErrorMsg": message, "apiResponseID": answer_id, "apiResultCode": code, "apiResultData": data}
    return json.dumps(answer, ensure_ascii=False).encode()
