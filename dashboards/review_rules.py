"""Review rules: which are in force, what each asks, its versions side by side, and how one is written and ended."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Form, Query, Response

from dashboards.actions import ActionKey, act
from dashboards.asked import segment
from dashboards.faults import status_of
from dashboards.pages import fragment, page
from dashboards.rule_difference import differences, pieces
from dashboards.rule_form import Wish, filled
from dashboards.rule_words import EXAMPLES, FACTS, SCOPES, failure_of, kind_of
from dashboards.visit import Here, Visit
from hub.errors import Conflict
from hub.order.rehearse.allowance import on_trial
from hub.order.rehearse.rule import LONGEST_DAYS, Tried, rehearse
from hub.repair import why
from hub.review.expression import FUNCTIONS, LONGEST
from hub.review.publish import NewRule, draft_rule, publish_rule, retire_rule, said_by
from hub.review.rules import RuleView, get_version, list_rules, rule_versions
from hub.review.specimen import OWN, SPECIMEN
from hub.review.verdict import OURS, Act, HoldType
from hub.roles import Permission, Role
from hub.scope import check_names, reach
from hub.trials import TrialKind, find_trial, note_trial
from hub.versions import VersionState

HOME: Final = "/console/rules"
RESOLVERS: Final = (Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN)
"""Whom a rule may name to let its holds go: who works on orders at all."""

Reason = Annotated[str, Form(max_length=500)]
Word = Annotated[str, Form(max_length=64)]
Number = Annotated[int, Form(ge=0, lt=2**31)]
Days = Annotated[int, Query(ge=1, le=LONGEST_DAYS)]

router: Final = APIRouter()


@router.get(HOME)
def rules(visit: Here, *, retired: bool = False) -> Response:
    """List the rules in force and the drafts, or those as well that are in force no more."""
    visit.require(Permission.SEE_ORDERS)
    found = list_rules(visit.session, visit.actor, retired=retired)
    return page(visit, "rules.html", found=_latest(found), retired=retired, link=link)


@router.get(HOME + "-new")
def new(visit: Here) -> Response:
    """Show the form of a rule that is not there yet."""
    visit.require(Permission.CONFIGURE)
    return page(visit, "rule_new.html", form=filled(None), after=0, theirs=None, **_choices(visit))


@router.get(HOME + "/{name}")
def rule(visit: Here, name: str) -> Response:
    """Show a rule with all its versions, and its form filled from the newest."""
    visit.require(Permission.SEE_ORDERS)
    return _show(visit, name)


@router.get(HOME + "/{name}/{no:id}/try")
def try_it(visit: Here, name: str, no: int, days: Days = 7) -> Response:
    """Say what a version would have done to the orders of the last days; only that it was tried is kept."""
    visit.require(Permission.CONFIGURE)
    one = get_version(visit.session, visit.actor, name, no)
    wanted = _wanted(one)
    with on_trial(visit.session):
        tried = rehearse(visit.session, visit.actor, wanted, visit.at.astimezone(visit.zone), days)
    known = note_trial(visit.session, TrialKind.RULE, said_by(wanted), tried.seen(visit.actor, visit.at))
    if visit.target("trial"):
        told: dict[str, Any] = {"tried": tried, "known": known, "one": one, "path": link(name)}
        return fragment(visit, "rule_trial.html", **told, failure_of=_speaker(visit))
    return _show(visit, name, tried)


@router.post(HOME)
def draft(  # one argument for each field of the form
    visit: Here,
    action_key: ActionKey,
    name: Word = "",
    brand: Word = "",
    shop: Word = "",
    why: Annotated[str, Form(max_length=200)] = "",
    expression: Annotated[str, Form(max_length=20 * LONGEST)] = "",
    kind: Word = "hold",
    scope: Word = "order",
    type: Word = "fraud",  # noqa: A002 # the name in the form
    blocks: Annotated[tuple[Word, ...], Form()] = (),
    minutes: Annotated[str, Form(max_length=9)] = "",
    resolver: Word = "",
    releases: Annotated[tuple[Word, ...], Form()] = (),
    after: Number = 0,
) -> Response:
    """Write the version of a rule that comes `after` the one that was read; what was written since is shown beside it.

    Nothing is asked by it before it is published.
    """
    visit.require(Permission.CONFIGURE)
    wish = Wish(
        name=name,
        brand=brand,
        shop=shop,
        why=why,
        expression=expression,
        kind=kind,
        scope=scope,
        type=type,
        blocks=blocks,
        minutes=minutes,
        resolver=resolver,
        releases=releases,
    )

    def work() -> str:
        rule = wish.rule()
        if rule.brand:
            check_names(visit.console.settings.connections, rule.brand, rule.shop or "")
        made = draft_rule(visit.session, visit.actor, rule, visit.at, after=after)
        return visit.say("Version %(no)s of %(name)s is drafted: try it, then publish it.", no=made.no, name=made.name)

    try:
        with visit.session.begin_nested():  # the key of what is not kept is not spent
            return act(visit, action_key, work, then=link(name.strip()))
    except Conflict as error:
        if error.code != "rule_version":
            raise
        return _beside(visit, wish, error)


@router.post(HOME + "/{name}/{no:id}/publish")
def publish(visit: Here, name: str, no: int, action_key: ActionKey) -> Response:
    """Put a draft in force, if it was tried as it stands."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        made = publish_rule(visit.session, visit.actor, name, no, visit.at)
        return visit.say("Version %(no)s of %(name)s is in force from the next order on.", no=made.no, name=made.name)

    return act(visit, action_key, work, then=link(name))


