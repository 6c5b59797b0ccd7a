"""Flash sales: requests for one SKU are held as a group in one transaction, down to exactly what is there.

A group looks without a lock, and judges by what it saw. Then, in one round trip, it locks the buyers who get something
(advisory, in order) and counts again what they have, so that a limit holds however many processes sell; writes its
reservations; and changes its counters last of all: groups of different processes wait for each other only from there to
the commit. Who finds that somebody else sold to one of its buyers meanwhile begins again. A group is one movement per
counter (`hot:` with the ids of its first and last reservation); each reservation has its lines, and is released,
expires and is taken by an order like any other.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from hub.asks import Ask, Asks, inserting, keep_plans, let_go_early, told, told_at_once
from hub.errors import Conflict, Malformed, NoStock, NotFound, Rejected
from hub.ids import ask_ids
from hub.inventory.free import ask_free, ask_good
from hub.inventory.hot_sale import (
    MOST,
    Sale,
    Ticket,
    ask_had,
    ask_sales,
    buyer_of,
    too_many,
    unnamed,
    writing_tickets,
)
from hub.inventory.ledger import Movement, StockKey, ask_to_post
from hub.inventory.quota import ask_quotas
from hub.inventory.reservation_table import ReservationState
from hub.inventory.reserve import Claim
from hub.inventory.share import Shares, settle_quotas
from hub.inventory.soft import Held
from hub.inventory.table import Reason

HEAD: Final = ("id", "shop", "ref")
LINE: Final = ("reservation_id", "no", "quantity")


@dataclass(frozen=True, slots=True)
class HotWish:
    """What one buyer wants of a SKU in a flash sale; `buyer` is the shop's own reference of a person.

    `locations` names the only ones that may be asked: who comes again has what was held, wherever that lies.
    """

    brand: str
    shop: str
    ref: str
    buyer: str
    sku: str
    quantity: int = 1
    locations: Collection[str] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Booked:
    """The answers to a group in its order, the sale they were given by, and how many pieces are left."""

    answers: Sequence[Held | Rejected]
    sale: Sale
    left: int


class Interfered(Exception):
    """Somebody else sold to one of a group's buyers, or gave back theirs, after it was judged."""


def recall(session: Session, wishes: Sequence[HotWish]) -> list[Held | Rejected | None]:
    """Give what was answered before to each of these, by shop and ref; nothing for who is new."""
    return told(session, ask_before(wishes))


def ask_before(wishes: Sequence[HotWish]) -> Asks[list[Held | Rejected | None]]:
    """Ask what was answered before, as `recall`."""
    asked = Ask(
        """select r.id, r.brand, r.shop, r.ref, r.state, r.expires_at, line.no, line.location, line.sku, line.owner,
                  line.condition, line.quantity
           from unnest(cast(:shops as text[]), cast(:refs as text[])) as asked (shop, ref)
           join reservation r on (r.shop, r.ref) = (asked.shop, asked.ref)
           join reservation_line line on line.reservation_id = r.id order by r.id, line.no""",
        {"shops": [one.shop for one in wishes], "refs": [one.ref for one in wishes]},
    )
    [answer] = yield [asked]
    found = answer.rows
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


def book(session: Session, sku: str, wishes: Sequence[HotWish], at: datetime, known: Sale | None = None) -> Booked:
    """Hold pieces of one SKU for a group, first come first served; who asks again gets the first answer.

    Who names the sale as it was `known` a moment ago saves a round trip, unless it was changed since. Its locks go when
    it commits, and not only when that is on disk: tell nobody before `Database.persist`.
    `at` is in the business zone, whose day it is that lots expire by.
    Raises: Conflict when the SKU is in no sale (not_hot); Shortage when others took pieces meanwhile, Interfered when
    they sold to the same buyers, and IntegrityError when a ref came another way at this moment: for all three the same
    once more, in a new transaction.
    """
    buyers = [buyer_of(session, one.brand, one.buyer) for one in wishes]

    def looks(sale: Sale) -> tuple[Asks[Any], ...]:
        free = ask_free([sku], at.date(), brand=sale.brand)
        return ask_had(sale, set(buyers)), ask_before(wishes), free, ask_quotas([sku])

    first = (let_go_early(), keep_plans(), ask_sales([sku], at), ask_ids(len(wishes), at))
    _, _, sales, ids, *looked = told_at_once(session, *first, *(looks(known) if known else ()))
    if sku not in sales:
        raise Conflict(f"{sku} is in no flash sale", code="not_hot")
    sale = sales[sku]
    has, before, free, quotas = looked if sale == known else told_at_once(session, *looks(sale))
    group = _Group(sale, wishes, buyers, at, has, Shares(free, quotas))
    answers = group.judge(before, iter(ids))
    group.write(session)
    return Booked(answers, sale, group.left)


