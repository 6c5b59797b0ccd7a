"""Find orders that look like another one sent twice: the same buyer, shop and total, placed within ten minutes."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from sqlalchemy.orm import Session

from hub.database import rows
from hub.ids import first_id_of, month_before
from hub.order.model import OrderType
from hub.order.rules.normalise import NormalOrder

WINDOW: Final = timedelta(minutes=10)

CLOCKS_MONTHS: Final = 1
"""How far a channel's clock may be ahead of ours: an order's number carries the month in which it came to us."""

BEGINNING: Final = datetime(2001, 1, 1, tzinfo=UTC)
"""Numbers carry two digits of the year: nothing older than this has one."""

Key = tuple[int, str, int]
"""Subject, shop and total."""


class Fresh(Protocol):
    """An order about to be written."""

    @property
    def order(self) -> NormalOrder: ...


def find_twins(session: Session, new: Mapping[int, Fresh], subjects: Mapping[int, int], at: datetime) -> dict[int, int]:
    """Give the first twin of each order that has one, known before it: in the table, or ahead of it in the batch.

    Only months that can hold one are looked into, however many there are.

    Whoever asks a last time holds its buyers' rows, so another batch's order that is seen was there first, whatever
    its id.
    """
    ids = [order_id for order_id, one in new.items() if one.order.order.type is OrderType.NORMAL]
    moments = [new[order_id].order.order.placed_at for order_id in ids]
    earliest = max(min([at, *moments]) - WINDOW, BEGINNING).astimezone(UTC).date()
    found = rows(
        session,
        """select mine.id, min(other.id) as twin
           from unnest(cast(:ids as bigint[]), cast(:subjects as bigint[]), cast(:totals as bigint[]),
                       cast(:shops as text[]), cast(:moments as timestamptz[]))
                as mine (id, subject_id, total, shop, placed_at)
           join sales_order other
             on other.subject_id = mine.subject_id and other.total = mine.total and other.shop = mine.shop
            and other.placed_at between mine.placed_at - cast(:window as interval) and mine.placed_at + :window
            and other.id >= :since and other.lifecycle <> 'cancelled'
            and other.id <> all(cast(:batch as bigint[])) group by mine.id""",
        batch=list(new),
        ids=ids,
        subjects=[subjects[order_id] for order_id in ids],
        totals=[new[order_id].order.order.total for order_id in ids],
        shops=[new[order_id].order.shop_order.shop for order_id in ids],
        moments=moments,
        since=first_id_of(month_before(earliest, CLOCKS_MONTHS)),
        window=WINDOW,
    )
    twins = {one.id: one.twin for one in found}
    seen: defaultdict[Key, list[tuple[int, datetime]]] = defaultdict(list)
    for order_id in sorted(new):
        one = new[order_id].order
        placed_at = one.order.placed_at
        key = (subjects[order_id], one.shop_order.shop, one.order.total)
        if one.order.type is OrderType.NORMAL and order_id not in twins:
            earlier = (other for other, moment in seen[key] if abs(moment - placed_at) <= WINDOW)
            if (twin := next(earlier, None)) is not None:
                twins[order_id] = twin
        seen[key].append((order_id, placed_at))
    return twins