@router.post(HOME + "/{name}/{no:id}/retire")
def retire(visit: Here, name: str, no: int, action_key: ActionKey, reason: Reason = "") -> Response:
    """Take a version out of force, or throw a draft away."""
    visit.require(Permission.CONFIGURE)

    def work() -> str:
        made = retire_rule(visit.session, visit.actor, name, no, why(reason), visit.at)
        return visit.say("Version %(no)s of %(name)s is retired; what it holds stays held.", no=made.no, name=made.name)

    return act(visit, action_key, work, then=link(name))


def link(name: str) -> str:
    """Lead to a rule's page."""
    return f"{HOME}/{segment(name)}"


def _show(visit: Visit, name: str, tried: Tried | None = None, **told: object) -> Response:
    """Give a rule's page, with what a trial of it found."""
    versions = list(rule_versions(visit.session, visit.actor, name))
    draft = _standing(versions, VersionState.DRAFT)
    shown: dict[str, Any] = {
        "name": name,
        "path": link(name),
        "versions": differences(versions),
        "draft": draft,
        "live": _standing(versions, VersionState.IN_FORCE),
        "form": filled(versions[0]),
        "after": versions[0].no,
        "theirs": None,
        "tried": tried,
        "known": find_trial(visit.session, TrialKind.RULE, said_by(draft)) if draft else None,
        "failure_of": _speaker(visit),
    }
    return page(visit, "rule.html", **{**shown, **_choices(visit), **told})


def _beside(visit: Visit, wish: Wish, error: Conflict) -> Response:
    """Show what was written beside the version that somebody else has written meanwhile; nothing of either is lost."""
    theirs = next(iter(rule_versions(visit.session, visit.actor, wish.name.strip())), None)
    if theirs is None:  # of a shop that this person does not see
        raise error
    told: dict[str, Any] = {
        "theirs": theirs,
        "beside": tuple(pieces(theirs.expression, wish.expression)),
        "after": theirs.no,
    }
    if visit.in_part:
        answer = fragment(visit, "rule_beside.html", status=status_of(error), **told)
        answer.headers.update({"HX-Retarget": "#beside", "HX-Reswap": "innerHTML"})
        return answer
    whole = _show(visit, wish.name.strip(), form=wish, **told)
    whole.status_code = status_of(error)
    return whole


def _wanted(one: RuleView) -> NewRule:
    """Give what a version says, without what became of it."""
    return NewRule.model_validate(one.model_dump(include=set(NewRule.model_fields)))


def _latest(found: Sequence[RuleView]) -> list[tuple[str, list[RuleView]]]:
    """Give each rule with its versions that stand, or its latest one where none does; by name."""
    by_name: dict[str, list[RuleView]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    return [(name, [one for one in of if one.state != VersionState.RETIRED] or of[:1]) for name, of in by_name.items()]


def _standing(versions: Sequence[RuleView], state: VersionState) -> RuleView | None:
    return next((one for one in versions if one.state == state), None)


def _speaker(visit: Visit) -> Callable[[str], str]:
    return partial(failure_of, language=visit.language)


def _choices(visit: Visit) -> dict[str, Any]:
    """Give what the form offers, and the facts beside it."""
    mine = reach(visit.actor, visit.console.settings.connections)
    return {
        "brands": sorted({one.brand for one in mine.values()}),
        "shops": sorted({one.shop for one in mine.values() if one.shop}),
        "everywhere": not visit.actor.brands,
        "types": [one.value for one in HoldType if one not in OURS],
        "releasable": [one.value for one in HoldType if one not in OURS | {HoldType.ADDRESS}],
        "acts": [one.value for one in Act],
        "scopes": [(one.value, told.say(visit.language), example) for one, (told, example) in SCOPES.items()],
        "roles": [one.value for one in RESOLVERS],
        "facts": _facts(visit),
        "functions": sorted(FUNCTIONS),
        "examples": [(words.say(visit.language), source) for words, source in EXAMPLES],
        "longest": LONGEST,
    }


def _facts(visit: Visit) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Give each group of facts with name, kind and meaning of its values."""
    groups: list[tuple[str, list[tuple[str, str, str]]]] = []
    asked: dict[str, Any] = {**SPECIMEN, **{group: of for own in OWN.values() for group, of in own.items()}}
    for group, values in asked.items():
        one = cast("Mapping[str, Any]", values[0] if isinstance(values, list) else values)  # a list has alike items
        told = [(f"{group}.{name}", kind_of(value)) for name, value in one.items()]
        groups.append((group, [(name, kind, FACTS[name].say(visit.language)) for name, kind in told]))
    return groups
