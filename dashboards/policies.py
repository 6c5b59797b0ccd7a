"""Sourcing policies: each brand's versions, a text beside what is in force, and how one is drafted and ended."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Form, Query, Response

from dashboards.actions import ActionKey, act, act_towards
from dashboards.asked import segment
from dashboards.faults import CAUSES, status_of
from dashboards.pages import fragment, page
from dashboards.policy_trial import Trial, trial_of
from dashboards.rule_difference import line_pieces
from dashboards.visit import Here, Visit
from hub.errors import Conflict, HubError, Malformed, NotFound
from hub.order.rehearse.allowance import LONGEST_S, on_trial
from hub.order.rehearse.policies import compare_policies
from hub.order.rules.policy import POLICY, built_in
from hub.roles import Permission
from hub.scope import reach
from hub.sourcing.bounds import LONGEST, read_draft
from hub.sourcing.policies import (
    PolicyView,
    draft_policy,
    get_policy,
    list_policies,
    publish_policy,
    retire_policy,
)
from hub.sourcing.policy import read_policy
from hub.trials import TrialKind, find_trial, note_trial
from hub.versions import VersionState

HOME: Final = "/console/policies"
SPANS: Final = (1, 7, 30)
LABELLED: Final = re.compile(r'^version\s*=\s*"([^"\n]*)"', re.MULTILINE)

Reason = Annotated[str, Form(max_length=500)]
Revision = Annotated[int, Form(ge=1, lt=2**31)]
Written = Annotated[int, Form(ge=0, lt=2**31)]
Days = Annotated[int, Query(ge=1, le=max(SPANS))]

router: Final = APIRouter()


class Origin(NamedTuple):
    """The draft that a text was written from, which a mended text still is."""

    version: str
    revision: int


@router.get(HOME)
def policies(visit: Here, *, brand: str = "") -> Response:
    """List the versions of all brands, or of one."""
    visit.require(Permission.SEE_ORDERS)
    every = list_policies(visit.session, visit.actor)
    found = [one for one in every if brand in {"", one.brand}]
    brands = list(dict.fromkeys(one.brand for one in every))
    return page(visit, "policies.html", found=found, brands=brands, brand=brand, link=link, built_in=POLICY.version)


@router.get(HOME + "-new")
def new(visit: Here) -> Response:
    """Show the editor with the built-in policy, for a brand that has none yet."""
    visit.require(Permission.CONFIGURE)
    brands = sorted({one.brand for one in reach(visit.actor, visit.console.settings.connections).values()})
    return _write(visit, built_in(brands[0] if len(brands) == 1 else "", visit.language))


@router.get(HOME + "/{brand}/{version}")
def policy(visit: Here, brand: str, version: str) -> Response:
    """Show a version: its text, how it differs from the one in force, and the editor of the next."""
    visit.require(Permission.SEE_ORDERS)
    return _show(visit, brand, version)


@router.get(HOME + "/{brand}/{version}/try")
def try_it(visit: Here, brand: str, version: str, days: Days = 7) -> Response:
    """Say what a version would have made of what was asked in the last days; only that it was tried is kept."""
    visit.require(Permission.CONFIGURE)
    one, _ = _found(visit, brand, version)
    visit.actor.require_scope(brand, "")
    content = get_policy(visit.session, brand, version)
    since = visit.at.astimezone(visit.zone) - timedelta(days=days)
    with on_trial(visit.session):
        told = compare_policies(visit.session, read_policy(content), POLICY, since, LONGEST_S)
    tried = trial_of(told, since.date(), days)
    known = note_trial(visit.session, TrialKind.POLICY, content, told.seen(visit.actor, days, visit.at))
    if visit.target("trial"):
        return fragment(visit, "policy_trial.html", tried=tried, known=known, one=one, path=link(one))
    return _show(visit, brand, version, tried)


@router.post(HOME)
def draft(  # one argument for each field of the form
    visit: Here,
    action_key: ActionKey,
    content: Annotated[str, Form(max_length=2 * LONGEST)] = "",
    label: Annotated[str, Form(max_length=100)] = "",
    read: Written = 0,
) -> Response:
    """Keep a text as a draft; one that is refused comes back with the reason, also where it would replace another's.

    `read` is the revision of the draft `label` that it was written from; any other draft must not be there yet.
    """
    visit.require(Permission.CONFIGURE)
    written = content.replace("\r\n", "\n").strip() + "\n"

    def work() -> tuple[str, str]:
        before = read if read_draft(written).version == label else 0
        kept = draft_policy(visit.session, visit.actor, written, POLICY.version, visit.at, revision=before)
        told = visit.say("%(version)s is kept as a draft: try it, then publish it.", version=kept.version)
        return told, link(kept)

    try:
        with visit.session.begin_nested():  # the key of a text that is refused is not spent
            return act_towards(visit, action_key, work)
    except (Malformed, NotFound, Conflict) as error:
        if error.code == "action_key":
            raise
        return _write(visit, written, error, Origin(label, read) if read else None)


@router.post(HOME + "/{brand}/{version}/publish")
def publish(  # one argument for each field of the form
    visit: Here,
    brand: str,
    version: str,
    action_key: ActionKey,
    revision: Revision,
    reason: Reason = "",
) -> Response:
    """Put the revision of a draft in force that was read, if its text was tried."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        publish_policy(visit.session, visit.actor, brand, version, reason, visit.at, revision=revision)
        return visit.say("%(brand)s is sourced by %(version)s from the next batch on.", brand=brand, version=version)

    return act(visit, action_key, work, then=_path(brand, version))


