"""Give money back for pieces that have left: exactly their share, in whatever order they come back.

Piece k of a line bears share(k) − share(k−1) of its money. The first pieces are those that ship and the last those
that are cancelled, so the first that come back are pieces 1, 2, … of the line, whichever of the shipped ones they are:
what came back and what was cancelled never overlap, and together they are the line's money to the last fen.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.aftersale.room import Room
from hub.database import copy, rows, run
from hub.money import share_of_first
from hub.order.change.money import PAID, freight_due, write_refund
from hub.order.lock import Locked


def refund_pieces(
    session: Session, order: Locked, no: int, rooms: Sequence[Room], pieces: Mapping[int, int], at: datetime
) -> int | None:
    """Book what goes back for pieces (by line, no bundles) of a return, freight with it where it is due.

    `rooms` are the lines as they were before. Gives the refund's number; None when nothing is to be given back, as
    nobody has paid. The order's row is locked.
    """
    [head] = rows(
        session,
        """select o.payment, c.reason,
                  coalesce((select max(no) from refund_due r where r.order_id = o.id), 0) + 1 as next
           from sales_order o join return_case c on c.order_id = o.id and c.no = :no where o.id = :id""",
        id=order.id,
        no=no,
    )
    if head.payment not in PAID or not any(pieces.values()):
        return None
    _count(session, order.id, no, pieces, head.next)
    moved = {one.line_no: (one.refunded, pieces[one.line_no]) for one in rooms if pieces.get(one.line_no)}
    moved |= _bundles(rooms, pieces, _booked(session, order.id))
    ordered = {one.line_no: one.ordered for one in rooms}
    net = {one.line_no: 0 if one.kind == "bundle" else one.net for one in rooms}
    amounts = {line: share_of_pieces(net[line], ordered[line], *span) for line, span in moved.items()}
    reductions = _reductions(session, order.id, ordered, moved)
    back, booked = freight_due(session, order.id)
    freight = back - booked
    write_refund(session, order, head.next, head.reason, sum(amounts.values()) + freight, freight, 0, at)
    parts = [
        (order.id, head.next, line, n, amounts[line], json.dumps(reductions.get(line, {})))
        for line, (_, n) in sorted(moved.items())
    ]
    copy(session, "refund_line", ("order_id", "no", "line_no", "pieces", "amount", "reductions"), parts)
    return head.next


def share_of_pieces(amount: int, ordered: int, before: int, pieces: int) -> int:
    """Give what pieces bear of the amount of all that were ordered, behind the first `before`."""
    return share_of_first(amount, ordered, before + pieces) - share_of_first(amount, ordered, before)


def _count(session: Session, order_id: int, no: int, pieces: Mapping[int, int], refund_no: int) -> None:
    run(
        session,
        """update return_line line set refunded = line.refunded + new.pieces
           from unnest(cast(:lines as bigint[]), cast(:pieces as bigint[])) as new (line_no, pieces)
           where (line.order_id, line.no, line.line_no) = (:id, :no, new.line_no)""",
        id=order_id,
        no=no,
        lines=list(pieces),
        pieces=list(pieces.values()),
    )
    run(
        session,
        """update return_case set refunds = refunds || to_jsonb(cast(:refund as bigint))
           where (order_id, no) = (:id, :no)""",
        refund=refund_no,
        id=order_id,
        no=no,
    )


def _bundles(rooms: Sequence[Room], pieces: Mapping[int, int], booked: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Give the bundles that are gone with these pieces of their parts: how many returns booked before, and now.

    A bundle's own line bears the reductions, its parts bear the money. One is gone when of each part enough has come
    back or was cancelled; those that a cancellation has booked are not booked again.
    """
    found: dict[int, tuple[int, int]] = {}
    for bundle in rooms:
        parts = [one for one in rooms if one.parent_no == bundle.line_no]
        if bundle.kind == "bundle" and parts:
            gone = min(
                (one.cancelled + one.refunded + pieces.get(one.line_no, 0)) * bundle.ordered // one.ordered
                for one in parts
            )
            before = booked.get(bundle.line_no, 0)
            if (more := gone - bundle.cancelled - before) > 0:
                found[bundle.line_no] = (before, more)
    return found


def _booked(session: Session, order_id: int) -> Mapping[int, int]:
    """Give the pieces of lines that refunds of returns were booked for."""
    found = rows(
        session,
        """select line_no, sum(pieces)::bigint as n from refund_line
           where order_id = :id and no in (select cast(jsonb_array_elements_text(refunds) as bigint) from return_case
                                           where order_id = :id) group by line_no""",
        id=order_id,
    )
    return {one.line_no: one.n for one in found}


def _reductions(
    session: Session, order_id: int, ordered: Mapping[int, int], moved: Mapping[int, tuple[int, int]]
) -> dict[int, dict[str, int]]:
    """Give what of each reduction falls away with a line's pieces."""
    shares = rows(
        session,
        "select no, line_no, amount from price_adjustment where order_id = :id and line_no = any(:lines) order by no",
        id=order_id,
        lines=list(moved),
    )
    found: dict[int, dict[str, int]] = {}
    for one in shares:
        part = share_of_pieces(one.amount, ordered[one.line_no], *moved[one.line_no])
        found.setdefault(one.line_no, {})[str(one.no)] = part
    return found
