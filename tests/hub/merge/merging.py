"""Small makers for merging: shops that merge, windows that close, and documents as a warehouse knows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy.orm import Session

from hub.database import rows
from hub.merge.close import close_windows
from hub.merge.group import group_of
from hub.merge.policy import ShopPolicy, set_policy
from hub.order.model import ShopOrder
from hub.order.ship.merged import read_merged
from hub.order.ship.outbound import read_delivery
from hub.roles import SYSTEM
from tests.hub.making import AT, BRAND, order

WINDOW = timedelta(minutes=30)
LATER = AT + WINDOW


def merging(session: Session, shop: str = "pc", **changes: Any) -> None:  # noqa: ANN401 # any field of a policy
    """Let a shop merge."""
    set_policy(session, SYSTEM, replace(ShopPolicy(BRAND, shop), **changes), AT)


def of_shop(pieces: Mapping[str, int], external_id: str, **changes: Any) -> ShopOrder:  # noqa: ANN401 # any field of a shop's order
    """Make an order of another shop, brand or platform."""
    return replace(order(pieces, external_id), **changes)


def close(session: Session, at: datetime = LATER) -> int:
    return close_windows(session, at)


def groups(session: Session) -> list[list[str]]:
    """Give the codes of what travels together, group by group."""
    found = rows(
        session,
        """select array_agg(f.code order by m.place) as codes from merge_member m join fulfilment_order f
               on (f.order_id, f.no) = (m.order_id, m.no)
           where m.left_at is null group by m.group_id order by min(f.code)""",
    )
    return [one.codes for one in found]


def releases(session: Session) -> list[dict[str, Any]]:
    """Give the subjects of the releases that wait for a worker."""
    statement = "select subject from step where flow = 'release_fulfilment' and state = 'pending' order by id"
    return [one.subject for one in rows(session, statement)]


def lines_of(session: Session, order_id: int, no: int = 1) -> Sequence[tuple[str, str, str, int]]:
    """Give the lines of a document as its location is told them: number, source order, SKU and pieces."""
    group = group_of(session, order_id, no)
    told = read_merged(session, group, AT) if group else read_delivery(session, order_id, no, AT)
    return [(line.ref, line.source_order_code, line.sku, line.quantity) for line in told.lines]
