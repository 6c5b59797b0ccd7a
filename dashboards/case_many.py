"""Acts on many cases: first a count of what they would meet, then a reason, and above 500 the number typed."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Response

from dashboards.actions import ActionKey, act, act_towards
from dashboards.aim import JOBS
from dashboards.case_acts import Reason, person
from dashboards.case_look import Asked, Look, connections_of
from dashboards.case_view import takers
from dashboards.visit import Here, Visit
from hub.cases import assign
from hub.causes.cause import Remedy
from hub.causes.known import CAUSES
from hub.errors import Malformed
from hub.order.holds.repair import release_orders, tally_orders
from hub.repair import LIMIT, Tally, replay_messages, retry_steps, tally_messages, tally_steps
from hub.replay_filter import Act, Filter, Wanted, What
from hub.replays import dry_run, start_job
from hub.roles import Permission
from hub.stuck import dead_like, things_of
from hub.worklist import cases_of

TYPED_ABOVE: Final = 500
RELEASED: Final = 200
"""How many orders are released in one act: each is sourced again, in one transaction."""

AT_ONCE: Final = 50
"""How many calls or messages are acted on within the request, a page of them; more become a job of their own."""

RATE: Final = 20
"""How many things a second such a job takes on; its page changes that."""

Doing = Literal["retry", "replay", "release"]
DOES: Final[dict[Remedy, Doing]] = {
    Remedy.RETRY: "retry",
    Remedy.REPLAY: "replay",
    Remedy.BIND: "replay",
    Remedy.RELEASE: "release",
}
THING: Final[dict[Doing, str]] = {"retry": "step", "replay": "inbox", "release": "order"}

router: Final = APIRouter()


def selected(visit: Visit, look: Look, cases: Sequence[int], *, every: bool) -> dict[str, Any]:
    """Count what an act on these cases would meet, or on every case that matches."""
    mine = connections_of(visit)
    ids = cases_of(visit.session, visit.actor, look.wanted(visit), LIMIT, mine) if every else cases
    doing = DOES.get(CAUSES[look.type].remedy) if look.type in CAUSES else None
    things = things_of(visit.session, visit.actor, ids, mine)[THING[doing]] if doing else []
    return {
        "cases": list(ids),
        "takers": takers(visit, ids) if ids else [],
        **counted(visit, doing, things),
    }


def alike(visit: Visit, connection: str, flow: str, error: str) -> dict[str, Any]:
    """Count what retrying all dead calls of one partner, flow and error would meet."""
    mine = connections_of(visit)
    steps = dead_like(visit.session, visit.actor, connection, flow, error, visit.at, mine)
    return {"cases": [], "takers": [], **counted(visit, "retry", steps)}


def counted(visit: Visit, doing: Doing | None, things: Sequence[int]) -> dict[str, Any]:
    """Count before an act; what it acts on is fixed here, and is what the form carries."""
    found = tally(visit, doing, things) if doing else None
    return {"doing": doing, "tally": found, "typed_above": TYPED_ABOVE, "at_once": AT_ONCE, "rate": RATE}


def tally(visit: Visit, doing: Doing, things: Sequence[int]) -> Tally:
    """Say what an act on these calls, messages or orders would meet."""
    if doing == "retry":
        return tally_steps(visit.session, visit.actor, things, connections_of(visit))
    if doing == "replay":
        return tally_messages(visit.session, visit.actor, things, connections_of(visit))
    return tally_orders(visit.session, visit.actor, things[:RELEASED])


@router.post("/console/exceptions/many")
def many(
    visit: Here,
    look: Asked,
    action_key: ActionKey,
    doing: Annotated[Doing, Form()],
    things: Annotated[str, Form()],
    reason: Reason = "",
    typed: Annotated[str, Form()] = "",
) -> Response:
    """Act on what was counted; what has moved on since is left alone."""
    visit.require(Permission.BULK)

    def work() -> tuple[str, str]:
        ids = numbers(things)
        if len(ids) > TYPED_ABOVE and typed.strip() != str(len(ids)):
            raise Malformed(f"type {len(ids)} to act on so many", code="number_not_typed", field="typed")
        if doing != "release" and len(ids) > AT_ONCE:
            job_id = _begin(visit, doing, ids, reason)
            return visit.say("Job %(id)s has begun; it goes on without this page.", id=job_id), f"{JOBS}/{job_id}"
        return _do(visit, doing, ids, reason), look.link(cursor="")

    return act_towards(visit, action_key, work)


@router.post("/console/exceptions/assign")
def assign_many(
    visit: Here,
    look: Asked,
    action_key: ActionKey,
    cases: Annotated[str, Form()],
    to: Annotated[str, Form()] = "",
) -> Response:
    visit.require(Permission.WORK_ORDERS)

    def work() -> str:
        ids = numbers(cases)
        n = assign(visit.session, visit.actor, ids, person(visit, to, ids), visit.at, connections_of(visit))
        return visit.say("%(n)s cases have changed hands.", n=n)

    return act(visit, action_key, work, then=look.link())


def numbers(text: str) -> list[int]:
    """Read the ids that a form carries.

    Raises: Malformed.
    """
    ids = text.split(",") if text else []
    if not all(one.isascii() and one.isdigit() and len(one) <= 18 for one in ids) or len(ids) > LIMIT:  # noqa: PLR2004 # a bigint
        raise Malformed("these are no numbers", code="malformed", field="things")
    return [int(one) for one in ids]


def _begin(visit: Visit, doing: Doing, ids: Sequence[int], reason: str) -> int:
    """Let a job take on so many."""
    what, does = (What.STEP, Act.RETRY) if doing == "retry" else (What.MESSAGE, Act.REPLAY)
    wanted = Wanted(what=what, act=does, filter=Filter(ids=tuple(ids)))
    mine = connections_of(visit)
    n = dry_run(visit.session, visit.actor, wanted, visit.at, mine).eligible
    return start_job(
        visit.session,
        visit.actor,
        wanted,
        visit.at,
        reason=reason,
        rate_per_s=RATE,
        confirm=n,
        connections=mine,
    )


def _do(visit: Visit, doing: Doing, ids: Sequence[int], reason: str) -> str:
    if doing == "retry":
        n = retry_steps(visit.session, visit.actor, ids, reason, visit.at, connections_of(visit))
        return visit.say("%(n)s runs are due again; the partners are asked first.", n=n)
    if doing == "replay":
        n = replay_messages(visit.session, visit.actor, ids, reason, visit.at, connections_of(visit))
        return visit.say("%(n)s messages wait for the worker again.", n=n)
    n = release_orders(visit.session, visit.actor, ids[:RELEASED], reason, visit.at.astimezone(visit.zone))
    return visit.say("%(n)s orders go on.", n=n)
