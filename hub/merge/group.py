"""Groups of fulfilment orders that travel in one delivery: found, held still, taken apart, ended.

Whoever changes a group holds the rows of all orders in it, lowest id first; its head is the lowest of all.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from hub.cases import resolve_steps
from hub.database import row, rows, run
from hub.errors import NotFound
from hub.fulfilment.reject import Standing
from hub.fulfilment.release import RELEASE, code_of, lane_of
from hub.fulfilment.status import ENDED, Execution, Negotiation
from hub.steps import withdraw


class Member(NamedTuple):
    """A fulfilment order by its place in the delivery."""

    place: int
    order_id: int
    no: int

    @property
    def code(self) -> str:
        return code_of(self.order_id, self.no)


class Group(NamedTuple):
    """What travels together, by place: the first is the head, whose number the document bears."""

    id: int
    connection: str
    members: tuple[Member, ...]

    @property
    def head(self) -> Member:
        return self.members[0]


class Document(NamedTuple):
    """What a location knows a fulfilment order by: itself, or the head of its group."""

    order_id: int
    no: int
    code: str
    asked_before: bool = False


def group_of(session: Session, order_id: int, no: int) -> Group | None:
    """Give the group of a fulfilment order that its location has heard of or is about to; ended ones included."""
    found = rows(
        session,
        """select g.id, g.connection, m.place, m.order_id, m.no
           from merge_member own join merge_group g on g.id = own.group_id join merge_member m on m.group_id = g.id
           where (own.order_id, own.no) = (:order_id, :no) and g.ending <> 'dissolved' order by m.place""",
        order_id=order_id,
        no=no,
    )
    if not found:
        return None
    members = tuple(Member(one.place, one.order_id, one.no) for one in found)
    return Group(found[0].id, found[0].connection, members)


def read_group(session: Session, group_id: int) -> Group:
    """Give a group by its id.

    Raises: NotFound.
    """
    first = row(session, "select order_id, no from merge_member where group_id = :id and place = 1", id=group_id)
    group = group_of(session, first.order_id, first.no) if first else None
    if group is None or group.id != group_id:
        raise NotFound(f"there is no group {group_id}", code="unknown_document")
    return group


def hold_together(session: Session, order_id: int) -> None:
    """Lock an order and all that share a live group with it, lowest id first."""
    while True:
        wanted = {order_id, *_mates(session, order_id)}
        savepoint = session.begin_nested()
        _lock(session, wanted)
        if wanted.issuperset(_mates(session, order_id)):
            savepoint.commit()
            return
        savepoint.rollback()  # a group was made meanwhile: a lower id must be locked before the one we hold


def hold_free(session: Session, order_id: int) -> bool:
    """Lock as `hold_together` does, but wait for nobody: False when somebody works on one of them just now.

    Whoever gets False rolls back to where it was, as some of them may be locked.
    """
    wanted = {order_id, *_mates(session, order_id)}
    return _lock_free(session, wanted) and wanted.issuperset(_mates(session, order_id))


def hold_group(session: Session, order_id: int, no: int) -> Group | None:
    """Lock the orders of a document, which its head's number names; None when the fulfilment order travels alone.

    Raises: NotFound for a fulfilment order that its location knows by another number.
    """
    _lock(session, {order_id})
    group = group_of(session, order_id, no)
    if group is None:
        return None
    if group.head.order_id != order_id or group.head.no != no:
        raise NotFound(f"{code_of(order_id, no)} travels in document {group.head.code}", code="unknown_document")
    _lock(session, {member.order_id for member in group.members})
    return group


def call_off(session: Session, standing: Standing, at: datetime) -> bool:
    """Make sure that a location never hears of a fulfilment order, and say whether that was still possible.

    Its group is taken apart; the others wait again, with their windows over. It is not while somebody works on them.
    """
    group = group_of(session, standing.order_id, standing.no)
    if group is not None and not _dissolve(session, group, at):
        return False
    statement = "delete from merge_wait where (order_id, no) = (:order_id, :no)"
    if run(session, statement, order_id=standing.order_id, no=standing.no):
        return True
    return withdraw(session, lane_of(standing.code, standing.connection), RELEASE, at)


def ask_to_stop(session: Session, standing: Standing, at: datetime) -> Document:
    """Record that a location is asked to stop a fulfilment order, with all that travels with it, and give what it is.

    Its group must be held. Where another wish is under way, of this order or another, it has been asked before.
    """
    group = group_of(session, standing.order_id, standing.no)
    if group is None:
        asked_before = standing.negotiation is Negotiation.CANCEL_REQUESTED
        standing.agree(Negotiation.CANCEL_REQUESTED, at)
        return Document(standing.order_id, standing.no, standing.code, asked_before)
    own = (standing.order_id, standing.no)
    others = [one for one in standings(session, group) if (one.order_id, one.no) != own and not one.ended]
    asked_before = any(one.negotiation is Negotiation.CANCEL_REQUESTED for one in (standing, *others))
    for one in (standing, *others):
        one.agree(Negotiation.CANCEL_REQUESTED, at)
    head = group.head
    return Document(head.order_id, head.no, head.code, asked_before)


def standings(session: Session, group: Group) -> list[Standing]:
    """Lock a group's fulfilment orders and give where they stand, by place."""
    return [Standing(session, member.order_id, member.no) for member in group.members]


