"""Follow what moves at a channel while the order stays the same: refunds that its buyers ask for, the seller's note.

What the rules hold for that waits, and goes on when they hold it no more.
"""

from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import rows, run
from hub.gift.count import hold_gifts
from hub.order.advance import end_over
from hub.order.change.judge import judge_again
from hub.order.change.part import part_held
from hub.order.holds.resume import go_on
from hub.order.lock import lock_order
from hub.order.model import Order
from hub.order.reread import reread, write_note
from hub.order.rest import hold_orders
from hub.order.rules.normalise import NormalOrder
from hub.order.rules.policy import Policy
from hub.order.status import Lifecycle
from hub.review.verdict import HoldType


def follow(session: Session, order_id: int, said: Order, actor: str, policy: Policy, at: datetime) -> None:
    """Write of which lines a refund is asked for now, and the seller's note; judge the order again if either is new.

    The order is locked, with what travels along with it. `at` is in the business zone. Raises: NeedsOperator when the
    buyer was erased.
    """
    before = reread(session, order_id)
    after = _said(before, said)
    moved = {new.line_no for old, new in zip(before.lines, after.lines, strict=True) if old != new}
    noted = after.order.seller_note != before.order.seller_note
    if moved:
        _write_refunds(session, order_id, after, moved, actor, at)
    if noted:
        write_note(session, order_id, after, at)
        record(session, at, actor, "order.note", f"order:{order_id}", revision=said.source_revision)
    if moved or noted:
        _judge(session, order_id, before, after, moved, policy, at, noted=noted)


def _write_refunds(
    session: Session, order_id: int, after: NormalOrder, moved: Collection[int], actor: str, at: datetime
) -> None:
    asked = [line.line_no for line in after.lines if line.refund_requested]
    run(
        session,
        "update order_line set refund_requested = line_no = any(:asked) where order_id = :id and line_no = any(:moved)",
        id=order_id,
        asked=asked,
        moved=sorted(moved),
    )
    record(session, at, actor, "order.refund_asked", f"order:{order_id}", lines=asked)


def _judge(
    session: Session,
    order_id: int,
    before: NormalOrder,
    after: NormalOrder,
    moved: Collection[int],
    policy: Policy,
    at: datetime,
    *,
    noted: bool,
) -> None:
    order = lock_order(session, order_id)
    if order.lifecycle not in {Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT}:
        return
    hold_gifts(session, [order_id])
    hold_orders(session, [order_id])
    waited = _held_lines(session, order_id)
    held = judge_again(session, order, before, after, policy, at, anew=[HoldType.REMARK] if noted else ())
    freed = {*moved, *waited} - _held_lines(session, order_id)  # gifts wait with their line, and go on with it
    part_held(session, order, held, policy, at)
    end_over(session, [order_id], at)
    went_on = noted and go_on(session, order, policy, at, None)  # a note may have held all of it
    if freed and not went_on:
        go_on(session, order, policy, at, freed)


def _held_lines(session: Session, order_id: int) -> set[int]:
    statement = "select line_no from order_hold where order_id = :id and released_at is null and line_no is not null"
    return {one.line_no for one in rows(session, statement, id=order_id)}


def _said(one: NormalOrder, said: Order) -> NormalOrder:
    """Give an order as its channel says now; what it names no more, or what is not the channel's, is not asked for."""
    asked = {line.external_line_id for line in said.lines if line.refund_requested}
    lines = [replace(line, refund_requested=line.external_line_id in asked) for line in one.lines]
    sold = [line.model_copy(update={"refund_requested": line.external_line_id in asked}) for line in one.order.lines]
    order = one.order.model_copy(update={"lines": tuple(sold), "seller_note": said.seller_note})
    return replace(one, shop_order=replace(one.shop_order, order=order), lines=tuple(lines))
