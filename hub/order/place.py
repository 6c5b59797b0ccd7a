"""Place orders: normalise → hold → split → route → reserve, a whole batch in one transaction.

One bad order never fails its neighbours: it comes back with its error, and nothing of it is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.audit import record_all
from hub.cases import NewCase, open_cases
from hub.catalogue.find import find_bound, find_products
from hub.database import copy, keyring_of, rows
from hub.errors import Conflict, Rejected
from hub.ids import new_ids
from hub.order.allocate import Need, allocate, write_holds
from hub.order.hold import Evidence, Hold, HoldType, holds_of
from hub.order.model import ShopOrder
from hub.order.normalise import NormalOrder, normalise
from hub.order.policy import POLICY, Policy
from hub.order.record import line_records, order_record, payload_hash, share_records, wants_of
from hub.order.status import Event, Lifecycle, move
from hub.subject import known_subjects

TAKEN_BACK: Final = b""
"""Stands in order_key for the contents of an order that was taken back before it came: it must never be placed."""

WITHDRAWN: Final = "withdrawn"
"""Why a message became no order: its channel has said that the buyer took it back."""

TWIN_WINDOW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one order: its id, and whether it had been placed before."""

    order_id: int
    existing: bool = False


def place(
    session: Session, orders: Sequence[ShopOrder], at: datetime, zone: ZoneInfo, policy: Policy = POLICY
) -> list[Placed | Rejected]:
    """Place a batch; the answers stand in the order of the batch.

    The same order again gives the first result. Errors that are returned, not raised: Malformed (totals, unknown_sku),
    Conflict (order_conflict: the number exists with other contents).
    """
    normal = _normalised(session, orders)
    keyed = _key(session, orders, normal, at)
    fresh = {i: placed.order_id for i, placed in keyed.items() if isinstance(placed, Placed) and not placed.existing}
    new = {order_id: one for i, order_id in fresh.items() if isinstance(one := normal[i], NormalOrder)}
    _write(session, new, at, zone)
    evidence = _evidence(session, new)
    holds = {order_id: holds_of(one, evidence[order_id], policy.holds) for order_id, one in new.items()}
    write_holds(session, holds, policy.version, at)
    _open_hold_cases(session, new, holds, at)
    free = {order_id: one for order_id, one in new.items() if not blocked(holds[order_id])}
    allocate(session, [need_of(order_id, one) for order_id, one in free.items()], policy, at, fresh=True)
    told = [(f"order:{order_id}", {"holds": [hold.type for hold in holds[order_id]]}) for order_id in new]
    record_all(session, at, "system", "order.place", told)
    return [_answer(normal[i], keyed.get(i)) for i in range(len(orders))]


def blocked(holds: Sequence[Hold]) -> bool:
    """Say whether any hold keeps an order from being routed."""
    return any("route" in hold.blocks for hold in holds)


def need_of(order_id: int, one: NormalOrder) -> Need:
    wants = tuple(wants_of(one.lines))
    return Need(order_id, one.shop_order.brand, one.place.code, wants)


def _normalised(session: Session, orders: Sequence[ShopOrder]) -> list[NormalOrder | Rejected]:
    codes = {(one.brand, one.shop, line.channel_sku) for one in orders for line in one.order.lines}
    bound = find_bound(session, codes)
    products = find_products(session, set(bound.values()))
    normal: list[NormalOrder | Rejected] = []
    for one in orders:
        try:
            normal.append(normalise(one, bound, products))
        except Rejected as error:
            normal.append(error)
    return normal


