"""Couriers behind Kdniao (快递鸟): parcels subscribed to, asked for, and their news pushed, as signed JSON in forms.

Source: Kdniao's published interfaces 1002/8001, 1008/8008 and 101/102 and its signing rule, checked against recomputed
vectors 2026-11. A push signs no time of its own, and equal bytes are one message, so there is nothing stale to refuse.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta, timezone
from typing import Annotated, Final, final
from urllib.parse import parse_qsl, urlencode

from pydantic import Field

from connectors.partner import Partner
from connectors.reading import read_as, read_json, write_with
from connectors.transport.http import Answer, Call, HttpApi
from hub.document import Document, Moment, Text
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater, Unauthorised
from hub.fulfilment.courier import CourierStatus, Subscription, Track, TrackEvent
from hub.inbox import message_id_of
from hub.ports import Inbound, Notice, Reply
from mappings import MappingError
from mappings.table import Table

CHINA: Final = timezone(timedelta(hours=8))
TABLE: Final = "couriers/kdniao"
SUBSCRIBE: Final = ("1008", "8008")
QUERY: Final = ("1002", "8001")
PUSHES: Final = ("101", "102")
TAIL_DIGITS: Final = 4
MOST_FIELDS: Final = 20
"""Fields of a push's form; it needs three."""

REASONS: Final[Mapping[str, type[HubError]]] = {
    "签名": Misconfigured,
    "DataSign": Misconfigured,
    "EBusinessID": Misconfigured,
    "用户ID": Misconfigured,
    "套餐": Misconfigured,
    "未开通": Misconfigured,
    "频": TryLater,
    "并发": TryLater,
    "超限": TryLater,
    "繁忙": TryLater,
    "稍后": TryLater,
}
"""Words in a Reason that decide what to do next; any other reason is about the request itself."""

RESULTS: Final[Mapping[str, type[HubError]]] = {"104": Misconfigured}
"""ResultCodes that are not about the request: 104 is about the account."""

SUBSCRIBED: Final = ("重复订阅", "已订阅")
UNKNOWN_PARCEL: Final = ("无轨迹", "无物流", "没有物流")


class TraceMessage(Document):
    """One line of a parcel's log, as the mapping table reads it."""

    at: Moment
    action: str = ""
    place: Text = ""
    note: Text = ""


class ParcelMessage(Document):
    """A parcel with its whole log, as the mapping table reads it."""

    shipper_code: Text
    tracking_no: Annotated[Text, Field(min_length=1, max_length=64)]
    state: str = ""
    state_ex: str = ""
    traces: tuple[TraceMessage, ...] = ()


class PushMessage(Document):
    """A push, as the mapping table reads it."""

    parcels: tuple[ParcelMessage, ...]


