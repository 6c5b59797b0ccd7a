"""The TOP gateway: signed form posts to Taobao's platform, and its errors sorted by what to do next.

Source: open.taobao.com, documents 101617 (signature, checked against recomputed vectors 2026-11) and 101645 (errors).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Final, cast, final
from urllib.parse import parse_qsl, urlencode

from connectors.partner import Partner
from connectors.reading import read_json
from connectors.transport.deadline import Deadline
from connectors.transport.http import LONGEST_WAIT_S, Answer, Call, HttpApi
from connectors.transport.pace import Pace
from hub.errors import HubError, Malformed, Misconfigured, NeedsOperator, OutcomeUnknown, Rejected, TryLater

CHINA: Final = timezone(timedelta(hours=8))
FORM: Final = "application/x-www-form-urlencoded;charset=utf-8"
SIGN_METHODS: Final = frozenset({"md5", "hmac", "hmac-sha256"})
USUAL_CALLS_PER_S: Final = "20"

WRONG_CREDENTIALS: Final = frozenset({"24", "25", "28", "29", "30", "31"})
"""Signature, app key or timestamp missing or invalid: every call of the connection would fail."""

NOT_ALLOWED: Final = frozenset({"11", "12", "13", "42"})
"""The application or the shop lacks a permission."""

SESSION_ENDED: Final = frozenset({"26", "27"})
SESSION_WORDS: Final = ("isv.invalid-session", "isv.session-expired", "invalid-sessionkey", "session-expired")
BUSY: Final = frozenset({"7", "10"})
BUSY_WORDS: Final = ("accesscontrol.limited-by", "isp.", "isv.logistics-offline-service-error:B150")
UNSURE: Final = ("timeout", "unknown-error", "remote-service-error")
"""Of isp.*, what the platform says when it does not know itself whether the service behind it has acted."""

BAN: Final = re.compile(r"([0-9]{1,6}) more second")
CODE: Final = re.compile(r"[\w.:-]{1,120}", re.ASCII)


@final
class TopGateway:
    """Calls the gateway in a shop's name; options: `sign_method` (md5), `calls_per_s` (20)."""

    def __init__(self, partner: Partner) -> None:
        options = partner.connection.options
        self._partner = partner
        self._sign_method = options.get("sign_method", "md5")
        self._api = HttpApi(partner.http, self._sign)
        rate = options.get("calls_per_s", USUAL_CALLS_PER_S)
        if self._sign_method not in SIGN_METHODS or not re.fullmatch(r"[1-9][0-9]{0,4}", rate):
            raise Misconfigured(
                f"{partner.name}: sign_method is one of {', '.join(sorted(SIGN_METHODS))}, calls_per_s a whole number",
                code="bad_options",
            )
        self._pace = Pace(int(rate))

    def deadline(self) -> Deadline:
        """Begin the time that one port call may take, however many methods it asks."""
        return Deadline(self._partner.http)

    def ask(
        self, method: str, fields: Mapping[str, str], deadline: Deadline | None = None, *, in_session: bool = True
    ) -> dict[str, object]:
        """Call a method and give what its response holds; without a deadline this is all that the port call asks.

        Raises: as `HttpApi.send` and `failure_of`; OutcomeUnknown for an answer that is neither; TryLater when this
        process makes too many calls, or too little time is left.
        """
        deadline = deadline or self.deadline()  # before the wait, which is a part of it
        self._pace.wait()
        session = {"session": self._partner.token().access} if in_session else {}
        body = urlencode({name: value for name, value in fields.items() if value}).encode()
        query = {"method": method, **session}
        call = Call("POST", self._partner.connection.base_url, query, {"content-type": FORM}, body)
        return _response(self._api.send(call, deadline.limits()), method)

    def _sign(self, call: Call) -> Call:
        clock = self._partner.now().astimezone(CHINA)
        query = {
            **call.query,
            "app_key": self._partner.connection.app_key,
            "timestamp": f"{clock:%Y-%m-%d %H:%M:%S}",
            "v": "2.0",
            "format": "json",
            "sign_method": self._sign_method,
        }
        named = {**query, **dict(parse_qsl(call.body.decode()))}
        return call.signed(query={**query, "sign": signature_of(self._partner.secret, self._sign_method, named)})


def signature_of(secret: bytes, sign_method: str, named: Mapping[str, str]) -> str:
    """Sign the parameters, system's and method's together; empty values are left out."""
    text = "".join(f"{name}{value}" for name, value in sorted(named.items()) if value).encode()
    if sign_method == "md5":
        return hashlib.md5(secret + text + secret, usedforsecurity=False).hexdigest().upper()
    return hmac.new(secret, text, "sha256" if sign_method == "hmac-sha256" else "md5").hexdigest().upper()


def failure_of(refusal: Mapping[str, object]) -> HubError:
    """Sort an `error_response`; the platform's own sentences may name people and stay in the sealed exchange."""
    code, sub_code = (_code(refusal.get(name)) for name in ("code", "sub_code"))
    text, name = f"the platform answered {sub_code or code}", sub_code or f"top_{code}"
    if code in WRONG_CREDENTIALS:
        return Misconfigured(f"{text}: check app_key, secret and this machine's clock", code=name)
    if code in SESSION_ENDED or sub_code.startswith(SESSION_WORDS):
        return TryLater(text, code="token_expired")
    if sub_code.startswith("isp.") and any(word in sub_code for word in UNSURE):
        return OutcomeUnknown(text, code=name)
    if code in BUSY or sub_code.startswith(BUSY_WORDS):
        ban = BAN.search(str(refusal.get("sub_msg")))
        return TryLater(text, code=name, after_s=min(float(ban[1]), LONGEST_WAIT_S) if ban else None)
    if code in NOT_ALLOWED:
        return NeedsOperator(f"{text}: the application or the shop lacks a permission", code=name)
    return Rejected(text, code=name)


def _response(answer: Answer, method: str) -> dict[str, object]:
    """Read an answer: HTTP says 200 whatever happened, what is inside decides."""
    try:
        document = read_json(answer.body)
    except Malformed as error:
        raise OutcomeUnknown("the answer is not JSON", code="garbled_answer") from error
    refusal = document.get("error_response")
    if isinstance(refusal, dict):
        raise failure_of(cast("dict[str, object]", refusal))
    found = document.get(f"{method.removeprefix('taobao.').replace('.', '_')}_response")
    if not isinstance(found, dict):
        raise OutcomeUnknown("the answer says neither success nor failure", code="garbled_answer")
    return cast("dict[str, object]", found)


def _code(value: object) -> str:
    """Give a code as the platform wrote it, if it is one that can be shown."""
    written = str(value if value is not None else "")
    return written if CODE.fullmatch(written) else ""
