"""Find orders that look like another one sent twice: the same buyer, shop and total, placed within ten minutes."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from sqlalchemy.orm import Session

from hub.database import rows
from hub.ids import first_id_of, month_before
from hub.literals import array_of
from hub.order.model import OrderType
from hub.order.rules.normalise import NormalOrder

WINDOW: Final = timedelta(minutes=10)

CLOCKS_MONTHS: Final = 1
"""How far a channel's clock may be ahead of ours: an order's number carries the month in which it came to us."""

BEGINNING: Final = datetime(2001, 1, 1, tzinfo=UTC)
"""Numbers carry two digits of the year: nothing older than this has one."""

TWINS: Final = """
    select mine.id, other.twin
    from unnest(cast(:ids as bigint[]), cast(:subjects as bigint[]), cast(:totals as bigint[]),
                cast(:shops as text[]), cast(:moments as timestamptz[]))
         as mine (id, subject_id, total, shop, placed_at)
    cross join lateral (
        select min(other.id + 0) as twin from sales_order other
        where other.subject_id = mine.subject_id and other.total = mine.total and other.shop || '' = mine.shop
          and other.placed_at between mine.placed_at - cast(:window as interval) and mine.placed_at + :window
          and other.id >= :since and other.lifecycle <> 'cancelled'
          and other.id <> all(cast(:batch as bigint[]))) other
    where other.twin is not null"""
"""Each order is looked up by its buyer, for a plan lasts: one that is made while a month is empty, where all ways cost
the same, read the whole month for every batch until the month was analysed. The least id and the shop are therefore
asked for in a way that no index of theirs answers."""

Key = tuple[int, str, int]
"""Subject, shop and total."""


class Fresh(Protocol):
    """An order about to be written."""

    @property
    def order(self) -> NormalOrder: ...


class Asked(NamedTuple):
    """What twins of a batch are looked for by, ready to be sent more than once."""

    values: Mapping[str, object]


def ask_twins(new: Mapping[int, Fresh], subjects: Mapping[int, int], at: datetime) -> Asked:
    """Write down what twins of a batch are looked for by.

    Only months that can hold one are looked into, however many there are.
    """
    ids = [order_id for order_id, one in new.items() if one.order.order.type is OrderType.NORMAL]
    orders = [new[order_id].order for order_id in ids]
    moments = [one.order.placed_at for one in orders]
    earliest = max(min([at, *moments]) - WINDOW, BEGINNING).astimezone(UTC).date()
    lists = {
        "batch": list(new),
        "ids": ids,
        "subjects": [subjects[order_id] for order_id in ids],
        "totals": [one.order.total for one in orders],
        "shops": [one.shop_order.shop for one in orders],
        "moments": moments,
    }
    since = first_id_of(month_before(earliest, CLOCKS_MONTHS))
    return Asked({**{name: array_of(values) for name, values in lists.items()}, "since": since, "window": WINDOW})


def written_twins(session: Session, asked: Asked) -> dict[int, int]:
    """Give the first twin that is in the table, of each order that has one there.

    Whoever asks a last time holds its buyers' rows, so another batch's order that is seen was there first, whatever
    its id.
    """
    return {one.id: one.twin for one in rows(session, TWINS, **asked.values)}


def with_mates(new: Mapping[int, Fresh], subjects: Mapping[int, int], written: Mapping[int, int]) -> dict[int, int]:
    """Add to the twins in the table those that stand ahead in the batch: the first twin known before each order."""
    twins = dict(written)
    seen: defaultdict[Key, list[tuple[int, datetime]]] = defaultdict(list)
    for order_id in sorted(new):
        one = new[order_id].order
        placed_at = one.order.placed_at
        before = seen[subjects[order_id], one.shop_order.shop, one.order.total]
        if before and one.order.type is OrderType.NORMAL and order_id not in twins:
            earlier = (other for other, moment in before if abs(moment - placed_at) <= WINDOW)
            if (twin := next(earlier, None)) is not None:
                twins[order_id] = twin
        before.append((order_id, placed_at))
    return twins
