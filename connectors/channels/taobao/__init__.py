"""Taobao and Tmall shops over the TOP gateway: trades by pull and hints, packages and stock told, the shop's token.

Source: the published API metadata of taobao.trade*, taobao.tmc* and alibaba.ascp.logistics.offline.send, read 2026-11.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast, final

from connectors.channels.taobao.consign import Consigned, read_consigned, write_consignment
from connectors.channels.taobao.quantity import Listings
from connectors.channels.taobao.trade import FUNDED_BY_PLATFORM, is_wanted, read_trade
from connectors.partner import Partner
from connectors.reading import read_json
from connectors.transport.deadline import Deadline
from connectors.transport.top import TopGateway
from hub.access import Token
from hub.errors import Malformed, Misconfigured, OutcomeUnknown, Rejected, TryLater
from hub.fulfilment.model import HandoverNotice, ShipmentNotice
from hub.inbox import message_id_of
from hub.inventory.telling import Telling, Told
from hub.order.model import Order
from hub.ports import Fetched, Hinted
from mappings.converters import EPOCH, china_time_text, whole
from mappings.table import Table

PAGE: Final = 40  # the platform's own advice: larger pages time out
MOST_TRADES: Final = 1_000_000  # of one day and shop; more is no answer
HINTS: Final = 50
CONFIRMED_AT_ONCE: Final = 200
SEND: Final = "alibaba.ascp.logistics.offline.send"
TOPICS: Final = "taobao_trade_"
NUMBER: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
TOKEN_TIMES: Final = ("expire_time", "refresh_token_valid_time")
DUMMY_SEND: Final = "taobao.logistics.dummy.send"
"""A trade of virtual goods, sent with no parcel (无需物流); takes a tid alone."""

SHIPPED_ALREADY: Final = "B04"
"""Last part of the code for a trade that is sent already, or closed."""

WHOLLY_SENT: Final = frozenset({"WAIT_BUYER_CONFIRM_GOODS", "TRADE_BUYER_SIGNED", "TRADE_FINISHED"})

TYPES: Final = frozenset({"fixed", "auction", "guarantee_trade", "step"})
"""Paid before they are sent in a parcel; [codes.order_type] says what is left out."""

FIELDS: Final = (
    "tid,status,type,created,modified,pay_time,step_trade_status,step_paid_fee,payment,post_fee,buyer_nick,"
    "buyer_open_uid,buyer_message,seller_memo,receiver_name,receiver_state,receiver_city,receiver_district,"
    "receiver_town,receiver_address,receiver_zip,receiver_mobile,receiver_phone,oaid,invoice_name,invoice_type,"
    "invoice_kind,orders,promotion_details,combine_logistics_details"
)


@final
class Taobao:
    """One shop; options: platform (TB, TM), group_name (of the message queue), send_method, platform_promotions.

    Several shops of one application need a queue group each: a message is confirmed by whoever has read it.
    """

    idempotent: Final = False  # a package that is told twice is refused
    window: Final = timedelta(days=1)
    lag: Final = timedelta(seconds=3)  # a window's end must be past on the platform's clock as well

    def __init__(self, partner: Partner) -> None:
        options = partner.connection.options
        self._partner = partner
        self._table = Table.named("channels/taobao")
        self._top = TopGateway(partner)
        self._listings = Listings(self._top, partner.now)
        self._group = options.get("group_name", "")
        self._send = options.get("send_method", SEND)
        self._funded_by_platform = options.get("platform_promotions", FUNDED_BY_PLATFORM).split(",")
        self.platform = options.get("platform", "TB")

    def fetch_orders(self, since: datetime, until: datetime) -> Iterator[Sequence[Fetched]]:
        """Ask for the trades modified in a window, from the last page to the first.

        The list stands in order of modification, latest first. A trade that changes meanwhile leaves a window that is
        past, and what stood behind it moves towards pages that are still to be asked for: none is missed.
        """
        window = {"start_modified": china_time_text(since), "end_modified": china_time_text(until)}
        if window["start_modified"] >= window["end_modified"]:
            return
        for page in range(-(-self._count(window) // PAGE), 0, -1):
            answer = self._list(window, use_has_next="true", page_no=str(page), page_size=str(PAGE))
            listed = [one for one in _items(answer, "trades", "trade") if is_wanted(one)]
            yield [one for row in listed if (one := self._fetch_listed(row)) is not None]

    def fetch_hinted(self) -> Hinted:
        """Take messages from the queue and read the trades they name; all others are only confirmed."""
        asked = {"quantity": str(HINTS), "group_name": self._group}
        queued = _items(self._top.ask("taobao.tmc.messages.consume", asked), "messages", "tmc_message")
        tids = dict.fromkeys(tid for one in queued if (tid := _tid_of(one)))
        messages: list[Fetched] = []
        for tid in tids:
            try:
                messages += filter(None, [self._fetch(tid)])
            except Rejected as error:
                if error.code.startswith("http_"):  # as below
                    raise
                continue  # a hint is no more than that: whatever changed is in the list that is asked for as well
        return Hinted(messages=tuple(messages), receipts=tuple(_number_of(one, "id") for one in queued))

    def confirm_hints(self, receipts: Sequence[str]) -> None:
        """Tell the queue that messages need not come again."""
        for first in range(0, len(receipts), CONFIRMED_AT_ONCE):
            ids = ",".join(receipts[first : first + CONFIRMED_AT_ONCE])
            answer = self._top.ask("taobao.tmc.messages.confirm", {"s_message_ids": ids, "group_name": self._group})
            if answer.get("is_success") is not True:
                raise TryLater("the queue has not confirmed its messages", code="not_confirmed")

    def read_order(self, body: bytes) -> Order:
        """Raises: Malformed."""
        return read_trade(self._table, read_json(body), self._funded_by_platform)

    def send_shipment(self, shipment: ShipmentNotice) -> None:
        """Tell of those parcels that the trade does not name yet; reading it first says what completes a sub-order."""
        deadline = self._top.deadline()
        consigned = self._consigned(shipment, deadline)
        parcels = [parcel for parcel in shipment.parcels if not consigned.knows(parcel)]
        if not parcels:
            return
        fields = {"tid": shipment.external_id, **write_consignment(self._table, parcels, consigned)}
        try:
            _believe(self._top.ask(self._send, fields, deadline))
        except Rejected as error:
            if error.code.rpartition(":")[2] != SHIPPED_ALREADY or not self._is_told(shipment, deadline):
                raise

    def find_shipment(self, shipment: ShipmentNotice) -> bool:
        return self._is_told(shipment, self._top.deadline())

    def send_handover(self, handover: HandoverNotice) -> None:
        """Tell that a trade needs no parcel; the platform knows this of whole trades alone, so it is read first.

        Raises: Rejected with code partly_virtual when something of the trade is sent besides.
        """
        deadline = self._top.deadline()
        status = self._trade(handover.external_id, deadline).get("status")
        if status in WHOLLY_SENT:
            return
        if not handover.whole:
            text = "Taobao takes only a whole trade as sent without a parcel: mark this part as sent there by hand"
            raise Rejected(text, code="partly_virtual")
        _believe(self._top.ask(DUMMY_SEND, {"tid": handover.external_id}, deadline))

    def send_stock(self, levels: Sequence[Telling]) -> Told:
        """Tell listings what they may offer; absolute numbers, so repeating them is harmless."""
        return self._listings.tell(levels)

    def refresh_token(self, token: Token) -> Token:
        """Exchange the token; what the platform refuses only the shop's owner can grant anew.

        Raises: Misconfigured with code token_refused; as `TopGateway.ask`.
        """
        try:
            fields = {"refresh_token": token.refresh}
            answer = self._top.ask("taobao.top.auth.token.refresh", fields, in_session=False)
        except (Rejected, TryLater) as error:
            if error.code == "token_expired" or (isinstance(error, Rejected) and not error.code.startswith("http_")):
                text = f"{error.message}: the shop's owner must authorise the application again"
                raise Misconfigured(text, code="token_refused") from error
            raise
        return _token_of(answer)

    def probe(self) -> None:
        """Ask for the last minute's trades: address, credentials, clock, token and permission are all needed."""
        now = self._partner.now()
        self._count(
            {"start_modified": china_time_text(now - timedelta(minutes=1)), "end_modified": china_time_text(now)}
        )

    def _count(self, window: Mapping[str, str]) -> int:
        total = self._list(window, use_has_next="false", page_no="1", page_size="1").get("total_results")
        if not isinstance(total, int) or not 0 <= total <= MOST_TRADES:
            raise OutcomeUnknown("the answer does not say how many trades there are", code="garbled_answer")
        return total

    def _list(self, window: Mapping[str, str], **paging: str) -> dict[str, object]:
        asked = {"fields": "tid,status,step_trade_status", "type": ",".join(sorted(TYPES)), **window, **paging}
        return self._top.ask("taobao.trades.sold.increment.get", asked)

    def _fetch_listed(self, row: Mapping[str, object]) -> Fetched | None:
        """Read a trade that was listed; one that cannot be read is kept as it was listed, for a person to look at."""
        tid = _number_of(row, "tid")
        try:
            return self._fetch(tid)
        except Rejected as error:
            if error.code.startswith("http_"):  # that is no word of the platform's
                raise
            return _kept(tid, {**row, "refused": error.code})

    def _fetch(self, tid: str) -> Fetched | None:
        trade = self._trade(tid)
        return _kept(tid, trade) if is_wanted(trade) and trade.get("type") in TYPES else None

    def _trade(self, tid: str, deadline: Deadline | None = None) -> dict[str, object]:
        asked = {"fields": FIELDS, "tid": tid, "include_oaid": "true"}
        trade = self._top.ask("taobao.trade.fullinfo.get", asked, deadline).get("trade")
        if not isinstance(trade, dict):
            raise OutcomeUnknown("the answer holds no trade", code="garbled_answer")
        found = cast("dict[str, object]", trade)
        if str(found.get("tid", tid)) != tid:
            raise OutcomeUnknown("the answer is about another trade", code="garbled_answer")
        return found

    def _consigned(self, shipment: ShipmentNotice, deadline: Deadline) -> Consigned:
        return read_consigned(self._table, self._trade(shipment.external_id, deadline))

    def _is_told(self, shipment: ShipmentNotice, deadline: Deadline) -> bool:
        consigned = self._consigned(shipment, deadline)
        return all(consigned.knows(parcel) for parcel in shipment.parcels)


