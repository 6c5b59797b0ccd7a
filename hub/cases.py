"""Cases (异常单): what needs a person, opened once and counted, given to somebody, and closed with a reason."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Identity, Index, text
from sqlalchemy.orm import Session

from hub.audit import plain, record, record_all
from hub.causes.cause import Remedy
from hub.causes.known import CAUSES
from hub.columns import Entity, document, moment, number, one_of, words
from hub.database import row, rows, run
from hub.errors import Conflict, Malformed, NotFound
from hub.roles import Actor, Permission
from hub.scope import CASE_SEEN, scope


class CaseState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


class CaseFile(Entity, table=True):
    """One thing that a person must decide; the same cause for the same subject is one open case, counted."""

    __table_args__ = (
        one_of("state", CaseState),
        one_of("cause", sorted(CAUSES)),
        Index("uq_case_file_open", "cause", "subject", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_case_file_order", "order_id", postgresql_where=text("order_id is not null")),
    )
    id: int | None = number(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
    cause: str = words()
    subject: str = words()
    order_id: int | None = number(default=None)
    detail: dict[str, Any] = document()
    message: str = words(default="")
    state: str = words(default="open")
    times: int = number(default=1)
    assignee: str = words(default="")
    resolved_at: datetime | None = moment(default=None)
    resolved_by: str = words(default="")
    resolution: str = words(default="")


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to open: `message` names the trouble without personal data, `detail` fills the words of `how`."""

    cause: str
    subject: str
    brand: str
    message: str
    order_id: int | None = None
    detail: Mapping[str, object] | None = None


def open_cases(session: Session, cases: Sequence[NewCase], at: datetime) -> None:
    """Open cases, or count again those that are open already; sorted, so that two batches never wait in a circle.

    Of a case that is named several times the first says what it is and the last what happened.
    """
    if not cases:
        return
    named: dict[tuple[str, str], list[NewCase]] = {}
    for case in sorted(cases, key=lambda case: (case.cause, case.subject)):
        named.setdefault((case.cause, case.subject), []).append(case)
    firsts = [same[0] for same in named.values()]
    run(
        session,
        """insert into case_file (brand, version, created_at, updated_at, cause, subject, order_id, detail,
                                  message, state, times, assignee, resolved_by, resolution)
           select brand, times, :at, :at, cause, subject, order_id, cast(detail as jsonb), message, 'open', times,
                  '', '', ''
           from unnest(cast(:brands as text[]), cast(:causes as text[]), cast(:subjects as text[]),
                       cast(:orders as bigint[]), cast(:details as text[]), cast(:messages as text[]),
                       cast(:times as bigint[])) with ordinality
                as asked (brand, cause, subject, order_id, detail, message, times, place)
           order by place
           on conflict (cause, subject) where state = 'open'
           do update set times = case_file.times + excluded.times, updated_at = :at, message = excluded.message,
                         version = case_file.version + excluded.times""",
        at=at,
        brands=[one.brand for one in firsts],
        causes=[one.cause for one in firsts],
        subjects=[one.subject for one in firsts],
        orders=[one.order_id for one in firsts],
        details=[json.dumps(one.detail or {}) for one in firsts],
        messages=[same[-1].message for same in named.values()],
        times=[len(same) for same in named.values()],
    )


def resolve(session: Session, subject: str, at: datetime, actor: str, resolution: str, cause: str = "") -> int:
    """Close the open cases of a subject (of one cause, if named); give how many."""
    return run(
        session,
        """update case_file set state = 'resolved', resolved_at = :at, resolved_by = :actor, resolution = :resolution,
                                updated_at = :at, version = version + 1
           where subject = :subject and state = 'open' and (:cause = '' or cause = :cause)""",
        subject=subject,
        at=at,
        actor=actor,
        resolution=resolution,
        cause=cause,
    )


def reword(session: Session, cause: str, messages: Mapping[str, str], at: datetime) -> None:
    """Say anew what open cases of one cause are about, by subject: the same trouble, not another time of it."""
    run(
        session,
        """update case_file set message = new.message, updated_at = :at, version = version + 1
           from unnest(cast(:subjects as text[]), cast(:messages as text[])) as new (subject, message)
           where case_file.subject = new.subject and cause = :cause and state = 'open'""",
        at=at,
        cause=cause,
        subjects=list(messages),
        messages=list(messages.values()),
    )


