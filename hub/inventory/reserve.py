"""What orders do to stock: reserve pieces, give them back, consume them when they leave; in batches."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from hub.inventory.free import ask_good
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.quota import count_sourced
from hub.inventory.shortfall import read_levels
from hub.inventory.table import Authority, Reason


class Claim(msgspec.Struct, frozen=True):
    """Pieces of one counter, for one cause: `ref` names the fulfilment line or the shipment line."""

    ref: str
    key: StockKey
    quantity: int


def reserve(
    session: Session, claims: Sequence[Claim], at: datetime, *, fresh: bool = False, along: Sequence[Movement] = ()
) -> None:
    """Promise pieces, all or none, together with what is booked `along` with it; `fresh` is as for `post`.

    `at` is in the business zone, whose day it is that lots expire by.
    Raises: Shortage naming the counters that have too little, or too little that has not expired.
    """
    movements = [Movement(c.key, Reason.ALLOCATE, c.ref, allocated=c.quantity) for c in claims]
    good = ask_good({one.key for one in claims}, at.date())
    post(session, [*along, *movements], at, fresh=fresh, then=good)
    count_sourced(session, movements)


def release(session: Session, claims: Sequence[Claim], at: datetime) -> None:
    """Give promised pieces back to be sold."""
    movements = [Movement(c.key, Reason.RELEASE, c.ref, allocated=-c.quantity) for c in claims]
    post(session, movements, at)
    count_sourced(session, movements)


def consume(session: Session, claims: Sequence[Claim], at: datetime) -> None:
    """Take promised pieces out of stock, because they have left.

    Where the owner's number counts, that may have been without them before it was known that he had heard of them: what
    he ships is taken off what is there, down to nothing.
    """
    owned = _owned(session, sorted({one.key for one in claims}))
    movements: list[Movement] = []
    for one in claims:
        there = min(one.quantity, owned.get(one.key, one.quantity))
        if one.key in owned:
            owned[one.key] -= there
        movements.append(Movement(one.key, Reason.CONSUME, one.ref, -there, -one.quantity))
    post(session, movements, at)


def _owned(session: Session, keys: Sequence[StockKey]) -> dict[StockKey, int]:
    """Give how many pieces are there of the counters of which the owner's number counts; if any is, all are locked."""
    if not any(one.authority == Authority.OWNER for one in read_levels(session, keys, lock=False).values()):
        return {}
    levels = read_levels(session, keys, lock=True)
    return {key: one.on_hand for key, one in levels.items() if one.authority == Authority.OWNER}
