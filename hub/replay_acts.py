"""What is done to stuck calls and messages, on any number of them at once: only to those still in the right state.

Who may do it is asked before, by whoever calls; each act is audited and closes the cases that it answers.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record_all
from hub.cases import resolve_all
from hub.database import ring_after, row, rows, run
from hub.errors import Conflict, Malformed
from hub.inbox import InboxState
from hub.roles import Actor
from hub.scope import INBOX_SEEN, STEP_SEEN, scope

HOLDING: Final = ("release_fulfilment", "cancel_fulfilment")
"""Flows whose call may not simply vanish: a fulfilment order and its stock wait for what comes of it."""

REPEATABLE: Final = ("subscribe_parcel", "ask_parcel")
"""Flows whose completed call may be made once more: the partner only tells us more often what it knows anyway."""

REPLAYABLE: Final = (InboxState.PARKED, InboxState.REFUSED)


def why(reason: str) -> str:
    """Give a reason as the audit log may keep it.

    Raises: Malformed when there is none.
    """
    said = plain(reason).strip()
    if not said:
        raise Malformed("say why", code="reason_missing", field="reason")
    return said


def retry_all(
    session: Session,
    actor: Actor,
    step_ids: Collection[int],
    said: str,
    at: datetime,
    connections: Collection[str] = (),
    job: int | None = None,
) -> list[int]:
    """Let those of these calls be due again that are dead, and give which; for whoever has asked the permission."""
    changed = rows(
        session,
        f"""with dead as (select id from step s where id = any(:ids) and state = 'dead' and {STEP_SEEN}
                          order by id for update)
            update step set state = 'unknown', run_at = greatest(step.run_at, :at), attempts = 0, unheard = 0,
                            settled_at = null
            from dead where step.id = dead.id returning step.id""",
        ids=sorted(step_ids),
        at=at,
        **scope(actor, connections),
    )
    put_right(session, actor, "step.retry", [f"step:{one.id}" for one in changed], said, at, job)
    return [one.id for one in changed]


def replay_all(
    session: Session,
    actor: Actor,
    inbox_ids: Collection[int],
    said: str,
    at: datetime,
    connections: Collection[str],
    job: int | None = None,
) -> list[int]:
    """Let those of these messages be tried again that are parked or refused, and give which; as above."""
    changed = _settle_stuck(
        session,
        actor,
        inbox_ids,
        "state = 'received', run_at = :at, attempts = 0, error_code = '', error = ''",
        at,
        connections,
    )
    put_right(session, actor, "inbox.replay", [f"inbox:{one}" for one in changed], said, at, job)
    return changed


def discard_all(
    session: Session,
    actor: Actor,
    inbox_ids: Collection[int],
    said: str,
    at: datetime,
    connections: Collection[str],
    job: int | None = None,
) -> list[int]:
    """Set those of these messages aside that are parked or refused, and give which; as above."""
    changed = _settle_stuck(
        session,
        actor,
        inbox_ids,
        "state = 'superseded', settled_at = :at, error_code = '', error = ''",
        at,
        connections,
    )
    put_right(session, actor, "inbox.discard", [f"inbox:{one}" for one in changed], said, at, job)
    return changed


def put_right(
    session: Session,
    actor: Actor,
    act: str,
    subjects: Sequence[str],
    said: str,
    at: datetime,
    job: int | None = None,
    also: Mapping[str, object] | None = None,
) -> None:
    """Write what a person did about these into the audit log, close their cases, and wake the workers."""
    told = {"reason": said, **({"job": job} if job else {}), **(also or {})}
    record_all(session, at, actor.name, act, [(subject, told) for subject in sorted(subjects)])
    resolve_all(session, subjects, at, actor.name, said or "replayed")
    if subjects:
        ring_after(session)


def refuse_holding(session: Session, step_id: int) -> None:
    """Keep a call from vanishing that a fulfilment order and its stock wait for.

    Raises: Conflict.
    """
    held = row(session, "select 1 from step where id = :id and flow = any(:flows)", id=step_id, flows=list(HOLDING))
    if held is not None:
        raise Conflict("a delivery holds stock: cancel its order, or retry the call", code="step_holds_stock")


def lock_orders_of(session: Session, step_ids: Collection[int]) -> None:
    """Lock the orders that calls are for, live or finished, before the calls themselves, as everybody does."""
    run(
        session,
        """select 1 from sales_order
           where id in (select order_id from step where id = any(:ids)
                        union all select order_id from step_history where id = any(:ids))
           order by id for update""",
        ids=sorted(step_ids),
    )


def _settle_stuck(
    session: Session,
    actor: Actor,
    inbox_ids: Collection[int],
    values: str,
    at: datetime,
    connections: Collection[str],
) -> list[int]:
    """Give the parked and refused ones of these messages new values, and say which they were."""
    changed = rows(
        session,
        f"""with stuck as (
                select m.id, m.received_at from inbox_key k
                join inbox m on m.id = k.inbox_id and m.received_at = k.received_at
                where k.inbox_id = any(:ids) and m.state in ('parked', 'refused') and {INBOX_SEEN}
                order by m.id for update of m)
            update inbox set {values}
            from stuck where (inbox.id, inbox.received_at) = (stuck.id, stuck.received_at) returning inbox.id""",
        ids=sorted(inbox_ids),
        at=at,
        **scope(actor, connections),
    )
    return [one.id for one in changed]