def resolve_all(
    session: Session, subjects: Sequence[str], at: datetime, actor: str, resolution: str, cause: str = ""
) -> int:
    """Close the open cases of many subjects (of one cause, if named); give how many."""
    return run(
        session,
        """update case_file set state = 'resolved', resolved_at = :at, resolved_by = :actor, resolution = :resolution,
                                updated_at = :at, version = version + 1
           where subject = any(:subjects) and state = 'open' and (:cause = '' or cause = :cause)""",
        subjects=list(subjects),
        at=at,
        actor=actor,
        resolution=resolution,
        cause=cause,
    )


def resolve_by_hand(
    session: Session, actor: Actor, case_id: int, reason: str, at: datetime, connections: Collection[str] = ()
) -> None:
    """Close a case that only a person can end, saying what was done.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it is closed already (case_state), or ends
    by being mended (case_mends).
    """
    actor.require(Permission.WORK_ORDERS)
    found = row(
        session,
        f"select cause, state from case_file c where id = :id and {CASE_SEEN} for update",
        id=case_id,
        **scope(actor, connections),
    )
    if found is None:
        raise NotFound(f"there is no case {case_id}", code="unknown_case")
    if found.state != CaseState.OPEN:
        raise Conflict(f"case {case_id} is closed already", code="case_state")
    cause = CAUSES[found.cause]
    if cause.remedy is not Remedy.BY_HAND:
        raise Conflict(f"case {case_id} closes when its cause is mended: {cause.hint.en}", code="case_mends")
    why = plain(reason).strip()
    if not why:
        raise Malformed("say what was done", code="reason_missing", field="reason")
    run(
        session,
        """update case_file set state = 'resolved', resolved_at = :at, resolved_by = :actor, resolution = :why,
                                updated_at = :at, version = version + 1 where id = :id""",
        at=at,
        actor=actor.name,
        why=why,
        id=case_id,
    )
    record(session, at, actor.name, "case.resolve", f"case:{case_id}", cause=found.cause, reason=why)


def assign(
    session: Session,
    actor: Actor,
    case_ids: Collection[int],
    assignee: str,
    at: datetime,
    connections: Collection[str] = (),
) -> int:
    """Give open cases to somebody, or to nobody (""); give how many changed hands.

    Raises: Unauthorised.
    """
    actor.require(Permission.WORK_ORDERS)
    changed = rows(
        session,
        f"""update case_file c set assignee = :assignee, updated_at = :at, version = version + 1
            where id = any(:ids) and state = 'open' and assignee <> :assignee and {CASE_SEEN} returning id""",
        ids=sorted(case_ids),
        assignee=assignee,
        at=at,
        **scope(actor, connections),
    )
    record_all(
        session,
        at,
        actor.name,
        "case.assign",
        [(f"case:{one.id}", {"assignee": assignee}) for one in sorted(changed, key=lambda one: one.id)],
    )
    return len(changed)


def resolve_steps(session: Session, order_id: int, at: datetime) -> None:
    """Close the cases of an order's dead steps that have been taken away since."""
    run(
        session,
        """update case_file set state = 'resolved', resolved_at = :at, resolved_by = 'system', updated_at = :at,
                                resolution = 'the call was withdrawn', version = version + 1
           where order_id = :order_id and cause = 'step_dead' and state = 'open'
             and not exists (
                 select 1 from step where 'step:' || step.id = case_file.subject and step.state = 'dead')""",
        order_id=order_id,
        at=at,
    )


def count_open(session: Session) -> int:
    found = row(session, "select count(*) as n from case_file where state = 'open'")
    return found.n if found else 0


def explain(cause: str, subject: str, detail: Mapping[str, object], language: str) -> tuple[str, str]:
    """Say what a case is about and how to go on at a terminal, in a person's language."""
    known = CAUSES[cause]
    values = {"inbox": "", "step": "", "case": "", "subject": subject.rpartition(":")[2], **detail}
    return known.what.say(language), known.how.say(language, **values)


def open_list(session: Session, limit: int = 100) -> Sequence[Any]:
    """The open cases, oldest first."""
    return rows(
        session,
        """select id, cause, subject, order_id, detail, message, times, assignee, created_at from case_file
           where state = 'open' order by created_at, id limit :limit""",
        limit=limit,
    )
