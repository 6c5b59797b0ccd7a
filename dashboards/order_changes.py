"""Changes of an order on its page: a form, what it would come to, and the act; who comes second is told what is new."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import act_towards
from dashboards.change_acts import ACTS, Act
from dashboards.change_form import ChangeForm
from dashboards.change_lines import offered, waiting, wantable
from dashboards.faults import CAUSES, GENERAL, status_of
from dashboards.pages import fragment
from dashboards.texts import N_
from dashboards.trace import drawn
from dashboards.visit import Here, Visit
from hub.aftersale.exchange import exchangeable
from hub.database import row
from hub.errors import Conflict, HubError, NotFound
from hub.merge.group import hold_together
from hub.order.change.cancel_wish import wants_cancel
from hub.order.change.settle import changing
from hub.order.change.table import ChangeState
from hub.order.rehearse.change import Foreseen, foresee
from hub.order.reveal import masked_receiver
from hub.order.trace.goods import trace_goods
from hub.order.trace.head import trace_head
from hub.order.trace.revisions import trace_revisions
from hub.order.trace.seen import Otherwise, otherwise, see
from hub.roles import Permission
from hub.sourcing.location import find_places

ORDERS: Final = "/console/orders"
CHANGE: Final = ORDERS + "/{order_id:id}/change/{name}"
CHANGED: Final = "order_changed"
ENDED: Final = {
    "cancelled": N_("The order is cancelled."),
    "closed": N_("What was left of the order is cancelled."),
}
ALWAYS: Final = {
    "intercept": N_(
        "The parcels are to be stopped: each shows what its courier says, and a case calls for the others."
    ),
    "return": N_("The return waits to be approved."),
}
"""What acts are told to have done whatever became of the order."""

Written = Annotated[ChangeForm, Form()]

router: Final = APIRouter()


@router.get(CHANGE)
def write(visit: Here, order_id: int, name: str) -> Response:
    """Show the form of a change; the order's page stands behind it."""
    visit.require(Permission.WORK_ORDERS)
    return _form(visit, order_id, name, ChangeForm())


@router.post(CHANGE)
def look_ahead(visit: Here, order_id: int, name: str, form: Written) -> Response:
    """Say what a change would come to, whom it needs and why it would be refused; nothing is done yet."""
    visit.require(Permission.WORK_ORDERS)
    if visit.target("foreseen"):
        return fragment(visit, "change_foreseen.html", **_foreseen(visit, order_id, name, form))
    return _form(visit, order_id, name, form, ahead=True)


@router.post(CHANGE + "/do")
def do(visit: Here, order_id: int, name: str, form: Written) -> Response:
    """Do what was looked at, unless the order is not as it was then: what is otherwise is told, and asked once more."""
    visit.require(Permission.WORK_ORDERS)
    chosen = _act(visit, order_id, name)
    news: list[Otherwise] = []

    def work() -> tuple[str, str]:
        hold_together(visit.session, order_id)
        news.extend(otherwise(form.saw(), see(visit.session, order_id)))
        if news:
            raise Conflict("the order is not as it was when you looked", code=CHANGED)
        made = chosen.do(visit, order_id, form)
        return _sentence(visit, order_id, name, made), _where(visit, order_id, name, made)

    try:
        with visit.session.begin_nested():  # the key of what is not done is not spent
            return act_towards(visit, form.action_key, work)
    except Conflict as error:
        if error.code != CHANGED:
            raise
    if visit.in_part:
        told = _foreseen(visit, order_id, name, form, news)
        answer = fragment(visit, "change_foreseen.html", status=status_of(Conflict("")), **told)
        answer.headers.update({"HX-Retarget": "#foreseen", "HX-Reswap": "innerHTML"})
        return answer
    answer = _form(visit, order_id, name, form, news, ahead=True)
    answer.status_code = status_of(Conflict(""))
    return answer


def _act(visit: Visit, order_id: int, name: str) -> Act:
    """Give an act on an order that the person may work on.

    Raises: NotFound, also for an act that is none.
    """
    trace_head(visit.session, order_id, visit.actor)
    if name not in ACTS:
        raise NotFound(f"there is no change {name[:20]}", code="not_found")
    return ACTS[name]


