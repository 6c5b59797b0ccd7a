"""Flash sales: requests for one SKU are held as a group in one transaction, down to exactly what is there.

A group locks its buyers first (advisory, in order), so that what each has already can be counted however many processes
sell; then it writes its reservations, and its counters last of all: groups of different processes wait for each other
only from there to the commit. A group is one movement per counter (`hot:` with the ids of its first and last
reservation); each reservation has its lines, and is released, expires and is taken by an order like any other.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from hub.audit import record
from hub.database import copy, keyring_of, records, row, rows, run
from hub.document import Document
from hub.errors import Conflict, Malformed, NoStock, NotFound, Rejected
from hub.ids import new_ids
from hub.inventory.condition import Condition
from hub.inventory.ledger import Movement, StockKey, post
from hub.inventory.reservation_table import ReservationState
from hub.inventory.reserve import Claim
from hub.inventory.soft import Held
from hub.inventory.table import Authority, Reason

MOST: Final = 10**6
"""The most pieces of one request, and the longest queue."""


class Sale(Document):
    """A SKU in a flash sale; a buyer gets `per_buyer` pieces at most (0: any), and no more than `queue_limit` wait."""

    brand: str
    sku: str
    sale: str
    per_buyer: int = 1
    queue_limit: int = 2_000
    hold_s: int = 900
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HotWish:
    """What one buyer wants of a SKU in a flash sale; `buyer` is the shop's own reference of a person."""

    brand: str
    shop: str
    ref: str
    buyer: str
    sku: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Booked:
    """The answers to a group in its order, the sale they were given by, and how many pieces are left."""

    answers: Sequence[Held | Rejected]
    sale: Sale
    left: int


def heat(session: Session, actor: str, sale: Sale, at: datetime) -> None:
    """Put a SKU into a flash sale, or change it; under another name of the sale every buyer begins anew.

    Raises: Malformed for a limit out of range or a bundle; NotFound for an unknown SKU.
    """
    if not (0 <= sale.per_buyer <= MOST and 0 < sale.queue_limit <= MOST and 0 < sale.hold_s <= MOST):
        raise Malformed(f"a limit of a sale is a whole number up to {MOST}", code="hot_limits")
    found = row(session, "select bundle from sku where (code, brand) = (:sku, :brand)", sku=sale.sku, brand=sale.brand)
    if found is None:
        raise NotFound(f"{sale.brand} has no SKU {sale.sku}", code="unknown_sku", field="sku")
    if found.bundle:
        raise Malformed("a bundle has no stock of its own: put its parts on sale", code="hot_bundle", field="sku")
    run(
        session,
        """insert into hot_sku (brand, version, created_at, updated_at, sku, sale, per_buyer, queue_limit, hold_s,
                                ends_at)
           values (:brand, 1, :at, :at, :sku, :sale, :per_buyer, :queue_limit, :hold_s, :ends_at)
           on conflict (sku) do update set sale = :sale, per_buyer = :per_buyer, queue_limit = :queue_limit,
               hold_s = :hold_s, ends_at = :ends_at, version = hot_sku.version + 1, updated_at = :at""",
        at=at,
        **sale.model_dump(),
    )
    run(session, "delete from hot_buyer where sku = :sku and sale <> :sale", sku=sale.sku, sale=sale.sale)
    told = sale.model_dump(mode="json", exclude={"brand", "sku"})
    record(session, at, actor, "stock.hot", f"sku:{sale.sku}", **told)


def cool(session: Session, actor: str, brand: str, sku: str, at: datetime) -> bool:
    """End a SKU's flash sale and forget who bought in it; say whether there was one. What is held stays held."""
    ended = run(session, "delete from hot_sku where (sku, brand) = (:sku, :brand)", sku=sku, brand=brand)
    if ended:
        run(session, "delete from hot_buyer where sku = :sku", sku=sku)
        record(session, at, actor, "stock.cool", f"sku:{sku}")
    return bool(ended)


def find_sale(session: Session, sku: str, at: datetime) -> Sale | None:
    """Give the flash sale that a SKU is in now."""
    found = records(
        session,
        """select brand, sku, sale, per_buyer, queue_limit, hold_s, ends_at from hot_sku
           where sku = :sku and (ends_at is null or ends_at > :at)""",
        sku=sku,
        at=at,
    )
    return Sale.model_validate(found[0]) if found else None


