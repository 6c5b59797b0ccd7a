"""Kdniao on the wire: the signature, calls in forms, answers and pushes in JSON.

Source: Kdniao's published interfaces 1002/8001, 1008/8008 and 102, and its signing rule.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final, cast
from urllib.parse import parse_qsl, urlencode

from sandbox.kdniao_accounts import Customer

CHINA: Final = timezone(timedelta(hours=8))
SHIPPERS: Final = frozenset(
    {
        *("SF", "ZTO", "YTO", "YD", "STO", "EMS", "JD", "HTKY", "YZPY", "DBL"),
        *("JTSD", "ZJS", "UC", "HHTT", "QFKD", "FAST", "GTO", "AMAZON", "KYSY", "ANE"),
    }
)
TAIL_WANTED: Final = frozenset({"SF"})
_TAIL_DIGITS = 4


class Refused(Exception):
    """The call is answered with Success=false and this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign(key: str, content: str) -> str:
    """Base64 of the lower-case hexadecimal MD5 over RequestData and AppKey."""
    digest = hashlib.md5((content + key).encode(), usedforsecurity=False).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def read_form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def read_call(customer: Customer, form: Mapping[str, str]) -> dict[str, str]:
    """What RequestData asks about. Raises: Refused."""
    content = form.get("RequestData", "")
    if not hmac.compare_digest(sign(customer.key, content).encode(), form.get("DataSign", "").encode()):
        raise Refused("数据签名验证失败")
    if form.get("DataType") != "2":
        raise Refused("DataType必须为2")
    try:
        asked: object = json.loads(content)
    except ValueError as error:
        raise Refused("RequestData不是JSON") from error
    if not isinstance(asked, dict):
        raise Refused("RequestData不是对象")
    return _checked({str(name): str(value) for name, value in cast("dict[object, object]", asked).items()})


def _checked(asked: dict[str, str]) -> dict[str, str]:
    for name in ("ShipperCode", "LogisticCode"):
        if not asked.get(name, "").strip():
            raise Refused(f"缺少必要参数{name}")
    if asked["ShipperCode"] not in SHIPPERS:
        raise Refused("快递公司编码不存在")
    tail = asked.get("CustomerName", "")
    if asked["ShipperCode"] in TAIL_WANTED and not (len(tail) == _TAIL_DIGITS and tail.isdecimal()):
        raise Refused("CustomerName须为手机号后四位")
    return asked


def success(business_id: str, now: datetime, more: Mapping[str, object] = MappingProxyType({})) -> bytes:
    return _answer(business_id, now, {"Success": True, "Reason": "", **more})


def failure(business_id: str, now: datetime, refused: Refused) -> bytes:
    return _answer(business_id, now, {"Success": False, "Reason": refused.reason})


def _answer(business_id: str, now: datetime, more: Mapping[str, object]) -> bytes:
    answer = {"EBusinessID": business_id, "UpdateTime": write_time(now), **more}
    return json.dumps(answer, ensure_ascii=False).encode()


def write_push(customer: Customer, parcel: Mapping[str, object], now: datetime) -> bytes:
    """The form of a push with one parcel's whole list."""
    told = {"EBusinessID": customer.business_id, "Success": True, "Reason": "", **parcel}
    content = json.dumps(
        {"EBusinessID": customer.business_id, "PushTime": write_time(now), "Count": "1", "Data": [told]},
        ensure_ascii=False,
    )
    form = {"RequestData": content, "DataSign": sign(customer.key, content), "RequestType": "102"}
    return urlencode(form).encode()


def write_time(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def is_success(status: int, body: bytes) -> bool:
    """Whether the customer's answer to a push says Success."""
    try:
        answer: object = json.loads(body)
    except ValueError:
        return False
    return status == 200 and isinstance(answer, dict) and cast("dict[str, object]", answer).get("Success") is True  # noqa: PLR2004 - HTTP
