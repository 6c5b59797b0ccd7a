"""Let orders go on that wait for goods nobody had, the oldest first, once pieces are free or a day is known."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import rows, run
from hub.gift.count import hold_gifts
from hub.inventory.free import read_free
from hub.order.holds.resume import go_on
from hub.order.lock import FOR_STOCK, STOPS, Locked, lock_order
from hub.order.place.brand_policy import hold_limits
from hub.order.place.unmet import read_missing
from hub.order.rest import hold_orders, open_pieces
from hub.order.rules.policy import POLICY, Policy
from hub.sourcing.location import find_places

AT_ONCE: Final = 20
"""Orders in one transaction: their rows and counters stay locked until its end, some hundredths of a second each."""

LOOKED: Final = 2_000
"""How many orders that wait are looked through each time."""

SKUS_AT_ONCE: Final = 1_000
"""SKUs whose free pieces are read by one statement."""

QUIET: Final = timedelta(minutes=1)
"""How long an order is left alone that found nothing although pieces are free: out of its reach, say, or limited."""

AGAIN: Final = timedelta(minutes=30)
"""After which time it is looked at once more though the same pieces are free: what kept them from it may be over."""

NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""When an order was looked at that was not looked at yet: before all others."""

START: Final = 0
"""The place in the list of orders before all of them."""

OWN: Final = f"own.order_id = h.order_id and own.released_at is null and {FOR_STOCK.replace('h.', 'own.')}"

WAITING: Final = f"""
    select h.order_id, o.brand, h.looked_at, h.looked,
           (select jsonb_object_agg(one.key, one.value) from order_hold own
            cross join lateral jsonb_each(own.evidence -> 'missing') one where {OWN}) as missing
    from order_hold h join lateral (select * from sales_order own where own.id = h.order_id limit 1) o on true
    where h.type = 'stock' and {FOR_STOCK} and h.released_at is null and h.evidence ? 'missing'
      and {{which}}
      and o.lifecycle in ('accepted', 'in_fulfilment')
      and not exists (select 1 from order_hold own where {OWN} and own.evidence ? 'missing' and own.no < h.no)
      and not exists (select 1 from order_revision v where v.order_id = h.order_id and v.state = 'waiting')
      and not exists (select 1 from order_hold stops where stops.order_id = h.order_id
                      and {STOPS.replace("h.", "stops.")})
    order by h.order_id limit :most"""
"""Orders that wait for goods alone, each once: some have two holds that say so, each a part of what is missing.

The type stands there twice for the index of what is open.
"""

BEHIND: Final = WAITING.format(which="h.order_id > :after")

AMONG: Final = WAITING.format(which="h.order_id = any(:ids)")
"""A statement of its own: one plan for both would go through all that wait, with these orders locked."""


class Waiting(NamedTuple):
    """An order that wants goods, with what was free of them when it was last looked at in vain."""

    order_id: int
    brand: str
    looked_at: datetime | None
    looked: str | None
    missing: Mapping[str, int]


_log = structlog.get_logger()

Shelf = Mapping[tuple[str, str], str]
"""What is free of a SKU at which places of a brand, or from which day on, by (brand, SKU); nothing is left out."""


def source_restocked(
    session: Session, at: datetime, after: int = START, policy: Policy = POLICY, most: int = AT_ONCE
) -> int:
    """Let the oldest orders behind `after` go on of whose missing goods pieces are free; give where to look next.

    Looks on from the same place while most of those that it tries find something, else from behind what it has looked
    through. `at` is in the business zone. An order that somebody works on is left for the next time; one that finds
    nothing stays as it is, and its turn comes behind those that were not looked at for longer.
    """
    found = _waiting(session, BEHIND, after=after)
    shelf = _free(session, found, at)
    due = [one for one in found if (seen := _seen(one, shelf)) and _due(one, seen, at)]
    due.sort(key=lambda one: (one.looked_at or NEVER, one.order_id))
    went_on = _go_on(session, [one.order_id for one in due[:most]], policy, at) if due else 0
    if len(due) > most and 2 * went_on > most:
        return after
    return found[-1].order_id if len(found) == LOOKED else START


