"""The rows of a list of orders: what a person needs to see of each to know which one to open."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.document import Document
from hub.order.search.recognise import QUERIES, query_values, readings, reveal_term
from hub.roles import Actor

LOOK: Final = """
    select cast(o.id as text) as id, o.external_id, o.shop, o.channel, o.brand, o.type, o.lifecycle, o.payment,
           o.fulfilment, o.currency, o.total, o.province, o.city, o.placed_at, o.created_at,
           sold.lines, sold.pieces, held.types as holds, mended.n as cases, told.states as couriers
    from unnest(cast(:ids as bigint[])) with ordinality as page (id, place) join sales_order o on o.id = page.id
    cross join lateral (
        select count(*) as lines, cast(coalesce(sum(ordered), 0) as bigint) as pieces from order_line
        where order_id = o.id and kind <> 'component') sold
    cross join lateral (
        select coalesce(array_agg(distinct type), array[]::text[]) as types from order_hold
        where order_id = o.id and released_at is null) held
    cross join lateral (select count(*) as n from case_file where order_id = o.id and state = 'open') mended
    cross join lateral (
        select coalesce(array_agg(distinct status), array[]::text[]) as states from parcel_track
        where order_id = o.id) told
    order by page.place"""


class Found(Document):
    """One order of a list; `couriers` are the states of its parcels, `by` what of it the search's term named."""

    id: str
    external_id: str
    shop: str
    channel: str
    brand: str
    type: str
    lifecycle: str
    payment: str
    fulfilment: str
    currency: str
    total: int
    province: str
    city: str
    placed_at: datetime
    created_at: datetime
    lines: int
    pieces: int
    holds: tuple[str, ...]
    cases: int
    couriers: tuple[str, ...]
    by: tuple[str, ...] = ()


def look_at(session: Session, ids: Sequence[int], named: Mapping[int, Sequence[str]]) -> list[Found]:
    """Give the rows of these orders, in the order of their ids as given."""
    found = records(session, LOOK, ids=list(ids))
    return [Found.model_validate({**one, "by": named.get(int(one["id"]), ())}) for one in found]


def reasons(session: Session, actor: Actor, term: str, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Say which readings of a term name each of these orders."""
    plain = reveal_term(session, term)
    read = readings(plain)
    if not ids or not read:
        return {}
    parts = [
        f"select id, '{one}' as by from ({QUERIES[one]}) as read where id between :low and :high and id = any(:ids)"
        for one in read
    ]
    found = rows(
        session,
        " union ".join(parts),
        **query_values(session, plain, actor),
        ids=list(ids),
        low=min(ids),
        high=max(ids),
    )
    named = defaultdict[int, list[str]](list)
    for one in sorted(found, key=lambda one: read.index(one.by)):
        named[one.id].append(one.by)
    return named
