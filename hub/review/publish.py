"""The life of a review rule: drafted, put in force, retired; each version stays as it was written."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import row, run
from hub.document import Document, Text
from hub.errors import Conflict, Malformed
from hub.review.expression import LONGEST, read_expression
from hub.review.rules import RuleView, get_version
from hub.review.standing import renew_edition
from hub.review.verdict import OWN_RULES, Verdict
from hub.roles import Actor, Permission
from hub.trials import TrialKind, require_trial
from hub.turns import take_turns
from hub.versions import VersionState

SPACE = 7_104
"""The space of turns at rules, by their names."""

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class NewRule(Document):
    """A rule as a person writes it; without a shop it is for every shop of its brand, without a brand for all."""

    name: RuleName
    brand: Annotated[Text, StringConstraints(min_length=1, max_length=64)] | None = None
    shop: Annotated[Text, StringConstraints(min_length=1, max_length=64)] | None = None
    expression: Annotated[Text, StringConstraints(min_length=1, max_length=LONGEST)]
    verdict: Verdict
    why: Annotated[Text, StringConstraints(max_length=200)] = Field(default="")


def said_by(rule: RuleView | NewRule) -> str:
    """Give what a rule says in one way of writing it, by which its trials are known."""
    return NewRule.model_validate(rule.model_dump(include=set(NewRule.model_fields))).model_dump_json()


def draft_rule(session: Session, actor: Actor, rule: NewRule, at: datetime, *, after: int | None = None) -> RuleView:
    """Write the next version of a rule; a draft of it that is not in force yet is retired. Nothing is asked by it yet.

    Who names the version that was read, 0 for none, comes right `after` it or not at all. Raises: Unauthorised;
    Malformed (expression, rule_name, shop_without_brand); Conflict when somebody has written another one since
    (rule_version).
    """
    actor.require(Permission.CONFIGURE)
    _require_reach(actor, rule.brand, rule.shop)
    if rule.shop and not rule.brand:
        raise Malformed("name the shop's brand as well", code="shop_without_brand", field="brand")
    _check_name(rule.name)
    read_expression(rule.expression, rule.verdict.scope)
    take_turns(session, SPACE, [rule.name])
    last = row(session, "select max(no) as no from review_rule where name = :name", name=rule.name)
    no = ((last.no if last else None) or 0) + 1
    _check_others(session, actor, rule.name)
    if after not in {None, no - 1}:
        raise Conflict(f"version {no - 1} of {rule.name} was written meanwhile", code="rule_version")
    _retire(session, actor, rule.name, VersionState.DRAFT, at)
    run(
        session,
        """insert into review_rule (name, no, brand, shop, expression, verdict, why, state, drafted_at, drafted_by,
                                    published_by, retired_by)
           values (:name, :no, :brand, :shop, :expression, cast(:verdict as jsonb), :why, 'draft', :at, :actor,
                   '', '')""",
        no=no,
        at=at,
        actor=actor.name,
        verdict=rule.verdict.model_dump_json(),
        why=plain(rule.why),
        **rule.model_dump(include={"name", "brand", "shop", "expression"}),
    )
    record(session, at, actor.name, "review.draft", f"rule:{rule.name}", no=no)
    return get_version(session, actor, rule.name, no)


def publish_rule(session: Session, actor: Actor, name: str, no: int, at: datetime, *, untried: str = "") -> RuleView:
    """Put a draft in force from the next batch on; the version before it is retired in the same breath.

    Raises: Unauthorised; NotFound; Conflict when that version is no draft (rule_state), or was not tried as it stands
    and nobody says why it goes in force `untried`; Malformed when this release refuses its expression, or has a rule of
    its own of that name.
    """
    rule = _claim(session, actor, name, no)
    if rule.state is not VersionState.DRAFT:
        raise Conflict(f"version {no} of {name} is {rule.state}: draft it anew", code="rule_state")
    _check_name(name)
    read_expression(rule.expression, rule.verdict.scope)
    more = require_trial(session, TrialKind.RULE, said_by(rule), untried)
    before = _retire(session, actor, name, VersionState.IN_FORCE, at)
    run(
        session,
        """update review_rule set state = 'in_force', published_at = :at, published_by = :actor
           where name = :name and no = :no""",
        at=at,
        actor=actor.name,
        name=name,
        no=no,
    )
    renew_edition(session)
    record(session, at, actor.name, "review.publish", f"rule:{name}", no=no, instead_of=before, **more)
    return get_version(session, actor, name, no)


def retire_rule(session: Session, actor: Actor, name: str, no: int, reason: str, at: datetime) -> RuleView:
    """Take a version out of force, or throw a draft away; what it holds already stays held.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it is retired already (rule_state).
    """
    if not (said := plain(reason).strip()):
        raise Malformed("say why it is retired", code="reason_missing", field="reason")
    rule = _claim(session, actor, name, no)
    if rule.state is VersionState.RETIRED:
        raise Conflict(f"version {no} of {name} is retired already", code="rule_state")
    _retire(session, actor, name, rule.state, at)
    if rule.state is VersionState.IN_FORCE:
        renew_edition(session)
    record(session, at, actor.name, "review.retire", f"rule:{name}", no=no, reason=said)
    return get_version(session, actor, name, no)


def _claim(session: Session, actor: Actor, name: str, no: int) -> RuleView:
    """Have a rule for oneself until the transaction ends, and give one version of it.

    Raises: Unauthorised; NotFound.
    """
    actor.require(Permission.CONFIGURE)
    take_turns(session, SPACE, [name])
    rule = get_version(session, actor, name, no)
    _check_others(session, actor, name)
    return rule


def _check_others(session: Session, actor: Actor, name: str) -> None:
    """Make sure that an actor may change every live version of a rule: what comes after it ends what was before.

    Raises: Unauthorised.
    """
    live = row(
        session,
        """select array_agg(coalesce(brand, '') order by no) as brands,
                  array_agg(coalesce(shop, '') order by no) as shops
           from review_rule where name = :name and state <> 'retired'""",
        name=name,
    )
    for brand, shop in zip(live.brands or (), live.shops or (), strict=True) if live else ():
        _require_reach(actor, brand or None, shop or None)


def _require_reach(actor: Actor, brand: str | None, shop: str | None) -> None:
    """Stop who may not work on all that a rule is for.

    Raises: Unauthorised.
    """
    actor.require_scope(brand or "*", shop or "*")  # no brand and no shop is called *: who is bound to some is stopped


def _retire(session: Session, actor: Actor, name: str, state: VersionState, at: datetime) -> int:
    """Retire the version of a rule that stands so, and give its number, or 0."""
    found = row(
        session,
        """update review_rule set state = 'retired', retired_at = :at, retired_by = :actor
           where name = :name and state = :state returning no""",
        at=at,
        actor=actor.name,
        name=name,
        state=state.value,
    )
    return found.no if found else 0


def _check_name(name: str) -> None:
    """Let no rule be called as one of the hub's own, which finds and ends its holds by the name."""
    if name in OWN_RULES:
        text, zh = f"{name} is a rule of the hub itself: choose another name", f"{name} 是中台自带的规则，请换一个名称"
        raise Malformed(text, code="rule_name", field="name", zh=zh)
