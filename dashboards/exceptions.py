"""Exceptions: the cases that wait, by cause and age; each opens in a drawer with the act that ends it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from dashboards import case_acts, case_many
from dashboards.asked import Place
from dashboards.case_look import HOME, Asked, Look, connection_of, connections_of
from dashboards.case_view import case_line, tell
from dashboards.pages import fragment, page, tagged_fragment
from dashboards.visit import Here, Visit
from hub.address.search import find_divisions
from hub.catalogue.waiting import find_skus, messages_waiting, waiting_codes
from hub.causes.known import CAUSES
from hub.database import rows
from hub.roles import Permission
from hub.stuck import dead_groups
from hub.worklist import assignees, case_groups, get_case, list_cases

PAGE: Final = 50
FEW: Final = 12
"""How many groups of one reason a list begins with."""

router: Final = APIRouter()


@router.get(HOME)
def exceptions(visit: Here, look: Asked) -> Response:
    visit.require(Permission.SEE_ORDERS)
    return show(visit, look)


@router.get("/console/exceptions/groups")
def renewed(visit: Here, look: Asked) -> Response:
    """Give the causes alone, to a page that asks for them again and again."""
    visit.require(Permission.SEE_ORDERS)
    return tagged_fragment(visit, "exceptions_groups.html", **_groups(visit, look))


@router.get("/console/exceptions/{case_id:id}")
def case(visit: Here, case_id: int, look: Asked) -> Response:
    """Show one case; its cause's list stands behind it."""
    visit.require(Permission.SEE_ORDERS)
    found = get_case(visit.session, visit.actor, case_id, connections_of(visit))
    behind = look if look.type or look.narrows else Look(type=found.cause)
    return show(visit, behind, "case.html", **tell(visit, found))


@router.get("/console/exceptions/bind")
def bind(visit: Here, connection: str, code: str) -> Response:
    """Ask for the SKU of a code, and say how many messages wait for it."""
    visit.require(Permission.WORK_ORDERS)
    waiting = messages_waiting(visit.session, visit.actor, connection, code, connections_of(visit))
    one: dict[str, Any] = {
        "connection": connection,
        "code": code,
        "waiting": len(waiting),
        "found": find_skus(visit.session, connection_of(visit, connection).brand, code, 5),
    }
    return show(visit, Look(type="unknown_sku"), "bind.html", one=one)


@router.get("/console/exceptions/skus")
def skus(visit: Here, connection: str, words: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Look for the SKUs that a code may stand for."""
    visit.require(Permission.WORK_ORDERS)
    brand = connection_of(visit, connection).brand
    return fragment(visit, "found_skus.html", found=find_skus(visit.session, brand, words) if words.strip() else [])


@router.get("/console/exceptions/divisions")
def divisions(visit: Here, words: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Look for the divisions that an address may lie in."""
    visit.require(Permission.WORK_ORDERS)
    return fragment(visit, "found_divisions.html", found=find_divisions(words))


@router.get("/console/exceptions/selected")
def selected(
    visit: Here, look: Asked, case: Annotated[tuple[Place, ...], Query()] = (), *, every: bool = False
) -> Response:
    """Count what an act on these cases would meet, or on all that match; nothing is done yet."""
    visit.require(Permission.WORK_ORDERS)
    return show(visit, look, "many.html", **case_many.selected(visit, look, case, every=every))


@router.get("/console/exceptions/alike")
def alike(visit: Here, connection: str, flow: str, error: str = "") -> Response:
    """Count what retrying all dead calls of one partner, flow and error would meet; nothing is done yet."""
    visit.require(Permission.BULK)
    return show(visit, Look(type="step_dead"), "many.html", **case_many.alike(visit, connection, flow, error))


def show(visit: Visit, look: Look, drawer: str = "", **told: object) -> Response:
    """Give the drawer's content alone to htmx, else the whole page with the drawer open."""
    values: dict[str, Any] = {"look": look, "behind": look.link(), **told}
    if drawer and visit.target("drawer"):
        return fragment(visit, drawer, **values)
    return page(visit, "exceptions.html", **{"case": None, **_list(visit, look), **values, "drawer": drawer})


def _groups(visit: Visit, look: Look) -> dict[str, Any]:
    """Count by cause, whatever cause is looked at."""
    wanted = look.wanted(visit).model_copy(update={"cause": ""})
    return {"look": look, "groups": case_groups(visit.session, visit.actor, wanted, connections_of(visit))}


def _list(visit: Visit, look: Look) -> dict[str, Any]:
    told = _groups(visit, look)
    if look.type not in CAUSES:
        return {**told, "found": None}
    mine = connections_of(visit)
    wanted = look.wanted(visit)
    found = list_cases(visit.session, visit.actor, wanted, after=look.cursor, limit=PAGE, connections=mine)
    first = not look.cursor
    return {
        **told,
        "found": found,
        "remedy": CAUSES[look.type].remedy,
        "lines": {one.id: case_line(one.cause, one.message or one.subject, visit.language) for one in found.cases},
        "numbers": _order_numbers(visit, {one.order_id for one in found.cases if one.order_id}),
        "people": assignees(visit.session, visit.actor, mine),
        "codes_waiting": (
            waiting_codes(visit.session, visit.actor, mine)[:FEW] if look.type == "unknown_sku" and first else []
        ),
        "alike_dead": dead_groups(visit.session, visit.actor, mine)[:FEW] if look.type == "step_dead" and first else [],
    }


def _order_numbers(visit: Visit, ids: set[int]) -> dict[int, str]:
    """Give the shops' own numbers of orders."""
    found = rows(visit.session, "select id, external_id from sales_order where id = any(:ids)", ids=sorted(ids))
    return {one.id: one.external_id for one in found}


for part in (case_acts, case_many):
    router.include_router(part.router)
