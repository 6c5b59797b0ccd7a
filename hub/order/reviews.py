"""Reviews of orders: the case that calls a person is over when no hold is left that anybody must look at."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import resolve
from hub.database import rows
from hub.order.lock import NO_SOURCE, TRIES

LEFT: Final = f"""
    select id from unnest(cast(:ids as bigint[])) as asked (id) where not exists (
        select 1 from order_hold h where h.order_id = asked.id and h.released_at is null
        and h.type not in ('address', 'refund_requested') and h.rule not in ('unpaid', '{NO_SOURCE}', '{TRIES}')
        and (h.expires_at is null or h.resolver <> '')) order by id"""
"""What nobody has, or too many refused, has cases of its own; what a review rule holds for its stock has none."""


def close_reviews(session: Session, order_ids: Collection[int], at: datetime, actor: str, reason: str) -> None:
    """Close the reviews of orders of which nothing is left to review."""
    for one in rows(session, LEFT, ids=list(order_ids)):
        resolve(session, f"order:{one.id}", at, actor, reason, "review")
