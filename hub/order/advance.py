"""Derive an order's state from its lines' counters: completed when nothing is open, closed when all has arrived."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import rows, run
from hub.errors import NotFound
from hub.fulfilment.status import ENDED
from hub.order.reviews import close_reviews
from hub.order.status import Event, Fulfilment, Lifecycle, derive_fulfilment, move


def advance(session: Session, order_id: int, at: datetime) -> Lifecycle:
    """Bring the order's own row in step with its lines, and give where it stands.

    Raises: NotFound.
    """
    stands = advance_all(session, [order_id], at)
    if order_id not in stands:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    return stands[order_id]


def advance_all(session: Session, order_ids: Collection[int], at: datetime) -> Mapping[int, Lifecycle]:
    """Bring the rows of orders in step with their lines, and give where each stands that there is."""
    ids = sorted(order_ids)
    locked = rows(session, "select id, lifecycle from sales_order where id = any(:ids) order by id for update", ids=ids)
    sums = rows(
        session,
        """select order_id, sum(ordered) as ordered, sum(shipped) as shipped, sum(cancelled) as cancelled,
                  sum(delivered) as delivered,
                  exists (select 1 from order_hold h where h.order_id = l.order_id and h.released_at is null
                          and (h.line_no is not null or h.fulfilment_no is not null)) as held
           from order_line l where order_id = any(:ids) and kind <> 'bundle' group by order_id order by order_id""",
        ids=ids,
    )
    if held := [one.order_id for one in sums if one.held]:
        end_over(session, held, at)
    stands = {one.id: Lifecycle(one.lifecycle) for one in locked}
    counted = {one.order_id: tuple(map(int, one[1:5])) for one in sums}
    moved = {order_id: _stand(stands[order_id], *of_order) for order_id, of_order in counted.items()}
    run(
        session,
        """update sales_order o set fulfilment = new.fulfilment, lifecycle = new.lifecycle, version = o.version + 1,
                                    updated_at = :at
           from unnest(cast(:ids as bigint[]), cast(:fulfilments as text[]), cast(:lifecycles as text[]))
                as new (id, fulfilment, lifecycle)
           where o.id = new.id""",
        at=at,
        ids=list(moved),
        fulfilments=[fulfilment.value for _, fulfilment in moved.values()],
        lifecycles=[lifecycle.value for lifecycle, _ in moved.values()],
    )
    return stands | {order_id: lifecycle for order_id, (lifecycle, _) in moved.items()}


def end_over(session: Session, order_ids: Collection[int], at: datetime) -> None:
    """End the holds of lines of which nothing is open any more, and of fulfilment orders that have ended."""
    ended = rows(
        session,
        """update order_hold h set released_at = :at, released_by = 'system', reason = 'over'
           where order_id = any(:ids) and released_at is null
             and (line_no is not null and not exists (
                      select 1 from order_line l where (l.order_id, l.line_no) = (h.order_id, h.line_no)
                      and l.shipped + l.cancelled < l.ordered)
                  or exists (select 1 from fulfilment_order f where (f.order_id, f.no) = (h.order_id, h.fulfilment_no)
                             and f.execution = any(:ended)))
           returning order_id""",
        ids=sorted(order_ids),
        at=at,
        ended=sorted(ENDED),
    )
    if ids := {one.order_id for one in ended}:
        close_reviews(session, ids, at, "system", "over")


def _stand(now: Lifecycle, ordered: int, shipped: int, cancelled: int, delivered: int) -> tuple[Lifecycle, Fulfilment]:
    """Say where an order stands by the sums of its lines' counters."""
    done = shipped + cancelled == ordered and shipped > 0
    lifecycle = move(now, Event.COMPLETE) if done and now is Lifecycle.IN_FULFILMENT else now
    if cancelled == ordered and now in {Lifecycle.ACCEPTED, Lifecycle.IN_FULFILMENT}:
        lifecycle = move(now, Event.CANCEL)
    if done and delivered == shipped and lifecycle is Lifecycle.COMPLETED:
        lifecycle = move(lifecycle, Event.CLOSE)
    return lifecycle, derive_fulfilment(ordered, shipped, cancelled, delivered)