def _key(
    session: Session, orders: Sequence[ShopOrder], normal: Sequence[NormalOrder | Rejected], at: datetime
) -> dict[int, Placed | Rejected]:
    """Claim the numbers of the good orders, in the order of their keys; those that are taken are compared instead."""
    wanted = {
        i: (orders[i].shop, orders[i].order.external_id) for i, one in enumerate(normal) if isinstance(one, NormalOrder)
    }
    hashes = {i: payload_hash(orders[i]) for i in wanted}
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
    known = rows(
        session,
        """select shop, external_id, order_id, payload_hash from order_key
           where (shop, external_id) in (select * from unnest(cast(:shops as text[]), cast(:numbers as text[])))""",
        shops=columns["shops"],
        numbers=columns["numbers"],
    )
    there = {(row.shop, row.external_id): (row.order_id, bytes(row.payload_hash)) for row in known}
    return {i: _compare(key, there[key], hashes[i], is_new=ids.get(i) in mine) for i, key in wanted.items()}


def _compare(key: tuple[str, str], there: tuple[int, bytes], digest: bytes, *, is_new: bool) -> Placed | Rejected:
    order_id, known = there
    if known == TAKEN_BACK:
        return Conflict(f"order {key[1]} was taken back before it was placed", code=WITHDRAWN)
    if known != digest:
        return Conflict(f"order {key[1]} was placed before with other contents", code="order_conflict")
    return Placed(order_id, existing=not is_new)


def _write(session: Session, new: Mapping[int, NormalOrder], at: datetime, zone: ZoneInfo) -> None:
    ring = keyring_of(session)
    subjects = {
        brand: known_subjects(
            session, brand, {one.order.buyer.ref for one in new.values() if one.shop_order.brand == brand}, at
        )
        for brand in sorted({one.shop_order.brand for one in new.values()})
    }
    lifecycle = move(Lifecycle.RECEIVED, Event.ACCEPT)
    records = [
        order_record(order_id, one, subjects[one.shop_order.brand][one.order.buyer.ref], ring, lifecycle, at, zone)
        for order_id, one in new.items()
    ]
    if not records:
        return
    copy(session, "sales_order", list(records[0]), [list(record.values()) for record in records])
    lines = [record for order_id, one in new.items() for record in line_records(order_id, one.lines)]
    copy(session, "order_line", list(lines[0]), [list(record.values()) for record in lines])
    shares = [record for order_id, one in new.items() for record in share_records(order_id, one.shares)]
    if shares:
        copy(session, "price_adjustment", list(shares[0]), [list(record.values()) for record in shares])


def _evidence(session: Session, new: Mapping[int, NormalOrder]) -> dict[int, Evidence]:
    """Look for twins: another order of the same buyer and total, placed within ten minutes and known before.

    A batch holds its buyers' rows, so another batch's order that is seen here was there first, whatever its id.
    """
    found = rows(
        session,
        """select mine.id, min(other.id) as twin from sales_order mine join sales_order other
             on other.subject_id = mine.subject_id and other.total = mine.total
            and (other.id < mine.id or other.id <> all(:ids))
            and other.shop = mine.shop
            and other.placed_at between mine.placed_at - cast(:window as interval) and mine.placed_at + :window
           where mine.id = any(:ids) and mine.type = 'normal' and other.lifecycle <> 'cancelled' group by mine.id""",
        ids=list(new),
        window=TWIN_WINDOW,
    )
    twins = {row.id: row.twin for row in found}
    return {order_id: Evidence(twins.get(order_id)) for order_id in new}


def _open_hold_cases(
    session: Session, new: Mapping[int, NormalOrder], holds: Mapping[int, Sequence[Hold]], at: datetime
) -> None:
    """Call a person for every order that waits: an address has its own way to go on, all else is a review."""
    cases = [
        NewCase(
            "address" if hold.type is HoldType.ADDRESS else "review",
            f"order:{order_id}",
            new[order_id].shop_order.brand,
            f"{hold.type}: {hold.rule}",
            order_id,
        )
        for order_id, of_order in holds.items()
        for hold in of_order
    ]
    open_cases(session, cases, at)


def _answer(one: NormalOrder | Rejected, keyed: Placed | Rejected | None) -> Placed | Rejected:
    if isinstance(one, Rejected):
        return one
    if keyed is None:
        raise RuntimeError("an order that was normalised has no key")
    return keyed
