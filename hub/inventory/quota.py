"""How shops share a SKU: pieces of their own, a part of what is free, or no more than so many; else all share all.

Quotas limit what is promised ahead and held for carts. An order that came is served whoever has pieces of their own:
only its count (`used`) tells. What carts hold counts like what was sold, until they let it go. A quota of all locations
counts what orders wanted, one of a location what orders and carts have of that location.

Quotas are locked after counters: first those of locations, which nobody touches who has not locked the counter, then
those of everywhere, in the order of their keys and in one statement.
"""

import re
from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.asks import Ask, Asks, told
from hub.audit import record
from hub.database import aside, row, rows, run
from hub.document import Document
from hub.errors import Malformed, NotFound, TryLater
from hub.inventory.ledger import Movement
from hub.inventory.level import hold_still
from hub.inventory.quota_held import HELD_BY_CARTS, HELD_BY_ORDERS, HELD_THERE
from hub.inventory.reservation_table import EVERYWHERE, QuotaMode

MOST: Final = 10**9
HUNDRED: Final = 100
PATIENCE_MS: Final = 1500
"""Longer than the second after which the server ends a clean-up of its own that stands in the way."""

Sold = Mapping[tuple[str, str, str], int]
"""Pieces by shop, SKU and location; at the location "" they count for a quota of everywhere."""

CAUSE: Final = re.compile(r"(?:fo|rs):(\d{16})[-:]")
"""How a movement's cause names its order or its reservation: `fo:2611000000000042-1:1`, `rs:2611000000000042:1`."""

SELLERS: Final = {
    "fo": "select id, shop from sales_order where id = any(:ids)",
    "rs": "select id, shop from reservation where id = any(:ids)",
}
"""Whose pieces are moved, by how the cause of the movement begins."""


class Quota(Document):
    """One shop's quota of a SKU, at a location or everywhere (""); `amount` in pieces, or percent."""

    sku: str
    shop: str
    location: str = EVERYWHERE
    mode: QuotaMode
    amount: int
    used: int = 0

    @property
    def left(self) -> int:
        """Give how many of an amount of pieces are neither sold nor in a cart of the shop."""
        return max(0, self.amount - self.used)


KEY: Final = ("sku", "shop", "location")

BUSY: Final = TryLater("orders are being placed: try again", code="quota_busy", zh="正在下单，请稍后再试")

THIS: Final = "(sku, shop, location) = (:sku, :shop, :location)"


def set_quota(session: Session, actor: str, brand: str, quota: Quota, at: datetime) -> None:
    """Give a shop a quota, or change it; what it has sold so far stays counted, but for another mode.

    A new one begins with what the shop holds: in carts, and for orders that have not left. It is there for everybody at
    once, limiting nothing. While what is held is added up nobody waits: what is counted meanwhile comes on top.
    Raises: Malformed for an amount out of range, or a location of a bundle or of virtual goods (quota_place); NotFound
    for an unknown SKU; TryLater while orders come (quota_busy).
    """
    most = HUNDRED if quota.mode is QuotaMode.PERCENTAGE else MOST
    if not 0 <= quota.amount <= most:
        raise Malformed(
            f"an amount is 0 to {most}", code="quota_amount", field="amount", zh=f"数量为 0 到 {most} 的整数"
        )
    statement = "select bundle or storage = 'none' as shelved_nowhere from sku where (code, brand) = (:sku, :brand)"
    goods = row(session, statement, sku=quota.sku, brand=brand)
    if goods is None:
        raise NotFound(f"{brand} has no SKU {quota.sku}", code="unknown_sku", field="sku")
    if goods.shelved_nowhere and quota.location != EVERYWHERE:  # nothing would ever count for it
        text, zh = f"{quota.sku} lies at no location: give a quota of all together", f"{quota.sku} 不在任何仓库存放"
        raise Malformed(text, code="quota_place", field="location", zh=f"{zh}，请设置全部合计的配额")
    _make_known(session, brand, quota, at)
    key, orders = quota.model_dump(include={*KEY}), HELD_BY_ORDERS if quota.location == EVERYWHERE else HELD_THERE
    found = rows(
        session,  # one statement: whoever is in the sum is in what was counted by then, and nobody else is
        f"""select version, used as before, coalesce(({HELD_BY_CARTS}), 0) + coalesce(({orders}), 0) as held
            from channel_quota where {THIS}""",
        **key,
    )
    changed = found and run(
        session,
        f"""update channel_quota set
                used = case when mode = :mode and version > 0 then greatest(used, :held + used - :before)
                            else :held + used - :before end,
                mode = :mode, amount = :amount, version = version + 1, updated_at = :at
            where {THIS} and version = :known""",
        at=at,
        known=found[0].version,
        held=int(found[0].held),
        before=found[0].before,
        mode=quota.mode,
        amount=quota.amount,
        **key,
    )
    if not changed:
        raise BUSY  # somebody has changed it or taken it away at this moment
    told = {"shop": quota.shop, "location": quota.location, "mode": quota.mode, "amount": quota.amount}
    record(session, at, actor, "stock.quota", f"sku:{quota.sku}", **told)


