"""Shops that are told of stock no more: what they were told is forgotten, and nobody waits or is called for them."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.cases import resolve_all
from hub.database import rows, run
from hub.inventory.delist import CAUSE, subjects_of
from hub.inventory.offer import FLOW
from hub.steps import withdraw

OTHERS: Final = """
    with recursive named as (
        (select connection from stock_offer order by connection limit 1)
        union all
        select (select offer.connection from stock_offer offer where offer.connection > named.connection
                order by offer.connection limit 1)
        from named where named.connection is not null)
    select connection from named where connection is not null and connection <> all(:told) order by 1"""
"""Connections with numbers that are none of those told, found by as many looks into the index as there are of any."""


def forget_others(session: Session, told: Collection[str], at: datetime) -> int:
    """Forget the numbers of connections that are none of those told; give how many numbers these were.

    Nothing is sent: what such a shop may sell is somebody else's to say from now on. One that is told again is told
    all of it anew, by higher versions. A call that may have arrived stays for its person.
    """
    others = [one.connection for one in rows(session, OTHERS, told=sorted(told))]
    return sum(_forget(session, connection, at) for connection in others)


def _forget(session: Session, connection: str, at: datetime) -> int:
    gone = run(session, "delete from stock_offer where connection = :connection", connection=connection)
    run(session, "delete from stock_guard where connection = :connection", connection=connection)
    steps = rows(
        session,
        """select id, lane from step where connection = :connection and flow = :flow
           and state in ('waiting', 'pending', 'dead') and not doubt order by id""",
        connection=connection,
        flow=FLOW,
    )
    for lane in sorted({one.lane for one in steps}):
        withdraw(session, lane, FLOW, at)
    why = "the shop is told of stock no more"
    resolve_all(session, subjects_of(connection), at, "system", why, CAUSE)
    resolve_all(session, [f"step:{one.id}" for one in steps], at, "system", why)
    return gone
