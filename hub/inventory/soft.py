"""Soft reservations: pieces held for a cart until its time is over, an order takes them, or it lets them go.

Each change of state is a compare-and-set in the transaction that books its movement, so that nothing is given back
twice. Locks are taken in one order: reservations by their ids, then counters, in one booking, then quotas.

What a shop may hold is what it may promise, but for safety stock: the pieces that other shops have for themselves are
not for it, and its own quotas limit its carts. A buyer's limit in a flash sale counts here too.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.catalogue.find import find_products
from hub.catalogue.model import Product
from hub.database import attempt, copy, row, rows, run
from hub.errors import Conflict, NoStock, NotFound
from hub.ids import new_ids
from hub.inventory.hot_sale import admit, keep_tickets, write_tickets
from hub.inventory.ledger import Movement, Shortage, StockKey, post
from hub.inventory.level import hold_still
from hub.inventory.quota import count_carts
from hub.inventory.reservation_table import ReservationState
from hub.inventory.reserve import Claim
from hub.inventory.share import Shares, read_shares, settle
from hub.inventory.table import Reason

LINES: Final = """
    select line.reservation_id, line.no, line.location, line.sku, line.owner, line.condition, line.quantity
    from reservation_line line where line.reservation_id = any(:ids) order by line.reservation_id, line.no"""


@dataclass(frozen=True, slots=True)
class Wish:
    """Pieces of a SKU; of a bundle they are held part by part."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation that stands: what it holds where, and until when."""

    reservation_id: int
    ref: str
    expires_at: datetime
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Basket:
    """What a shop's cart is to hold: its wishes, their pieces by SKU, and the only locations that may be asked.

    Of `virtual` goods nothing is held, by themselves or in a bundle.
    """

    brand: str
    shop: str
    wishes: Sequence[Wish]
    products: Mapping[str, Product]
    pieces: Mapping[str, int]
    virtual: Mapping[str, int]
    locations: Collection[str] | None


def hold(
    session: Session,
    brand: str,
    shop: str,
    ref: str,
    wishes: Sequence[Wish],
    ttl: timedelta,
    at: datetime,
    *,
    buyer: str = "",
    locations: Collection[str] | None = None,
) -> Held:
    """Hold pieces for a shop's cart, all of them or none; the same `ref` again gives the first reservation.

    `at` is in the business zone, whose day it is that lots expire by. `locations` names the only ones that may be
    asked; `buyer` is the shop's own reference of a person. Raises: Shortage, NoStock; NotFound for an unknown SKU;
    Conflict when the ref was used for something else (reservation_conflict) or is over (reservation_over); Malformed
    or Conflict as for `admit` when something is in a flash sale.
    """
    basket = _basket(session, brand, shop, wishes, locations)
    known = _find(session, shop, ref)
    if known is not None:
        return _again(session, known, basket.pieces)
    ticket = admit(session, brand, buyer, basket.pieces, at)
    reservation_id = new_ids(session, 1, at)[0]
    expires_at = at.astimezone(UTC) + ttl
    made = run(
        session,
        """insert into reservation (brand, version, created_at, updated_at, id, shop, ref, state, expires_at)
           values (:brand, 1, :at, :at, :id, :shop, :ref, 'held', :expires_at) on conflict (shop, ref) do nothing""",
        brand=brand,
        at=at,
        id=reservation_id,
        shop=shop,
        ref=ref,
        expires_at=expires_at,
    )
    if not made:  # somebody has sent the same at this moment
        return hold(session, brand, shop, ref, wishes, ttl, at, buyer=buyer, locations=locations)
    if ticket:
        write_tickets(session, [(reservation_id, ticket)])
    try:
        with attempt(session):
            claims = _claim(session, reservation_id, basket, at)
    except Shortage:  # somebody took them meanwhile; elsewhere there may be more
        hold_still(session, basket.pieces)
        claims = _claim(session, reservation_id, basket, at)
    return Held(reservation_id, ref, expires_at, claims)


