"""What a person does about what is stuck: retry or cancel a call, replay or set aside a message, one or many at once.

Every act is audited with its reason and closes the cases it answers. Acts on many are shown first as a `Tally`; what
is not in the right state any more is left alone.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import plain
from hub.database import row, rows
from hub.document import Document
from hub.errors import Conflict, NotFound
from hub.inbox import InboxState
from hub.replay_acts import (
    REPLAYABLE,
    discard_all,
    lock_orders_of,
    put_right,
    refuse_holding,
    replay_all,
    retry_all,
    why,
)
from hub.roles import Actor, Permission
from hub.scope import INBOX_SEEN, STEP_SEEN, scope
from hub.steps import StepState, promote

LIMIT: Final = 5_000
"""How many things one act on many takes at most; what remains is shown again."""


class Tally(Document):
    """What an act on many would meet: it acts on `eligible` alone."""

    eligible: tuple[int, ...]
    wrong_state: int = 0
    done: int = 0

    @property
    def nothing(self) -> bool:
        """Whether nothing of what was named is there, or to be seen by who asks."""
        return not (self.eligible or self.wrong_state or self.done)


def retry_step(
    session: Session, actor: Actor, step_id: int, reason: str, at: datetime, connections: Collection[str] = ()
) -> None:
    """Try a dead call again: its partner is asked first, for it may have been executed.

    Raises: Unauthorised; NotFound; Conflict when it is not dead.
    """
    actor.require(Permission.REPLAY)
    if retry_all(session, actor, [step_id], plain(reason), at, connections):
        return
    check_step(session, actor, step_id, connections)
    raise Conflict(f"step {step_id} is not dead", code="step_state")


def retry_steps(
    session: Session,
    actor: Actor,
    step_ids: Collection[int],
    reason: str,
    at: datetime,
    connections: Collection[str] = (),
) -> int:
    """Try many dead calls again; give how many were.

    Raises: Unauthorised; Malformed without a reason.
    """
    actor.require(Permission.BULK)
    return len(retry_all(session, actor, step_ids, why(reason), at, connections))


def tally_steps(session: Session, actor: Actor, step_ids: Collection[int], connections: Collection[str] = ()) -> Tally:
    """Say what retrying these calls would meet."""
    live = _states(session, actor, "step", step_ids, connections)
    gone = _states(session, actor, "step_history", set(step_ids) - live.keys(), connections)
    ended = sum(state in {StepState.DONE, StepState.CANCELLED} for state in live.values())
    dead = sorted(step for step, state in live.items() if state == StepState.DEAD)
    return Tally(eligible=tuple(dead), wrong_state=len(live) - len(dead) - ended, done=ended + len(gone))


def cancel_step(
    session: Session,
    actor: Actor,
    step_id: int,
    reason: str,
    at: datetime,
    connections: Collection[str] = (),
    job: int | None = None,
) -> None:
    """Take a call away that was certainly never executed, so that its lane goes on without it.

    Raises: Unauthorised; NotFound; Malformed without a reason; Conflict when it may have been executed, has ended, or
    holds stock that only cancelling its order gives back.
    """
    actor.require(Permission.BULK)
    said = why(reason)
    check_step(session, actor, step_id, connections)
    refuse_holding(session, step_id)
    lock_orders_of(session, [step_id])
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
    put_right(session, actor, "step.cancel", [f"step:{step_id}"], said, at, job)


def replay_message(
    session: Session, actor: Actor, inbox_id: int, reason: str, at: datetime, connections: Collection[str] = ()
) -> None:
    """Let a parked or refused message be tried again, after what it named was mended.

    Raises: Unauthorised; NotFound; Conflict when there is nothing to replay.
    """
    actor.require(Permission.REPLAY)
    if not replay_all(session, actor, [inbox_id], plain(reason), at, connections):
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
    return len(replay_all(session, actor, inbox_ids, why(reason), at, connections))


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
    return len(replay_all(session, actor, inbox_ids, plain(reason), at, connections))


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
    if not discard_all(session, actor, [inbox_id], why(reason), at, connections):
        state = _state_of_message(session, actor, inbox_id, connections)
        raise Conflict(f"message {inbox_id} is {state}: it is not parked", code="inbox_state")


def check_step(session: Session, actor: Actor, step_id: int, connections: Collection[str] = ()) -> None:
    """Make sure that a call is there, and to be seen by who asks.

    Raises: NotFound.
    """
    if tally_steps(session, actor, [step_id], connections).nothing:
        raise NotFound(f"there is no step {step_id}", code="unknown_step")


def _states(
    session: Session, actor: Actor, table: str, step_ids: Collection[int], connections: Collection[str]
) -> dict[int, str]:
    if not step_ids:
        return {}
    found = rows(
        session,
        f"select id, state from {table} s where id = any(:ids) and {STEP_SEEN}",
        ids=sorted(step_ids),
        **scope(actor, connections),
    )
    return {one.id: one.state for one in found}


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