def _waiting(session: Session, sql: str, **asked: int | Collection[int]) -> Sequence[Waiting]:
    return [Waiting(*one) for one in rows(session, sql, most=LOOKED, **asked)]


def _free(session: Session, waiting: Sequence[Waiting], at: datetime) -> Shelf:
    places, skus = find_places(session), sorted({sku for one in waiting for sku in one.missing})
    shelf: defaultdict[tuple[str, str], str] = defaultdict(str)
    for start in range(0, len(skus), SKUS_AT_ONCE):
        for one in sorted(read_free(session, skus[start : start + SKUS_AT_ONCE], at.date())):
            if one.pieces > 0 and one.location in places:
                shelf[places[one.location].brand, one.sku] += f" {one.location}:{one.pieces}"
        coming = "select brand, code, available_from as day from sku where code = any(:skus) and available_from > :day"
        for one in rows(session, coming, skus=skus[start : start + SKUS_AT_ONCE], day=at.date()):
            shelf[one.brand, one.code] = f" from {one.day}"
    return shelf


def _seen(one: Waiting, shelf: Shelf) -> str:
    """Give a digest of what is free of what an order misses; nothing where nothing is."""
    free = [f"{sku}{there}" for sku in sorted(one.missing) if (there := shelf.get((one.brand, sku)))]
    return blake2b("\n".join(free).encode(), digest_size=12).hexdigest() if free else ""


def _due(one: Waiting, seen: str, at: datetime) -> bool:
    if one.looked_at is None:
        return True
    return one.looked_at <= at - (AGAIN if seen == one.looked else QUIET)


def _go_on(session: Session, chosen: Sequence[int], policy: Policy, at: datetime) -> int:
    """Source these orders again, the oldest first; give how many found something."""
    free = "select id from sales_order where id = any(:ids) order by id for update skip locked"
    ids = [one.id for one in rows(session, free, ids=sorted(chosen))]
    # what held them before the lock may be over
    waiting = {one.order_id: one for one in _waiting(session, AMONG, ids=ids)}
    hold_gifts(session, list(waiting))
    hold_orders(session, waiting)
    orders = [lock_order(session, order_id) for order_id in waiting]
    hold_limits(session, policy, {order.brand for order in orders}, at)
    vain: list[Waiting] = []
    for order in orders:
        if _found(session, order, policy, at):
            missing = waiting[order.id].missing
            record(session, at, "system", "order.source_again", f"order:{order.id}", missing=missing)
        else:
            vain.append(waiting[order.id])
    _write_looks(session, vain, at)
    return len(orders) - len(vain)


def _found(session: Session, order: Locked, policy: Policy, at: datetime) -> bool:
    """Source an order again and say if it found something, be it a day to wait for.

    Nothing is written of one that did not, or that failed.
    """
    before = _looked_for(session, order.id)
    try:
        with session.begin_nested() as savepoint:
            go_on(session, order, policy, at, None)
            found = _looked_for(session, order.id) != before
            if not found:
                savepoint.rollback()
    except OperationalError:
        raise  # a deadlock or a lost connection is of the whole transaction
    except Exception:  # noqa: BLE001 # what is wrong with one order must not keep the others waiting
        _log.exception("order.source_again", order=order.id)
        return False
    return found


def _looked_for(session: Session, order_id: int) -> tuple[Mapping[int, int], Mapping[str, int]]:
    """Give the pieces that are open, by line, and those that nobody has, by SKU."""
    return open_pieces(session, order_id, virtual=True), read_missing(session, [order_id]).get(order_id, {})


def _write_looks(session: Session, vain: Sequence[Waiting], at: datetime) -> None:
    """Remember what is still free of what these orders miss; whose goods those before them took is not put off."""
    shelf = _free(session, vain, at)
    seen = {one.order_id: seen for one in vain if (seen := _seen(one, shelf))}
    vain = [one for one in vain if one.order_id in seen]
    run(
        session,
        f"""update order_hold h set looked_at = :at, looked = new.looked
            from unnest(cast(:ids as bigint[]), cast(:looked as text[])) as new (order_id, looked)
            where h.order_id = new.order_id and h.released_at is null and {FOR_STOCK}""",
        at=at,
        ids=[one.order_id for one in vain],
        looked=[seen[one.order_id] for one in vain],
    )
