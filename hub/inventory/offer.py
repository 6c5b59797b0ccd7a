"""What each shop is told of each SKU: its promise, less what the shop keeps back, as one number that replaces the last.

A number that has changed is due; one that has come back to what the channel knows is due no more. What is due is told
by steps that carry no number: they read it when they are sent, so that a burst of changes is one call.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import rows, run
from hub.ids import new_ids
from hub.inventory.delist import Shift, holds, watch_holds, watch_refusals
from hub.inventory.promise import promise
from hub.settings import Settings, Stock
from hub.steps import NewStep, add

FLOW: Final = "push_stock"

AGAIN: Final = timedelta(hours=1)
"""How soon a SKU that a channel refused is told again."""

NEWER: Final = "greatest(version + 1, nextval('id_serial'))"
"""A version above every other's: a code may stand for another SKU from now on, or a SKU be forgotten and told anew, and
a channel leaves a version below the one that it has for that code."""


@dataclass(frozen=True, slots=True)
class Selling:
    """A shop that is told of stock, by the connection that tells it."""

    connection: str
    brand: str
    shop: str
    every_sku: bool
    ratio: int
    floor: int

    def number(self, pieces: int) -> int:
        """Give what is told of what could be sold: its ratio, rounded down, and nothing below the floor."""
        part = max(0, pieces) * self.ratio // 100
        return part if part >= self.floor else 0


def selling(settings: Settings) -> list[Selling]:
    """List the shops that are told, by the names of their connections."""
    return [
        Selling(name, one.brand, one.shop, one.stock == "all", one.stock_ratio, one.stock_floor)
        for name, one in sorted(settings.connections.items())
        if one.stock != "none"
    ]


def weigh(session: Session, shops: Sequence[Selling], skus: Collection[str], stock: Stock, at: datetime) -> int:
    """Work out anew what shops are told of some SKUs and of the bundles they are in; give how many numbers changed."""
    if not skus or not shops:
        return 0
    found = rows(session, "select bundle from bundle_part where sku = any(:skus)", skus=sorted(skus))
    wanted = sorted({*skus, *(one.bundle for one in found)})
    return sum(_weigh_shop(session, shop, wanted, stock, at) for shop in shops)


def add_steps(session: Session, shops: Sequence[Selling], at: datetime) -> int:
    """Add a step for each lane in which something is due and no step is open, and give how many."""
    found = rows(
        session,
        """select distinct offer.connection, offer.bucket from stock_offer offer
           where offer.due and offer.connection = any(:connections) and not exists (
               select 1 from step where step.lane = 'stock:' || offer.bucket || ':' || offer.connection
                                    and step.state in ('waiting', 'pending', 'in_flight', 'unknown', 'dead'))
           order by 1, 2""",
        connections=[shop.connection for shop in shops],
    )
    ids = new_ids(session, len(found), at)
    steps = [step_of(one.connection, one.bucket, number) for one, number in zip(found, ids, strict=True)]
    add(session, steps, at)
    return len(found)


def step_of(connection: str, bucket: int, number: int) -> NewStep:
    """Make the step that tells what is due in a lane; what that is, it reads when it is sent."""
    lane = f"stock:{bucket}:{connection}"
    return NewStep(FLOW, lane, connection, f"{lane}:{number}", None, {"bucket": bucket})


def sweep_offers(session: Session, shops: Sequence[Selling], skus: Sequence[str], stock: Stock, at: datetime) -> None:
    """Compare some SKUs whatever has moved: quotas, safety stock and pre-sales change without a movement.

    What was told long ago, or was refused a while ago, is told again, and so is what has got another code of the shop.
    """
    weigh(session, shops, skus, stock, at)
    connections = [shop.connection for shop in shops]
    run(
        session,
        f"""update stock_offer offer set due = true, version = {NEWER}, updated_at = :at
            where connection = any(:connections) and sku = any(:skus) and not held
              and (not due and refused <> '' and refused_at < :refused_before
                   or not due and refused = '' and told_at < :told_before
                   or exists (select from channel_binding bound where (bound.shop, bound.sku) = (offer.shop, offer.sku)
                                                                  and bound.updated_at > offer.updated_at))""",
        connections=connections,
        skus=list(skus),
        at=at,
        refused_before=at - AGAIN,
        told_before=at - timedelta(hours=stock.retell_h),
    )
    watch_holds(session, connections, at)
    for shop in shops:
        watch_refusals(session, shop.connection, shop.brand, at)


def push_now(
    session: Session, actor_name: str, brand: str, skus: Collection[str], connections: Collection[str], at: datetime
) -> int:
    """Have channels told of some SKUs once more, also of what they know or refused; give how many numbers are due.

    `connections` are those that are told of stock: what others were told once stays as it was.
    """
    wanted = {"brand": brand, "skus": sorted(skus), "connections": sorted(connections)}
    seen = "brand = :brand and sku = any(:skus) and connection = any(:connections) and not held"
    rows(session, f"select 1 from stock_offer where {seen} order by connection, sku for update", **wanted)
    changed = run(
        session, f"update stock_offer set due = true, version = {NEWER}, updated_at = :at where {seen}", at=at, **wanted
    )
    for sku in sorted(skus):
        record(session, at, actor_name, "stock.push_now", f"sku:{sku}", brand=brand)
    return changed


def _weigh_shop(session: Session, shop: Selling, skus: Sequence[str], stock: Stock, at: datetime) -> int:
    mine = _sold_by(session, shop, skus)
    known = _known(session, shop, skus)
    if gone := sorted(sku for sku, one in known.items() if sku not in mine or one.shop != shop.shop):
        statement = "delete from stock_offer where connection = :connection and sku = any(:gone)"
        run(session, statement, connection=shop.connection, gone=gone)
        known = {sku: one for sku, one in known.items() if sku not in gone}
    if not mine:
        return 0
    promises = promise(session, shop.brand, shop.shop, mine, at)
    numbers = {sku: shop.number(promises[sku].free) if sku in promises else 0 for sku in mine}
    changed = {sku: n for sku, n in numbers.items() if sku not in known or known[sku].offered != n}
    empty = {sku for sku, one in known.items() if one.told == 0 and not one.asking}
    zeros = {sku for sku, n in changed.items() if not n and sku not in empty}
    shift = Shift(len(zeros), len(changed.keys() - known.keys()))
    held = zeros if zeros and holds(session, shop.connection, shop.brand, shift, stock, at) else set[str]()
    if changed:
        _write(session, shop, changed, held, stock.lanes, at)
    return len(changed)


def _sold_by(session: Session, shop: Selling, skus: Sequence[str]) -> list[str]:
    """Name the SKUs that a shop is told of: those with a code of its own there, or all but whose code is another's."""
    statement = """select distinct sku from channel_binding
                   where shop = :shop and brand = :brand and sku = any(:skus) order by 1"""
    if shop.every_sku:
        statement = """select code as sku from sku
                       where code = any(:skus) and brand = :brand and (
                           exists (select from channel_binding own where (own.shop, own.sku) = (:shop, sku.code))
                           or not exists (select from channel_binding other
                                          where (other.shop, other.channel_sku) = (:shop, sku.code)))
                       order by 1"""
    return [one.sku for one in rows(session, statement, shop=shop.shop, brand=shop.brand, skus=list(skus))]