@final
class Kdniao:
    """One account at Kdniao: `app_key` is its EBusinessID, the secret its AppKey.

    Options: `subscribe` 1008 or 8008; `query` 1002 or 8001; `phone_tail_couriers`, the couriers that tell nothing
    without the last digits of a phone, by our codes and with commas (SF unless said otherwise).
    """

    idempotent: Final = True  # a number that is subscribed already is answered as subscribed

    def __init__(self, partner: Partner) -> None:
        options = partner.connection.options
        self._partner = partner
        self._table = Table.named(TABLE)
        self._api = HttpApi(partner.http, lambda call: call)  # the signature is a field of the form
        self._subscribe = _chosen(options, "subscribe", SUBSCRIBE)
        self._query = _chosen(options, "query", QUERY)
        self._with_tail = {one.strip() for one in options.get("phone_tail_couriers", "SF").split(",")}

    def send_subscription(self, subscription: Subscription) -> None:
        """Have a parcel's news pushed to us.

        Raises: as `HttpApi.send`; Rejected with code phone_tail_needed when the courier wants one and none is known.
        """
        answer = self._ask(self._subscribe, self._question(subscription))
        if not _is_success(answer) and not _says(answer, SUBSCRIBED):
            raise _failure_of(answer)

    def fetch_track(self, subscription: Subscription) -> Track | None:
        """Ask for all that is known of a parcel; None while that is nothing.

        Raises: as `send_subscription`.
        """
        answer = self._ask(self._query, self._question(subscription))
        if not _is_success(answer):
            if _says(answer, UNKNOWN_PARCEL):
                return None
            raise _failure_of(answer)
        try:
            track = self._track(read_as(ParcelMessage, self._table, "parcel", answer))
        except Malformed as error:  # that blames what was asked, and nothing is wrong with it
            raise OutcomeUnknown(f"the answer cannot be read: {error.message}", code="garbled_answer") from error
        if track.tracking_no != subscription.tracking_no:
            raise OutcomeUnknown("the answer is about another parcel", code="garbled_answer")
        return track if track.events else None

    def read_tracks(self, body: bytes) -> Sequence[Track]:
        """Read a push: one or more parcels, each with its whole log, oldest first.

        Raises: Malformed.
        """
        message = read_as(PushMessage, self._table, "push", read_json(_form(body).get("RequestData", b"")))
        return tuple(self._track(parcel) for parcel in message.parcels)

    def receive(self, inbound: Inbound) -> Notice:
        """Verify a push on its raw bytes and name it by them.

        Raises: Unauthorised; Malformed.
        """
        form = _form(inbound.body)
        data, offered = form.get("RequestData"), form.get("DataSign")
        if data is None or offered is None:
            raise Unauthorised("RequestData and DataSign are needed", code="signature_missing")
        if not hmac.compare_digest(signature_of(self._partner.secret, data).encode(), offered):
            raise Unauthorised("the signature is wrong", code="wrong_signature")
        if form.get("RequestType", b"102").decode(errors="replace") not in PUSHES:
            raise Malformed(f"RequestType is not one of: {', '.join(PUSHES)}", code="unknown_method")
        if str(read_json(data).get("EBusinessID")) != self._partner.connection.app_key:
            raise Unauthorised("the EBusinessID is not this connection's", code="wrong_customer")
        return Notice(kind="track", message_id=message_id_of(inbound.body))

    def reply(self, error: HubError | None) -> Reply:
        """Answer as Kdniao expects: always 200, success or failure inside; a stranger learns no EBusinessID."""
        answer = {
            "EBusinessID": "" if isinstance(error, Unauthorised) else self._partner.connection.app_key,
            "UpdateTime": f"{self._partner.now().astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
            "Success": error is None,
            "Reason": "" if error is None else error.code,
        }
        return Reply(status=200, media_type="application/json; charset=utf-8", body=json.dumps(answer).encode())

    def probe(self) -> None:
        """Ask for a parcel that nobody has: credentials are checked first, and finding nothing costs nothing."""
        answer = self._ask(self._query, {"ShipperCode": "ZTO", "LogisticCode": "0"})
        if not _is_success(answer) and isinstance(failure := _failure_of(answer), Misconfigured | TryLater):
            raise failure

    def _question(self, subscription: Subscription) -> dict[str, object]:
        contents = write_with(self._table, "subscription", subscription)
        if subscription.courier not in self._with_tail:
            return contents
        tail = subscription.phone_tail
        if not (len(tail) == TAIL_DIGITS and tail.isascii() and tail.isdigit()):
            raise Rejected(
                f"{subscription.courier} tells nothing without the last {TAIL_DIGITS} digits of a phone",
                code="phone_tail_needed",
            )
        return {**contents, "CustomerName": tail}

    def _ask(self, request_type: str, contents: Mapping[str, object]) -> dict[str, object]:
        content = json.dumps(contents, ensure_ascii=False, separators=(",", ":"))
        form = {
            "RequestData": content,
            "EBusinessID": self._partner.connection.app_key,
            "RequestType": request_type,
            "DataSign": signature_of(self._partner.secret, content.encode()),
            "DataType": "2",
        }
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        call = Call("POST", self._partner.connection.base_url, headers=headers, body=urlencode(form).encode())
        return _read_answer(self._api.send(call))

    def _track(self, parcel: ParcelMessage) -> Track:
        events = (
            TrackEvent(at=one.at, status=self._status(one.action), place=one.place, text=one.note)
            for one in parcel.traces
        )
        return Track(
            courier=self._listed("courier", parcel.shipper_code) or parcel.shipper_code,
            tracking_no=parcel.tracking_no,
            status=self._status(parcel.state_ex, parcel.state),
            events=tuple(sorted(events, key=lambda event: event.at)),
        )

    def _status(self, *codes: str) -> CourierStatus:
        """Give the status of the first code that is listed, else of the coarse State that a code belongs to."""
        found = self._listed("status", *codes, *(code[:1] for code in codes))
        return CourierStatus(found) if found else CourierStatus.IN_TRANSIT

    def _listed(self, codes: str, *keys: str) -> str | None:
        for key in keys:
            with suppress(MappingError):
                return self._table.code(codes, key)
        return None


def signature_of(secret: bytes, data: bytes) -> str:
    """Sign RequestData: base64 of the lower-case hexadecimal MD5 over it and the AppKey (the protocol's own choice)."""
    return base64.b64encode(hashlib.md5(data + secret, usedforsecurity=False).hexdigest().encode()).decode()


def _form(body: bytes) -> dict[str, bytes]:
    """Read a form to the very bytes that were encoded in it, for those are signed; what is no form has no fields."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: value.encode("utf-8", "surrogateescape") for name, value in pairs}


def _chosen(options: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    chosen = options.get(name, known[0])
    if chosen not in known:
        raise Misconfigured(f"option {name} is one of: {', '.join(known)}", code="bad_option")
    return chosen


def _read_answer(answer: Answer) -> dict[str, object]:
    """Read an answer: HTTP says 200 whatever happened, Success inside decides."""
    try:
        contents = read_json(answer.body)
    except Malformed as error:
        raise OutcomeUnknown("the answer is not JSON", code="garbled_answer") from error
    if not isinstance(contents.get("Success"), bool):
        raise OutcomeUnknown("the answer says neither success nor failure", code="garbled_answer")
    return contents


def _is_success(answer: Mapping[str, object]) -> bool:
    return answer["Success"] is True


def _says(answer: Mapping[str, object], words: Sequence[str]) -> bool:
    return any(word in str(answer.get("Reason")) for word in words)


def _failure_of(answer: Mapping[str, object]) -> HubError:
    """Sort a refusal by what to do next; Kdniao's own words may name a person and stay in the sealed exchange."""
    result = str(answer.get("ResultCode") or "")[:20]
    by_reason = (kind for word, kind in REASONS.items() if _says(answer, (word,)))
    kind = next(by_reason, RESULTS.get(result, Rejected))
    if kind is Misconfigured:
        return Misconfigured("Kdniao refuses the account: check app_key, the secret and what is left of the plan")
    if kind is TryLater:
        return TryLater("Kdniao asks for fewer calls", code="busy")
    return Rejected(f"Kdniao refuses the request ({result or 'no code'})", code="refused")


def connect(partner: Partner) -> Kdniao:
    return Kdniao(partner)