def recall(session: Session, wishes: Sequence[HotWish]) -> list[Held | Rejected | None]:
    """Give what was answered before to each of these, by shop and ref; nothing for who is new."""
    found = rows(
        session,
        """select r.id, r.brand, r.shop, r.ref, r.state, r.expires_at, line.no, line.location, line.sku, line.owner,
                  line.condition, line.quantity
           from unnest(cast(:shops as text[]), cast(:refs as text[])) as asked (shop, ref)
           join reservation r on (r.shop, r.ref) = (asked.shop, asked.ref)
           join reservation_line line on line.reservation_id = r.id order by r.id, line.no""",
        shops=[one.shop for one in wishes],
        refs=[one.ref for one in wishes],
    )
    claims: defaultdict[tuple[str, str], dict[str, Claim]] = defaultdict(dict)
    known = {(one.shop, one.ref): one for one in found}
    for one in found:
        key = StockKey(one.location, one.sku, one.owner, one.condition)
        ref = f"rs:{one.id}:{one.no}"
        claims[one.shop, one.ref][ref] = Claim(ref, key, one.quantity)
    answers: list[Held | Rejected | None] = []
    for wish in wishes:
        one = known.get((wish.shop, wish.ref))
        held = tuple(claims[wish.shop, wish.ref].values()) if one else ()
        if one is None:
            answers.append(None)
        elif {claim.key.sku for claim in held} != {wish.sku} or sum(c.quantity for c in held) != wish.quantity:
            answers.append(_other(wish))
        elif one.state != ReservationState.HELD:
            answers.append(Conflict(f"reservation {wish.ref} is {one.state}", code="reservation_over"))
        else:
            answers.append(Held(one.id, one.ref, one.expires_at, held))
    return answers


def book(session: Session, sku: str, wishes: Sequence[HotWish], at: datetime) -> Booked:
    """Hold pieces of one SKU for a group, first come first served; who asks again gets the first answer.

    Raises: Conflict when the SKU is in no sale (not_hot); Shortage when orders took pieces meanwhile, and
    IntegrityError when a ref came another way at this moment: for both the same once more, in a new transaction.
    """
    sale = find_sale(session, sku, at)
    if sale is None:
        raise Conflict(f"{sku} is in no flash sale", code="not_hot")
    group = _Group(session, sale, wishes)
    answers = group.judge(recall(session, wishes), at)
    group.write(at)
    return Booked(answers, sale, sum(group.free.values()))


