"""What a step tells a channel of stock: read when it is sent, and booked when the channel has answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import row, rows, run
from hub.ids import new_ids
from hub.inventory.offer import step_of
from hub.inventory.telling import Refusal, Telling, Told
from hub.steps import add

DUE: Final = """
    select sku, alone from stock_offer where connection = :connection and bucket = :bucket and due
    order by not told is distinct from offered, updated_at, sku limit :limit"""
"""What is due in a lane, in the order of the index: however much is due, a step reads its own part of it."""


def read_due(session: Session, connection: str, bucket: int, limit: int) -> list[Telling]:
    """Give the numbers of a lane that are due, under every code that the shop has for them: those longest due first.

    What the channel has been told before comes behind what it does not know.

    From here on a call may be under way: whatever comes of it, they are due until they are booked as told. What was in
    a batch that was refused comes by itself. What is being weighed at this moment is left for the next step: steps of
    several shops are prepared in one transaction, which must wait for nobody.
    """
    first = rows(session, DUE, connection=connection, bucket=bucket, limit=limit)
    if not first:
        return []
    picked = [first[0].sku] if first[0].alone else sorted(one.sku for one in first if not one.alone)
    found = rows(
        session,
        """select sku, shop, offered, version from stock_offer
           where connection = :connection and sku = any(:skus) and due order by sku for update skip locked""",
        connection=connection,
        skus=picked,
    )
    skus = [one.sku for one in found]
    statement = "update stock_offer set asking = true where connection = :connection and sku = any(:skus)"
    run(session, statement, connection=connection, skus=skus)
    codes = _codes(session, {one.sku: one.shop for one in found})
    return [
        Telling(sku=one.sku, channel_sku=code, pieces=one.offered, version=one.version)
        for one in found
        for code in codes.get(one.sku, [one.sku])
    ]


def book_told(session: Session, connection: str, bucket: int, told: Told, at: datetime) -> None:
    """Write down what a channel took and what it refused, and go on with what is due in the lane.

    What has changed meanwhile, or has got another code, is due again.
    """
    taken = {one.sku: one for one in told.told}
    codes = {one.sku: one.code for one in told.refused}
    skus = sorted({*taken, *codes})
    statement = "select 1 from stock_offer where connection = :connection and sku = any(:skus) order by sku for update"
    rows(session, statement, connection=connection, skus=skus)
    _book_taken(session, connection, taken, at)
    _book_refused(session, connection, codes, alone=told.together, at=at)
    statement = "select 1 from stock_offer where connection = :connection and bucket = :bucket and due limit 1"
    if row(session, statement, connection=connection, bucket=bucket):
        add(session, [step_of(connection, bucket, new_ids(session, 1, at)[0])], at)


def sum_up(asked: Sequence[Telling], answer: Told) -> Told:
    """Give what can be booked of an answer: a SKU is told if it was under each of its codes, and refused if once."""
    refused = {one.sku: one for one in answer.refused}
    taken = set(answer.told)
    open_ = {one.sku for one in asked if one not in taken}
    told = {one.sku: one for one in asked if one.sku not in open_ and one.sku not in refused}
    return Told(told=tuple(told.values()), refused=tuple(refused.values()), together=answer.together)


def refuse_all(asked: Sequence[Telling], code: str) -> Told:
    """Give the answer of a channel that refused a whole call: nobody knows for which of its SKUs."""
    skus = sorted({one.sku for one in asked})
    return Told(refused=tuple(Refusal(sku=sku, code=code) for sku in skus), together=len(skus) > 1)


def _codes(session: Session, shops: Mapping[str, str]) -> Mapping[str, list[str]]:
    """Give the codes that a shop has for each SKU; without one it goes by its own."""
    found = rows(
        session,
        """select bound.sku, bound.channel_sku from channel_binding bound
           join unnest(cast(:skus as text[]), cast(:shops as text[])) as wanted (sku, shop) using (sku, shop)
           order by 1, 2""",
        skus=list(shops),
        shops=list(shops.values()),
    )
    codes: dict[str, list[str]] = {}
    for one in found:
        codes.setdefault(one.sku, []).append(one.channel_sku)
    return codes


def _book_taken(session: Session, connection: str, taken: Mapping[str, Telling], at: datetime) -> None:
    run(
        session,
        """update stock_offer set told = new.pieces, told_at = :at, asking = false, alone = false, refused = '',
                                  refused_at = null, due = not held and stock_offer.version <> new.version
           from unnest(cast(:skus as text[]), cast(:pieces as bigint[]), cast(:versions as bigint[]))
                as new (sku, pieces, version)
           where connection = :connection and stock_offer.sku = new.sku""",
        connection=connection,
        skus=list(taken),
        pieces=[one.pieces for one in taken.values()],
        versions=[one.version for one in taken.values()],
        at=at,
    )


def _book_refused(session: Session, connection: str, codes: Mapping[str, str], *, alone: bool, at: datetime) -> None:
    """Write down what was refused: by itself it waits for its turn, together with others each is tried by itself."""
    run(
        session,
        """update stock_offer set asking = false, alone = :alone, due = :alone and not held,
                                  refused = case when :alone then refused else new.code end,
                                  refused_at = case when :alone then refused_at else cast(:at as timestamptz) end
           from unnest(cast(:skus as text[]), cast(:codes as text[])) as new (sku, code)
           where connection = :connection and stock_offer.sku = new.sku""",
        connection=connection,
        skus=list(codes),
        codes=list(codes.values()),
        alone=alone,
        at=at,
    )
