"""The numbers that shops give their orders: each is claimed once, for one order or for none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from hub.database import row, rows
from hub.errors import Conflict
from hub.ids import new_ids
from hub.order.find import find_order_id
from hub.order.model import ShopOrder

TAKEN_BACK: Final = b""
"""Stands in order_key for the contents of an order that was taken back before it came: it must never be placed."""

WITHDRAWN: Final = "withdrawn"
"""Why a message became no order: its channel has said that the buyer took it back."""


class Numbered(NamedTuple):
    """The order that a number stands for, and whether the number was claimed just now."""

    order_id: int
    is_new: bool


def claim_numbers(
    session: Session, orders: Sequence[ShopOrder], hashes: Mapping[int, bytes], at: datetime
) -> dict[int, Numbered | Conflict]:
    """Claim the numbers of orders by the hashes of their contents (both by place in the batch), sorted by key.

    A number that is taken is compared: the same contents are the same order, others a Conflict (order_conflict, or
    WITHDRAWN for an order that was taken back before it came).
    """
    wanted = {i: (orders[i].shop, orders[i].order.external_id) for i in hashes}
    firsts: dict[tuple[str, str], int] = {}
    for i, key in wanted.items():
        firsts.setdefault(key, i)
    ids = dict(zip(firsts.values(), new_ids(session, len(firsts), at), strict=True))
    sorted_firsts = [firsts[key] for key in sorted(firsts)]
    columns = {
        "shops": [wanted[i][0] for i in sorted_firsts],
        "numbers": [wanted[i][1] for i in sorted_firsts],
        "ids": [ids[i] for i in sorted_firsts],
        "hashes": [hashes[i] for i in sorted_firsts],
    }
    made = rows(
        session,
        """insert into order_key (shop, external_id, order_id, payload_hash)
           select * from unnest(cast(:shops as text[]), cast(:numbers as text[]), cast(:ids as bigint[]),
                                cast(:hashes as bytea[]))
           on conflict do nothing returning order_id""",
        **columns,
    )
    mine = {row.order_id for row in made}
    if len(mine) == len(firsts) == len(wanted):
        return {i: Numbered(ids[i], is_new=True) for i in wanted}
    known = rows(
        session,
        """select shop, external_id, order_id, payload_hash from order_key
           where (shop, external_id) in (select * from unnest(cast(:shops as text[]), cast(:numbers as text[])))""",
        shops=columns["shops"],
        numbers=columns["numbers"],
    )
    there = {(row.shop, row.external_id): (row.order_id, bytes(row.payload_hash)) for row in known}
    return {i: _compare(key, there[key], hashes[i], is_new=ids.get(i) in mine) for i, key in wanted.items()}


def _compare(key: tuple[str, str], there: tuple[int, bytes], digest: bytes, *, is_new: bool) -> Numbered | Conflict:
    order_id, known = there
    if known == TAKEN_BACK:
        return Conflict(f"order {key[1]} was taken back before it was placed", code=WITHDRAWN)
    if known != digest:
        return Conflict(f"order {key[1]} was placed before with other contents", code="order_conflict")
    return Numbered(order_id, is_new)


def withhold_number(session: Session, one: ShopOrder, at: datetime) -> int | None:
    """Give the order that was placed under a number; where there is none, the number is taken for good.

    The key serialises this with whoever is placing the order just now.
    """
    key = {"shop": one.shop, "external_id": one.order.external_id}
    made = row(
        session,
        """insert into order_key (shop, external_id, order_id, payload_hash)
           values (:shop, :external_id, :order_id, :taken_back) on conflict do nothing returning 1""",
        order_id=new_ids(session, 1, at)[0],
        taken_back=TAKEN_BACK,
        **key,
    )
    return find_order_id(session, one.shop, one.order.external_id) if made is None else None
