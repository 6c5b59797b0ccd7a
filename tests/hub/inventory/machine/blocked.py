"""What the machine believes of blocked lots: carts let go of what cannot be sold, a person is called for the rest."""

from datetime import date

from hub.inventory.ledger import StockKey
from hub.inventory.lot_block import Outcome
from tests.hub.inventory.machine.books import Books, held
from tests.hub.inventory.machine.said import end_carts, newest_carts


def block(books: Books, key: StockKey, lot: str, today: date) -> Outcome | str:
    """Block a lot of a counter."""
    pile = books.piles[key]
    if lot not in pile.lots:
        return "unknown_lot"
    if lot in pile.blocked:
        return "lot_blocked"
    pile.blocked.add(lot)
    carts = _let_carts_go(books, key.sku, today)
    lacking = {other: n for other, one in books.piles.items() if other.sku == key.sku and (n := one.lacking(today))}
    books.called |= {f"stock:{other.sku} at {other.location}" for other in lacking}
    return Outcome(pieces=pile.lots[lot][0], carts=carts, lacking=sum(lacking.values()))


def unblock(books: Books, key: StockKey, lot: str) -> int | str:
    pile = books.piles[key]
    if lot not in pile.blocked:
        return "lot_not_blocked"
    pile.blocked.remove(lot)
    return pile.lots[lot][0] if lot in pile.lots else 0


def look_again(books: Books, today: date) -> int:
    """Let carts go of whatever is blocked meanwhile, and give how many counters lack pieces still."""
    hit = {key for key, one in books.piles.items() if one.blocked & one.lots.keys() and one.lacking(today)}
    _let_go(books, hit, today)
    hit = {key for key in books.piles if books.piles[key].blocked & books.piles[key].lots.keys()}
    lacking = {key for key in hit if books.piles[key].lacking(today)}
    books.called |= {f"stock:{key.sku} at {key.location}" for key in lacking}
    return len(lacking)


def _let_carts_go(books: Books, sku: str, today: date) -> int:
    return _let_go(books, {key for key in books.piles if key.sku == sku}, today)


def _let_go(books: Books, keys: set[StockKey], today: date) -> int:
    piles = {key: books.piles[key] for key in sorted(keys)}
    ended = newest_carts(books, {key: pile.lacking(today) for key, pile in piles.items() if pile.soft})
    books.shift([move for cart in ended for move in held(cart.claims, -1)])
    end_carts(books, ended)
    return len(ended)
