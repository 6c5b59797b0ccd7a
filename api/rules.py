"""Review rules for programs of operations: see them, try one on past orders, draft, publish and retire."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import Operator
from api.examples import RULE, RULE_REASON, UNTRIED
from api.publication import Publication, Retirement
from api.surroundings import Body, TheHub, read_wish
from hub.order.rehearse.rule import LONGEST_DAYS, Tried, rehearse
from hub.review.publish import NewRule, draft_rule, publish_rule, retire_rule, said_by
from hub.review.rules import RuleView, list_rules, rule_versions
from hub.roles import Permission
from hub.scope import check_names
from hub.trials import TrialKind, note_trial

router = APIRouter(prefix="/v1/rules", tags=["rules · 审单规则"])

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
No = Annotated[int, Path(ge=1, lt=2**31)]


@router.get("", summary="规则列表 · List rules")
def list_all(hub: TheHub, caller: Operator, *, retired: Annotated[bool, Query()] = False) -> Sequence[RuleView]:
    """Give the drafts and the rules in force that touch the caller's shops; retired versions only when asked."""
    with hub.database.transaction() as session:
        return list_rules(session, caller, retired=retired)


@router.get("/{name}", summary="查看规则的全部版本 · Get a rule")
def get_versions(hub: TheHub, caller: Operator, name: Name) -> Sequence[RuleView]:
    """Give all versions of a rule, the newest first."""
    with hub.database.transaction() as session:
        return rule_versions(session, caller, name)


@router.post("", openapi_extra=RULE, status_code=201, summary="起草规则 · Draft a rule")
def draft(hub: TheHub, caller: Operator, body: Body) -> RuleView:
    """Write the next version of a rule; it is not in force yet. What could never be evaluated is 400 expression."""
    rule = read_wish(NewRule, body)
    if rule.brand:
        check_names(hub.settings.connections, rule.brand, rule.shop or "")
    with hub.database.transaction() as session:
        return draft_rule(session, caller, rule, hub.now())


@router.post("/rehearsals", openapi_extra=RULE, summary="在过去的订单上试算 · Try a rule on past orders")
def try_rule(
    hub: TheHub, caller: Operator, body: Body, days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = 7
) -> Tried:
    """Ask a rule, drafted or not, about the orders of the last days that the caller may see.

    Only that it was tried is kept, of whoever may publish one. On no order (`looked` 0) it was not tried.
    """
    rule = read_wish(NewRule, body)
    with hub.database.transaction() as session:
        at = hub.now().astimezone(hub.zone)
        tried = rehearse(session, caller, rule, at, days)
        if caller.may(Permission.CONFIGURE):
            note_trial(session, TrialKind.RULE, said_by(rule), tried.seen(caller, at))
        return tried


@router.post("/{name}/{no}/publish", openapi_extra=UNTRIED, summary="使草稿生效 · Put a draft in force")
def publish(hub: TheHub, caller: Operator, name: Name, no: No, body: Body) -> RuleView:
    """Put a draft in force from the next batch on, instead of the version that is. No draft is 409 rule_state.

    One that was not tried as it stands is 409 untried, unless the body says why it goes in force all the same.
    """
    wish = read_wish(Publication, body)
    with hub.database.transaction() as session:
        return publish_rule(session, caller, name, no, hub.now(), untried=wish.untried)


@router.post("/{name}/{no}/retire", openapi_extra=RULE_REASON, summary="停用规则 · Retire a rule")
def retire(hub: TheHub, caller: Operator, name: Name, no: No, body: Body) -> RuleView:
    """Take a version out of force, or drop a draft; what it holds stays held."""
    wish = read_wish(Retirement, body)
    with hub.database.transaction() as session:
        return retire_rule(session, caller, name, no, wish.reason, hub.now())
