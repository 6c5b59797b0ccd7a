"""Returns of many orders: listed a page at a time, the newest first, and counted by state while they wait."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.aftersale.status import OPEN, ReturnKind, ReturnState
from hub.database import records, row, rows
from hub.document import Document
from hub.errors import Malformed
from hub.roles import Actor
from hub.scope import ORDER_SEEN, scope

PLACE: Final = re.compile(r"(\d{1,16})-r(\d{1,9})", re.ASCII)

WAITING: Final = tuple(state for state in ReturnState if state in OPEN)

OF_STATE: Final = f"""
    select cast(c.order_id as text) as order_id, c.no, c.code, o.external_id, c.brand, o.shop, c.kind, c.state, c.fault,
           c.reason, c.location, c.courier, c.tracking_no, c.created_at as since, c.order_id as place
    from return_case c join sales_order o on o.id = c.order_id
    where c.state = asked.state and {ORDER_SEEN} and (:kind = '' or c.kind = :kind)
      and (:brand = '' or o.brand = :brand) and (:shop = '' or o.shop = :shop)
      and (cast(:since as timestamptz) is null or c.created_at >= :since)
      and (cast(:until as timestamptz) is null or c.created_at < :until)
      and (cast(:before as timestamptz) is null or (c.created_at, c.order_id, c.no) < (:before, :order, :no))
    order by c.created_at desc, c.order_id desc, c.no desc limit :limit"""
"""A page of the returns of one state; each state is a part of the index that is read from its newest end."""

LISTED: Final = f"""
    select found.*, sums.asked as pieces, sums.arrived
    from (select one.* from unnest(cast(:states as text[])) as asked (state) cross join lateral ({OF_STATE}) one
          order by one.since desc, one.place desc, one.no desc limit :limit) found
         cross join lateral (select coalesce(sum(l.asked), 0)::bigint as asked,
                                    coalesce(sum(l.arrived), 0)::bigint as arrived
                             from return_line l where (l.order_id, l.no) = (found.place, found.no)) sums
    order by found.since desc, found.place desc, found.no desc"""

COUNTED: Final = f"""
    select asked.state, counted.n, counted.oldest_at
    from unnest(cast(:states as text[])) as asked (state) cross join lateral (
        select count(*) as n, min(created_at) as oldest_at from (
            select c.created_at from return_case c
            where c.state = asked.state and (:every_brand and :every_shop or exists (
                select 1 from sales_order o where o.id = c.order_id and {ORDER_SEEN}))
            order by c.created_at limit :cap) c) counted"""


class ReturnRow(Document):
    """One return of a list: whose it is, how it stands, and how many `pieces` were asked back and have `arrived`."""

    order_id: str
    no: int
    code: str
    external_id: str
    brand: str
    shop: str
    kind: str
    state: str
    fault: str
    reason: str
    location: str
    courier: str
    tracking_no: str
    since: datetime
    pieces: int
    arrived: int


class ReturnPage(Document):
    """Returns, the newest first; `next` is the cursor of the following page, empty at the end."""

    returns: tuple[ReturnRow, ...]
    next: str


class Wanted(Document):
    """Which returns to list, by when they were asked for; what is empty does not matter."""

    states: tuple[ReturnState, ...] = ()
    kind: ReturnKind | None = None
    brand: str = ""
    shop: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Waiting(NamedTuple):
    """How many returns wait in one state, and since when the oldest of them."""

    state: str
    n: int
    oldest_at: datetime | None


def list_returns(session: Session, actor: Actor, wanted: Wanted, *, after: str = "", limit: int = 50) -> ReturnPage:
    """Give a page of the returns of orders that the actor may see.

    Raises: Malformed with code cursor for what is no place in the list.
    """
    last = _place(session, after) if after else None
    found = records(
        session,
        LISTED,
        states=list(wanted.states or ReturnState),
        kind=wanted.kind or "",
        brand=wanted.brand,
        shop=wanted.shop,
        since=wanted.since,
        until=wanted.until,
        before=last.created_at if last else None,
        order=last.order_id if last else 0,
        no=last.no if last else 0,
        limit=limit + 1,
        **scope(actor),
    )
    page = [ReturnRow.model_validate({key: one[key] for key in ReturnRow.model_fields}) for one in found[:limit]]
    return ReturnPage(returns=tuple(page), next=page[-1].code if len(found) > limit else "")


def waiting_returns(session: Session, actor: Actor, cap: int) -> Sequence[Waiting]:
    """Count the returns that have not ended, of orders that the actor may see, by state; of each no more than `cap`."""
    return [Waiting(*one) for one in rows(session, COUNTED, states=list(WAITING), cap=cap, **scope(actor))]


def _place(session: Session, told: str) -> Row[Any]:
    """Find the return that a page ended with.

    Raises: Malformed.
    """
    read = PLACE.fullmatch(told)
    statement = "select created_at, order_id, no from return_case where (order_id, no) = (:order, :no)"
    found = row(session, statement, order=int(read[1]), no=int(read[2])) if read else None
    if found is None:
        raise Malformed("this is no place in a list", code="cursor", field="cursor")
    return found