@router.post(HOME + "/{brand}/{version}/retire")
def retire(visit: Here, brand: str, version: str, action_key: ActionKey, reason: Reason = "") -> Response:
    """Take the policy in force away."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        retire_policy(visit.session, visit.actor, brand, version, reason, visit.at)
        return visit.say("%(brand)s is sourced by the built-in policy again.", brand=brand)

    return act(visit, action_key, work, then=_path(brand, version))


def link(one: PolicyView) -> str:
    """Lead to a version's page."""
    return _path(one.brand, one.version)


def next_text(content: str, taken: Sequence[str]) -> str:
    """Give a version's text as the next one begins: under a label that none has yet, where its line can be found."""
    label = LABELLED.search(content)
    if label is None or label[1] not in taken:
        return content
    stem = re.sub(r"-[0-9]{1,3}$", "", label[1])  # a month, as in 2026-12, begins a second of it: 2026-12-2
    stem = label[1] if re.fullmatch(r"[0-9]{4}", stem) else stem
    free = next(f"{stem}-{n}" for n in range(2, len(taken) + 3) if f"{stem}-{n}" not in taken)
    return content[: label.start(1)] + free + content[label.end(1) :]


def _path(brand: str, version: str) -> str:
    return f"{HOME}/{segment(brand)}/{segment(version)}"


def _show(visit: Visit, brand: str, version: str, tried: Trial | None = None) -> Response:
    """Give a version's page, with what a trial of it found."""
    one, versions = _found(visit, brand, version)
    content = get_policy(visit.session, brand, version)
    live = next((other for other in versions if other.state == VersionState.IN_FORCE), None)
    differs = live is not None and live.version != version
    before = get_policy(visit.session, brand, live.version) if live and differs else ""
    taken = [other.version for other in versions if other.state != VersionState.DRAFT]
    return page(
        visit,
        "policy.html",
        one=one,
        path=link(one),
        content=content,
        live=live,
        pieces=tuple(line_pieces(before, content)) if differs else (),
        versions=versions,
        link=link,
        tried=tried,
        known=find_trial(visit.session, TrialKind.POLICY, content),
        spans=SPANS,
        built_in=POLICY.version,
        **_editor(next_text(content, [*taken, POLICY.version]), one),
    )


def _write(visit: Visit, written: str, refused: HubError | None = None, origin: Origin | None = None) -> Response:
    """Give the editor alone, with why its text was refused, and beside it what somebody else has written meanwhile."""
    theirs = _theirs(visit, written) if refused and refused.code == "policy_revision" else None
    editor = _editor(written, theirs, refused, visit)
    answer = page(visit, "policy_new.html", **editor if theirs else editor | {"read": origin})
    answer.status_code = status_of(refused) if refused else answer.status_code
    return answer


def _theirs(visit: Visit, written: str) -> PolicyView | None:
    """Give the draft as it stands whose version a text names."""
    wanted = read_policy(written)
    return next(
        (one for one in list_policies(visit.session, visit.actor, wanted.brand) if one.version == wanted.version), None
    )


def _editor(
    written: str, read: PolicyView | None = None, refused: HubError | None = None, visit: Visit | None = None
) -> dict[str, Any]:
    """Give what the editor shows: a text, the draft that was read before it was written, and why it was refused."""
    cause = CAUSES[refused.code].say(visit.language) if visit and refused and refused.code in CAUSES else ""
    draft = read if read and read.state == VersionState.DRAFT else None
    there = get_policy(visit.session, draft.brand, draft.version) if visit and draft else ""
    return {
        "written": written,
        "refused": refused,
        "cause": cause,
        "longest": LONGEST,
        "read": draft,
        "beside": tuple(line_pieces(there, written)) if there else (),
        "there": there,
    }


def _found(visit: Visit, brand: str, version: str) -> tuple[PolicyView, Sequence[PolicyView]]:
    """Give a version that may be seen, and all of its brand.

    Raises: NotFound.
    """
    versions = list_policies(visit.session, visit.actor, brand)
    one = next((one for one in versions if one.version == version), None)
    if one is None or not brand:
        raise NotFound(f"{brand} has no sourcing policy {version}", code="unknown_policy")
    return one, versions
