"""The brands' sourcing policies: drafted, put in force, retired, each with who did it and when."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import plain, record
from hub.database import row, rows, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.roles import Actor, Permission
from hub.sourcing.bounds import read_draft
from hub.sourcing.calendars import get_calendar
from hub.sourcing.cards import check_names, get_card
from hub.sourcing.policy import SourcingPolicy, read_policy
from hub.sourcing.splitting import MOST_BONDED_FEN
from hub.trials import TrialKind, require_trial
from hub.versions import VersionState

COLUMNS: Final = """brand, label, state, case when state = 'draft' then version end, note, drafted_at, drafted_by,
                    published_at, published_by, retired_at, retired_by"""


class PolicyView(Document):
    """One version of a brand's policy, and what became of it; `revision` counts how often a draft was written."""

    brand: str
    version: str
    state: VersionState
    revision: int | None
    note: str
    drafted_at: datetime
    drafted_by: str
    published_at: datetime | None
    published_by: str
    retired_at: datetime | None
    retired_by: str


def policies_in_force(session: Session, brands: Collection[str]) -> Mapping[str, SourcingPolicy]:
    """Give the policy of each of these brands that has its own: one look-up a batch, and what it reads is remembered.

    Nobody pays for the policies of brands that are not asked about.
    """
    statement = "select brand, content from routing_policy where state = 'in_force' and brand = any(:brands)"
    found = rows(session, statement, brands=sorted(brands))
    return {one.brand: _remembered(one.content) for one in found}


@lru_cache(maxsize=64)
def _remembered(content: str) -> SourcingPolicy:
    return read_policy(content)


def draft_policy(
    session: Session, actor: Actor, content: str, built_in: str, at: datetime, *, revision: int | None = None
) -> PolicyView:
    """Keep a policy as a draft; a draft of that version is replaced, and is the next revision.

    Who names the `revision` that was read, 0 for none, does not replace another. Raises: Malformed; Unauthorised;
    NotFound for a brand without locations, or a location, rate card or calendar that is not there; Conflict for a
    version that was in force once or is the `built_in` one (policy_version), or whose draft is another revision
    (policy_revision).
    """
    policy = read_draft(content)
    _require(actor, policy.brand)
    check_locations(session, policy)
    if (policy.split.bonded_fen or 0) > MOST_BONDED_FEN:  # asked of drafts alone: what was in force is read for ever
        told = f"the policy's split.bonded_fen: at most {MOST_BONDED_FEN}"
        raise Malformed(told, code="malformed_policy", field="split.bonded_fen")
    if policy.freight:
        check_names(policy, get_card(session, policy.brand, policy.freight.rates))
    if policy.calendar:
        get_calendar(session, policy.calendar)
    kept = row(
        session,
        f"""insert into routing_policy (brand, version, created_at, updated_at, label, state, note, content, drafted_at,
                                       drafted_by, published_by, retired_by)
           values (:brand, 1, :at, :at, :label, 'draft', :note, :content, :at, :actor, '', '')
           on conflict (brand, label) do update
           set content = excluded.content, note = excluded.note, drafted_at = excluded.drafted_at,
               drafted_by = excluded.drafted_by, updated_at = excluded.updated_at, version = routing_policy.version + 1
           where routing_policy.state = 'draft'
             and routing_policy.version = coalesce(cast(:revision as bigint), routing_policy.version)
           returning {COLUMNS}""",
        brand=policy.brand,
        label=policy.version,
        note=policy.note,
        content=content,
        at=at,
        actor=actor.name,
        revision=revision,
    )
    if kept is None:
        _check_revision(session, policy.brand, policy.version)
    if kept is None or policy.version == built_in:
        raise Conflict(f"{policy.version} was in force: give the policy a new version", code="policy_version")
    _tell(session, actor, "draft", policy.brand, policy.version, at)
    return _view(kept)


def check_locations(session: Session, policy: SourcingPolicy) -> None:
    """Make sure that a policy's brand has locations, and all that the policy names.

    Raises: NotFound.
    """
    there = {one.code for one in rows(session, "select code from location where brand = :brand", brand=policy.brand)}
    if not there:
        text, zh = f"no location is of a brand {policy.brand}", f"没有仓库属于品牌 {policy.brand}"
        raise NotFound(text, code="unknown_brand", zh=zh)
    if unknown := ", ".join(sorted({*policy.locations, *policy.eliminate.locations} - there)):
        text, zh = f"{policy.brand} has no location {unknown}", f"品牌 {policy.brand} 没有仓库 {unknown}"
        raise NotFound(text, code="unknown_location", zh=zh)


