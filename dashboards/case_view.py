"""What the drawer of one case shows: what it is about, the call or the message behind it, and who may take it."""

from collections.abc import Collection, Sequence
from typing import Any

from dashboards.case_look import connections_of
from dashboards.visit import Visit
from dashboards.words import state_of
from hub.catalogue.waiting import codes_in, find_skus, messages_waiting
from hub.causes.cause import Remedy
from hub.causes.known import CAUSES
from hub.causes.reasons import line_of
from hub.database import row, rows
from hub.document import Document
from hub.errors import NotFound, Unauthorised
from hub.order.reveal import known_values
from hub.order.trace.inbox import open_message
from hub.people import list_people
from hub.roles import Actor, Permission
from hub.runs import AttemptView, RunView, attempts_of, get_run
from hub.stuck import DeadGroup, dead_groups
from hub.worklist import CaseView


class Letter(Document):
    """A message as it came, masked; `unreadable` says why it cannot be shown."""

    id: int
    connection: str
    kind: str
    state: str
    body: str
    unreadable: str = ""


def tell(visit: Visit, case: CaseView) -> dict[str, Any]:
    """Gather what the drawer of a case shows."""
    cause = CAUSES[case.cause]
    letter = _letter(visit, case)
    run = _run(visit, case)
    return {
        "case": case,
        "line": case_line(case.cause, case.message or case.subject, visit.language),
        "remedy": cause.remedy,
        "letter": letter,
        "run": run,
        "attempt": _last_attempt(visit, run),
        "alike": _alike(visit, run) if cause.remedy is Remedy.RETRY else None,
        "codes": _codes(visit, case, letter) if cause.remedy is Remedy.BIND else [],
        "order_number": _order_number(visit, case.order_id),
        "takers": takers(visit, [case.id]),
    }


def case_line(cause: str, message: str, language: str) -> str:
    """Say in one line what happened, as far as possible in a person's language; what a partner said stays as it is."""
    before, mark, after = message.partition(": ")
    if codes := codes_in(message):
        return f"{before} · {', '.join(codes)}"
    if cause in {"address", "review"} and mark:
        return state_of("hold", before).words.say(language)
    flow, of, connection = before.partition(" to ")
    if cause == "step_dead" and of:
        return f"{state_of('flow', flow).words.say(language)} → {connection}: {after}"
    return line_of(cause, message, language)


def takers(visit: Visit, case_ids: Sequence[int]) -> Sequence[tuple[str, str]]:
    """Name whom all of these cases may be given to, with the name they are called by."""
    reached = _scopes_of(visit, case_ids)
    return [
        (one.name, one.display) for one in list_people(visit.session) if one.active and _may_take(one.actor(), reached)
    ]


def _may_take(actor: Actor, reached: Collection[tuple[str, str]]) -> bool:
    try:
        actor.require(Permission.WORK_ORDERS)
        for brand, shop in reached:
            actor.require_scope(brand, shop)
    except Unauthorised:
        return False
    return True


def _scopes_of(visit: Visit, case_ids: Sequence[int]) -> set[tuple[str, str]]:
    """Give brand and shop of cases: the shop of their order, or of the connection that they are of."""
    known = visit.console.settings.connections
    found = rows(
        visit.session,
        """select distinct c.brand, o.shop, coalesce(k.connection, replace(c.subject, 'connection:', '')) as connection
           from case_file c left join sales_order o on o.id = c.order_id
           left join inbox_key k on k.inbox_id = cast(c.detail ->> 'inbox' as bigint)
           where c.id = any(:ids)""",
        ids=list(case_ids),
    )
    return {(one.brand, one.shop or (known[one.connection].shop if one.connection in known else "")) for one in found}


def _letter(visit: Visit, case: CaseView) -> Letter | None:
    if "inbox" not in case.detail:
        return None
    inbox_id = int(case.detail["inbox"])
    try:
        message = open_message(visit.session, visit.actor, inbox_id, connections_of(visit))
    except NotFound as error:
        return Letter(id=inbox_id, connection="", kind="", state="", body="", unreadable=error.message)
    return Letter(
        id=message.id,
        connection=message.connection,
        kind=message.kind,
        state=message.state,
        body=message.shown,
        unreadable=message.unreadable,
    )


def _run(visit: Visit, case: CaseView) -> RunView | None:
    try:
        return get_run(visit.session, visit.actor, int(case.detail["step"])) if "step" in case.detail else None
    except NotFound:
        return None


def _last_attempt(visit: Visit, run: RunView | None) -> AttemptView | None:
    return next(iter(attempts_of(visit.session, run, known_values(visit.session, run.order_id))), None) if run else None


def _alike(visit: Visit, run: RunView | None) -> DeadGroup | None:
    """Give the group of dead calls that this one is of, where there are more."""
    if run is None:
        return None
    mine = (run.connection, run.flow, run.error_code or "")
    groups = dead_groups(visit.session, visit.actor, connections_of(visit))
    return next((one for one in groups if (one.connection, one.flow, one.error_code) == mine and one.count > 1), None)


def _codes(visit: Visit, case: CaseView, letter: Letter | None) -> list[dict[str, Any]]:
    """Give each code that the case names, how many messages wait for it, and the first SKUs that it may stand for."""
    if letter is None or not letter.connection:
        return []
    mine = connections_of(visit)
    return [
        {
            "connection": letter.connection,
            "code": code,
            "waiting": len(messages_waiting(visit.session, visit.actor, letter.connection, code, mine)),
            "found": find_skus(visit.session, case.brand, code, 5),
        }
        for code in codes_in(case.message)
    ]


def _order_number(visit: Visit, order_id: int | None) -> str:
    """Give the shop's own number of an order."""
    if order_id is None:
        return ""
    found = row(visit.session, "select external_id from sales_order where id = :id", id=order_id)
    return found.external_id if found else str(order_id)
