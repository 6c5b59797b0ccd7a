"""Write why orders, lines and fulfilment orders wait, and call a person to what nobody else ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from hub.cases import NewCase, open_cases
from hub.database import copy, rows
from hub.review.verdict import Hold, HoldType


def write_holds(
    session: Session, holds: Mapping[int, Sequence[Hold]], version: str, at: datetime, *, fresh: bool = False
) -> None:
    """Write the holds of orders, numbered behind those they have; orders that are `fresh` have none."""
    ids = [order_id for order_id, of_order in holds.items() if of_order]
    if not ids:
        return
    last = dict.fromkeys(ids, 0) if fresh else _last_holds(session, ids)
    columns = [
        "order_id",
        "no",
        "type",
        "blocks",
        "rule",
        "rule_version",
        "evidence",
        "created_at",
        "expires_at",
        "resolver",
        "released_at",
        "released_by",
        "reason",
        "line_no",
        "fulfilment_no",
    ]
    records = [
        (
            *(order_id, last[order_id] + n, hold.type, list(hold.blocks), hold.rule, hold.version or version),
            *(msgspec.json.encode(hold.evidence).decode(), at, hold.expires_at, hold.resolver),
            *((at, hold.released_by, "by rule") if hold.released_by else (None, "", "")),
            *(hold.line_no, hold.fulfilment_no),
        )
        for order_id, of_order in holds.items()
        for n, hold in enumerate(of_order, 1)
    ]
    copy(session, "order_hold", columns, records)


def _last_holds(session: Session, ids: Sequence[int]) -> dict[int, int]:
    found = rows(
        session,
        """select asked.id, coalesce((select max(no) from order_hold where order_id = asked.id), 0) as no
           from unnest(cast(:ids as bigint[])) as asked (id)""",
        ids=list(ids),
    )
    return {row.id: row.no for row in found}


def call_people(session: Session, brands: Mapping[int, str], holds: Mapping[int, Sequence[Hold]], at: datetime) -> None:
    """Call a person for every order of which something waits: an address has its own way to go on, all else a review.

    `brands` are the orders' by their ids.
    """
    cases = [
        NewCase(
            "address" if hold.type is HoldType.ADDRESS else "review",
            f"order:{order_id}",
            brands[order_id],
            f"{hold.type}: {hold.rule}",
            order_id,
        )
        for order_id, of_order in holds.items()
        for hold in of_order
        if hold.calls
    ]
    open_cases(session, cases, at)