def end_if_over(session: Session, group: Group, at: datetime) -> None:
    """End a group of which nothing is open any more."""
    if all(standing.ended for standing in standings(session, group)):
        _end(session, group, "over", at)


def _dissolve(session: Session, group: Group, at: datetime) -> bool:
    """Take a group apart that its location has certainly not heard of; its members wait with their windows over."""
    if not _lock_free(session, {member.order_id for member in group.members}):
        return False
    if not withdraw(session, lane_of(group.head.code, group.connection), RELEASE, at):
        return False
    resolve_steps(session, group.head.order_id, at)
    _end(session, group, "dissolved", at)
    run(
        session,
        """with mine as (
               update fulfilment_order f set execution = :scheduled, version = version + 1, updated_at = :at
               from merge_member m
               where m.group_id = :id and (f.order_id, f.no) = (m.order_id, m.no) and f.execution <> all(:ended)
               returning f.order_id, f.no)
           insert into merge_wait (order_id, no, key, until)
           select mine.order_id, mine.no, coalesce(r.key, cast(cast(mine.order_id as text) as bytea)), :at
           from mine left join merge_recipient r using (order_id)""",  # one without a recipient has no mates
        scheduled=Execution.SCHEDULED,
        ended=sorted(ENDED),
        at=at,
        id=group.id,
    )
    return True


def _end(session: Session, group: Group, ending: str, at: datetime) -> None:
    run(
        session,
        """update merge_group set ending = :ending, ended_at = :at, updated_at = :at, version = version + 1
           where id = :id and ending = ''""",
        ending=ending,
        at=at,
        id=group.id,
    )
    run(
        session,
        "update merge_member set left_at = :at where group_id = :id and left_at is null",
        at=at,
        id=group.id,
    )


def _mates(session: Session, order_id: int) -> Sequence[int]:
    """Give the orders that share a live group with an order."""
    found = rows(
        session,
        """select distinct m.order_id from merge_member own join merge_member m on m.group_id = own.group_id
           where own.order_id = :id and own.left_at is null""",
        id=order_id,
    )
    return [one.order_id for one in found]


def _lock_free(session: Session, order_ids: set[int]) -> bool:
    """Lock orders unless somebody has one of them, and say whether all are locked."""
    free = "select id from sales_order where id = any(:ids) order by id for update skip locked"
    return len(rows(session, free, ids=sorted(order_ids))) == len(order_ids)


def _lock(session: Session, order_ids: set[int]) -> None:
    statement = "select 1 from sales_order where id = any(:ids) order by id for update"
    rows(session, statement, ids=sorted(order_ids))