def release_held(session: Session, shop: str, ref: str, at: datetime) -> bool:
    """Give a cart's pieces back; say whether they were still held. An order that waits with it counts for its sale.

    Raises: NotFound.
    """
    known = _find(session, shop, ref)
    if known is None:
        raise NotFound(f"there is no reservation {ref}", code="unknown_reservation")
    changed = rows(
        session,
        """update reservation set state = 'released', updated_at = :at, version = version + 1
           where id = :id and state = 'held' returning id, order_id""",
        id=known.id,
        at=at,
    )
    give_back(session, [one.id for one in changed], Reason.UNHOLD, at)
    # Behind the counters: a change of the order has them when it frees what it cancels of the sale.
    if bound := {one.id: one.order_id for one in changed if one.order_id is not None}:
        keep_tickets(session, bound, [])
    return bool(changed)


def expire_due(session: Session, at: datetime, limit: int = 500) -> int:
    """Give back what was held for longer than agreed; give how many reservations that were."""
    changed = rows(
        session,
        """with due as (
               select id from reservation where state = 'held' and expires_at <= :at
               order by id limit :limit for update skip locked)
           update reservation set state = 'expired', updated_at = :at, version = version + 1
           from due where reservation.id = due.id and reservation.state = 'held' returning reservation.id""",
        at=at,
        limit=limit,
    )
    give_back(session, [one.id for one in changed], Reason.EXPIRE, at)
    return len(changed)


def take_held(session: Session, takings: Mapping[int, tuple[str, str]], at: datetime) -> list[Movement]:
    """Let orders take their reservations (shop, ref): what was held becomes free for the caller's own booking.

    Gives the movements, for one booking together with what the orders reserve, and for `count_sold` after it. What has
    ended, or waits with another order, gives nothing. The first to name one has it; others are served as without.
    """
    if not takings:
        return []
    first = {cart: order_id for order_id, cart in sorted(takings.items(), reverse=True)}
    changed = rows(
        session,
        """with wanted as (
               select r.id, new.order_id from reservation r
               join unnest(cast(:orders as bigint[]), cast(:shops as text[]), cast(:refs as text[]))
                    as new (order_id, shop, ref) on (r.shop, r.ref) = (new.shop, new.ref)
               where r.state = 'held' and r.order_id is null order by r.id for update of r)
           update reservation set state = 'taken', order_id = wanted.order_id, updated_at = :at, version = version + 1
           from wanted where reservation.id = wanted.id and reservation.state = 'held' returning reservation.id""",
        orders=list(first.values()),
        shops=[shop for shop, _ in first],
        refs=[ref for _, ref in first],
        at=at,
    )
    return given_back(session, [one.id for one in changed], Reason.TAKE)


def _find(session: Session, shop: str, ref: str) -> Row[Any] | None:
    statement = "select id, ref, state, expires_at from reservation where shop = :shop and ref = :ref"
    return row(session, statement, shop=shop, ref=ref)


def _again(session: Session, known: Row[Any], pieces: Mapping[str, int]) -> Held:
    """Give a reservation that was made before, if it is of the same pieces and still stands."""
    claims = [
        Claim(f"rs:{one.reservation_id}:{one.no}", _key_of(one), one.quantity)
        for one in rows(session, LINES, ids=[known.id])
    ]
    held: Counter[str] = Counter()
    for one in claims:
        held[one.key.sku] += one.quantity
    if held != pieces:
        raise Conflict(f"reservation {known.ref} is of other pieces", code="reservation_conflict")
    if known.state != ReservationState.HELD:
        raise Conflict(f"reservation {known.ref} is {known.state}", code="reservation_over")
    return Held(known.id, known.ref, known.expires_at, tuple(claims))


