"""Returns of an order: a shop asks for them, a program of operations grants them and says what has arrived."""

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.orm import Session

from api.auth import Caller, Operator
from api.order_changes import CREATED, Key, number_of, once
from api.return_examples import APPROVE, ASK, REASON, RECEIVE, SENT
from api.surroundings import Body, Hub, TheHub, read_wish
from hub.aftersale import model
from hub.aftersale import wish as wishes
from hub.aftersale.ask import ask_return
from hub.aftersale.decide import approve_return, reject_return, send_back, withdraw_return
from hub.aftersale.receive import receive_return
from hub.aftersale.status import Fault, ReturnKind
from hub.aftersale.view import Returns, ReturnView, get_return, returns_of
from hub.document import Code, Document
from hub.errors import NotFound
from hub.order.find import get_order
from hub.order.model import Phrase, Pieces
from hub.roles import Actor, Permission

router = APIRouter(prefix="/v1/orders/{order_id}/returns", tags=["returns · 退货"])

LONGEST_NO: Final = 9

Waybill = Annotated[str, Field(max_length=64, pattern=r"^[\w.:@/+-]*$")]


class LineBack(Document):
    line_id: Annotated[str, Field(min_length=1, max_length=130)]
    quantity: Pieces


class ReturnWish(Document):
    """What is to come back, why, and with whom it is on its way if that is known."""

    kind: ReturnKind = ReturnKind.RETURN_REFUND
    fault: Fault = Fault.BUYER
    reason: Phrase = ""
    location: Code | None = None
    courier: Waybill = ""
    tracking_no: Waybill = ""
    lines: Annotated[tuple[LineBack, ...], Field(min_length=1, max_length=500)]

    def wish(self) -> wishes.Wish:
        lines, sent = [(one.line_id, one.quantity) for one in self.lines], wishes.Sent(self.courier, self.tracking_no)
        return wishes.Wish(self.kind, lines, self.fault, self.reason, self.location or "", sent)


class ApproveWish(Document):
    location: Code | None = None
    reason: Phrase = ""


class ReasonWish(Document):
    reason: Phrase = ""


class SentWish(Document):
    courier: Annotated[Waybill, Field(min_length=1)]
    tracking_no: Annotated[Waybill, Field(min_length=1)]


@router.post(
    "", status_code=CREATED, response_model=ReturnView, openapi_extra=ASK, summary="申请退货 · Ask for a return"
)
def ask(hub: TheHub, caller: Caller, order_id: str, body: Body, key: Key = "") -> Response:
    """Ask for pieces that were shipped to come back, or for their money alone; somebody approves or rejects it.

    More than were shipped, are not back and not asked for already is 409 more_than_shipped. Gifts stay unless they are
    named like any line. Send an Idempotency-Key: a second call without one is a second return.
    """
    wish = read_wish(ReturnWish, body)

    def act(session: Session, number: int) -> int:
        terms = wishes.Terms.of(hub.settings.orders)
        return ask_return(session, number, wish.wish(), caller.name, terms, hub.now())

    return once(hub, caller, "return", order_id, body, key, act, CREATED, _shown(order_id))


@router.get("", summary="退货列表 · List an order's returns")
def list_all(hub: TheHub, caller: Caller, order_id: str) -> Returns:
    """List the returns of an order, the first first; `aftersale` is none, under_way, part or whole."""
    with hub.database.transaction() as session:
        get_order(session, number_of(order_id), caller)
        return returns_of(session, number_of(order_id))


@router.get("/{return_no}", summary="查看退货 · Look at a return")
def get_one(hub: TheHub, caller: Caller, order_id: str, return_no: str) -> ReturnView:
    """Give one return: what was asked for, what has arrived of it and in which state, and what goes back for it."""
    with hub.database.transaction() as session:
        get_order(session, number_of(order_id), caller)
        return get_return(session, number_of(order_id), no_of(return_no))


