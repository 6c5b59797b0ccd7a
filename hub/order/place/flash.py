"""Orders of storefronts for what is in a flash sale: they count for their buyer, and wait beyond the limit."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from hub.database import keyring_of, rows
from hub.inventory.hot_sale import Sale, Ticket, add_tickets, buyer_of, find_sales, had, write_tickets
from hub.order.model import OrderType
from hub.order.place.ask_rules import Asking, Held
from hub.order.rules.normalise import NormalOrder
from hub.review.verdict import Hold, HoldType
from hub.subject import REFERENCE, hold_subjects

RULE: Final = "flash_sale_limit"

STOREFRONT: Final = "OTHER"
"""The platform of shops that are nobody's marketplace."""

Pieces = Mapping[int, Counter[str]]
"""Pieces by order and SKU."""


def hold_beyond_sale(session: Session, batch: Asking, held: Held) -> Held:
    """Give the holds of a batch with those of orders by which a buyer would have more than a flash sale gives one.

    What an order's cart holds was counted with the cart. Until the transaction ends nobody else sells to these buyers;
    their rows come first, for who writes orders of theirs waits for those as well.
    """
    measured = {no: one.order for no, one in batch.new.items() if _is_measured(one.order)}
    skus = {line.product.sku for one in measured.values() for line in one.lines}
    sales = {sku: one for sku, one in find_sales(session, skus, batch.at).items() if one.per_buyer} if skus else {}
    if not sales:
        return held
    wanted = {no: _bought(one) for no, one in measured.items()}
    wanted = {no: pieces for no, pieces in wanted.items() if not sales.keys().isdisjoint(pieces)}
    hold_subjects(session, set(batch.subjects.values()))
    orders = {no: batch.new[no].order for no in sorted(wanted)}
    buyers = {no: buyer_of(session, one.shop_order.brand, one.order.buyer.ref) for no, one in orders.items()}
    has = {sku: had(session, sale, set(buyers.values())) for sku, sale in sales.items()}
    carts = _in_carts(session, orders)
    if any(one.order.reservation and no not in carts for no, one in orders.items()):
        # It may have been let go while it was waited for: what was counted as the buyer's is theirs no more.
        has = {sku: had(session, sale, set(buyers.values())) for sku, sale in sales.items()}
    after, tickets = dict(held), list[tuple[int, Ticket]]()
    for no, buyer in buyers.items():
        for sku, sale in sales.items():
            pieces = max(0, wanted[no][sku] - carts.get(no, Counter())[sku])
            if not pieces:
                continue
            before = has[sku][buyer]
            has[sku][buyer] += pieces
            tickets.append((no, Ticket(sale, buyer, pieces)))
            if before + pieces > sale.per_buyer:
                seen = {"sku": sku, "sale": sale.sale, "limit": sale.per_buyer, "had": before, "wants": pieces}
                after[no] = [*after[no], Hold(HoldType.REVIEW, RULE, seen)]
    write_tickets(session, tickets)
    return after


def hold_buyers(session: Session, order_ids: Collection[int]) -> None:
    """Have nobody else sell to buyers to whose orders a change that waits adds of a flash sale, until it has ended.

    The orders' rows are locked; it comes before all locks of stock.
    """
    found = rows(
        session,
        """select o.brand, buyer.reference, hot.sku, hot.sale, hot.per_buyer
           from order_revision r join sales_order o on o.id = r.order_id join subject buyer on buyer.id = o.subject_id
           cross join lateral jsonb_array_elements(r.added) one
           join hot_sku hot on one -> 'skus' ? hot.sku and hot.per_buyer > 0
           where r.order_id = any(:ids) and r.state = 'waiting' and o.platform = :platform""",
        ids=sorted(order_ids),
        platform=STOREFRONT,
    )
    if found:
        ring = keyring_of(session)
        refs = [(one.brand, ring.open(bytes(one.reference), REFERENCE).decode()) for one in found]
        sale = Sale(brand=found[0].brand, sku=found[0].sku, sale=found[0].sale, per_buyer=found[0].per_buyer)
        had(session, sale, {buyer_of(session, *one) for one in refs})  # a buyer is held for all sales at once


def count_more(session: Session, order_id: int, before: NormalOrder, after: NormalOrder, at: datetime) -> None:
    """Count for its buyer what a change has added to an order of what is in a flash sale; it is not held.

    The order's row is locked, and its buyer held (`hold_buyers`).
    """
    more = _bought(after) - _bought(before) if _is_measured(after) else Counter[str]()
    sales = [one for one in find_sales(session, more, at).values() if one.per_buyer] if more else []
    if sales:
        buyer = buyer_of(session, after.shop_order.brand, after.order.buyer.ref)
        add_tickets(session, order_id, [Ticket(sale, buyer, more[sale.sku]) for sale in sales])


def _is_measured(one: NormalOrder) -> bool:
    """Say whether a buyer ordered at a storefront: other orders are not held to its sales."""
    return one.shop_order.platform == STOREFRONT and one.order.type is OrderType.NORMAL


def _bought(one: NormalOrder) -> Counter[str]:
    """Count the pieces that an order buys, without gifts."""
    bought = Counter[str]()
    for line in one.lines:
        if not line.gift:
            bought[line.product.sku] += line.ordered
    return bought


def _in_carts(session: Session, orders: Mapping[int, NormalOrder]) -> Pieces:
    """Count what the carts that orders name hold of limited SKUs; they are not let go before the orders take them.

    A cart that several name is the first one's, and one that waits with an order already is that order's.
    """
    named: dict[tuple[str, str], int] = {}
    for no, one in orders.items():
        if one.order.reservation:
            named.setdefault((one.shop_order.shop, one.order.reservation), no)
    carts: dict[int, Counter[str]] = {}
    if not named:
        return carts
    found = rows(
        session,
        """select new.order_id, buyer.sku, buyer.pieces from reservation r
           join unnest(cast(:orders as bigint[]), cast(:shops as text[]), cast(:refs as text[]))
                as new (order_id, shop, ref) on (r.shop, r.ref) = (new.shop, new.ref)
           join hot_buyer buyer on buyer.reservation_id = r.id
           where r.state = 'held' and r.order_id is null order by r.id for update of r""",
        orders=list(named.values()),
        shops=[shop for shop, _ in named],
        refs=[ref for _, ref in named],
    )
    for one in found:
        carts.setdefault(one.order_id, Counter())[one.sku] += one.pieces
    return carts
