"""What the machine believes of carts, of flash sales and of orders that take carts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from hub.inventory.ledger import StockKey
from hub.inventory.reserve import Claim
from tests.hub.inventory.machine.books import NO_STOCK, TTL, Books, Cart, Move, Sold, held, opened

Claims = dict[StockKey, int]


class Buyer(NamedTuple):
    """Who wants how many pieces in a flash sale, and under which reference."""

    ref: str
    name: str
    quantity: int


def hold(books: Books, ref: str, wishes: dict[str, int], buyer: str, now: datetime) -> Claims | str:
    """Hold a cart where most is free."""
    pieces = opened(wishes)
    if known := books.carts.get(ref):
        if known.pieces != pieces:
            return "reservation_conflict"
        return dict(known.claims) if known.state == "held" else "reservation_over"
    limited = [sku for sku in pieces if sku in books.sales and books.sales[sku][0]]
    if refusal := _refuse(books, limited, buyer, pieces):
        return refusal
    chosen: Claims = {}
    for sku, wanted in pieces.items():
        rooms = books.rooms(sku, now.date())
        if wanted > books.may_hold(sku, "pc", rooms):
            return NO_STOCK
        chosen |= _spread(books, wanted, rooms)
    _keep(books, ref, Cart(chosen, now + TTL))
    if limited:
        books.carts[ref].buyer, books.carts[ref].sale = buyer, books.sales[limited[0]][1]
    return chosen


def _refuse(books: Books, limited: Sequence[str], buyer: str, pieces: Mapping[str, int]) -> str:
    """Say why a buyer may not have pieces of SKUs that sales limit; empty where he may."""
    if not limited:
        return ""
    if len(limited) > 1:
        return "hot_alone"
    if not buyer:
        return "buyer_missing"
    [sku] = limited
    per_buyer, sale = books.sales[sku]
    return "buyer_limit" if _had(books, sku, buyer, sale) + pieces[sku] > per_buyer else ""


def _had(books: Books, sku: str, buyer: str, sale: int) -> int:
    mine = [one for one in books.carts.values() if (one.buyer, one.sale) == (buyer, sale)]
    return sum(one.pieces[sku] for one in mine if one.state in {"held", "taken"})


def _spread(books: Books, wanted: int, rooms: Mapping[StockKey, int]) -> Claims:
    """Take pieces where most are, until there are enough, and behind all of them what may be back-ordered."""
    chosen = Counter[StockKey]()
    for most in (_there(books, rooms), rooms):
        for key, room in most.items():
            chosen[key] += min(wanted - chosen.total(), max(0, room - chosen[key]))
    return +chosen


def _there(books: Books, rooms: Mapping[StockKey, int]) -> Claims:
    return {key: max(0, room - books.piles[key].limit) for key, room in rooms.items()}


def _keep(books: Books, ref: str, cart: Cart) -> None:
    books.shift(held(cart.claims, 1))
    books.carts[ref] = cart
    books.count({(cart.shop, sku): pieces for sku, pieces in cart.pieces.items()})


def let_go(books: Books, ref: str, state: str) -> bool:
    """End a cart, and say whether it still stood."""
    cart = books.carts[ref]
    if cart.state != "held":
        return False
    cart.state = state
    books.shift(held(cart.claims, -1))
    books.count({(cart.shop, sku): -pieces for sku, pieces in cart.pieces.items()})
    return True


def expire(books: Books, now: datetime) -> int:
    due = [ref for ref, cart in books.carts.items() if cart.state == "held" and cart.expires_at <= now]
    return sum(let_go(books, ref, "expired") for ref in due)


def place(books: Books, sold: Sequence[Sold], now: datetime, cart_ref: str = "") -> str:
    """Promise an order its pieces, those of its cart first if that still stands."""
    cart = books.carts.get(cart_ref)
    along = held(cart.claims, -1) if cart and cart.state == "held" else []
    moves = [Move(one.claim.key, allocated=one.claim.quantity) for one in sold]
    answer = books.book(("allocate", sold[0].claim.ref), moves, along, today=now.date())
    if answer == "done":
        used: Counter[tuple[str, str]] = Counter()
        for one in sold:
            used[one.shop, one.claim.key.sku] += one.claim.quantity
        if along and cart:
            cart.state = "taken"
            used.subtract({(cart.shop, sku): pieces for sku, pieces in cart.pieces.items()})
        books.count(used)
    return answer


def leave(books: Books, claim: Claim) -> str:
    """Let promised pieces leave."""
    return books.book(("consume", claim.ref), [Move(claim.key, -claim.quantity, -claim.quantity)])


def give_up(books: Books, sold: Sold) -> str:
    """Give promised pieces back."""
    claim = sold.claim
    answer = books.book(("release", claim.ref), [Move(claim.key, allocated=-claim.quantity)])
    if answer == "done":
        books.count({(sold.shop, claim.key.sku): -claim.quantity})
    return answer


def sell(books: Books, sku: str, group: Sequence[Buyer], now: datetime) -> list[Claims | str] | str:
    """Sell a group in its turn, what is left to the next."""
    if sku not in books.sales:
        return "not_hot"
    rooms = books.rooms(sku, now.date())
    return [_sell_one(books, one, sku, rooms, now) for one in group]


def _sell_one(books: Books, one: Buyer, sku: str, rooms: Claims, now: datetime) -> Claims | str:
    """Sell to a buyer from one place that has all, else from several."""
    per_buyer, sale = books.sales[sku]
    if known := books.carts.get(one.ref):
        if known.pieces != {sku: one.quantity}:
            return "reservation_conflict"
        return dict(known.claims) if known.state == "held" else "reservation_over"
    if per_buyer and _had(books, sku, one.name, sale) + one.quantity > per_buyer:
        return "buyer_limit"
    if one.quantity > books.may_hold(sku, "pc", rooms):
        return NO_STOCK
    there = _there(books, rooms)
    able = there if sum(there.values()) >= one.quantity else rooms
    whole = next(({key: one.quantity} for key, room in able.items() if room >= one.quantity), None)
    chosen = whole or _spread(books, one.quantity, rooms)
    for key, taken in chosen.items():
        rooms[key] -= taken
    _keep(books, one.ref, Cart(chosen, now + TTL))
    if per_buyer:
        books.carts[one.ref].buyer, books.carts[one.ref].sale = one.name, sale
    return chosen
