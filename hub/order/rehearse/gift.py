"""Ask gift strategies about an order that was placed: what each would give it and why, and what was decided then."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from hub.database import records, rows
from hub.errors import NotFound
from hub.gift.choose import choose
from hub.gift.model import Basket, Bought, Rule, Verdict
from hub.gift.strategy import rules_of
from hub.roles import Actor, Permission


def try_rules(session: Session, actor: Actor, order_id: int, rules: Sequence[Rule] | None = None) -> list[Verdict]:
    """Ask rules, or those in force, about an order; nothing is counted, so limits are not looked at.

    Raises: Unauthorised; NotFound.
    """
    basket = _basket(session, actor, order_id)
    if rules is None:
        rules = rules_of(session, {basket.brand}).get(basket.brand, ())
    return choose(rules, basket)


def decided(session: Session, order_id: int) -> list[dict[str, Any]]:
    """Give what was decided when the order was placed: what it got, and what it missed by a limit."""
    return records(
        session,
        """select strategy, strategy_no, verdict, seen, times, pieces, lines, given_back_at from gift_decision
           where order_id = :id order by no""",
        id=order_id,
    )


def baskets_of(session: Session, order_ids: Sequence[int]) -> Mapping[int, Basket]:
    """Give orders as strategies see them, by their ids.

    What gifts took off is no reduction that the buyer had, and what a change has added was not bought then: an order is
    seen as it was asked about.
    """
    heads = rows(
        session, "select id, brand, shop, placed_at from sales_order where id = any(:ids)", ids=list(order_ids)
    )
    sold = rows(
        session,
        """select line.order_id, line.line_no, line.sku, line.ordered,
                  (line.amount - line.discount + coalesce((
                      select sum(a.amount) from price_adjustment a
                      where (a.order_id, a.line_no) = (line.order_id, line.line_no) and a.code like 'gift:%'), 0)
                  )::bigint as fen
           from order_line line
           where line.order_id = any(:ids) and line.parent_no is null and not line.gift
             and not exists (select 1 from order_revision r
                             cross join lateral jsonb_to_recordset(r.added) as new (line_no bigint)
                             where r.order_id = line.order_id and new.line_no = line.line_no)
           order by 1, 2""",
        ids=list(order_ids),
    )
    lines: defaultdict[int, list[Bought]] = defaultdict(list)
    for order_id, *bought in sold:
        lines[order_id].append(Bought(*bought))
    return {one.id: Basket(one.brand, one.shop, one.placed_at, tuple(lines[one.id])) for one in heads}


def _basket(session: Session, actor: Actor, order_id: int) -> Basket:
    actor.require(Permission.SEE_ORDERS)
    found = baskets_of(session, [order_id])
    if order_id not in found:
        raise NotFound(f"there is no order {order_id}", code="unknown_order")
    actor.require_scope(found[order_id].brand, found[order_id].shop)
    return found[order_id]
