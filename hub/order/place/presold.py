"""Goods that are sold before they arrive: counted where orders are placed, held beyond a limit, freed as they go on."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from hub.database import copy, run
from hub.inventory.presale import EVERY_SHOP, hold_presales, with_limits
from hub.order.place.ask_rules import Asking, Held
from hub.order.rules.normalise import NormalLine, NormalOrder
from hub.review.verdict import Act, Hold, HoldType
from hub.subject import hold_subjects

RULE: Final = "presale_limit"

WHOLE: Final = "presale"
"""The rule that has an order of a pre-sale wait as a whole."""

COLUMNS: Final = ("order_id", "line_no", "sku", "shop", "pieces")

Coming = Mapping[int, Sequence[NormalLine]]
"""Lines that are still to come, by order."""


def hold_beyond_presale(session: Session, batch: Asking, held: Held) -> Held:
    """Count what a batch sells before it arrives; give its holds with those of lines beyond a pre-sale limit.

    Such lines count too: who comes later is not served before them. Who sells of the same SKUs waits from here on until
    the transaction ends; buyers' rows come first, for who writes orders of theirs waits for those as well.
    """
    today = batch.here.date()
    coming = {no: lines for no, one in batch.new.items() if (lines := lines_to_come(one.order, held[no], today))}
    if not coming:
        return held
    shops = {no: batch.new[no].order.shop_order.shop for no in coming}
    limited = with_limits(session, {line.product.sku for lines in coming.values() for line in lines})
    if limited:
        hold_subjects(session, set(batch.subjects.values()))
        held = _hold(session, limited, coming, shops, held)
    presold = [
        (no, line.line_no, line.product.sku, shops[no], line.ordered) for no, lines in coming.items() for line in lines
    ]
    copy(session, "presold_line", COLUMNS, presold)
    sold = Counter[tuple[str, str]]()
    for _, _, sku, shop, pieces in presold:
        sold[sku, shop] += pieces
    copy(session, "presold_count", ("sku", "shop", "pieces"), [(*key, pieces) for key, pieces in sold.items()])
    return held


def lines_to_come(one: NormalOrder, holds: Sequence[Hold], today: date) -> list[NormalLine]:
    """Give the lines of an order that are sold before they arrive, without gifts: all of one that waits as a whole."""
    whole = any(hold.rule == WHOLE and hold.stops(Act.ROUTE) for hold in holds)
    return [line for line in one.lines if line.ships and not line.gift and (whole or _is_to_come(line, today))]


def _is_to_come(line: NormalLine, today: date) -> bool:
    traits = line.product.traits
    return traits is not None and traits.on(today).available_from is not None


def _hold(
    session: Session, limited: Collection[str], coming: Coming, shops: Mapping[int, str], held: Held
) -> dict[int, Sequence[Hold]]:
    """Hold each line by which more of its SKU would be sold than a limit allows."""
    limits, more, after = hold_presales(session, limited), Counter[tuple[str, str]](), dict(held)
    for no, lines in coming.items():
        for line in lines:
            sku = line.product.sku
            for limit in limits.get(sku, ()):
                if limit.shop not in {EVERY_SHOP, shops[no]}:
                    continue
                before = limit.sold + more[sku, limit.shop]
                more[sku, limit.shop] += line.ordered
                if before + line.ordered > limit.amount:
                    seen = {"sku": sku, "shop": limit.shop, "limit": limit.amount, "sold": before}
                    seen["wants"] = line.ordered
                    after[no] = [*after[no], Hold(HoldType.REVIEW, RULE, seen, line_no=line.line_no)]
    return after


def count_waiting(session: Session, order_id: int, today: date) -> None:
    """Count the goods of an order that are to come and were not counted when it was placed, limited or not.

    A change has added them, or they have got their day since. What is counted already stays so. The order's row is
    locked.
    """
    run(
        session,
        """with fresh as (
               insert into presold_line (order_id, line_no, sku, shop, pieces)
               select line.order_id, line.line_no, line.sku, o.shop,
                      line.ordered - line.cancelled - line.allocated - line.shipped
               from order_line line join sales_order o on o.id = line.order_id join sku on sku.code = line.sku
               where line.order_id = :id and o.id = :id and not line.gift and line.kind <> 'bundle'
                 and line.storage <> 'none' and sku.available_from > :today
                 and line.ordered > line.cancelled + line.allocated + line.shipped
               on conflict do nothing
               returning sku, shop, pieces)
           insert into presold_count (sku, shop, pieces) select sku, shop, sum(pieces) from fresh group by 1, 2""",
        id=order_id,
        today=today,
    )


def free_presold(session: Session, order_ids: Collection[int]) -> None:
    """Count pieces no more that a location has been given or that are cancelled. The orders' rows are locked."""
    run(
        session,
        """with open as (
               select line.order_id, line.line_no, own.pieces as had,
                      line.ordered - line.cancelled - line.allocated - line.shipped as pieces
               from presold_line own join order_line line using (order_id, line_no)
               where own.order_id = any(:ids)),
           gone as (
               delete from presold_line own using open
               where (own.order_id, own.line_no) = (open.order_id, open.line_no) and open.pieces <= 0
               returning own.sku, own.shop, -own.pieces as pieces),
           fewer as (
               update presold_line own set pieces = open.pieces from open
               where (own.order_id, own.line_no) = (open.order_id, open.line_no)
                 and open.pieces > 0 and open.pieces < own.pieces
               returning own.sku, own.shop, open.pieces - open.had as pieces)
           insert into presold_count (sku, shop, pieces)
           select sku, shop, sum(pieces) from (select * from gone union all select * from fewer) freed
           group by 1, 2""",
        ids=list(order_ids),
    )