def _kept(tid: str, trade: Mapping[str, object]) -> Fetched:
    """Make a trade a message: the same contents are the same bytes, however the platform ordered them.

    Written in ASCII, for a nick may hold half a character, which no encoding takes; reading then refuses it.
    """
    body = json.dumps(trade, separators=(",", ":"), sort_keys=True, default=str).encode()
    return Fetched(kind="order", message_id=f"{tid}:{message_id_of(body)[:16]}", body=body)


def _items(answer: Mapping[str, object], name: str, each: str) -> list[dict[str, object]]:
    """Give the items of a list as TOP writes one, {"trades": {"trade": […]}}; an empty one is left out."""
    around = answer.get(name)
    items = cast("Mapping[str, object]", around).get(each) if isinstance(around, dict) else None
    listed = cast("list[object]", items) if isinstance(items, list) else []
    return [cast("dict[str, object]", one) for one in listed if isinstance(one, dict)]


def _number_of(row: Mapping[str, object], name: str) -> str:
    """Give the number that a row of an answer goes by, to be sent back.

    Raises: OutcomeUnknown.
    """
    number = str(row.get(name))
    if not NUMBER.fullmatch(number):
        raise OutcomeUnknown(f"a row of the answer has no {name}", code="garbled_answer")
    return number


def _tid_of(message: Mapping[str, object]) -> str:
    """Name the trade that a message is about; empty for every other message, and for one that cannot be read."""
    if not str(message.get("topic")).startswith(TOPICS):
        return ""
    try:
        return _number_of(read_json(str(message.get("content")).encode(errors="replace")), "tid")
    except (Malformed, OutcomeUnknown):
        return ""