def _form(
    visit: Visit, order_id: int, name: str, form: ChangeForm, news: Sequence[Otherwise] = (), *, ahead: bool = False
) -> Response:
    """Show the form in the drawer, with what is foreseen if that was asked for."""
    chosen = _act(visit, order_id, name)
    head = trace_head(visit.session, order_id, visit.actor)
    told = {
        "chosen": chosen,
        "name": name,
        "form": form,
        "path": f"{ORDERS}/{order_id}",
        "head": head,
        "goods": trace_goods(visit.session, order_id),
        "lines": offered(head),
        "waits": any(waiting(line) for line in head.lines),
        "wantable": wantable(head),
        "keeps_deposit": visit.console.settings.orders.deposit == "keep",
        "charges": visit.console.settings.orders.charges,
        "asked": [one for one in trace_revisions(visit.session, order_id) if one.state == "asked"],
        "masked": masked_receiver(visit.session, order_id, visit.actor),
        "exchangeable": exchangeable(visit.session, order_id) if name == "exchange" else (),
        "places": [one for one in find_places(visit.session).values() if one.brand == head.brand and one.active],
        "seen": json.dumps(see(visit.session, order_id)),
        "ahead": ahead,
        "news": (),
    }
    if ahead:
        told |= _foreseen(visit, order_id, name, form, news)
    return drawn(visit, order_id, {**told, "drawn": "change.html"})


def _foreseen(
    visit: Visit, order_id: int, name: str, form: ChangeForm, news: Sequence[Otherwise] = ()
) -> dict[str, Any]:
    """Gather what a change would come to, or why it is refused; `seen` is how the order stands meanwhile."""
    chosen = _act(visit, order_id, name)
    hold_together(visit.session, order_id)
    seen = see(visit.session, order_id)
    told: Foreseen | None = None
    refused: HubError | None = None
    try:
        told = foresee(
            visit.session, order_id, partial(chosen.do, visit, order_id, form), visit.at.astimezone(visit.zone)
        )
    except HubError as error:
        refused = error
    return {
        "chosen": chosen,
        "name": name,
        "form": form,
        "path": f"{ORDERS}/{order_id}",
        "head": trace_head(visit.session, order_id, visit.actor),
        "told": told,
        "refused": refused,
        "refusal": CAUSES.get(refused.code, GENERAL).say(visit.language) if refused else "",
        "seen": json.dumps(seen),
        "news": news,
        "authors": {one.no: one for one in trace_revisions(visit.session, order_id)} if news else {},
    }


def _sentence(visit: Visit, order_id: int, name: str, made: int | None) -> str:
    """Tell what has been done."""
    if made:
        return visit.say("Order %(number)s is placed: it follows from the one before.", number=made)
    if name in ALWAYS:
        return visit.say(ALWAYS[name])
    head = trace_head(visit.session, order_id, visit.actor)
    if head.lifecycle in ENDED:
        return visit.say(ENDED[head.lifecycle])
    if wants_cancel(visit.session, order_id):
        return visit.say("The warehouse is asked to stop the order; it is cancelled once that agrees.")
    if changing(visit.session, order_id):
        return visit.say("The location is asked to stop; the change is made once it agrees.")
    short = _short(visit, order_id) if name == "reroute" else ""
    return short or visit.say("The change is made.")


def _short(visit: Visit, order_id: int) -> str:
    """Tell that where it was sent nobody has what waits, or not all of it; nothing where all of it has a source."""
    statement = "select state from order_revision where order_id = :id order by no desc limit 1"
    last = row(visit.session, statement, id=order_id)
    if last and last.state == ChangeState.REFUSED:
        return visit.say("Nothing of it has a source there: it goes on waiting.")
    if last and last.state == ChangeState.PART:
        return visit.say("Some of it has a source; the rest goes on waiting.")
    return ""


def _where(visit: Visit, order_id: int, name: str, made: int | None) -> str:
    """Lead to the order, to the one that was made, or to why it ships from where it ships now."""
    path = f"{ORDERS}/{made or order_id}"
    if name != "reroute" or changing(visit.session, order_id):
        return path
    last = row(visit.session, "select max(no) as no from routing_decision where order_id = :id", id=order_id)
    return f"{path}/routing/{last.no}" if last and last.no else path
