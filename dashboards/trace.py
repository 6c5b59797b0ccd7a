"""The trace of one order: how far it is and why, everything that was said about it, and what a person may do."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act, lead
from dashboards.asked import address
from dashboards.case_view import case_line
from dashboards.change_acts import ACTS
from dashboards.comparison import compare
from dashboards.hold_telling import seen_in
from dashboards.pages import fragment, page
from dashboards.trace_line import GROUPS, counts_of, line_of, marked
from dashboards.trace_stages import stages_of
from dashboards.visit import Here, Visit
from hub.aftersale.view import returns_of
from hub.errors import NotFound
from hub.order.find import get_order
from hub.order.holds.resume import release_holds
from hub.order.holds.unended import unpaid_limit
from hub.order.reveal import Receiver, known_values, masked_receiver, personal_values, reveal
from hub.order.search.page import find_numbered
from hub.order.search.recognise import NUMBER
from hub.order.trace.explain import explain_routing
from hub.order.trace.goods import trace_goods
from hub.order.trace.head import Head, trace_head
from hub.order.trace.inbox import open_message
from hub.order.trace.revisions import trace_revisions
from hub.order.trace.routing import trace_routing
from hub.order.trace.timeline import trace
from hub.repair import retry_step, why
from hub.roles import Permission
from hub.runs import attempts_of, get_run
from hub.scope import reach
from hub.sourcing.split_words import cut_by
from hub.sourcing.words import batched, counterfactual, verdict

ORDERS: Final = "/console/orders"
Reason = Annotated[str, Form(max_length=500)]

router: Final = APIRouter()


@router.get(ORDERS + "/{number}")
def order(visit: Here, number: str, show: str = "") -> Response:
    """Show an order by the hub's number; a shop's own number leads there."""
    visit.require(Permission.SEE_ORDERS)
    if NUMBER.fullmatch(number) and number.isdigit():
        return page(visit, "order.html", **_told(visit, int(number), show))
    found = find_numbered(visit.session, visit.actor, number)
    if not found:
        raise NotFound(f"there is no order {number}", code="unknown_order")
    return lead(visit, _path(found[0]) if len(found) == 1 else address(ORDERS, q=number))


@router.get("/console/messages/inbox/{inbox_id:id}")
def inbox_message(visit: Here, inbox_id: int, view: str = "") -> Response:
    """Show what came in; of an order's own message also what the hub made of it, value by value."""
    visit.require(Permission.SEE_ORDERS)
    mine = reach(visit.actor, visit.console.settings.connections)
    message = open_message(visit.session, visit.actor, inbox_id, mine)
    comparable = message.kind == "order" and message.order_id is not None and message.connection in mine
    compared = None
    if comparable and view == "compare" and message.order_id is not None:
        head = trace_head(visit.session, message.order_id, visit.actor)
        compared = compare(mine[message.connection].kind, message.shown, head, visit.zone)
    told = {"message": message, "comparable": comparable, "compared": compared, "view": view}
    return drawn(visit, message.order_id, {**told, "drawn": "message_inbox.html"})


@router.get("/console/messages/step/{step_id:id}")
def step_message(visit: Here, step_id: int) -> Response:
    """Show a call to a partner with every attempt: what was asked, what was answered, how long it took."""
    visit.require(Permission.SEE_ORDERS)
    run = get_run(visit.session, visit.actor, step_id)
    attempts = attempts_of(visit.session, run, known_values(visit.session, run.order_id))
    return drawn(visit, run.order_id, {"run": run, "attempts": attempts, "drawn": "message_step.html"})


@router.get(ORDERS + "/{order_id:id}/routing/{no:id}")
def why_there(visit: Here, order_id: int, no: int) -> Response:
    """Show one decision whole: each candidate's costs and fate, and what would have had to be otherwise for it."""
    visit.require(Permission.SEE_ORDERS)
    routing = explain_routing(visit.session, order_id, visit.actor)
    one = next((decision for decision in routing.decisions if decision.no == no), None)
    if one is None:
        raise NotFound(f"order {order_id} has no decision {no}", code="unknown_decision")
    told = {
        "one": one,
        "routing": routing,
        "cut_by": cut_by(one.cut_by, visit.language),
        "case_line": partial(case_line, language=visit.language),
        "verdict_of": partial(verdict, language=visit.language),
        "batched": partial(batched, currency=routing.currency, language=visit.language),
        "what_if": partial(counterfactual, currency=routing.currency, language=visit.language),
    }
    return drawn(visit, order_id, {**told, "drawn": "routing_why.html"})


