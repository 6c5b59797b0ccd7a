"""Wishes to cancel an order, kept as holds: whether one is under way, refused or done, and what its channel is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.fulfilment.status import ENDED
from hub.order.change.tell import tell_cancelled
from hub.order.lock import Locked
from hub.order.rules.hold import HoldType

REFUSED: Final = "the location refused"

CANCELLED: Final = "cancelled"


def wants_cancel(session: Session, order_id: int) -> bool:
    """Say whether a cancellation is under way."""
    found = rows(
        session,
        """select 1 from order_hold
           where order_id = :id and type = 'refund_requested' and released_at is null limit 1""",
        id=order_id,
    )
    return bool(found)


def was_refused(session: Session, order_id: int, no: int) -> bool:
    """Say whether a location was last asked to stop a document for a cancellation that came to nothing.

    A yes that comes after all is meant for that cancellation, unless a change has asked since.
    """
    found = rows(
        session,
        """select 1 from order_hold h
           where h.order_id = :id and h.type = 'refund_requested' and h.reason = :refused
             and not exists (select 1 from order_revision r
                             where r.order_id = h.order_id and r.created_at > h.created_at
                               and r.stops @> to_jsonb(cast(:no as bigint))) limit 1""",
        id=order_id,
        no=no,
        refused=REFUSED,
    )
    return bool(found)


def called_off(session: Session, order_id: int) -> bool:
    """Say whether a cancellation is under way, or has ended all that was left of an order."""
    statement = """select 1 from order_hold where order_id = :id and type = 'refund_requested'
                   and (released_at is null or reason = :ended) limit 1"""
    return bool(rows(session, statement, id=order_id, ended=CANCELLED))


def count_wishes(session: Session, order_id: int) -> int:
    """Say how often somebody has wished to cancel an order."""
    statement = "select count(*) as n from order_hold where order_id = :id and type = 'refund_requested'"
    return rows(session, statement, id=order_id)[0].n


def cancelled_pieces(session: Session, order_id: int) -> int:
    """Say how many pieces of an order are cancelled by now."""
    statement = "select coalesce(sum(cancelled), 0)::bigint as n from order_line where order_id = :id"
    return rows(session, statement, id=order_id)[0].n


def end_wish(session: Session, order: Locked, at: datetime, *, answered: int = 0) -> None:
    """Let the goods come once no other location has still to answer; a first parcel is not yet an answer.

    Its channel is told where some of the goods were stopped all the same.
    """
    waiting = rows(
        session,
        """select 1 from fulfilment_order f
           where f.order_id = :id and f.no <> :answered and f.execution <> all(:ended)
             and (f.negotiation = 'cancel_requested' or f.negotiation = 'cancel_rejected' and exists (
                     select 1 from fulfilment_line l where (l.order_id, l.no) = (f.order_id, f.no) and l.shipped > 0))
           limit 1""",
        id=order.id,
        answered=answered,
        ended=sorted(ENDED),
    )
    if not waiting:
        tell_wish(session, order, at, more_than_before=True)
        release_holds(session, order.id, at, REFUSED, [HoldType.REFUND_REQUESTED])


def tell_wish(session: Session, order: Locked, at: datetime, *, more_than_before: bool = False) -> None:
    """Have the channel told what was cancelled, unless that is what it said itself.

    Of one that came to nothing at first each yes that comes late is told.
    """
    wish = row(
        session,
        """select evidence ->> 'by' as by, cast(evidence ->> 'before' as bigint) as before,
                  released_at is not null as over from order_hold
           where order_id = :id and type = 'refund_requested' and (released_at is null or reason = :refused)
           order by no desc limit 1""",
        id=order.id,
        refused=REFUSED,
    )
    pieces = cancelled_pieces(session, order.id)
    if wish is None or wish.by == order.channel or (more_than_before and pieces == wish.before):
        return
    no = count_wishes(session, order.id)
    tell_cancelled(session, order, f"{no}-{pieces}" if wish.over else str(no), at)


def release_holds(session: Session, order_id: int, at: datetime, reason: str, types: Sequence[HoldType]) -> None:
    """End the holds of some types."""
    run(
        session,
        """update order_hold set released_at = :at, released_by = 'system', reason = :reason
           where order_id = :id and type = any(:types) and released_at is null""",
        at=at,
        reason=reason,
        id=order_id,
        types=list(types),
    )
