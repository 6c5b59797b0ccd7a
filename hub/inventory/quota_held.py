"""What a shop holds of a SKU, in carts and for orders that have not left: a quota that is set later begins with it."""

from typing import Final

HELD_BY_CARTS: Final = """
    select sum(line.quantity) from reservation_line line join reservation r on r.id = line.reservation_id
    where r.state = 'held' and r.shop = :shop and line.sku = :sku and :location in ('', line.location)"""

HAD: Final = """case when line.kind <> 'bundle' then line.shipped else coalesce((
    select max((part.shipped * line.ordered + part.ordered - 1) / part.ordered) from order_line part
    where (part.order_id, part.parent_no) = (line.order_id, line.line_no)), 0) end"""
"""Pieces of a `line` that have left; bundles of which any part has, for their own line never does."""

HELD_BY_ORDERS: Final = f"""
    select sum(held.pieces) from sales_order o cross join lateral (
        select sum(line.ordered - line.cancelled - {HAD}) as pieces from order_line line
        where line.sku = :sku and line.order_id = o.id and line.ordered > line.cancelled + line.shipped) held
    where o.shop = :shop and o.lifecycle in ('accepted', 'received', 'in_fulfilment')"""
"""What a shop's orders want and have not had: what they give back if they are cancelled. It goes by the open orders,
and from each to its lines of the SKU: a SKU's whole history is never read, for orders wait meanwhile."""

HELD_THERE: Final = """
    select sum(held.pieces) from fulfilment_order f join sales_order o on o.id = f.order_id cross join lateral (
        select sum(claim.quantity - claim.shipped - claim.released) as pieces from fulfilment_line claim
        where (claim.order_id, claim.no, claim.sku) = (f.order_id, f.no, :sku)
          and claim.quantity > claim.shipped + claim.released) held
    where f.location = :location and f.execution in ('open', 'scheduled', 'on_hold', 'in_progress')
      and o.shop = :shop and o.lifecycle in ('accepted', 'received', 'in_fulfilment')"""
"""As above, from the fulfilment orders that are open there: the lines of each are looked up once, by its key."""
