"""Hold stock for orders that wait for their payment and have no cart: paid they take it, else it is given back.

It is a reservation of no shop (hub/inventory/soft.py) that is bound to its order, so paying, cancelling and closing end
it like a cart. No quota counts it: the order counts as sold there since it was placed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import copy, rows
from hub.ids import new_ids
from hub.inventory.free import read_free
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.level import hold_still
from hub.inventory.table import Authority, Reason

NOBODY: Final = ""
"""The shop of such a reservation: none may look it up, let it go or take it."""

AT_ONCE: Final = 200
"""Orders in one transaction: their rows and counters stay locked until its end."""

SLACK: Final = timedelta(minutes=10)
"""How much longer than its order may wait a hold stands: closing the order gives it back, and not the clock."""

ITS_OWN: Final = "(r.state <> 'expired' or r.shop = :nobody)"
"""That an order's reservation `r` is no cart that has expired."""

OPEN: Final = "h.type = 'finance' and h.rule = 'unpaid' and h.released_at is null"


def hold_unpaid(session: Session, limits: Mapping[str, timedelta], at: datetime, most: int = AT_ONCE) -> int:
    """Hold what is free for unpaid orders, the oldest first, each once; give how many orders that were.

    `limits` say by channel how long an order may wait; for those that wait for ever nothing is held. What is not there
    is not held, nor what is still to come. `at` is in the business zone.
    """
    due = _due(session, [channel for channel, limit in limits.items() if limit], most)
    wanted = _wanted(session, due, at.date())
    hold_still(session, {one.sku for one in wanted})
    chosen = _choose(session, wanted, {one.id: one.brand for one in due}, at.date())
    ids = dict(zip([one.id for one in due], new_ids(session, len(due), at), strict=True))
    heads = [
        (one.brand, 1, at, at, ids[one.id], NOBODY, f"order:{one.id}", "held", until, one.id)
        for one in due
        for until in [at.astimezone(UTC) + limits[one.channel] + SLACK]
    ]
    names = ("brand", "version", "created_at", "updated_at", "id", "shop", "ref", "state", "expires_at", "order_id")
    copy(session, "reservation", names, heads)
    lines = [
        (ids[no], n, *key, pieces) for no, of_order in chosen.items() for n, (key, pieces) in enumerate(of_order, 1)
    ]
    columns = ("reservation_id", "no", *StockKey._fields, "quantity")
    copy(session, "reservation_line", columns, lines)
    held = [Movement(StockKey(*key), Reason.HOLD, f"rs:{no}:{n}", soft=pieces) for no, n, *key, pieces in lines]
    post(session, held, at, fresh=True)
    return len(due)


def _due(session: Session, channels: Sequence[str], most: int) -> Sequence[Row[Any]]:
    """Lock the orders that wait for their payment and have no reservation, but for an expired cart."""
    due = rows(
        session,
        f"""select o.id, o.brand, o.channel from order_hold h join sales_order o on o.id = h.order_id
            where {OPEN} and o.channel = any(:channels) and o.payment = 'unpaid' and o.lifecycle = 'accepted'
              and not exists (select 1 from reservation r where r.order_id = o.id and {ITS_OWN})
            order by o.id limit :most for update of o skip locked""",
        channels=channels,
        nobody=NOBODY,
        most=most,
    )
    # The statement locks orders and saw their reservations before: another process may have held for some in between.
    held = rows(
        session,
        f"select r.order_id from reservation r where r.order_id = any(:ids) and {ITS_OWN}",
        ids=[one.id for one in due],
        nobody=NOBODY,
    )
    done = {one.order_id for one in held}
    return [one for one in due if one.id not in done]


def _wanted(session: Session, due: Sequence[Row[Any]], today: date) -> Sequence[Row[Any]]:
    """Give the pieces that orders still want, if they still wait: who locked them has seen their holds before."""
    return rows(
        session,
        f"""select line.order_id, line.sku,
                   sum(line.ordered - line.allocated - line.shipped - line.cancelled)::bigint as pieces
            from order_line line join sku on sku.code = line.sku
            where line.order_id = any(:ids) and line.kind <> 'bundle' and line.storage <> 'none'
              and (sku.available_from is null or sku.available_from <= :today)
              and line.ordered > line.allocated + line.shipped + line.cancelled
              and exists (select 1 from order_hold h where h.order_id = line.order_id and {OPEN})
            group by 1, 2 order by 1, 2""",
        ids=[one.id for one in due],
        today=today,
    )


def _choose(
    session: Session, wanted: Sequence[Row[Any]], brands: Mapping[int, str], today: date
) -> Mapping[int, Sequence[tuple[StockKey, int]]]:
    """Choose for each order where its pieces are held: of a SKU where most are there, so that few places are needed.

    The counters are locked. Only where the hub's own number counts, and no back-orders.
    """
    left: dict[str, dict[StockKey, int]] = defaultdict(dict)
    for brand in sorted(set(brands.values())):
        skus = {one.sku for one in wanted if brands[one.order_id] == brand}
        found = read_free(session, skus, today, brand=brand) if skus else ()
        for one in sorted(found, key=lambda one: (-one.there, one.location)):
            if one.authority == Authority.HUB and one.there > 0:
                left[one.sku][one.key] = one.there
    chosen = defaultdict[int, list[tuple[StockKey, int]]](list)
    for one in wanted:
        pieces = one.pieces
        for key, there in left[one.sku].items():
            if part := min(pieces, there):
                chosen[one.order_id].append((key, part))
                left[one.sku][key] -= part
                pieces -= part
    return chosen