class _Group:
    """A group while it is judged: what is free where, what each buyer has, and what is granted so far."""

    def __init__(self, session: Session, sale: Sale, wishes: Sequence[HotWish]) -> None:
        self._session = session
        self._sale = sale
        self._wishes = wishes
        ring = keyring_of(session)
        self._buyers = [ring.index("hot_buyer", one.brand, one.buyer) for one in wishes]
        self._had = _had(session, sale, set(self._buyers)) if sale.per_buyer else Counter[bytes]()
        self.free = _free(session, sale.brand, sale.sku)
        self._granted: list[tuple[HotWish, bytes, Held]] = []

    def judge(self, before: Sequence[Held | Rejected | None], at: datetime) -> list[Held | Rejected]:
        """Answer each wish in its turn."""
        ids = iter(new_ids(self._session, before.count(None), at) if any(self.free.values()) else ())
        answers: list[Held | Rejected] = []
        turn: dict[tuple[str, str], int] = {}
        for no, wish in enumerate(self._wishes):
            first = turn.setdefault((wish.shop, wish.ref), no)
            known = before[no]
            if known is not None:
                answers.append(known)
            elif first != no:
                answers.append(answers[first] if wish == self._wishes[first] else _other(wish))
            else:
                reason = self._refuse(wish, self._buyers[no])
                answers.append(reason or self._grant(wish, self._buyers[no], next(ids), at))
        return answers

    def _refuse(self, wish: HotWish, buyer: bytes) -> Rejected | None:
        if wish.brand != self._sale.brand or wish.sku != self._sale.sku:
            return NotFound(f"{wish.brand} has no SKU {wish.sku} in this sale", code="unknown_sku", field="sku")
        if not 0 < wish.quantity <= MOST:
            return Malformed(f"pieces are a whole number from 1 to {MOST}", code="pieces", field="quantity")
        if self._sale.per_buyer and self._had[buyer] + wish.quantity > self._sale.per_buyer:
            return Conflict(f"a buyer gets {self._sale.per_buyer} at most in this sale", code="buyer_limit")
        return sold_out(wish.sku) if wish.quantity > sum(self.free.values()) else None

    def _grant(self, wish: HotWish, buyer: bytes, reservation_id: int, at: datetime) -> Held:
        """Take the pieces from one place that has them all, else from several."""
        whole = [key for key, free in self.free.items() if free >= wish.quantity]
        claims: list[Claim] = []
        left = wish.quantity
        for key in whole[:1] or list(self.free):
            if taken := min(left, self.free[key]):
                claims.append(Claim(f"rs:{reservation_id}:{len(claims) + 1}", key, taken))
                self.free[key] -= taken
                left -= taken
        self._had[buyer] += wish.quantity
        held = Held(reservation_id, wish.ref, at + timedelta(seconds=self._sale.hold_s), tuple(claims))
        self._granted.append((wish, buyer, held))
        return held

    def write(self, at: datetime) -> None:
        """Write what was granted by COPY, refs in their order, and book it as one movement per counter."""
        if not self._granted:
            return
        granted = sorted(self._granted, key=lambda one: (one[0].shop, one[0].ref))
        columns = ("brand", "version", "created_at", "updated_at", "id", "shop", "ref", "state", "expires_at")
        reservations = [
            (wish.brand, 1, at, at, held.reservation_id, wish.shop, wish.ref, "held", held.expires_at)
            for wish, _, held in granted
        ]
        copy(self._session, "reservation", columns, reservations)
        columns = ("reservation_id", "no", "location", "sku", "owner", "condition", "quantity")
        lines = [
            (held.reservation_id, no, *claim.key, claim.quantity)
            for _, _, held in granted
            for no, claim in enumerate(held.claims, 1)
        ]
        copy(self._session, "reservation_line", columns, lines)
        columns = ("reservation_id", "sku", "sale", "buyer_index", "pieces")
        name = self._sale.sale
        buyers = [(held.reservation_id, wish.sku, name, buyer, wish.quantity) for wish, buyer, held in granted]
        copy(self._session, "hot_buyer", columns, buyers)
        post(self._session, self._movements(), at, fresh=True)

    def _movements(self) -> list[Movement]:
        ids = [held.reservation_id for _, _, held in self._granted]
        pieces: Counter[StockKey] = Counter()
        for _, _, held in self._granted:
            for claim in held.claims:
                pieces[claim.key] += claim.quantity
        return [Movement(key, Reason.HOLD, f"hot:{min(ids)}:{max(ids)}", soft=n) for key, n in sorted(pieces.items())]


def sold_out(sku: str) -> NoStock:
    """Give the answer to who came too late."""
    return NoStock(f"not enough stock of {sku}", code="no_stock")


def _other(wish: HotWish) -> Conflict:
    return Conflict(f"reservation {wish.ref} is of other pieces", code="reservation_conflict")


def _free(session: Session, brand: str, sku: str) -> dict[StockKey, int]:
    """Give what is free where, the most first: as for any cart."""
    found = rows(
        session,
        """select level.location, level.sku, level.owner, level.condition,
                  level.on_hand + level.backorder_limit + level.short - level.allocated - level.soft as free
           from stock_level level
           join location on (location.code, location.owner) = (level.location, level.owner)
           where level.sku = :sku and level.condition = :condition and level.authority = :authority
             and location.brand = :brand and location.active
           order by free desc, level.location""",
        sku=sku,
        condition=Condition.SALEABLE,
        authority=Authority.HUB,
        brand=brand,
    )
    return {StockKey(one.location, one.sku, one.owner, one.condition): max(0, one.free) for one in found}


def _had(session: Session, sale: Sale, buyers: set[bytes]) -> Counter[bytes]:
    """Count what buyers have in a sale, and let nobody else sell to them until the transaction ends.

    What was released or has expired is theirs no more.
    """
    keys = sorted(int.from_bytes(one[:8], signed=True) for one in buyers)
    rows(session, "select pg_advisory_xact_lock(key) from unnest(cast(:keys as bigint[])) as asked (key)", keys=keys)
    counted = rows(
        session,
        """select buyer.buyer_index, sum(buyer.pieces)::bigint as pieces from hot_buyer buyer
           left join reservation r on r.id = buyer.reservation_id
           where (buyer.sku, buyer.sale) = (:sku, :sale) and buyer.buyer_index = any(cast(:buyers as bytea[]))
             and coalesce(r.state, 'taken') in ('held', 'taken') group by 1""",
        sku=sale.sku,
        sale=sale.sale,
        buyers=sorted(buyers),
    )
    return Counter({bytes(one.buyer_index): one.pieces for one in counted})