def _make_known(session: Session, brand: str, quota: Quota, at: datetime) -> None:
    """Have a new quota there for whoever asks from now on, and wait for whoever has asked before.

    An order or a cart that is under way has ended before its shop's pieces are added up, or finds the quota and counts
    itself: an order without a source locks no counter, but the table once it has asked, and a cart asks with its
    counters locked. Who asks meanwhile stands behind this wait, so it is short, and a person tries again; the locks are
    let go of at once. Pieces of its own, of which there are none, limit nothing: nobody is told a number before it is
    right. What is counted begins far above nothing, as what is given back meanwhile must not be lost.

    Raises: TryLater.
    """
    key = quota.model_dump(include={*KEY})
    with aside(session) as beside:
        run(
            beside,
            """insert into channel_quota (brand, version, created_at, updated_at, sku, shop, location, mode, amount,
                                          used)
               values (:brand, 0, :at, :at, :sku, :shop, :location, 'exclusive', 0, :most)
               on conflict do nothing""",
            brand=brand,
            at=at,
            most=MOST,
            **key,
        )
    if not rows(session, f"select 1 from channel_quota where {THIS} and version = 0", **key):
        return
    try:
        with _patient(session), session.begin_nested() as moment:
            hold_still(session, [quota.sku])
            run(session, "lock table channel_quota in exclusive mode")
            moment.rollback()
    except TryLater:
        with aside(session) as beside:
            run(beside, f"delete from channel_quota where {THIS} and version = 0", **key)
        raise


@contextmanager
def _patient(session: Session) -> Generator[None]:
    """Wait for locks a moment at most.

    Raises: TryLater, and the transaction can go on.
    """
    before = row(session, "select current_setting('lock_timeout') as wait")
    try:
        with session.begin_nested():
            run(session, f"set local lock_timeout = '{PATIENCE_MS}ms'")
            yield
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise BUSY from error
        raise
    run(session, "select set_config('lock_timeout', :wait, true)", wait=before.wait if before else "")


def drop_quota(session: Session, actor: str, sku: str, shop: str, location: str, at: datetime) -> bool:
    """Let a shop share a SKU like any other again; say whether it had a quota."""
    statement = f"delete from channel_quota where {THIS} returning version"
    dropped = any(one.version for one in rows(session, statement, sku=sku, shop=shop, location=location))
    if dropped:
        record(session, at, actor, "stock.quota_drop", f"sku:{sku}", shop=shop, location=location)
    return dropped


def list_quotas(session: Session, skus: Collection[str]) -> list[Quota]:
    """Give every shop's quotas of some SKUs, without those that only count as yet."""
    return told(session, ask_quotas(skus, least=1))


def ask_quotas(skus: Collection[str], *, least: int = 0) -> Asks[list[Quota]]:
    """Ask for every shop's quotas of some SKUs; of version 0 are those that only count as yet, and limit nothing."""
    fields = ("sku", "shop", "location", "mode", "amount", "used")
    statement = f"""select {", ".join(fields)} from channel_quota where sku = any(:skus) and version >= :least
                    order by sku, shop, location"""
    [found] = yield [Ask(statement, {"skus": sorted(skus), "least": least})]
    return [Quota.model_validate(dict(zip(fields, one, strict=True))) for one in found.rows]


