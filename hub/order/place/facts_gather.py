"""Gather the facts of many orders that only the database knows: one statement a group, and only for groups asked."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.catalogue.model import Storage
from hub.database import rows
from hub.ids import first_id_of
from hub.inventory.level import free_pieces
from hub.order.place.facts import Gathered, Told
from hub.sourcing.location import find_places

LOOKED_BACK: Final = timedelta(days=90)
TOGETHER: Final = timedelta(minutes=30)

ASKED: Final = """unnest(cast(:ids as bigint[]), cast(:subjects as bigint[]), cast(:moments as timestamptz[]))
                  as asked (id, subject_id, at)"""

HISTORY: Final = f"""
    select asked.id, known.* from {ASKED} cross join lateral (
        select count(*) as orders_90d,
               count(*) filter (where exists (
                   select 1 from parcel_track t where t.order_id = o.id and t.status = 'returned'
                   and t.status_at < asked.at)) as refusals_90d,
               count(*) filter (where exists (
                   select 1 from order_hold h where h.order_id = o.id and h.created_at < asked.at
                   and (h.type = 'refund_requested' or h.rule = 'refund_asked')) or exists (
                   select 1 from return_case r where r.order_id = o.id and r.created_at < asked.at)) as refunds_90d
        from sales_order o
        where o.subject_id = asked.subject_id and o.id >= :since and o.id <> asked.id
          and (o.created_at, o.id) < (asked.at, asked.id)
          and o.created_at >= asked.at - cast(:back as interval)) known"""

BARRED: Final = """
    select asked.id, asked.kind
    from unnest(cast(:ids as bigint[]), cast(:brands as text[]), cast(:kinds as text[]), cast(:indexes as bytea[]),
                cast(:moments as timestamptz[])) as asked (id, brand, kind, index, at)
    join barred b on (b.brand, b.kind, b.index) = (asked.brand, asked.kind, asked.index)
    where b.barred_at <= asked.at and (b.until is null or b.until > asked.at)
      and (b.lifted_at is null or b.lifted_at > asked.at) group by 1, 2"""

MERGING: Final = """
    select asked.id, count(*) as n
    from unnest(cast(:ids as bigint[]), cast(:phones as bytea[]), cast(:shops as text[]),
                cast(:moments as timestamptz[])) as asked (id, phone, shop, at)
    join sales_order o on o.phone_index = asked.phone and o.shop = asked.shop and o.id >= :since and o.id <> asked.id
     and (o.created_at, o.id) < (asked.at, asked.id)
     and o.created_at >= asked.at - cast(:back as interval) group by 1"""

HAS: Final = """
    select cart.order_id, line.sku, sum(line.quantity)::bigint as pieces
    from (select distinct on (r.id) r.id, asked.id as order_id
          from unnest(cast(:ids as bigint[]), cast(:shops as text[]), cast(:refs as text[])) as asked (id, shop, ref)
          join reservation r on (r.shop, r.ref) = (asked.shop, asked.ref)
          where r.state = 'held' and r.order_id is null or r.state = 'taken' and r.order_id = asked.id
          order by r.id, asked.id) cart
    join reservation_line line on line.reservation_id = cart.id group by 1, 2
    union all
    select waiting.order_id, line.sku, sum(line.quantity)::bigint
    from reservation waiting join reservation_line line on line.reservation_id = waiting.id
    where waiting.order_id = any(:ids) and waiting.state = 'held' group by 1, 2
    union all
    select order_id, sku, sum(allocated + shipped)::bigint from order_line
    where order_id = any(:ids) and kind <> 'bundle' and allocated + shipped > 0 group by 1, 2"""
"""What the cart holds of an order about to be placed, one that several name the first one's, or of one that waits; and
what one was given."""


class Mate(NamedTuple):
    """An order of a batch that is about to be written: no statement finds it yet."""

    id: int
    subject_id: int
    shop: str
    phone: bytes


def gather(
    session: Session,
    told: Sequence[Told],
    names: Collection[str],
    twins: Mapping[int, int],
    here: datetime,
    mates: Sequence[Mate] = (),
) -> Gathered:
    """Gather what these groups of facts need; an order's history ends before it came.

    `mates` are all orders of the batch, asked about or not: those ahead of an order are of its history. `here` is the
    moment in the business zone, whose day it is that lots expire by.
    """
    risk = "risk" in names
    return Gathered(
        buyers=_histories(session, told, mates) if risk or "buyer" in names else {},
        barred=_barred(session, told) if risk or "blacklist" in names else {},
        merging=_merging(session, told, mates) if "merge" in names else {},
        missing=_missing(session, told, here) if "stock" in names else {},
        twins=twins,
        day=here.date(),
    )


def _histories(session: Session, told: Sequence[Told], mates: Sequence[Mate]) -> Mapping[int, Mapping[str, int]]:
    found = rows(
        session,
        HISTORY,
        ids=[one.id for one in told],
        subjects=[one.subject_id for one in told],
        moments=[one.at for one in told],
        since=_first_id(told, LOOKED_BACK),
        back=LOOKED_BACK,
    )
    ahead = _ahead(mates, lambda one: one.subject_id)
    return {
        one.id: {
            "orders_90d": one.orders_90d + ahead[one.id],
            "refusals_90d": one.refusals_90d,
            "refunds_90d": one.refunds_90d,
        }
        for one in found
    }


def _barred(session: Session, told: Sequence[Told]) -> Mapping[int, Collection[str]]:
    asked = [
        (one, kind, index)
        for one in told
        for kind, index in (
            ("phone", one.phone),
            ("buyer", one.buyer),
            *(("address", index) for index in one.addresses),
        )
    ]
    found = rows(
        session,
        BARRED,
        ids=[one.id for one, _, _ in asked],
        brands=[one.brand for one, _, _ in asked],
        kinds=[kind for _, kind, _ in asked],
        indexes=[index for _, _, index in asked],
        moments=[one.at for one, _, _ in asked],
    )
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    for one in found:
        kinds[one.id].add(one.kind)
    return kinds


def _merging(session: Session, told: Sequence[Told], mates: Sequence[Mate]) -> Mapping[int, int]:
    found = rows(
        session,
        MERGING,
        ids=[one.id for one in told],
        phones=[one.phone for one in told],
        shops=[one.shop for one in told],
        moments=[one.at for one in told],
        since=_first_id(told, TOGETHER),
        back=TOGETHER,
    )
    return _ahead(mates, lambda one: (one.shop, one.phone)) + Counter({one.id: one.n for one in found})


def _ahead(mates: Sequence[Mate], key: Callable[[Mate], Hashable]) -> Counter[int]:
    """Count by order those alike that stand ahead of it in its batch."""
    seen, ahead = Counter[Hashable](), Counter[int]()
    for one in sorted(mates):
        alike = key(one)
        ahead[one.id] = seen[alike]
        seen[alike] += 1
    return ahead


def _missing(session: Session, told: Sequence[Told], here: datetime) -> Mapping[int, Mapping[str, int]]:
    """Give what each order by itself wants more of than it has and all places of its brand have together."""
    wanted = {one.id: Counter[str]() for one in told}
    for one in told:
        for line in one.lines:
            if line.storage != Storage.NONE:  # what is only handed over lies on no shelf
                wanted[one.id][line.sku] += line.quantity
    for order_id, owned in _owned(session, told).items():
        wanted[order_id] -= owned
    places = find_places(session)
    pieces: Counter[tuple[str, str]] = Counter()
    for (location, sku), count in free_pieces(session, sum(wanted.values(), Counter[str]()), here).items():
        if (place := places.get(location)) is not None:
            pieces[place.brand, sku] += max(0, count)
    return {
        one.id: {sku: short for sku, count in wanted[one.id].items() if (short := count - pieces[one.brand, sku]) > 0}
        for one in told
    }


def _owned(session: Session, told: Sequence[Told]) -> Mapping[int, Counter[str]]:
    """Give by order what it need not find: what its cart holds, and what has a source or has left."""
    found = rows(
        session,
        HAS,
        ids=[one.id for one in told],
        shops=[one.shop for one in told],
        refs=[one.cart for one in told],
    )
    owned: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for one in found:
        owned[one.order_id][one.sku] += one.pieces
    return owned


def _first_id(told: Sequence[Told], back: timedelta) -> int:
    """Give the first number of the month in which the oldest order was that can count: older months are not read."""
    return first_id_of((min(one.at for one in told) - back).astimezone(UTC).date())