@router.post(ORDERS + "/{order_id:id}/release")
def release(
    visit: Here,
    order_id: int,
    action_key: ActionKey,
    reason: Reason = "",
    division: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    def work() -> str:
        at = visit.at.astimezone(visit.zone)
        plans = release_holds(visit.session, order_id, visit.actor, why(reason), at, division=division.strip())
        unmet = sum(take.quantity for plan in plans for take in plan.unmet)
        if unmet:
            return visit.say("The order goes on; %(n)s pieces still have no source.", n=unmet)
        return visit.say("The order goes on.")

    return _act(visit, order_id, Permission.WORK_ORDERS, action_key, work)


@router.post(ORDERS + "/{order_id:id}/steps/{step_id:id}/retry")
def retry(visit: Here, order_id: int, step_id: int, action_key: ActionKey, reason: Reason = "") -> Response:
    def work() -> str:
        if get_run(visit.session, visit.actor, step_id).order_id != order_id:
            raise NotFound(f"order {order_id} has no step {step_id}", code="unknown_step")
        retry_step(visit.session, visit.actor, step_id, why(reason), visit.at)
        return visit.say("Run %(id)s is due again; what may have been executed is not done twice.", id=step_id)

    return _act(visit, order_id, Permission.REPLAY, action_key, work)


@router.post(ORDERS + "/{order_id:id}/receiver")
def receiver(visit: Here, order_id: int, reason: Reason = "") -> Response:
    """Show the receiver unmasked, once, on this answer alone; each look is audited."""
    shown = reveal(visit.session, order_id, visit.actor, reason, visit.at)
    if visit.target("receiver"):
        head = trace_head(visit.session, order_id, visit.actor)
        return fragment(visit, "order_receiver.html", head=head, receiver=shown, opened=True)
    return page(visit, "order.html", **_told(visit, order_id, "", shown))


def _act(visit: Visit, order_id: int, least: Permission, key: str, work: Callable[[], str]) -> Response:
    """Let a person act on an order that is theirs, and lead back to it."""
    visit.require(least)
    trace_head(visit.session, order_id, visit.actor)
    return act(visit, key, work, then=_path(order_id))


def _told(visit: Visit, order_id: int, show: str, opened: Receiver | None = None) -> dict[str, Any]:
    """Gather everything that the page of an order shows."""
    session, actor = visit.session, visit.actor
    head = trace_head(session, order_id, actor)
    goods = trace_goods(session, order_id, personal_values(session, order_id, actor))
    happenings = trace(session, order_id)
    return {
        "head": head,
        "goods": goods,
        "stages": [(one, visit.say(one.label)) for one in stages_of(head, goods, happenings)],
        "decisions": {one.no: one for one in trace_routing(session, order_id)},
        "line": marked(line_of(happenings, show)),
        "counts": counts_of(happenings),
        "show": show if show in GROUPS else "",
        "receiver": opened or masked_receiver(session, order_id, actor),
        "opened": opened is not None,
        "drawn": "",
        "path": _path(order_id),
        "revisions": trace_revisions(session, order_id),
        "summary": get_order(session, order_id, actor),
        "returns": returns_of(session, order_id),
        "acts": {name: (one, visit.say(one.label)) for name, one in ACTS.items() if one.fits(head)},
        "closes": _closes(visit, head),
        "seen_in": partial(seen_in, language=visit.language),
        "case_line": partial(case_line, language=visit.language),
        "verdict_of": partial(verdict, language=visit.language),
        "batched": partial(batched, currency=head.currency, language=visit.language),
    }


def _closes(visit: Visit, head: Head) -> bool:
    """Say whether an order ends by itself if nobody pays it."""
    if head.payment == "deposit_paid":
        return head.balance_due_at is not None
    return bool(unpaid_limit(visit.console.settings, head.channel))


def drawn(visit: Visit, order_id: int | None, told: dict[str, Any]) -> Response:
    """Show a message, a decision or a form in the drawer: alone to htmx, else over its order's page."""
    behind = _path(order_id) if order_id else "/console/exceptions"
    if visit.target("drawer"):
        return fragment(visit, told["drawn"], **told, behind=behind)
    if order_id is None:
        return page(visit, "message.html", **told, behind=behind)
    return page(visit, "order.html", **{**_told(visit, order_id, ""), **told, "behind": behind})


def _path(order_id: int) -> str:
    return f"{ORDERS}/{order_id}"