def _basket(
    session: Session, brand: str, shop: str, wishes: Sequence[Wish], locations: Collection[str] | None
) -> Basket:
    """Open bundles, and add up the pieces of each SKU, apart from virtual ones, which nobody need hold."""
    products = find_products(session, {one.sku for one in wishes})
    unknown = sorted({one.sku for one in wishes} - products.keys())
    if unknown:
        raise NotFound(f"there is no SKU {', '.join(unknown)}", code="unknown_sku")
    pieces, virtual = Counter[str](), Counter[str]()
    for one in wishes:
        for sku, each in [(part.sku, part.quantity) for part in products[one.sku].parts] or [(one.sku, 1)]:
            (virtual if products[sku].virtual else pieces)[sku] += one.quantity * each
    return Basket(brand, shop, wishes, products, pieces, virtual, locations)


def _choose(session: Session, basket: Basket, today: date) -> list[tuple[StockKey, int]]:
    """Choose where pieces are held: of each SKU where most are free, so that as few places as possible are needed.

    Raises: NoStock naming the SKUs that have too little.
    """
    skus = {*basket.pieces, *basket.virtual, *(one.sku for one in basket.wishes)}
    shares = read_shares(session, basket.brand, skus, today)
    lacking = _lacking_bundles(shares, basket)
    chosen: dict[StockKey, int] = {}
    for sku, wanted in basket.pieces.items():
        most, rooms = shares.rooms(basket.shop, sku)
        if basket.locations is not None:
            rooms = {key: room for key, room in rooms.items() if key.location in basket.locations}
        picked = shares.pick(min(wanted, most), rooms)
        chosen |= picked
        if short := wanted - sum(picked.values()):
            lacking[sku] = short
    if lacking:
        named = ", ".join(f"{sku} x {n}" for sku, n in sorted(lacking.items()))
        raise NoStock(f"not enough stock: {named} more would be needed", code="no_stock")
    return sorted(chosen.items())


def _lacking_bundles(shares: Shares, basket: Basket) -> dict[str, int]:
    """Give the bundles and virtual goods of which more are wished than their own quotas let the shop have."""
    wished = Counter(basket.virtual)
    for one in basket.wishes:
        wished[one.sku] += one.quantity if basket.products[one.sku].parts else 0
    lacking: dict[str, int] = {}
    for sku, wanted in (+wished).items():
        product = basket.products[sku]
        parts = tuple(part for part in product.parts if part.sku in basket.pieces)  # no virtual ones
        most = shares.bundles(basket.shop, replace(product, parts=parts))
        if most is not None and wanted > most:
            lacking[sku] = wanted - most
    return lacking


def _claim(session: Session, reservation_id: int, basket: Basket, at: datetime) -> tuple[Claim, ...]:
    """Choose what a reservation holds, and write it.

    Raises: Shortage, NoStock.
    """
    chosen = _choose(session, basket, at.date())
    claims = [Claim(f"rs:{reservation_id}:{no}", key, quantity) for no, (key, quantity) in enumerate(chosen, 1)]
    columns = ("reservation_id", "no", "location", "sku", "owner", "condition", "quantity")
    lines = [(reservation_id, no, *one.key, one.quantity) for no, one in enumerate(claims, 1)]
    copy(session, "reservation_line", columns, lines)
    post(session, [Movement(one.key, Reason.HOLD, one.ref, soft=one.quantity) for one in claims], at, fresh=True)
    settle(session, basket.brand, [(basket.shop, claims)], at.date())
    return tuple(claims)


def give_back(session: Session, ids: Sequence[int], reason: Reason, at: datetime, also: Collection[str] = ()) -> None:
    """Let go of what these reservations held; counters of SKUs that are booked `also` later are locked with theirs."""
    movements = given_back(session, ids, reason)
    if also:
        hold_still(session, {*also, *(one.key.sku for one in movements)})
    post(session, movements, at)
    count_carts(session, movements)


def given_back(session: Session, ids: Sequence[int], reason: Reason) -> list[Movement]:
    """Give the movements that let go of what these reservations held."""
    found = rows(session, LINES, ids=list(ids)) if ids else ()
    return [Movement(_key_of(one), reason, f"rs:{one.reservation_id}:{one.no}", soft=-one.quantity) for one in found]


def _key_of(found: Row[Any]) -> StockKey:
    return StockKey(found.location, found.sku, found.owner, found.condition)
