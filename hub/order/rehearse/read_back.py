"""Read placed orders back as the facts that review rules were asked about, batch by batch."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import rows
from hub.ids import first_id_of
from hub.order.find import scope_of
from hub.order.place.facts import Told
from hub.order.place.told_back import HEADS, told_of_heads
from hub.review.judge import On
from hub.review.publish import NewRule
from hub.roles import Actor

AT_ONCE: Final = 500

PLACED: Final = f"""{HEADS}
    where o.id >= :first and o.id < :before and o.created_at >= :since and o.created_at <= :at
      and (cast(:brand as text) is null or o.brand = :brand) and (cast(:shop as text) is null or o.shop = :shop)
      and (:every_shop or o.shop = any(:shops)) and (:every_brand or o.brand = any(:brands))
    order by o.id desc limit :most"""


def placed_since(
    session: Session, actor: Actor, rule: NewRule, since: datetime, at: datetime, most: int, *, opens: bool
) -> Iterator[tuple[Sequence[Told], int]]:
    """Give the newest orders of a rule's shops that an actor may see, with how many were left out of each batch.

    What is told of an order is as it stands now, but for the goods: they are those that were bought. A rule that asks
    what was sealed (a remark, a person) `opens` it, and those who have been erased are left out.
    """
    before, left = 2**62, most
    while left > 0:
        found = rows(
            session,
            PLACED,
            first=first_id_of(since.astimezone(UTC).date()),
            before=before,
            since=since,
            at=at,
            brand=rule.brand,
            shop=rule.shop,
            most=min(left, AT_ONCE),
            **scope_of(actor),
        )
        if not found:
            return
        before, left = found[-1].id, left - len(found)
        readable = [one for one in found if not (opens and one.erased)]
        yield told_of_heads(session, readable, opens=opens), len(found) - len(readable)


def held_as_placed(session: Session, told: Sequence[Told], types: Sequence[str]) -> Collection[tuple[int, On]]:
    """Give the orders, lines and fulfilment orders that holds of these types held when the orders were placed."""
    found = rows(
        session,
        """select distinct h.order_id, h.line_no, h.fulfilment_no
           from order_hold h join sales_order o on o.id = h.order_id
           where o.id = any(:ids) and h.type = any(:types) and h.created_at = o.created_at and h.rule <> 'no_source'""",
        ids=[one.id for one in told],
        types=list(types),
    )
    return {(one.order_id, On(one.line_no, one.fulfilment_no)) for one in found}
