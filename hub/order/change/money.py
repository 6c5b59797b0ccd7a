"""Give pieces of an order up, with the stock that a shop has sold and the money that they bear, exactly.

The first pieces of a line are those that leave, the last are those that are cancelled: piece k bears share(k) −
share(k−1), so whatever is shipped and whatever is cancelled, both together are the line's money to the last fen.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.audit import record
from hub.cases import NewCase, open_cases
from hub.database import copy, row, rows
from hub.inventory.hot_sale import free_tickets
from hub.inventory.quota import count_sold
from hub.money import share_of_first
from hub.order.change.due import set_off
from hub.order.change.paid_back import note_paid_back
from hub.order.change.payments import divide
from hub.order.change.table import RefundState
from hub.order.change.tell import tell_refund
from hub.order.freight import FREIGHT
from hub.order.lock import Locked
from hub.order.place.presold import free_presold

PAID: Final = ("paid", "partially_refunded")

PART_PAID: Final = ("deposit_paid", "partial")
"""Of these something was paid: how much is known of a deposit whose channel has said it."""

BACK: Final = """
    coalesce((select case when line.kind = 'gift' and sum(back.refunded) > 0 then line.shipped
                          else sum(back.refunded) filter (where back.line_no = line.line_no) end
              from return_line back join return_case c on (c.order_id, c.no) = (back.order_id, back.no)
              where back.order_id = :id and c.order_id = :id and c.freight_back), 0)"""
"""How many pieces of a `line` of an order count as never sent, as far as the freight goes."""


def give_up(
    session: Session,
    order: Locked,
    pieces: Mapping[int, int],
    reason: str,
    at: datetime,
    added: Mapping[tuple[str, str], int] | None = None,
) -> None:
    """Cancel pieces (by line, no bundles) that no location holds; book the refund, if the order was paid.

    `added` are the pieces that its shop has sold along with that. The order's row is locked; quotas are the last lock
    of a transaction, so this comes last.
    """
    sold = Counter[tuple[str, str]](added or {})
    if wanted := {no: n for no, n in pieces.items() if n}:
        sold.subtract(_cancel(session, order, wanted, reason, at))
    count_sold(session, sold)


def worth_of(session: Session, order_id: int, pieces: Mapping[int, int]) -> int:
    """Say what would go back if pieces (by line, no bundles) were cancelled now."""
    found = rows(
        session,
        """select line_no, ordered, cancelled, amount - discount as net from order_line
           where order_id = :id and line_no = any(:lines)""",
        id=order_id,
        lines=[no for no, n in pieces.items() if n],
    )
    return sum(refund_of(one.net, one.ordered, one.cancelled + (n := pieces[one.line_no]), n) for one in found)


def cancelled_worth(session: Session, order_id: int) -> int:
    """Say what the pieces bear that were cancelled so far, and the freight that goes back with them."""
    found = rows(
        session,
        """select ordered, cancelled, amount - discount as net from order_line
           where order_id = :id and kind <> 'bundle'""",
        id=order_id,
    )
    freight, _ = freight_due(session, order_id)
    return freight + sum(refund_of(one.net, one.ordered, one.cancelled, one.cancelled) for one in found)


def freight_due(session: Session, order_id: int) -> tuple[int, int]:
    """Give the freight that goes back by now, and what of it is booked: all once nothing is left that is sent.

    What is only handed over bears freight where nothing else was bought. What went back stays so, whatever is added.
    What was sent and came back by the merchant's fault counts as if it had never been; gifts need not come with it.
    """
    [found] = rows(
        session,
        f"""select {FREIGHT} as freight, booked.freight as booked, not exists (
                      select 1 from order_line line
                      where line.order_id = o.id and line.kind <> 'bundle' and line.cancelled + {BACK} < line.ordered
                        and (line.storage <> 'none' or not exists (
                            select 1 from order_line sent where sent.order_id = o.id and sent.kind <> 'bundle'
                            and sent.storage <> 'none'))) as over
           from sales_order o
           cross join lateral (select coalesce(sum(r.freight), 0)::bigint as freight from refund_due r
                               where r.order_id = o.id) booked where o.id = :id""",
        id=order_id,
    )
    return found.freight if found.over else found.booked, found.booked


def _cancel(
    session: Session, order: Locked, wanted: Mapping[int, int], reason: str, at: datetime
) -> Counter[tuple[str, str]]:
    """Count pieces as cancelled and book what goes back for them; give them by shop and SKU, with whole bundles."""
    given_up = rows(
        session,
        """update order_line line set cancelled = line.cancelled + new.pieces
           from unnest(cast(:lines as bigint[]), cast(:pieces as bigint[])) as new (no, pieces)
           where line.order_id = :id and line.line_no = new.no
           returning line.line_no, line.sku, line.ordered, line.cancelled, line.amount - line.discount as net""",
        id=order.id,
        lines=list(wanted),
        pieces=list(wanted.values()),
    )
    free_presold(session, [order.id])
    free_tickets(session, [order.id])
    bundles = _count_bundles(session, order.id)
    of_bundles = {no: (ordered, cancelled, n) for no, (_, ordered, cancelled, n) in bundles.items()}
    _book(session, order, [(one, wanted[one.line_no]) for one in given_up], of_bundles, reason, at)
    gone = Counter[tuple[str, str]]()
    for sku, *_, n in bundles.values():
        gone[order.shop, sku] += n
    for one in given_up:
        gone[order.shop, one.sku] += wanted[one.line_no]
    return gone


def refund_cancelled(
    session: Session, order: Locked, at: datetime, unpaid: int = 0, reason: str = "cancelled before it was paid"
) -> None:
    """Book the refund of what was cancelled before its order was paid; `unpaid` of the order's total was never paid.

    The order's row is locked.
    """
    found = rows(
        session,
        """select line_no, kind, ordered, cancelled, amount - discount as net from order_line
           where order_id = :id and cancelled > 0 order by line_no""",
        id=order.id,
    )
    bundles = {one.line_no: (one.ordered, one.cancelled, one.cancelled) for one in found if one.kind == "bundle"}
    lines = [(one, one.cancelled) for one in found if one.line_no not in bundles]
    if lines:
        _write(session, order, lines, bundles, reason, at, unpaid)


def end_deposit(session: Session, order: Locked, at: datetime, *, keep: bool) -> None:
    """Give the deposit of an order back that is not paid further and of which nothing is left, or keep it.

    The refund is of all that the order came to, of which the rest was never paid. Where nobody has said how much the
    deposit was, a person gives it back. The order's row is locked.
    """
    head = row(session, "select payment, total, deposit from sales_order where id = :id", id=order.id)
    if head is None or head.payment not in PART_PAID:
        return
    if head.deposit is None:
        detail = "cancelled after a part was paid: how much goes back is for a person to say"
        # not of the order, whose cases end with it
        open_cases(session, [NewCase("paid_late", f"deposit:{order.id}", order.brand, detail, order.id)], at)
    elif keep:
        record(session, at, "system", "order.keep_deposit", f"order:{order.id}", amount=head.deposit)
    else:
        refund_cancelled(session, order, at, head.total - head.deposit, "only its deposit was paid")


def _keeps_deposit(session: Session, order_id: int) -> bool:
    """Say whether who has an order cancelled just now leaves its deposit to the merchant."""
    statement = """select 1 from order_hold where order_id = :id and type = 'refund_requested'
                   and released_at is null and evidence ->> 'deposit' = 'keep' limit 1"""
    return bool(rows(session, statement, id=order_id))


def refund_of(amount: int, ordered: int, cancelled: int, pieces: int) -> int:
    """Give what the last `pieces` bear of those `cancelled` so far, of an amount of all that were ordered."""
    upto = share_of_first(amount, ordered, ordered - (cancelled - pieces))
    return upto - share_of_first(amount, ordered, ordered - cancelled)


def _count_bundles(session: Session, order_id: int) -> dict[int, tuple[str, int, int, int]]:
    """Cancel the bundles whose parts are all cancelled; give SKU, ordered, cancelled and newly cancelled by line."""
    found = rows(
        session,
        """update order_line bundle set cancelled = whole.n
           from (select part.parent_no as no, min(part.cancelled * own.ordered / part.ordered)::bigint as n
                 from order_line part
                 join order_line own on (own.order_id, own.line_no) = (part.order_id, part.parent_no)
                 where part.order_id = :id group by 1) whole, order_line before
           where bundle.order_id = :id and bundle.line_no = whole.no and bundle.cancelled < whole.n
             and (before.order_id, before.line_no) = (bundle.order_id, bundle.line_no)
           returning bundle.line_no, bundle.sku, bundle.ordered, bundle.cancelled,
                     bundle.cancelled - before.cancelled as n""",
        id=order_id,
    )
    return {one.line_no: (one.sku, one.ordered, one.cancelled, one.n) for one in found}


def _book(
    session: Session,
    order: Locked,
    lines: Sequence[tuple[Row[Any], int]],
    bundles: Mapping[int, tuple[int, int, int]],
    reason: str,
    at: datetime,
) -> None:
    """Write what is to be refunded of an order that was paid, or its deposit with the last of its pieces."""
    head = row(
        session,
        """select o.payment, not exists (select 1 from order_line line
                                         where line.order_id = o.id and line.cancelled < line.ordered) as whole
           from sales_order o where o.id = :id""",
        id=order.id,
    )
    if head is not None and head.payment in PART_PAID and head.whole:
        end_deposit(session, order, at, keep=_keeps_deposit(session, order.id))
    if head is not None and head.payment in PAID:
        _write(session, order, lines, bundles, reason, at)


def _write(
    session: Session,
    order: Locked,
    lines: Sequence[tuple[Row[Any], int]],
    bundles: Mapping[int, tuple[int, int, int]],
    reason: str,
    at: datetime,
    unpaid: int = 0,
) -> None:
    """Write what is to be refunded, first by what is still to be paid."""
    statement = "select coalesce(max(no), 0) + 1 as no from refund_due where order_id = :id"
    no = rows(session, statement, id=order.id)[0].no
    counts = {one.line_no: (one.ordered, one.cancelled, n) for one, n in lines} | dict(bundles)
    reductions = _reductions(session, order.id, counts)
    amounts = {one.line_no: refund_of(one.net, one.ordered, one.cancelled, n) for one, n in lines}
    back, booked = freight_due(session, order.id)
    freight = back - booked
    write_refund(session, order, no, reason, sum(amounts.values()) + freight, freight, unpaid, at)
    parts = [
        (order.id, no, line_no, n, amounts.get(line_no, 0), json.dumps(reductions.get(line_no, {})))
        for line_no, (_, _, n) in sorted(counts.items())
    ]
    copy(session, "refund_line", ("order_id", "no", "line_no", "pieces", "amount", "reductions"), parts)


def write_refund(
    session: Session, order: Locked, no: int, reason: str, amount: int, freight: int, unpaid: int, at: datetime
) -> None:
    """Write a refund, and have its payer told of what is to be moved of each payment."""
    never = min(amount, unpaid)
    kept = never + set_off(session, order.id, amount - never, at)
    state = RefundState.SET_OFF if kept == amount else RefundState.DUE
    parts = divide(session, order.id, amount - kept) if kept < amount else []
    columns = (
        *("brand", "version", "created_at", "updated_at", "order_id", "no", "reason", "amount", "freight", "set_off"),
        *("state", "reference", "settled_by", "parts"),
    )
    row = (order.brand, 1, at, at, order.id, no, reason, amount, freight, kept, state, "", "", json.dumps(parts))
    copy(session, "refund_due", columns, [row])
    if state is RefundState.SET_OFF:
        note_paid_back(session, order.id, at)
    for part in parts:
        tell_refund(session, order, no, part["payment"], at, alone=len(parts) == 1)


def _reductions(
    session: Session, order_id: int, counts: Mapping[int, tuple[int, int, int]]
) -> dict[int, dict[str, int]]:
    """Give what of each reduction falls away with a line's cancelled pieces."""
    shares = rows(
        session,
        "select no, line_no, amount from price_adjustment where order_id = :id and line_no = any(:lines) order by no",
        id=order_id,
        lines=list(counts),
    )
    found: dict[int, dict[str, int]] = {}
    for one in shares:
        ordered, cancelled, n = counts[one.line_no]
        found.setdefault(one.line_no, {})[str(one.no)] = refund_of(one.amount, ordered, cancelled, n)
    return found