def _believe(answer: Mapping[str, object]) -> None:
    """Take only a clear success for one; the method and its predecessor say it in words of their own."""
    flags = [cast("Mapping[str, object]", one) for one in answer.values() if isinstance(one, dict)]
    said = [flag[name] for flag in flags for name in ("success", "is_success") if name in flag]
    if said == [False]:
        raise Rejected("the platform did not take the shipment and says no reason", code="not_taken")
    if said != [True]:
        raise OutcomeUnknown("the answer says neither success nor failure", code="garbled_answer")


def _token_of(answer: Mapping[str, object]) -> Token:
    """Read token_result: JSON inside a string, times in milliseconds since 1970."""
    try:
        result = read_json(str(answer.get("token_result")).encode())
        until = [EPOCH + timedelta(milliseconds=whole(result.get(name))) for name in TOKEN_TIMES]
        return Token(
            access=_secret_of(result, "access_token"),
            refresh=_secret_of(result, "refresh_token"),
            expires_at=until[0],
            refresh_until=until[1],
        )
    except (Malformed, KeyError, ValueError, OverflowError):
        raise OutcomeUnknown("the answer holds no token", code="garbled_answer") from None  # it shows what it was given


def _secret_of(result: Mapping[str, object], name: str) -> str:
    """Raises: ValueError for what could be neither kept nor sent."""
    secret = result[name]
    if not (isinstance(secret, str) and secret.isascii() and secret.isprintable()):
        raise ValueError(f"{name} is none")
    return secret


def connect(partner: Partner) -> Taobao:
    return Taobao(partner)
