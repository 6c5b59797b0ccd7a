"""The methods of the TOP gateway that a seller's software needs, answered from a shop's books."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.taobao_books import Books
from sandbox.taobao_wire import (
    CONFIRM,
    CONSUME,
    DUMMY_SEND,
    FIND_ITEMS,
    FIND_SKUS,
    LIST,
    READ,
    REFRESH,
    SEND,
    UPDATE_ITEM,
    UPDATE_SKUS,
    Refused,
    invalid,
    read_time,
)

Named = Mapping[str, str]
Act = Callable[[Books, Named, datetime], dict[str, object]]

_LONGEST: Final = timedelta(days=1)
_MOST_ROWS: Final = 100
_USUAL_ROWS: Final = "40"
_MOST_MESSAGES: Final = 200
_FEWEST_MESSAGES: Final = 10
_FOR_OAID: Final = frozenset(
    {"receiver_name", "receiver_address", "created", "receiver_mobile", "receiver_phone"}
)  # without these five the platform gives no oaid
_AS_WHOLE: Final = {"guarantee_trade": {"fixed", "auction", "guarantee_trade"}}
_USUAL_TYPES: Final = "guarantee_trade,auto_delivery,ec,cod,step"


def list_trades(books: Books, named: Named, _: datetime) -> dict[str, object]:
    """Partial trades by the time they were modified, latest first."""
    start, end = read_time(named["start_modified"]), read_time(named["end_modified"])
    if not start < end <= start + _LONGEST:
        raise invalid("end_modified")
    page, size = int(named.get("page_no", "1")), int(named.get("page_size", _USUAL_ROWS))
    if not (1 <= size <= _MOST_ROWS and page >= 1):
        raise invalid("page_size")
    asked = named.get("type", _USUAL_TYPES).split(",")
    types = set[str]().union(*(_AS_WHOLE.get(one, {one}) for one in asked))
    found = [
        page.trade
        for page in books.pages.values()
        if named["start_modified"] <= page.trade["modified"] <= named["end_modified"]  # one form: text sorts as time
        and page.trade["type"] in types
        and named.get("status", page.trade["status"]) == page.trade["status"]
    ]
    found.sort(key=lambda trade: (trade["modified"], trade["tid"]), reverse=True)
    rows = [_picked(trade, named["fields"]) for trade in found[(page - 1) * size : page * size]]
    answer: dict[str, object] = {"trades": {"trade": rows}} if rows else {}
    if named.get("use_has_next") == "true":
        return {**answer, "has_next": page * size < len(found)}
    return {**answer, "total_results": len(found)}


def read_trade(books: Books, named: Named, _: datetime) -> dict[str, object]:
    trade = dict(books.page_of(named["tid"]).trade)
    if _FOR_OAID - set(named["fields"].split(",")):
        trade.pop("oaid", None)
    return {"trade": _picked(trade, named["fields"])}


def consume(books: Books, named: Named, _: datetime) -> dict[str, object]:
    quantity = int(named.get("quantity", "100"))
    if not _FEWEST_MESSAGES <= quantity <= _MOST_MESSAGES:
        raise invalid("quantity")
    messages = books.consume(quantity)
    return {"messages": {"tmc_message": messages}} if messages else {}


def confirm(books: Books, named: Named, _: datetime) -> dict[str, object]:
    numbers = named["s_message_ids"].split(",")
    if len(numbers) > _MOST_MESSAGES or not all(number.isdecimal() for number in numbers):
        raise invalid("s_message_ids")
    books.confirm([int(number) for number in numbers])
    return {"is_success": True}


def send(books: Books, named: Named, now: datetime) -> dict[str, object]:
    """Take packages the new way, which names the goods of each; the old way is not played here."""
    if named.get("consign_type") != "1":
        raise invalid("consign_type")
    for name in ("consign_pkgs", "consign_status"):
        if name not in named:
            raise Refused(40, "Missing required arguments", f"isv.missing-parameter:{name}", f"{name} is required")
    books.send(named["tid"], named["consign_pkgs"], named["consign_status"], now)
    return {"result": {"success": True}}


def dummy_send(books: Books, named: Named, now: datetime) -> dict[str, object]:
    """Take a whole trade as sent with no parcel."""
    books.send_nothing(named["tid"], now)
    return {"shipping": {"is_success": True}}


def refresh(books: Books, named: Named, now: datetime) -> dict[str, object]:
    return {"token_result": books.renew(named["refresh_token"], now)}


ACTS: Final[Mapping[str, Act]] = {
    LIST: list_trades,
    READ: read_trade,
    CONSUME: consume,
    CONFIRM: confirm,
    SEND: send,
    DUMMY_SEND: dummy_send,
    REFRESH: refresh,
    FIND_SKUS: lambda books, named, _: books.shelf.find_skus(named["outer_id"]),
    FIND_ITEMS: lambda books, named, _: books.shelf.find_items(named["outer_id"]),
    UPDATE_SKUS: lambda books, named, _: books.shelf.update_skus(named),
    UPDATE_ITEM: lambda books, named, _: books.shelf.update_item(named),
}


def _picked(trade: Mapping[str, Any], fields: str) -> dict[str, object]:
    """Only what was asked for, as the platform answers."""
    wanted = {one.partition(".")[0] for one in fields.split(",")}
    return {name: value for name, value in trade.items() if name in wanted}
