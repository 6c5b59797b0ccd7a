"""The books as the database has them, to be held against what the machine believes."""

from typing import Any, Final

from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from hub.database import rows
from hub.inventory.ledger import StockKey
from tests.hub.inventory.machine.books import Books

COUNTERS: Final = "on_hand, allocated, soft, backorder_limit, safety, short"

Shown = dict[str, Any]


def read(session: Session) -> Shown:
    """Give all that the books speak of, as `shown` gives it."""
    return {
        "counters": {
            _key(one): tuple(one)[4:]
            for one in rows(session, f"select location, sku, owner, condition, {COUNTERS} from stock_level")
        },
        "lots": {
            (_key(one), one.lot): (one.on_hand, one.expires_on)
            for one in rows(session, "select * from stock_lot where on_hand > 0")
        },
        "blocks": {
            (one.location, one.sku, one.lot) for one in rows(session, "select location, sku, lot from lot_block")
        },
        "carts": {one.ref: one.state for one in rows(session, "select ref, state from reservation")},
        "shares": {
            (one.shop, one.sku): (one.mode, one.amount, one.used)
            for one in rows(session, "select shop, sku, mode, amount, used from channel_quota where version > 0")
        },
        "sales": {one.sku: one.per_buyer for one in rows(session, "select sku, per_buyer from hot_sku")},
        "marks": {_key(one): one.counted_at for one in rows(session, "select * from stock_watermark")},
        "settled": {
            (one.report, one.page, one.no): (one.sku, one.verdict)
            for one in rows(session, "select report, page, no, sku, verdict from stock_count")
        },
        "called": {one.subject for one in rows(session, "select subject from case_file where cause = 'stock_short'")},
    }


def shown(books: Books) -> Shown:
    """Give what the books say, as `read` gives it."""
    return {
        "counters": {
            key: (one.on_hand, one.allocated, one.soft, one.limit, one.safety, one.short)
            for key, one in books.piles.items()
        },
        "lots": {(key, code): lot for key, one in books.piles.items() for code, lot in one.lots.items() if lot[0]},
        "blocks": {(key.location, key.sku, code) for key, one in books.piles.items() for code in one.blocked},
        "carts": {ref: cart.state for ref, cart in books.carts.items()},
        "shares": {where: (one.mode, one.amount, one.used) for where, one in books.shares.items()},
        "sales": {sku: per_buyer for sku, (per_buyer, _) in books.sales.items()},
        "marks": books.marks,
        "settled": books.settled,
        "called": books.called,
    }


def _key(one: Row[Any]) -> StockKey:
    return StockKey(one.location, one.sku, one.owner, one.condition)