class _Group:
    """A group while it is judged: what is free for whom, what each buyer has, and what is granted so far."""

    def __init__(
        self,
        sale: Sale,
        wishes: Sequence[HotWish],
        buyers: Sequence[bytes],
        at: datetime,
        has: Counter[bytes],
        shares: Shares,
    ) -> None:
        self._sale = sale
        self._wishes = wishes
        self._at = at
        self._expires_at = at.astimezone(UTC) + timedelta(seconds=sale.hold_s)
        self._buyers = buyers
        self._seen = has
        self._had = has.copy()
        self._shares = shares
        self._granted: list[tuple[HotWish, bytes, Held]] = []

    @property
    def left(self) -> int:
        """How many pieces are free, whoever may have them."""
        return self._shares.left(self._sale.sku)

    def judge(self, before: Sequence[Held | Rejected | None], ids: Iterator[int]) -> list[Held | Rejected]:
        """Answer each wish in its turn; `ids` are for the reservations."""
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
                most, rooms = self._rooms(wish)
                reason = self._refuse(wish, self._buyers[no], most)
                answers.append(reason or self._grant(wish, self._buyers[no], next(ids), rooms))
        return answers

    def _rooms(self, wish: HotWish) -> tuple[int, Mapping[StockKey, int]]:
        """Give how many pieces may be held for a wish, and how many of them at which counter."""
        most, rooms = self._shares.rooms(wish.shop, self._sale.sku)
        if wish.locations is None:
            return most, rooms
        there = {key: pieces for key, pieces in rooms.items() if key.location in wish.locations}
        return min(most, sum(there.values())), there

    def _refuse(self, wish: HotWish, buyer: bytes, most: int) -> Rejected | None:
        if wish.brand != self._sale.brand or wish.sku != self._sale.sku:
            return NotFound(f"{wish.brand} has no SKU {wish.sku} in this sale", code="unknown_sku", field="sku")
        if not 0 < wish.quantity <= MOST:
            return Malformed(f"pieces are a whole number from 1 to {MOST}", code="pieces", field="quantity")
        if self._sale.per_buyer and not wish.buyer:
            return unnamed()
        if self._sale.per_buyer and self._had[buyer] + wish.quantity > self._sale.per_buyer:
            return too_many(self._sale)
        return sold_out(wish.sku) if wish.quantity > most else None

    def _grant(self, wish: HotWish, buyer: bytes, reservation_id: int, rooms: Mapping[StockKey, int]) -> Held:
        """Take the pieces from one place that has them all, else from several."""
        picked = self._shares.pick_whole(wish.quantity, rooms)
        claims = [Claim(f"rs:{reservation_id}:{no}", key, taken) for no, (key, taken) in enumerate(picked.items(), 1)]
        self._shares.take(wish.shop, claims)
        self._had[buyer] += wish.quantity
        held = Held(reservation_id, wish.ref, self._expires_at, tuple(claims))
        self._granted.append((wish, buyer, held))
        return held

    def write(self, session: Session) -> None:
        """Write what was granted, refs in their order, and book it as one movement per counter."""
        if not self._granted:
            return
        held = [(wish.shop, held.claims) for wish, _, held in self._granted]
        buyers = {buyer for _, buyer, _ in self._granted}
        keys, today = {claim.key for _, claims in held for claim in claims}, self._at.date()
        has, *_, quotas = told_at_once(
            session,
            ask_had(self._sale, buyers, turn=True),
            self._ask_to_write(),
            ask_to_post(self._movements(), self._at),
            ask_good(keys, today),
            ask_quotas([self._sale.sku]),
        )
        if any(has[buyer] != self._seen[buyer] for buyer in buyers):
            raise Interfered
        settle_quotas(session, self._sale.brand, held, today, quotas)

    def _ask_to_write(self) -> Asks[None]:
        at = self._at
        granted = sorted(self._granted, key=lambda one: (one[0].shop, one[0].ref))
        reservations = [(held.reservation_id, wish.shop, wish.ref) for wish, _, held in granted]
        lines: defaultdict[StockKey, list[tuple[int, int, int]]] = defaultdict(list)
        for _, _, held in granted:
            for no, claim in enumerate(held.claims, 1):
                lines[claim.key].append((held.reservation_id, no, claim.quantity))
        limited = granted if self._sale.per_buyer else []
        tickets = [(held.reservation_id, Ticket(self._sale, buyer, wish.quantity)) for wish, buyer, held in limited]
        alike = {"brand": self._sale.brand, "version": 1, "created_at": at, "updated_at": at}
        heads = inserting("reservation", HEAD, reservations, **alike, state="held", expires_at=self._expires_at)
        of_lines = [inserting("reservation_line", LINE, of, **key._asdict()) for key, of in lines.items()]
        yield [heads, *of_lines, *writing_tickets(tickets)]

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
