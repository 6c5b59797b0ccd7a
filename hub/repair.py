"""What a person does about what is stuck: retry or cancel a call, replay or set aside a message, one or many at once.

Every act is audited with its reason and closes the cases it answers. Acts on many are shown first as a `Tally`; what
is not in the right state any more is left alone.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain, record, record_all
from hub.cases import resolve, resolve_all
from hub.database import row, rows, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NotFound
from hub.inbox import InboxState
from hub.roles import Actor, Permission
from hub.scope import INBOX_SEEN, STEP_SEEN, scope
from hub.steps import StepState, promote

LIMIT: Final = 5_000
"""How many things one act on many takes at most; what remains is shown again."""

HOLDING: Final = ("release_fulfilment", "cancel_fulfilment")
"""Flows whose call may not simply vanish: a fulfilment order and its stock wait for what comes of it."""

REPLAYABLE: Final = (InboxState.PARKED, InboxState.REFUSED)


class Tally(Document):
    """What an act on many would meet: it acts on `eligible` alone."""

    eligible: tuple[int, ...]
    wrong_state: int = 0
    done: int = 0

    @property
    def nothing(self) -> bool:
        """Whether nothing of what was named is there, or to be seen by who asks."""
        return not (self.eligible or self.wrong_state or self.done)


def retry_step(session: Session, actor: Actor, step_id: int, reason: str, at: datetime) -> None:
    """Try a dead call again: its partner is asked first, for it may have been executed.

    Raises: Unauthorised; NotFound; Conflict when it is not dead.
    """
    actor.require(Permission.REPLAY)
    if _retry(session, actor, [step_id], plain(reason), at):
        return
    _check_step(session, actor, step_id)
    raise Conflict(f"step {step_id} is not dead", code="step_state")


def retry_steps(session: Session, actor: Actor, step_ids: Collection[int], reason: str, at: datetime) -> int:
    """Try many dead calls again; give how many were.

    Raises: Unauthorised; Malformed without a reason.
    """
    actor.require(Permission.BULK)
    return _retry(session, actor, step_ids, why(reason), at)


def tally_steps(session: Session, actor: Actor, step_ids: Collection[int]) -> Tally:
    """Say what retrying these calls would meet."""
    live = _states(session, actor, "step", step_ids)
    gone = _states(session, actor, "step_history", set(step_ids) - live.keys())
    ended = sum(state in {StepState.DONE, StepState.CANCELLED} for state in live.values())
    dead = sorted(step for step, state in live.items() if state == StepState.DEAD)
    return Tally(eligible=tuple(dead), wrong_state=len(live) - len(dead) - ended, done=ended + len(gone))


def cancel_step(session: Session, actor: Actor, step_id: int, reason: str, at: datetime) -> None:
    """Take a call away that was certainly never executed, so that its lane goes on without it.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it may have been executed, has ended, or
    holds stock that only cancelling its order gives back.
    """
    actor.require(Permission.BULK)
    said = why(reason)
    _check_step(session, actor, step_id)
    held = row(session, "select 1 from step where id = :id and flow = any(:flows)", id=step_id, flows=list(HOLDING))
    if held is not None:
        raise Conflict("a delivery holds stock: cancel its order, or retry the call", code="step_holds_stock")
    # The order's row is locked before the step's, as everybody does.
    run(
        session,
        "select 1 from sales_order where id = (select order_id from step where id = :id) for update",
        id=step_id,
    )
    found = row(
        session,
        """update step set state = 'cancelled', settled_at = :at
           where id = :id and state in ('waiting', 'pending', 'dead') and not doubt returning lane""",
        id=step_id,
        at=at,
    )
    if found is None:
        raise Conflict(f"step {step_id} has ended, or may have been executed: it stays", code="step_state")
    promote(session, [found.lane], at)
    record(session, at, actor.name, "step.cancel", f"step:{step_id}", reason=said)
    resolve(session, f"step:{step_id}", at, actor.name, said)


def replay_message(
    session: Session, actor: Actor, inbox_id: int, reason: str, at: datetime, connections: Collection[str] = ()
) -> None:
    """Let a parked or refused message be tried again, after what it named was mended.

    Raises: Unauthorised; NotFound; Conflict when there is nothing to replay.
    """
    actor.require(Permission.REPLAY)
    if not _replay(session, actor, [inbox_id], plain(reason), at, connections):
        state = _state_of_message(session, actor, inbox_id, connections)
        raise Conflict(f"message {inbox_id} is {state}: there is nothing to replay", code="inbox_state")


def replay_messages(
    session: Session,
    actor: Actor,
    inbox_ids: Collection[int],
    reason: str,
    at: datetime,
    connections: Collection[str] = (),
) -> int:
    """Let many messages be tried again; give how many were.

    Raises: Unauthorised; Malformed without a reason.
    """
    actor.require(Permission.BULK)
    return _replay(session, actor, inbox_ids, why(reason), at, connections)


def replay_waiting(
    session: Session,
    actor: Actor,
    inbox_ids: Collection[int],
    reason: str,
    at: datetime,
    connections: Collection[str] = (),
) -> int:
    """Let the messages be tried again that waited for what was just mended; give how many were.

    Raises: Unauthorised.
    """
    actor.require(Permission.REPLAY)
    return _replay(session, actor, inbox_ids, plain(reason), at, connections)


def tally_messages(
    session: Session, actor: Actor, inbox_ids: Collection[int], connections: Collection[str] = ()
) -> Tally:
    """Say what replaying these messages would meet."""
    found = rows(
        session,
        f"""select m.id, m.state from inbox_key k
            join inbox m on m.id = k.inbox_id and m.received_at = k.received_at
            where k.inbox_id = any(:ids) and {INBOX_SEEN} order by m.id""",
        ids=sorted(inbox_ids),
        **scope(actor, connections),
    )
    parked = tuple(one.id for one in found if one.state in REPLAYABLE)
    waits = sum(one.state == InboxState.RECEIVED for one in found)
    return Tally(eligible=parked, wrong_state=waits, done=len(found) - len(parked) - waits)


def discard_message(
    session: Session, actor: Actor, inbox_id: int, reason: str, at: datetime, connections: Collection[str] = ()
) -> None:
    """Set a parked or refused message aside for good.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it is in another state.
    """
    actor.require(Permission.REPLAY)
    said = why(reason)
    changed = run(
        session,
        f"""update inbox m set state = 'superseded', settled_at = :at, error_code = '', error = ''
            from inbox_key k where k.inbox_id = :id and (m.id, m.received_at) = (k.inbox_id, k.received_at)
              and m.state in ('parked', 'refused') and {INBOX_SEEN}""",
        id=inbox_id,
        at=at,
        **scope(actor, connections),
    )
    if not changed:
        state = _state_of_message(session, actor, inbox_id, connections)
        raise Conflict(f"message {inbox_id} is {state}: it is not parked", code="inbox_state")
    _put_right(session, actor, "inbox.discard", [f"inbox:{inbox_id}"], said, at)


def why(reason: str) -> str:
    """Give a reason as the audit log may keep it.

    Raises: Malformed when there is none.
    """
    said = plain(reason).strip()
    if not said:
        raise Malformed("say why", code="reason_missing", field="reason")
    return said


def _retry(session: Session, actor: Actor, step_ids: Collection[int], reason: str, at: datetime) -> int:
    changed = rows(
        session,
        f"""with dead as (select id from step s where id = any(:ids) and state = 'dead' and {STEP_SEEN}
                          order by id for update)
            update step set state = 'unknown', run_at = greatest(step.run_at, :at), attempts = 0, unheard = 0,
                            settled_at = null
            from dead where step.id = dead.id returning step.id""",
        ids=sorted(step_ids),
        at=at,
        **scope(actor),
    )
    _put_right(session, actor, "step.retry", [f"step:{one.id}" for one in changed], reason, at)
    return len(changed)


def _replay(
    session: Session,
    actor: Actor,
    inbox_ids: Collection[int],
    reason: str,
    at: datetime,
    connections: Collection[str],
) -> int:
    changed = rows(
        session,
        f"""with parked as (
                select m.id, m.received_at from inbox_key k
                join inbox m on m.id = k.inbox_id and m.received_at = k.received_at
                where k.inbox_id = any(:ids) and m.state in ('parked', 'refused') and {INBOX_SEEN}
                order by m.id for update of m)
            update inbox set state = 'received', run_at = :at, attempts = 0, error_code = '', error = ''
            from parked where (inbox.id, inbox.received_at) = (parked.id, parked.received_at) returning inbox.id""",
        ids=sorted(inbox_ids),
        at=at,
        **scope(actor, connections),
    )
    _put_right(session, actor, "inbox.replay", [f"inbox:{one.id}" for one in changed], reason, at)
    return len(changed)


def _put_right(session: Session, actor: Actor, act: str, subjects: Sequence[str], reason: str, at: datetime) -> None:
    """Write what a person did about these into the audit log, and close their cases."""
    record_all(session, at, actor.name, act, [(subject, {"reason": reason}) for subject in sorted(subjects)])
    resolve_all(session, subjects, at, actor.name, reason or "replayed")


def _states(session: Session, actor: Actor, table: str, step_ids: Collection[int]) -> dict[int, str]:
    if not step_ids:
        return {}
    found = rows(
        session,
        f"select id, state from {table} s where id = any(:ids) and {STEP_SEEN}",
        ids=sorted(step_ids),
        **scope(actor),
    )
    return {one.id: one.state for one in found}


def _check_step(session: Session, actor: Actor, step_id: int) -> None:
    if tally_steps(session, actor, [step_id]).nothing:
        raise NotFound(f"there is no step {step_id}", code="unknown_step")


def _state_of_message(session: Session, actor: Actor, inbox_id: int, connections: Collection[str]) -> str:
    found = row(
        session,
        f"""select m.state from inbox_key k join inbox m on m.id = k.inbox_id and m.received_at = k.received_at
            where k.inbox_id = :id and {INBOX_SEEN}""",
        id=inbox_id,
        **scope(actor, connections),
    )
    if found is None:
        raise NotFound(f"inbox row {inbox_id} is not there, or past its retention", code="inbox_row")
    return found.state
