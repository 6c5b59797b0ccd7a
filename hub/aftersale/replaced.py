"""For which pieces of a return others were sent, and which of these have not come."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.room import Room, pieces_of
from hub.database import rows


def less_owed(session: Session, order_id: int, rooms: Sequence[Room]) -> list[Room]:
    """Give the lines of an order with what is owed for exchanges as coming, though its returns await no more.

    Fewer came by them than others were sent for: what comes after all comes by them, and no other return pays for it.
    """
    found = rows(
        session,
        """select order_id, no from return_case c where order_id = :id and state = 'received' and exists (
               select 1 from order_link l where (l.origin_order_id, l.return_no) = (c.order_id, c.no)) order by no""",
        id=order_id,
    )
    owed = Counter[int]()
    for case in found:
        sent = exchanged(session, case, rooms)
        for one in counts_of(session, case):
            owed[one.line_no] += max(0, sent[one.line_no] - (one.arrived - one.refunded))
    return [one._replace(coming=one.coming + owed[one.line_no], asked=one.asked + owed[one.line_no]) for one in rooms]


def exchanged(session: Session, case: Row[Any], rooms: Sequence[Room]) -> Counter[int]:
    """Give the pieces of a return, by line, for which others were sent; what was cancelled of these is not."""
    found = rows(
        session,
        """select line.external_line_id as line_id, sum(line.ordered - line.cancelled)::bigint as n
           from order_link l join order_line line on line.order_id = l.order_id and line.parent_no is null
           where (l.origin_order_id, l.return_no) = (:id, :no) and line.kind in ('item', 'bundle')
           group by 1 order by 1""",
        id=case.order_id,
        no=case.no,
    )
    named = {one.line_no: one.named for one in counts_of(session, case)} if found else {}
    sold, sent = {one.line_id for one in rooms}, Counter[int]()
    for one in found:
        if one.line_id in sold:  # else it was added to the exchange order and replaces nothing
            sent += pieces_of(rooms, one.line_id, one.n, lambda room: named.get(room.line_no, 0))[0]
    return sent


def counts_of(session: Session, case: Row[Any]) -> Sequence[Row[Any]]:
    """Give the pieces of a return by line: named, arrived, paid back by it, and by money `alone`."""
    return rows(
        session,
        """select line_no, greatest(asked, arrived) as named, arrived, refunded, (
                      select coalesce(sum(other.refunded), 0)::bigint
                      from return_line other join return_case c using (order_id, no)
                      where other.order_id = :id and c.order_id = :id and other.line_no = own.line_no
                        and c.kind = 'refund_only') as alone
           from return_line own where (order_id, no) = (:id, :no)""",
        id=case.order_id,
        no=case.no,
    )
