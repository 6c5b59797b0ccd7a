"""Carts bound to an order that cannot take them yet: it takes them when it goes on, or they are given back."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from hub.database import later, rows, run
from hub.inventory.ledger import Movement
from hub.inventory.reservation_table import ReservationState
from hub.inventory.soft import give_back, given_back
from hub.inventory.table import Reason


def bind_held(session: Session, carts: Mapping[int, tuple[str, str]]) -> None:
    """Note which carts (shop, ref) belong to orders that cannot take them yet, because they wait for something."""
    run(
        session,
        """update reservation r set order_id = new.order_id
           from unnest(cast(:orders as bigint[]), cast(:shops as text[]), cast(:refs as text[]))
                as new (order_id, shop, ref)
           where (r.shop, r.ref) = (new.shop, new.ref) and r.state = 'held' and r.order_id is null""",
        orders=list(carts),
        shops=[shop for shop, _ in carts.values()],
        refs=[ref for _, ref in carts.values()],
    )


def still_held(session: Session, carts: Collection[tuple[str, str]]) -> list[Movement]:
    """Give what `take_held` would let go of these carts (shop, ref), and leave them as they are."""
    found = rows(
        session,
        """select r.id from reservation r
           join unnest(cast(:shops as text[]), cast(:refs as text[])) as new (shop, ref)
             on (r.shop, r.ref) = (new.shop, new.ref)
           where r.state = 'held' and r.order_id is null order by r.id""",
        shops=[shop for shop, _ in carts],
        refs=[ref for _, ref in carts],
    )
    return given_back(session, [one.id for one in found], Reason.TAKE)


def take_bound(session: Session, order_id: int, at: datetime) -> list[Movement]:
    """Let an order take the cart that was noted as its own, as `take_held` does."""
    return given_back(session, _end_bound(session, [order_id], ReservationState.TAKEN, at), Reason.TAKE)


def release_bound(session: Session, order_ids: Collection[int], at: datetime, also: Collection[str] = ()) -> None:
    """Give back what the carts of orders still hold that will not take them any more.

    The counters of SKUs that the transaction will book `also` are locked with theirs.
    """
    give_back(session, _end_bound(session, order_ids, ReservationState.RELEASED, at), Reason.UNHOLD, at, also)


def hold_bound(session: Session, order_ids: Collection[int]) -> None:
    """Lock the carts of orders that will take them, before a transaction locks counters: whoever ends one does so."""
    statement = "select 1 from reservation where order_id = any(:ids) and state = 'held' order by id for update"
    later(session, statement, ids=sorted(order_ids))


def _end_bound(session: Session, order_ids: Collection[int], state: ReservationState, at: datetime) -> list[int]:
    changed = rows(
        session,
        """with bound as (
               select id from reservation where order_id = any(:orders) and state = 'held' order by id for update)
           update reservation set state = :state, updated_at = :at, version = version + 1
           from bound where reservation.id = bound.id and reservation.state = 'held' returning reservation.id""",
        orders=sorted(order_ids),
        state=state,
        at=at,
    )
    return [one.id for one in changed]