def count_sold(session: Session, pieces: Mapping[tuple[str, str], int], carts: Sequence[Movement] = ()) -> None:
    """Count what shops have sold of SKUs they have a quota of (pieces by shop and SKU; fewer than none gives back).

    `carts` are the movements that let go of what the same orders' carts held. It is the last lock of a transaction.
    """
    wanted = Counter({(shop, sku, EVERYWHERE): n for (shop, sku), n in pieces.items()})
    if carts and _has_quota(session, {one.key.sku for one in carts}):
        wanted.update(_of_carts(session, carts))
    count(session, wanted)


def count_carts(session: Session, movements: Sequence[Movement]) -> None:
    """Count what carts hold now, or let go of, by the movements of their reservations' lines."""
    if _has_quota(session, {one.key.sku for one in movements}):
        count(session, _of_carts(session, movements))


def count_sourced(session: Session, movements: Sequence[Movement]) -> None:
    """Count what orders were given by locations for which their shops have a quota, or have given back there."""
    if _has_quota(session, {one.key.sku for one in movements}, places_only=True):
        shops = _shops(session, movements, "fo")
        found = Counter[tuple[str, str, str]]()
        for one in movements:
            found[shops.get(one.ref, ""), one.key.sku, one.key.location] += one.allocated
        count(session, found)


def count(session: Session, pieces: Sold) -> None:
    """Count pieces for the quotas there are, which stay locked. Their counters must be locked already."""
    wanted = sorted(key for key, n in pieces.items() if n)
    if not wanted or not lock_quotas(session, wanted):
        return
    run(
        session,
        """update channel_quota quota set used = greatest(0, quota.used + new.pieces)
           from unnest(cast(:shops as text[]), cast(:skus as text[]), cast(:locations as text[]),
                       cast(:pieces as bigint[])) as new (shop, sku, location, pieces)
           where (quota.shop, quota.sku, quota.location) = (new.shop, new.sku, new.location)""",
        pieces=[pieces[key] for key in wanted],
        **_columns(wanted),
    )


def lock_quotas(session: Session, keys: Collection[tuple[str, str, str]]) -> bool:
    """Lock those of some quotas (shop, SKU, location) that there are; say whether there are any."""
    there = rows(
        session,
        """select 1 from channel_quota quota
           join unnest(cast(:shops as text[]), cast(:skus as text[]), cast(:locations as text[]))
                as new (shop, sku, location) using (shop, sku, location)
           order by quota.location = '', quota.sku, quota.shop, quota.location for update of quota""",
        **_columns(sorted(keys)),
    )
    return bool(there)


def _has_quota(session: Session, skus: Collection[str], *, places_only: bool = False) -> bool:
    statement = """select 1 from channel_quota
                   where sku = any(:skus) and (not :places_only or location <> '') limit 1"""
    return bool(skus) and bool(rows(session, statement, skus=sorted(skus), places_only=places_only))


def _of_carts(session: Session, movements: Sequence[Movement]) -> Counter[tuple[str, str, str]]:
    shops = _shops(session, movements, "rs")
    found = Counter[tuple[str, str, str]]()
    for one in movements:
        for place in (one.key.location, EVERYWHERE):
            found[shops.get(one.ref, ""), one.key.sku, place] += one.soft
    return found


def _shops(session: Session, movements: Sequence[Movement], kind: str) -> Mapping[str, str]:
    """Give whose the movements are, by their causes; those of another kind of cause are nobody's."""
    ids = {one.ref: found[1] for one in movements if (found := CAUSE.match(one.ref)) and found[0].startswith(kind)}
    shops = {one.id: one.shop for one in rows(session, SELLERS[kind], ids=sorted({int(no) for no in ids.values()}))}
    return {ref: shops.get(int(no), "") for ref, no in ids.items()}


def _columns(keys: Sequence[tuple[str, str, str]]) -> dict[str, list[str]]:
    return {
        "shops": [shop for shop, _, _ in keys],
        "skus": [sku for _, sku, _ in keys],
        "locations": [location for _, _, location in keys],
    }
