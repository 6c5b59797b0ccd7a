"""The holds queue: why orders wait, by type, rule and age; each is looked at in a drawer and let go on there."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Response

from dashboards.actions import ActionKey, act
from dashboards.asked import Place
from dashboards.case_many import RELEASED, numbers
from dashboards.hold_look import HOME, Asked, Look
from dashboards.hold_telling import resolver_of, seen_in
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.errors import Conflict
from hub.order.holds.repair import release_orders
from hub.order.holds.resume import release_holds, release_part
from hub.order.holds.view import get_hold, hold_groups, list_holds, orders_held, tally_holds
from hub.repair import why
from hub.review.verdict import Scope, roles_held
from hub.roles import Permission
from hub.scope import reach

PAGE: Final = 50
Reason = Annotated[str, Form(max_length=500)]

router: Final = APIRouter()


@router.get(HOME)
def holds(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return show(visit, look)


@router.get(HOME + "/counts")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the counts by type alone, to a page that asks for them again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "holds_counts.html", **_counts(visit, look))


@router.get(HOME + "/selected")
def selected(
    visit: Here, look: Asked, hold: Annotated[tuple[Place, ...], Query()] = (), *, every: bool = False
) -> Response:
    """Count what releasing the orders of these holds would meet, or of all that match; nothing is done yet."""
    visit.require(Permission.WORK_ORDERS)
    ids = orders_held(visit.session, visit.actor, look.wanted(visit), RELEASED + 1) if every else sorted(set(hold))
    counted = tally_holds(visit.session, visit.actor, ids[:RELEASED])
    return show(visit, look, "holds_many.html", tally=counted, more=len(ids) > RELEASED, most=RELEASED)


@router.get(HOME + "/{order_id:id}/{no:id}")
def hold(visit: Here, order_id: int, no: int, look: Asked) -> Response:
    """Show one hold; the list it was opened from stands behind it."""
    visit.require(Permission.SEE_ORDERS)
    mine = roles_held(visit.actor.roles)
    return show(visit, look, "hold.html", one=get_hold(visit.session, visit.actor, order_id, no), mine=mine)


@router.post(HOME + "/{order_id:id}/{no:id}/release")
def release(
    visit: Here,
    order_id: int,
    no: int,
    look: Asked,
    action_key: ActionKey,
    reason: Reason = "",
    division: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Let the order of a hold go on, with all that holds it, or the line or fulfilment order that it holds alone."""
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        one = get_hold(visit.session, visit.actor, order_id, no)
        if one.released_at:
            raise Conflict(f"this hold was released by {one.released_by}", code="hold_released")
        at = visit.at.astimezone(visit.zone)
        if one.scope is Scope.ORDER:
            plans = release_holds(visit.session, order_id, visit.actor, why(reason), at, division=division.strip())
        else:
            plans = release_part(visit.session, order_id, no, visit.actor, why(reason), at)
        unmet = sum(take.quantity for plan in plans for take in plan.unmet)
        if unmet:
            return visit.say("The order goes on; %(n)s pieces still have no source.", n=unmet)
        return visit.say("The order goes on.") if one.scope is Scope.ORDER else visit.say("The hold is lifted.")

    return act(visit, action_key, work, then=look.link())


@router.post(HOME + "/many")
def many(
    visit: Here, look: Asked, action_key: ActionKey, things: Annotated[str, Form()], reason: Reason = ""
) -> Response:
    """Let the orders go on that were counted; what somebody has released since is left alone."""
    visit.require(Permission.BULK)

    def work() -> str:
        found = tally_holds(visit.session, visit.actor, numbers(things)[:RELEASED])
        at = visit.at.astimezone(visit.zone)
        n = release_orders(visit.session, visit.actor, found.eligible, reason, at)
        return visit.say("%(n)s orders go on.", n=n)

    return act(visit, action_key, work, then=look.link(cursor=""))


def show(visit: Visit, look: Look, drawer: str = "", **told: object) -> Response:
    """Give the drawer's content alone to htmx, else the whole page with the drawer open."""
    values: dict[str, Any] = {"look": look, "behind": look.link(), **_speech(visit), **told}
    if drawer and visit.target("drawer"):
        return fragment(visit, drawer, **values)
    return page(visit, "holds.html", **{"one": None, **_list(visit, look), **values, "drawer": drawer})


def _counts(visit: Visit, look: Look) -> dict[str, Any]:
    """Count by type, with the rules of the type that is looked at."""
    groups = hold_groups(visit.session, visit.actor, look.wanted(visit))
    kinds = dict.fromkeys(group.type for group in groups)
    return {
        "look": look,
        "kinds": [
            {
                "type": kind,
                "count": sum(group.count for group in groups if group.type == kind),
                "at_least": any(group.at_least for group in groups if group.type == kind),
                "oldest_at": min(group.oldest_at for group in groups if group.type == kind),
            }
            for kind in kinds
        ],
        "rules": list(dict.fromkeys(group.rule for group in groups if look.type in {"", group.type})),
    }


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    mine = reach(visit.actor, visit.console.settings.connections)
    return {
        **_counts(visit, look),
        "found": list_holds(visit.session, visit.actor, look.wanted(visit), after=look.cursor, limit=PAGE),
        "brands": sorted({one.brand for one in mine.values()}),
        "shops": sorted({one.shop for one in mine.values() if one.shop}),
    }


def _speech(visit: Visit) -> dict[str, Any]:
    return {
        "seen_in": partial(seen_in, language=visit.language),
        "resolver_of": partial(resolver_of, language=visit.language),
    }
