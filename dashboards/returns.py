"""An order's returns on its page: approve, reject, let go, and say what arrived."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Annotated, Final

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboards.actions import ActionKey, act
from dashboards.change_form import MOST_DIGITS, MOST_LINES, Word
from dashboards.visit import Here, Visit
from hub.aftersale.decide import approve_return, reject_return, withdraw_return
from hub.aftersale.model import Arrived, Goods
from hub.aftersale.receive import receive_return
from hub.aftersale.status import ReturnState
from hub.errors import Malformed
from hub.inventory.condition import Condition
from hub.order.trace.head import trace_head
from hub.repair import why
from hub.roles import Permission

RETURN: Final = "/console/orders/{order_id:id}/returns/{no:id}"

Reason = Annotated[str, Form(max_length=500)]

router: Final = APIRouter()


@router.post(RETURN + "/approve")
def approve(visit: Here, order_id: int, no: int, action_key: ActionKey, reason: Reason = "") -> Response:
    def work() -> str:
        here = visit.at.astimezone(visit.zone)
        state = approve_return(visit.session, order_id, no, visit.actor.name, here, reason=why(reason))
        if state is ReturnState.CLOSED:
            return visit.say("The money is due to go back.")
        return visit.say("The return is approved: its goods are awaited.")

    return _act(visit, order_id, action_key, work)


@router.post(RETURN + "/reject")
def reject(visit: Here, order_id: int, no: int, action_key: ActionKey, reason: Reason = "") -> Response:
    def work() -> str:
        reject_return(visit.session, order_id, no, visit.actor.name, why(reason), visit.at)
        return visit.say("The return is rejected.")

    return _act(visit, order_id, action_key, work)


@router.post(RETURN + "/withdraw")
def withdraw(visit: Here, order_id: int, no: int, action_key: ActionKey, reason: Reason = "") -> Response:
    def work() -> str:
        withdraw_return(visit.session, order_id, no, visit.actor.name, why(reason), visit.at)
        return visit.say("The return is let go.")

    return _act(visit, order_id, action_key, work)


class Receipt(BaseModel):
    """What arrived, as it is written; the lists are alike, one entry for each line with its good and its bad pieces."""

    model_config = ConfigDict(frozen=True)

    action_key: str = ""
    document: str = Field(default="", max_length=200)
    sku: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    ref: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    good: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    bad: tuple[Word, ...] = Field(default=(), max_length=MOST_LINES)
    more: str = Field(default="", max_length=3)

    def arrived(self) -> Arrived:
        """Give what it says.

        Raises: Malformed.
        """
        goods = [
            one
            for sku, line, *counts in zip_longest(self.sku, self.ref, self.good, self.bad, fillvalue="")
            for condition, n in zip((Condition.SALEABLE, Condition.DAMAGED), counts, strict=True)
            if (one := _goods(sku, line, n, condition)).pieces
        ]
        try:
            return Arrived(document=self.document.strip(), goods=tuple(goods), final=not self.more)
        except ValidationError as error:
            raise Malformed("name the document by which it came", code="malformed", field="document") from error


@router.post(RETURN + "/receive")
def receive(visit: Here, order_id: int, no: int, form: Annotated[Receipt, Form()]) -> Response:
    """Take in what arrived: pieces by the line that awaits them, in either condition."""

    def work() -> str:
        here = visit.at.astimezone(visit.zone)
        receive_return(visit.session, order_id, no, form.arrived(), visit.actor.name, here)
        return visit.say("What arrived is in stock, and its money is due to go back.")

    return _act(visit, order_id, form.action_key, work)


def _goods(sku: str, line: str, told: str, condition: Condition) -> Goods:
    n = told.strip() or "0"
    if not (n.isascii() and n.isdigit() and len(n) <= MOST_DIGITS):
        raise Malformed(f"{sku}: a whole number of pieces", code="pieces", field="good")
    try:
        return Goods(sku=sku, pieces=int(n), condition=condition, line_ref=line)
    except ValidationError as error:
        raise Malformed(f"{sku} cannot have arrived", code="pieces", field="good") from error


def _act(visit: Visit, order_id: int, key: str, work: Callable[[], str]) -> Response:
    """Let a person act on a return of an order that is theirs, and lead back to the order."""
    visit.require(Permission.WORK_ORDERS)
    trace_head(visit.session, order_id, visit.actor)
    return act(visit, key, work, then=f"/console/orders/{order_id}")