def _known(session: Session, shop: Selling, skus: Sequence[str]) -> Mapping[str, Any]:
    """Lock what a shop was told of some SKUs, before the counters are read: the newest look is what stays."""
    statement = """select sku, shop, offered, told, asking from stock_offer
                   where connection = :connection and sku = any(:skus) order by sku for update"""
    return {one.sku: one for one in rows(session, statement, connection=shop.connection, skus=list(skus))}


def _write(
    session: Session, shop: Selling, numbers: Mapping[str, int], held: Collection[str], lanes: int, at: datetime
) -> None:
    skus = sorted(numbers)
    run(
        session,
        """insert into stock_offer (connection, sku, brand, shop, version, created_at, updated_at, bucket, offered, due,
                                    asking, held, alone, zero_at, refused)
           select :connection, sku, :brand, :shop, nextval('id_serial'), :at, :at, bucket, offered, not held, false,
                  held, false, case when offered = 0 then cast(:at as timestamptz) end, ''
           from unnest(cast(:skus as text[]), cast(:offered as bigint[]), cast(:held as boolean[]),
                       cast(:buckets as bigint[])) as new (sku, offered, held, bucket) order by sku
           on conflict (connection, sku) do update set
               offered = excluded.offered, version = greatest(stock_offer.version + 1, excluded.version),
               updated_at = :at, held = excluded.held,
               due = not excluded.held and (stock_offer.told is distinct from excluded.offered or stock_offer.asking),
               zero_at = excluded.zero_at, shop = excluded.shop, bucket = excluded.bucket""",
        connection=shop.connection,
        brand=shop.brand,
        shop=shop.shop,
        at=at,
        skus=skus,
        offered=[numbers[sku] for sku in skus],
        held=[sku in held for sku in skus],
        buckets=[zlib.crc32(sku.encode()) % lanes for sku in skus],
    )
