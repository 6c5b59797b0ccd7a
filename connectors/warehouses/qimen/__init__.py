"""Warehouses behind Qimen (奇门): deliveries out, confirms and progress in, as signed XML over HTTP.

Source: the published API metadata of taobao.qimen.* and its signing rule, checked against recomputed vectors 2026-11.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, final

from connectors.partner import Partner
from connectors.reading import read_accepted, read_as
from connectors.transport.http import Answer, Call, HttpApi
from connectors.transport.xml import read_xml, write_xml
from connectors.warehouses.qimen.ask import METHOD, PAGE, ROOT, keep_answer, read_answer, write_question
from connectors.warehouses.qimen.delivery import read_confirm, write_delivery
from connectors.warehouses.qimen.returns import read_return, write_return
from connectors.warehouses.qimen.stock import read_change, read_count
from hub.aftersale.model import Announced, ReturnConfirm
from hub.document import Document
from hub.errors import HubError, Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater, Unauthorised
from hub.fulfilment.model import (
    Accepted,
    CancelAnswer,
    CancelWish,
    Confirm,
    Delivery,
    Report,
)
from hub.inbox import message_id_of
from hub.inventory.counted import CountReport
from hub.ports import Fetched, Inbound, Notice, Reply
from mappings.table import Table

CHINA: Final = timezone(timedelta(hours=8))
TOLERANCE: Final = timedelta(minutes=10)
TABLE: Final = "warehouses/qimen"
PREFIX: Final = "taobao.qimen."
KINDS: Final = {
    "deliveryorder.confirm": "confirm",
    "orderprocess.report": "report",
    "inventory.report": "stock_count",
    "stockchange.report": "stock_change",
    "returnorder.confirm": "return_confirm",
}
STATUSES: Final = {"ACCEPT": "accepted", "REJECT": "rejected"}
"""Process states that decide something; all others are progress."""


class ReportMessage(Document):
    """A progress report as the mapping table reads it."""

    code: str
    wms_id: str = ""
    warehouse_code: str = ""
    status: str
    operated_at: datetime | None = None
    note: str = ""


@final
class Qimen:
    """One Qimen customer: the warehouses of one operator."""

    idempotent: Final = True  # a document's code is taken once; the same again answers with the same number

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._table = Table.named(TABLE)
        self._api = HttpApi(partner.http, self._sign)

    def send_delivery(self, delivery: Delivery) -> Accepted:
        """Ask a warehouse to ship (deliveryorder.create); success means that it has taken the document.

        Raises: as `HttpApi.send`; Rejected with the warehouse's own code.
        """
        answer = self._ask("deliveryorder.create", write_delivery(self._table, delivery))
        return read_accepted(answer.get("deliveryOrderId"))

    def send_cancel(self, wish: CancelWish) -> CancelAnswer:
        """Ask a warehouse to stop a document (order.cancel); its refusal is an answer, not an error."""
        contents = {
            "warehouseCode": wish.warehouse_code,
            "ownerCode": wish.owner_code,
            "orderCode": wish.code,
            "orderType": self._table.code("order_type", wish.order_type),
        }
        try:
            self._ask("order.cancel", contents)
        except Rejected as error:
            if error.code.startswith("http_"):  # that is no word of the warehouse's
                raise
            already = error.code in self._partner.connection.options.get("already_cancelled_codes", "").split(",")
            return CancelAnswer(stopped=already, reason=error.message)
        return CancelAnswer(stopped=True)

    def send_return(self, announced: Announced) -> Accepted:
        """Have a warehouse await goods (returnorder.create).

        Raises: as `send_delivery`.
        """
        answer = self._ask("returnorder.create", write_return(self._table, announced))
        return read_accepted(answer.get("returnOrderId"))

    def receive(self, inbound: Inbound) -> Notice:
        """Verify a push on its raw bytes and name it.

        Raises: Unauthorised; Malformed for an unknown method or what is not XML.
        """
        self._verify(inbound)
        method = inbound.query.get("method", "").removeprefix(PREFIX)
        kind = KINDS.get(method)
        if kind is None:
            raise Malformed(f"method {method[:60]!a} is not served here", code="unknown_method", field="method")
        read_xml(inbound.body)
        return Notice.model_validate({"kind": kind, "message_id": message_id_of(inbound.body)})

    def reply(self, error: HubError | None) -> Reply:
        """Answer as a Qimen router does: always 200, success or failure inside."""
        flag = {"flag": "success", "code": "0", "message": "ok"}
        if isinstance(error, Unauthorised):
            flag = {"flag": "failure", "code": "sign-check-failure", "message": "Illegal request"}
        elif error is not None:
            flag = {"flag": "failure", "code": error.code, "message": error.message}
        return Reply(status=200, media_type="text/xml; charset=utf-8", body=write_xml("response", flag))

    def read_confirm(self, body: bytes) -> Confirm:
        """Read deliveryorder.confirm; without an outBizCode the message's own bytes name it.

        Raises: Malformed.
        """
        return read_confirm(self._table, read_xml(body)[1], body)

    def read_return(self, body: bytes) -> ReturnConfirm:
        """Read returnorder.confirm; without an outBizCode the message's own bytes name it.

        Raises: Malformed.
        """
        return read_return(self._table, read_xml(body)[1], body)

    def read_report(self, body: bytes) -> Report:
        """Read orderprocess.report.

        Raises: Malformed.
        """
        _, contents = read_xml(body)
        message = read_as(ReportMessage, self._table, "report", contents)
        return Report.model_validate(
            {
                "code": message.code,
                "status": STATUSES.get(message.status.upper(), "progress"),
                "partner_id": message.wms_id,
                "note": message.status[:60],
            }
        )

    def read_counts(self, body: bytes, received_at: datetime) -> Sequence[CountReport]:
        """Read inventory.report, or an answer we asked for; with inventory_report = full the former is all there is.

        Raises: Malformed.
        """
        root, contents = read_xml(body)
        if root == ROOT:
            return [read_answer(self._table, contents, body)]
        full = self._partner.connection.options.get("inventory_report") == "full"
        return [read_count(self._table, contents, received_at, full=full)]

    def read_changes(self, body: bytes, received_at: datetime) -> Sequence[CountReport]:
        """Read stockchange.report.

        Raises: Malformed.
        """
        return read_change(self._table, read_xml(body)[1], received_at)

    def fetch_stock(
        self,
        location: str,
        owner: str,
        skus: Sequence[str],
        fresh: Sequence[str] = (),  # noqa: ARG002 # each would have to be asked about; a warehouse tells of goods that come
    ) -> Iterator[Fetched]:
        """Ask a warehouse for its stock (inventory.query), some SKUs at a time.

        Raises: as `HttpApi.send`; OutcomeUnknown for an answer to another question.
        """
        for start in range(0, len(skus), PAGE):
            some, asked_at = skus[start : start + PAGE], self._partner.now()
            answer = self._ask(METHOD, write_question(location, owner, some))
            if kept := keep_answer(self._table, (location, owner, some), answer, asked_at):
                yield kept

    def _ask(self, method: str, contents: Mapping[str, object]) -> dict[str, object]:
        query = {"method": method}
        headers = {"content-type": "text/xml; charset=utf-8"}
        body = write_xml("request", contents)
        call = Call("POST", self._partner.connection.base_url, query, headers, body)
        return _read_answer(self._api.send(call))

    def _sign(self, call: Call) -> Call:
        settings = self._partner.connection
        clock = self._partner.now().astimezone(CHINA)
        query = {
            **call.query,
            "timestamp": f"{clock:%Y-%m-%d %H:%M:%S}",
            "format": "xml",
            "app_key": settings.app_key,
            "v": "2.0",
            "sign_method": "md5",
            "customerId": settings.customer_id,
        }
        return call.signed(query={**query, "sign": signature_of(self._partner.secret, query, call.body)})

    def _verify(self, inbound: Inbound) -> None:
        query = {key: value for key, value in inbound.query.items() if key != "sign"}
        expected = signature_of(self._partner.secret, query, inbound.body)
        if not hmac.compare_digest(expected.encode(), inbound.query.get("sign", "").upper().encode()):
            raise Unauthorised("the signature is wrong", code="wrong_signature")
        if query.get("customerId") != self._partner.connection.customer_id:
            raise Unauthorised("the customerId is not this connection's", code="wrong_customer")
        try:
            sent = datetime.strptime(query.get("timestamp", ""), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
        except ValueError as error:
            raise Unauthorised("the timestamp cannot be read", code="stale_timestamp") from error
        if abs(inbound.at - sent.astimezone(UTC)) > TOLERANCE:
            raise Unauthorised("the timestamp is more than ten minutes off", code="stale_timestamp")


def signature_of(secret: bytes, query: Mapping[str, str], body: bytes) -> str:
    """Sign a call: upper-case MD5 of secret, sorted names and values, raw body, secret (the protocol's own choice)."""
    pairs = "".join(f"{key}{value}" for key, value in sorted(query.items())).encode()
    return hashlib.md5(secret + pairs + body + secret, usedforsecurity=False).hexdigest().upper()


def _read_answer(answer: Answer) -> dict[str, object]:
    """Read a router's answer: HTTP says 200 whatever happened, the flag inside decides."""
    try:
        _, contents = read_xml(answer.body)
    except Malformed as error:
        raise OutcomeUnknown("the answer is not XML", code="garbled_answer") from error
    flag, code = contents.get("flag"), str(contents.get("code") or "")
    if flag == "success":
        return contents
    # The partner's own words may name people; they stay in the sealed exchange.
    text = f"the warehouse answered {code[:60] or 'failure'}"
    if flag != "failure":
        raise OutcomeUnknown("the answer says neither success nor failure", code="garbled_answer")
    if code == "sign-check-failure":
        raise Misconfigured("the warehouse refuses our signature: check app_key and secret", code=code)
    if code.startswith("isp.") or code == "system-busy":
        raise TryLater(text, code=code)
    raise Rejected(text, code=code or "failure")


def connect(partner: Partner) -> Qimen:
    return Qimen(partner)