def publish_policy(
    session: Session,
    actor: Actor,
    brand: str,
    version: str,
    reason: str,
    at: datetime,
    *,
    revision: int,
    untried: str = "",
) -> None:
    """Put a draft in force from the next batch on; what was in force is retired. `revision` is the one looked at.

    Raises: Malformed without a reason; Unauthorised; NotFound; Conflict for one that is no draft any more, was written
    anew since, or was not tried and nobody says why it goes in force `untried`.
    """
    there = _hold(session, actor, brand, version, reason, VersionState.DRAFT)
    if there != revision:
        raise Conflict(f"{version} is at revision {there}, not {revision}: look at it again", code="policy_revision")
    more = require_trial(session, TrialKind.POLICY, get_policy(session, brand, version), untried)
    _end(session, actor, brand, at)
    run(
        session,
        """update routing_policy set state = 'in_force', published_at = :at, published_by = :actor, updated_at = :at,
                  version = version + 1
           where (brand, label) = (:brand, :label)""",
        brand=brand,
        label=version,
        actor=actor.name,
        at=at,
    )
    _tell(session, actor, "publish", brand, version, at, reason, **more)


def retire_policy(session: Session, actor: Actor, brand: str, version: str, reason: str, at: datetime) -> None:
    """Take the policy in force away: the brand is sourced by the built-in one again.

    Raises: Malformed without a reason; Unauthorised; NotFound; Conflict for one that is not in force.
    """
    _hold(session, actor, brand, version, reason, VersionState.IN_FORCE)
    _end(session, actor, brand, at)
    _tell(session, actor, "retire", brand, version, at, reason)


def list_policies(session: Session, actor: Actor, brand: str = "") -> Sequence[PolicyView]:
    """Give the versions that an actor may see, the latest first."""
    found = rows(
        session,
        f"""select {COLUMNS} from routing_policy
            where (:brand = '' or brand = :brand) and (:every or brand = any(:brands)) order by brand, id desc""",
        brand=brand,
        every=not actor.brands,
        brands=sorted(actor.brands),
    )
    return [_view(one) for one in found]


def get_policy(session: Session, brand: str, version: str) -> str:
    """Give a version as it was written.

    Raises: NotFound.
    """
    statement = "select content from routing_policy where (brand, label) = (:brand, :label)"
    found = row(session, statement, brand=brand, label=version)
    if found is None:
        raise NotFound(f"{brand} has no sourcing policy {version}", code="unknown_policy")
    return found.content


def _check_revision(session: Session, brand: str, version: str) -> None:
    """Say that somebody else has written a draft meanwhile, if it is one.

    Raises: Conflict.
    """
    statement = """select version, drafted_by from routing_policy
                   where (brand, label) = (:brand, :label) and state = 'draft'"""
    there = row(session, statement, brand=brand, label=version)
    if there is not None:
        told = f"{there.drafted_by} has written revision {there.version} of {version} meanwhile"
        raise Conflict(told, code="policy_revision")


def _end(session: Session, actor: Actor, brand: str, at: datetime) -> None:
    """Retire what a brand has in force, if anything; its versions are locked."""
    run(
        session,
        """update routing_policy set state = 'retired', retired_at = :at, retired_by = :actor, updated_at = :at,
                  version = version + 1
           where brand = :brand and state = 'in_force'""",
        brand=brand,
        actor=actor.name,
        at=at,
    )


def _hold(session: Session, actor: Actor, brand: str, version: str, reason: str, state: VersionState) -> int:
    """Lock a brand's versions, make sure that one of them is in a state, and give how often it was written."""
    _require(actor, brand)
    if not reason.strip():
        raise Malformed("say why: it goes to the audit log", code="reason_missing", field="reason")
    statement = "select label, state, version from routing_policy where brand = :brand order by id for update"
    there = {one.label: one for one in rows(session, statement, brand=brand)}
    if version not in there:
        raise NotFound(f"{brand} has no sourcing policy {version}", code="unknown_policy")
    if there[version].state != state:
        raise Conflict(f"{version} is {there[version].state}, not {state}", code="policy_state")
    return there[version].version


def _view(found: Row[Any]) -> PolicyView:
    return PolicyView.model_validate(dict(zip(PolicyView.model_fields, found, strict=True)))


def _require(actor: Actor, brand: str) -> None:
    actor.require(Permission.CONFIGURE)
    actor.require_scope(brand, "")


def _tell(
    session: Session, actor: Actor, act: str, brand: str, version: str, at: datetime, reason: str = "", **more: str
) -> None:
    subject = f"routing_policy:{brand}"
    record(session, at, actor.name, f"routing_policy.{act}", subject, version=version, reason=plain(reason), **more)