@router.post(
    "/{return_no}/sent", response_model=ReturnView, openapi_extra=SENT, summary="登记寄回 · Say it is on its way"
)
def send(hub: TheHub, caller: Caller, order_id: str, return_no: str, body: Body, key: Key = "") -> Response:
    """Say with whom the goods of an approved return are on their way; again with another waybill replaces it."""
    wish, no = read_wish(SentWish, body), no_of(return_no)
    sent = wishes.Sent(wish.courier, wish.tracking_no)
    return _act(
        (hub, caller, order_id, no, "sent", body, key),
        lambda session, number: send_back(session, number, no, sent, caller.name, hub.now()),
    )


@router.post(
    "/{return_no}/withdraw", response_model=ReturnView, openapi_extra=REASON, summary="撤回退货 · Let a return go"
)
def withdraw(hub: TheHub, caller: Caller, order_id: str, return_no: str, body: Body, key: Key = "") -> Response:
    """Let a return go that has not ended. What arrives all the same is taken in, and a person decides its money."""
    wish, no = read_wish(ReasonWish, body), no_of(return_no)
    return _act(
        (hub, caller, order_id, no, "withdraw", body, key),
        lambda session, number: withdraw_return(session, number, no, caller.name, wish.reason, hub.now()),
    )


@router.post(
    "/{return_no}/approve", response_model=ReturnView, openapi_extra=APPROVE, summary="同意退货 · Approve a return"
)
def approve(hub: TheHub, caller: Operator, order_id: str, return_no: str, body: Body, key: Key = "") -> Response:
    """Approve a return: its goods are awaited, or of money alone the refund is due. For programs of operations."""
    caller.require(Permission.WORK_ORDERS)
    wish, no = read_wish(ApproveWish, body), no_of(return_no)
    return _act(
        (hub, caller, order_id, no, "approve", body, key),
        lambda session, number: approve_return(
            session, number, no, caller.name, hub.now().astimezone(hub.zone), wish.location or "", wish.reason
        ),
    )


@router.post(
    "/{return_no}/reject", response_model=ReturnView, openapi_extra=REASON, summary="拒绝退货 · Reject a return"
)
def reject(hub: TheHub, caller: Operator, order_id: str, return_no: str, body: Body, key: Key = "") -> Response:
    """Reject a return that nobody has approved; its pieces can be asked for again. For programs of operations."""
    caller.require(Permission.WORK_ORDERS)
    wish, no = read_wish(ReasonWish, body), no_of(return_no)
    return _act(
        (hub, caller, order_id, no, "reject", body, key),
        lambda session, number: reject_return(session, number, no, caller.name, wish.reason, hub.now()),
    )


@router.post(
    "/{return_no}/receive", response_model=ReturnView, openapi_extra=RECEIVE, summary="退货入库 · Say what arrived"
)
def receive(hub: TheHub, caller: Operator, order_id: str, return_no: str, body: Body, key: Key = "") -> Response:
    """Say what has arrived: it is in stock, and its money is due. Once for each `document`; the same again is no error.

    Fewer, more or other pieces than announced are taken as they are, and a case names the difference. For where no
    warehouse reports it itself. For programs of operations.
    """
    caller.require(Permission.WORK_ORDERS)
    wish, no = read_wish(model.Arrived, body), no_of(return_no)
    return _act(
        (hub, caller, order_id, no, "receive", body, key),
        lambda session, number: receive_return(session, number, no, wish, caller.name, hub.now().astimezone(hub.zone)),
    )


def no_of(told: str) -> int:
    """Read a return's number.

    Raises: NotFound.
    """
    if not (told.isascii() and told.isdigit() and len(told) <= LONGEST_NO):
        raise NotFound(f"there is no return {told[:20]}", code="unknown_return")
    return int(told)


def _shown(order_id: str) -> Callable[[Session, int, Actor], ReturnView]:
    """Give what shows a return of an order by its number."""
    return lambda session, no, _: get_return(session, number_of(order_id), no)


def _act(call: tuple[Hub, Actor, str, int, str, bytes, str], do: Callable[[Session, int], object]) -> Response:
    """Do something to a return, once for each Idempotency-Key, and answer with it."""
    hub, caller, order_id, no, what, body, key = call

    def act(session: Session, number: int) -> int:
        do(session, number)
        return no

    return once(hub, caller, f"return:{what}:{no}", order_id, body, key, act, show=_shown(order_id))
