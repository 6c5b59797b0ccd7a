"""What a person does about one case: take it, mend its cause, or close it where only a person can."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act
from dashboards.case_look import HOME, MINE, Asked, Look, connection_of, connections_of
from dashboards.case_view import takers
from dashboards.visit import Here, Visit
from hub.cases import assign, resolve_by_hand
from hub.catalogue.waiting import Shop, bind_and_replay
from hub.errors import Conflict, NotFound
from hub.order.holds.resume import release_holds
from hub.repair import discard_message, replay_message, retry_step, why
from hub.roles import Permission
from hub.tending import resume_for
from hub.worklist import CaseView, get_case

Reason = Annotated[str, Form(max_length=500)]

router: Final = APIRouter()


@router.post("/console/exceptions/{case_id:id}/assign")
def take(visit: Here, case_id: int, look: Asked, action_key: ActionKey, to: Annotated[str, Form()] = "") -> Response:
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        case = _case(visit, case_id)
        name = person(visit, to, [case.id])
        assign(visit.session, visit.actor, [case_id], name, visit.at, connections_of(visit))
        return visit.say("The case is %(who)s's.", who=name) if name else visit.say("The case is nobody's now.")

    return act(visit, action_key, work, then=look.link(f"{HOME}/{case_id}"))


@router.post("/console/exceptions/{case_id:id}/resolve")
def resolve(visit: Here, case_id: int, look: Asked, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        resolve_by_hand(visit.session, visit.actor, case_id, reason, visit.at, connections_of(visit))
        return visit.say("The case is closed.")

    return act(visit, action_key, work, then=look.link())


@router.post("/console/exceptions/{case_id:id}/release")
def release(
    visit: Here,
    case_id: int,
    look: Asked,
    action_key: ActionKey,
    reason: Reason = "",
    division: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        case = _case(visit, case_id)
        if case.order_id is None:
            raise Conflict("this case is of no order", code="no_order")
        at = visit.at.astimezone(visit.zone)
        plans = release_holds(visit.session, case.order_id, visit.actor, why(reason), at, division=division.strip())
        unmet = sum(take.quantity for plan in plans for take in plan.unmet)
        if unmet:
            return visit.say("The order goes on; %(n)s pieces still have no source.", n=unmet)
        return visit.say("The order goes on.")

    return act(visit, action_key, work, then=look.link())


@router.post("/console/exceptions/{case_id:id}/retry")
def retry(visit: Here, case_id: int, look: Asked, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.REPLAY)

    def work() -> str:
        step_id = _number(_case(visit, case_id), "step")
        retry_step(visit.session, visit.actor, step_id, why(reason), visit.at)
        return visit.say("Run %(id)s is due again; what may have been executed is not done twice.", id=step_id)

    return act(visit, action_key, work, then=look.link())


@router.post("/console/exceptions/{case_id:id}/replay")
def replay(visit: Here, case_id: int, look: Asked, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.REPLAY)

    def work() -> str:
        inbox_id = _number(_case(visit, case_id), "inbox")
        replay_message(visit.session, visit.actor, inbox_id, reason, visit.at, connections_of(visit))
        return visit.say("The message waits for the worker again.")

    return act(visit, action_key, work, then=look.link())


@router.post("/console/exceptions/{case_id:id}/discard")
def discard(visit: Here, case_id: int, look: Asked, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.REPLAY)

    def work() -> str:
        inbox_id = _number(_case(visit, case_id), "inbox")
        discard_message(visit.session, visit.actor, inbox_id, reason, visit.at, connections_of(visit))
        return visit.say("The message is set aside for good.")

    return act(visit, action_key, work, then=look.link())


@router.post("/console/exceptions/{case_id:id}/resume")
def resume(visit: Here, case_id: int, look: Asked, action_key: ActionKey, reason: Reason = "") -> Response:
    visit.require(Permission.BULK)

    def work() -> str:
        name = _case(visit, case_id).subject.removeprefix("connection:")
        resume_for(visit.session, visit.actor, name, connection_of(visit, name), reason, visit.at)
        return visit.say("%(name)s goes on: what waited is due at once.", name=name)

    return act(visit, action_key, work, then=look.link())


@router.post("/console/exceptions/bind")
def bind(
    visit: Here,
    action_key: ActionKey,
    connection: Annotated[str, Form()],
    code: Annotated[str, Form(max_length=200)],
    sku: Annotated[str, Form(max_length=200)] = "",
    reason: Reason = "",
) -> Response:
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        settings = connection_of(visit, connection)
        shop = Shop(connection, settings.brand, settings.shop)
        n = bind_and_replay(visit.session, visit.actor, shop, code, sku, reason, visit.at, connections_of(visit))
        return visit.say("%(code)s is %(sku)s now: %(n)s messages go on.", code=code, sku=sku, n=n)

    return act(visit, action_key, work, then=Look(type="unknown_sku").link())


def person(visit: Visit, to: str, case_ids: Sequence[int]) -> str:
    """Give the name of whom cases are given to: `me`, somebody who may work on all of them, or nobody.

    Raises: NotFound.
    """
    name = visit.actor.name if to == MINE else to
    if name and name not in {one for one, _ in takers(visit, case_ids)}:
        raise NotFound(f"nobody called {name} may work on this", code="unknown_person", field="to")
    return name


def _case(visit: Visit, case_id: int) -> CaseView:
    return get_case(visit.session, visit.actor, case_id, connections_of(visit))


def _number(case: CaseView, what: str) -> int:
    """Give the inbox row or the step that a case is about.

    Raises: Conflict when it is about something else.
    """
    if what not in case.detail:
        raise Conflict(f"case {case.id} is not about a {what}", code="other_remedy")
    return int(case.detail[what])
