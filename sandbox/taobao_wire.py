"""What every call to the TOP gateway must look like, and the words in which the platform refuses one.

Source: open.taobao.com, documents 101617 (calling) and 101645 (errors), and the methods' published metadata.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

CHINA: Final = timezone(timedelta(hours=8))
TOLERANCE: Final = timedelta(minutes=10)
DIGESTS: Final = {"hmac": "md5", "hmac-sha256": "sha256"}

LIST: Final = "taobao.trades.sold.increment.get"
READ: Final = "taobao.trade.fullinfo.get"
CONSUME: Final = "taobao.tmc.messages.consume"
CONFIRM: Final = "taobao.tmc.messages.confirm"
SEND: Final = "alibaba.ascp.logistics.offline.send"
DUMMY_SEND: Final = "taobao.logistics.dummy.send"
REFRESH: Final = "taobao.top.auth.token.refresh"
FIND_SKUS: Final = "taobao.skus.custom.get"
FIND_ITEMS: Final = "taobao.items.custom.get"
UPDATE_SKUS: Final = "taobao.skus.quantity.update"
UPDATE_ITEM: Final = "taobao.item.quantity.update"

Kind = Literal["String", "Number", "Boolean", "Date", "Json"]


@dataclass(frozen=True, slots=True)
class Method:
    """The parameters of a method by name, those that it cannot do without, and whether it acts in a shop's name."""

    kinds: Mapping[str, Kind]
    needed: tuple[str, ...]
    in_session: bool = True


_QUANTITIES: Final = ("skuid_quantities", "outerid_quantities")
METHODS: Final[Mapping[str, Method]] = {
    LIST: Method(
        {
            **dict.fromkeys(("fields", "status", "type", "buyer_nick", "ext_type", "tag", "buyer_open_uid"), "String"),
            **dict.fromkeys(("start_modified", "end_modified"), "Date"),
            **dict.fromkeys(("page_no", "page_size"), "Number"),
            "use_has_next": "Boolean",
        },
        ("fields", "start_modified", "end_modified"),
    ),
    READ: Method({"fields": "String", "tid": "Number", "include_oaid": "String"}, ("fields", "tid")),
    CONSUME: Method({"group_name": "String", "quantity": "Number"}, ()),
    CONFIRM: Method(
        dict.fromkeys(("group_name", "s_message_ids", "f_message_ids"), "String"),
        ("s_message_ids",),
    ),
    SEND: Method(
        {
            **dict.fromkeys(("feature", "tid", "sub_tid"), "String"),
            **dict.fromkeys(("sender_id", "cancel_id", "consign_type"), "Number"),
            **dict.fromkeys(("consign_pkgs", "consign_status"), "Json"),
        },
        ("tid",),
    ),
    DUMMY_SEND: Method({"tid": "Number", "feature": "String", "seller_ip": "String"}, ("tid",)),
    FIND_SKUS: Method({"outer_id": "String", "fields": "String"}, ("outer_id", "fields")),
    FIND_ITEMS: Method({"outer_id": "String", "fields": "String"}, ("outer_id", "fields")),
    UPDATE_SKUS: Method(
        {**dict.fromkeys(("num_iid", "type"), "Number"), **dict.fromkeys(_QUANTITIES, "String")}, ("num_iid",)
    ),
    UPDATE_ITEM: Method(
        {**dict.fromkeys(("num_iid", "sku_id", "quantity", "type"), "Number"), "outer_id": "String"},
        ("num_iid", "quantity"),
    ),
    REFRESH: Method({"refresh_token": "String"}, ("refresh_token",), in_session=False),
}
_SYSTEM: Final = frozenset(
    {"method", "app_key", "session", "timestamp", "v", "format", "sign_method", "sign", "simplify", "partner_id"}
)


class Refused(Exception):
    """The platform's answer to what it does not take."""

    def __init__(self, code: int, message: str, sub_code: str = "", sub_message: str = "") -> None:
        super().__init__(message)
        self.answer: dict[str, object] = {"code": code, "msg": message}
        if sub_code:
            self.answer |= {"sub_code": sub_code, "sub_msg": sub_message}


def remote(sub_code: str, sub_message: str) -> Refused:
    """The refusal of the service behind the gateway."""
    return Refused(15, "Remote service error", sub_code, sub_message)


def invalid(name: str) -> Refused:
    return Refused(41, "Invalid arguments", f"isv.invalid-parameter:{name}", f"{name} is not what the method takes")


def signature(secret: str, named: Mapping[str, str]) -> str:
    """The signature over all parameters but itself, by the method that they name."""
    text = "".join(name + named[name] for name in sorted(named) if name != "sign" and named[name])
    if named.get("sign_method") == "md5":
        return hashlib.md5(f"{secret}{text}{secret}".encode(), usedforsecurity=False).hexdigest().upper()
    return hmac.new(secret.encode(), text.encode(), DIGESTS[named["sign_method"]]).hexdigest().upper()


def read_time(text: str) -> datetime:
    """Raises: ValueError."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)


def write_time(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def check_call(named: Mapping[str, str], secrets: Mapping[str, str], now: datetime) -> Method:
    """Check what is the same for all methods, in the gateway's order. Raises: Refused."""
    method = METHODS.get(named.get("method", ""))
    if method is None:
        raise Refused(22, "Invalid method") if named.get("method") else Refused(21, "Missing method")
    secret = secrets.get(named.get("app_key", ""))
    if secret is None:
        raise Refused(29, "Invalid app Key") if named.get("app_key") else Refused(28, "Missing app key")
    if named.get("v") != "2.0":
        raise Refused(33, "Invalid version")
    if named.get("format") != "json":
        raise Refused(23, "Invalid format")
    _check_age(named.get("timestamp", ""), now)
    if named.get("sign_method") not in {"md5", *DIGESTS} or not named.get("sign"):
        raise Refused(24, "Missing signature")
    if not hmac.compare_digest(signature(secret, named).encode(), named["sign"].encode()):
        raise Refused(25, "Invalid signature")
    return method


def _check_age(timestamp: str, now: datetime) -> None:
    try:
        age = abs(now - read_time(timestamp))
    except ValueError:
        raise Refused(31, "Invalid timestamp") from None
    if age > TOLERANCE:
        raise Refused(31, "Invalid timestamp")


def check_fields(method: Method, named: Mapping[str, str]) -> None:
    """Check a method's own parameters against its metadata. Raises: Refused."""
    for name in method.needed:
        if not named.get(name):
            raise Refused(40, "Missing required arguments", f"isv.missing-parameter:{name}", f"{name} is required")
    for name in named.keys() - _SYSTEM:
        kind = method.kinds.get(name)
        if kind is None or not _CHECKS[kind](named[name]):
            raise invalid(name)


def _is_date(text: str) -> bool:
    try:
        return bool(read_time(text))
    except ValueError:
        return False


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


_CHECKS: Final[Mapping[Kind, Callable[[str], bool]]] = {
    "String": bool,
    "Number": lambda text: re.fullmatch(r"[0-9]{1,19}", text) is not None,
    "Boolean": lambda text: text in {"true", "false"},
    "Date": _is_date,
    "Json": _is_json,
}
